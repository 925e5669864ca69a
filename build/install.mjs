// Installs the packages of the lock file, unless that was done since it last changed: `npm start` and the commands must work in a
// fresh clone, and must not take a minute the next time. Standard output is left to the program that runs next.
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
