import { readFileSync, writeFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

// Loaded before a program: writes what the process has used to the file of MEASURED when it ends.
if (isMainThread) {
  process.on("exit", () => {
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
    const cpuMs = (userCPUTime + systemCPUTime) / 1000;
    writeFileSync(process.env.MEASURED, JSON.stringify({ cpuMs, peakKiB: peakOfLinux() ?? maxRSS }));
  });
}

/** Returns the maximum resident size in KiB. On Linux, `maxRSS` includes that of the process that started this one. */
function peakOfLinux() {
  if (process.platform !== "linux") return undefined;
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
}
