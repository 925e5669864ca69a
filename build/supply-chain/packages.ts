import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** An npm package of which code is in the deployed file. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** The SPDX id that its package.json gives. */
  readonly licence: string;
  readonly author: string | null;
  /** Its licence and notice files, in the order of their names. */
  readonly texts: readonly string[];
  /** The other packages in the file that it says it depends on. */
  readonly dependsOn: readonly BundledPackage[];
}

/** Licences under which code may be passed on inside the file, given that their texts go with it. */
const ALLOWED: ReadonlySet<string> = new Set([
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BlueOak-1.0.0",
  "CC0-1.0",
  "ISC",
  "MIT",
  "Unlicense",
]);

/** The fields of a package.json that are read here. https://docs.npmjs.com/cli/configuring-npm/package-json */
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: unknown;
  readonly author?: string | { readonly name: string };
  readonly dependencies?: Readonly<Record<string, string>>;
}

/**
 * The packages that modules belong to, sorted by name and version. Takes the modules' paths; those outside of
 * node_modules are our own. Throws when a package has no licence, or one that is not allowed.
 */
export function packagesOf(modules: readonly string[]): readonly BundledPackage[] {
  const folders = [...new Set(modules.map(folderOf).filter((folder) => folder !== null))];
  const read = new Map(folders.map((folder) => [folder, readPackage(folder)]));
  for (const [folder, { manifest, bundled }] of read) {
    const found = Object.keys(manifest.dependencies ?? {}).map((name) => resolveFrom(folder, name, read));
    bundled.dependsOn.push(...found.filter((one) => one !== undefined).map((one) => one.bundled));
  }
  return [...read.values()].map(({ bundled }) => bundled).sort(byNameAndVersion);
}

/** The folder of the package that a module is in; null when it is in none. Takes and gives forward slashes. */
function folderOf(module: string): string | null {
  return /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(module.replaceAll("\\", "/"))?.[0] ?? null;
}

/** Reads the package in a folder: its package.json, and what is to be said of it when bundled. Throws as `packagesOf` does. */
export function readPackage(folder: string) {
  const manifest: Manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const { name, version, license, author } = manifest;
  if (typeof license !== "string" || !ALLOWED.has(license)) {
    throw new Error(`${name} ${version} has the licence ${JSON.stringify(license)}, which is not one of those allowed`);
  }
  const files = readdirSync(folder).filter((file) => /^(?:licen[cs]e|notice|copying)\b/i.test(file));
  const bundled = {
    name,
    version,
    licence: license,
    author: (typeof author === "string" ? author : author?.name) ?? null,
    texts: files.sort().map((file) => readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n").trim()),
    dependsOn: [] as BundledPackage[],
  };
  return { manifest, bundled };
}

/** What a package in a folder gets for a name: the nearest one up the tree, as Node looks for it, if that is bundled. */
function resolveFrom<T>(folder: string, name: string, read: ReadonlyMap<string, T>): T | undefined {
  for (let at = folder; at !== dirname(at); at = dirname(at)) {
    const candidate = `${at}/node_modules/${name}`;
    if (existsSync(candidate)) return read.get(candidate);
  }
  return undefined;
}

/** The order of packages in what is written: by name, then version, as text in any locale. */
export function byNameAndVersion(one: BundledPackage, other: BundledPackage): number {
  const [a, b] = [one, other].map(({ name, version }) => `${name}@${version}`);
  return a === b ? 0 : String(a) < String(b) ? -1 : 1;
}
