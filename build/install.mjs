// Installs what the lock file says, unless that has been done since the lock file last changed: `npm start` and the commands
// are to work in a fresh clone, and not to take a minute the next time. The standard output is left to what is run then.
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";

const changed = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

if (changed("node_modules/.package-lock.json") < changed("package-lock.json")) {
  console.error("installing ...");
  const { status } = spawnSync("npm", ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"], {
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  process.exitCode = status ?? 1;
}
