// Builds the working tree twice, in two folders and environments, and fails unless every file of dist is the same, byte for byte.
// It installs the packages again, so that this folder's own install does not matter. If this folder has a dist, it is compared too.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";

const UTC = { TZ: "UTC", LANG: "C", LC_ALL: "C" };
const KIRIBATI = { TZ: "Pacific/Kiritimati", LANG: "de_DE.UTF-8", LC_ALL: "de_DE.UTF-8" };

/** The files of the working tree that a commit would contain. */
function workingTree() {
  const list = (...options) => execFileSync("git", ["ls-files", "-z", ...options], { encoding: "utf8" }).split("\0");
  const deleted = new Set(list("--deleted"));
  return list("--cached", "--others", "--exclude-standard").filter((file) => file !== "" && !deleted.has(file));
}

function copy(files, to) {
  for (const file of files) {
    mkdirSync(dirname(join(to, file)), { recursive: true });
    cpSync(file, join(to, file));
  }
}

/** Runs npm in a folder. It prints errors only. */
function npm(folder, args, { env = {}, umask = 0o022 } = {}) {
  const before = process.umask(umask);
  try {
    execFileSync("npm", [...args, "--loglevel=error"], {
      cwd: folder,
      env: { ...process.env, npm_config_update_notifier: "false", ...env },
      stdio: ["ignore", "ignore", "inherit"],
      shell: process.platform === "win32",
    });
  } finally {
    process.umask(before);
  }
}

/** The SHA-256 of each file in a folder, by its name. */
function hashesOf(folder) {
  const hash = (file) =>
    createHash("sha256")
      .update(readFileSync(join(folder, file)))
      .digest("hex");
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const files = entries.map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  return new Map(files.map((file) => [file, hash(file)]));
}

const root = mkdtempSync(join(tmpdir(), "ec2-audit-"));
try {
  const [short, long] = [join(root, "a"), join(root, "another folder", "of-a-much-longer-name", "ec2-audit")];
  const files = workingTree();
  for (const folder of [short, long]) copy(files, folder);
  npm(short, ["ci", "--include=dev", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"]);
  npm(short, ["run", "-s", "build"], { env: { ...UTC, HOME: join(root, "home") } });
  renameSync(join(short, "node_modules"), join(long, "node_modules"));
  npm(long, ["run", "-s", "build"], { env: { ...KIRIBATI, HOME: join(root, "another-home") }, umask: 0o077 });

  const expected = hashesOf(join(short, "dist"));
  const others = [join(long, "dist"), "dist"].filter((folder) => existsSync(folder));
  for (const folder of others) {
    const got = hashesOf(folder);
    for (const file of new Set([...expected.keys(), ...got.keys()])) {
      if (expected.get(file) === got.get(file)) continue;
      console.error(`${join(folder, file)} differs from ${join(short, "dist", file)}`);
      process.exitCode = 1;
    }
  }
  for (const [file, hash] of expected) console.log(`${hash}  dist/${file}`);
} finally {
  rmSync(root, { recursive: true, force: true });
}
