// Asks the registry for advisories about the packages that ship: those in the deployed file, which `npm audit --omit=dev` does not
// see because they are bundled, and the dependencies of the commands. Fails if there is one. Prints a line if the registry does
// not respond.
// The request is that of `npm audit`: https://github.com/npm/cli/blob/latest/workspaces/arborist/lib/audit-report.js
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const TIMEOUT_MS = 20_000;

/** The packages of a CycloneDX bill, as pairs of a name and a version. */
function inBill({ components }) {
  return components.map(({ group, name, version }) => [group === undefined ? name : `${group}/${name}`, version]);
}

/** The packages of a lock file that are installed with this one, as pairs: its dependencies, and theirs. */
function installed({ packages }) {
  return Object.entries(packages)
    .filter(([path, { dev, devOptional }]) => path !== "" && !dev && !devOptional)
    .map(([path, { version }]) => [path.split("node_modules/").pop(), version]);
}

/** The distinct versions of each package, by its name. */
function versionsOf(pairs) {
  const versions = {};
  for (const [name, version] of pairs) versions[name] = [...new Set([...(versions[name] ?? []), version])];
  return versions;
}

/** The registry that npm uses: from npm's environment variable, or else from npm itself. */
function registry() {
  const ask = () =>
    execFileSync("npm", ["config", "get", "registry"], { encoding: "utf8", shell: process.platform === "win32" });
  return (process.env.npm_config_registry ?? ask()).trim().replace(/\/*$/, "/");
}

/** Returns the registry's advisories by package. Throws if it does not respond with advisories. */
async function ask(url, versions) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(versions),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`status ${response.status}`);
  const text = await response.text();
  const advisories = JSON.parse(text);
  const isByPackage =
    advisories !== null && typeof advisories === "object" && Object.values(advisories).every(Array.isArray);
  if (!isByPackage || Array.isArray(advisories)) throw new Error(`not advisories by package: ${text.slice(0, 80)}`);
  return advisories;
}

const read = (file) => JSON.parse(readFileSync(file, "utf8"));
const versions = versionsOf([...inBill(read("dist/audit.cdx.json")), ...installed(read("package-lock.json"))]);
const url = `${registry()}-/npm/v1/security/advisories/bulk`;
const count = Object.values(versions).flat().length;

try {
  const found = Object.entries(await ask(url, versions)).flatMap(([name, advisories]) =>
    advisories.map(
      ({ severity, title, url: page, vulnerable_versions: range }) =>
        `${name} ${versions[name]}: ${severity}: ${title} (${range}) ${page}`,
    ),
  );
  for (const line of found) console.error(line);
  console.log(`${found.length} advisories about the ${count} packages that ship, says ${url}`);
  if (found.length > 0) process.exitCode = 1;
} catch (error) {
  const why = error.cause?.message ?? error.message;
  console.log(`skipped: advisories about the ${count} packages that ship: no advisories from ${url} (${why})`);
}
