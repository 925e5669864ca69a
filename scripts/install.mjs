// Installs what the lock file says, unless that has been done since the lock file last changed: `npm start` is to work in
// a fresh clone, and not to take a minute the next time.
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";

const changed = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

if (changed("node_modules/.package-lock.json") < changed("package-lock.json")) {
  console.log("installing ...");
  const { status } = spawnSync("npm", ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"], {
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  process.exitCode = status ?? 1;
}
