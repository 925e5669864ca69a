import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ExpectedPlace } from "../../support/sized-fleet.ts";

/** The embedded AWS with a fleet, in a process of its own. */
export interface FleetServer {
  readonly endpoint: string;
  readonly places: readonly ExpectedPlace[];
  /** Returns the calls since the last time, by `service:Action`. */
  calls(): Promise<Readonly<Record<string, number>>>;
  stop(): void;
}

/** Starts the embedded AWS with a fleet of a number of instances. */
export async function startFleet(instances: number): Promise<FleetServer> {
  const child = fork(fileURLToPath(new URL("./server.ts", import.meta.url)), [String(instances)], {
    // A page of 1,000 instances makes some 30 MB of short-lived objects.
    execArgv: [...process.execArgv, "--max-semi-space-size=64"],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const [{ endpoint, places }] = await once(child, "message");
  return {
    endpoint,
    places,
    calls: async () => {
      child.send("calls");
      const [{ calls }] = await once(child, "message");
      return calls;
    },
    stop: () => child.disconnect(),
  };
}

/** What a program has used. */
export interface Usage {
  readonly seconds: number;
  /** User and system time of the process, in ms. */
  readonly cpuMs: number;
  /** The maximum resident size. */
  readonly peakMiB: number;
  readonly out: string;
}

/**
 * Runs a program of Node to its end. Throws Error for another exit code than those expected.
 * @param measured the file for what it uses
 */
export async function run(
  args: readonly string[],
  { env, measured, codes }: { env: Readonly<Record<string, string>>; measured: string; codes: readonly number[] },
): Promise<Usage> {
  const preload = fileURLToPath(new URL("./measured.mjs", import.meta.url));
  const startedAt = performance.now();
  const child = spawn(process.execPath, ["--disable-warning=Warning", "--import", preload, ...args], {
    env: { ...process.env, ...env, MEASURED: measured },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.on("data", (text: Buffer) => {
    out += text.toString();
  });
  const [code] = await once(child, "close");
  if (!codes.includes(code)) throw new Error(`${args[0]} ended with exit code ${code}\n${out}`);
  const { cpuMs, peakKiB } = JSON.parse(readFileSync(measured, "utf8"));
  return { seconds: (performance.now() - startedAt) / 1000, cpuMs, peakMiB: peakKiB / 1024, out };
}
