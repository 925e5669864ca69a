import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** An npm package whose code is in the deployed file. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** The SPDX id in its package.json. */
  readonly licence: string;
  readonly author: string | null;
  /** The texts of its licence and notice files, sorted by file name. */
  readonly texts: readonly string[];
  /** Its dependencies among the packages in the file. */
  readonly dependsOn: readonly BundledPackage[];
}

/** Licences that allow redistribution in the file together with their texts. */
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

/** The fields of package.json that are used here. https://docs.npmjs.com/cli/configuring-npm/package-json */
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: unknown;
  readonly author?: string | { readonly name: string };
  readonly dependencies?: Readonly<Record<string, string>>;
}

/**
 * Returns the packages that modules belong to, sorted by name and version. Takes the modules' paths, and skips those outside
 * node_modules. Throws if a package has no licence or one that is not allowed.
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

/** Returns the folder of the package that a module is in, with forward slashes; null if it is in none. */
function folderOf(module: string): string | null {
  return /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(module.replaceAll("\\", "/"))?.[0] ?? null;
}

/** Returns the package in a folder and its package.json. Throws as `packagesOf` does. */
export function readPackage(folder: string) {
  const manifest: Manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const { name, version, license, author } = manifest;
  if (typeof license !== "string" || !ALLOWED.has(license)) {
    throw new Error(`${name} ${version} has the licence ${JSON.stringify(license)}, which is not allowed`);
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

/** Returns the package that a name resolves to in a folder, as Node resolves it; undefined if it is not bundled. */
function resolveFrom<T>(folder: string, name: string, read: ReadonlyMap<string, T>): T | undefined {
  for (let at = folder; at !== dirname(at); at = dirname(at)) {
    const candidate = `${at}/node_modules/${name}`;
    if (existsSync(candidate)) return read.get(candidate);
  }
  return undefined;
}

/** Compares packages by name, then version, independent of the locale. */
export function byNameAndVersion(one: BundledPackage, other: BundledPackage): number {
  const [a, b] = [one, other].map(({ name, version }) => `${name}@${version}`);
  return a === b ? 0 : String(a) < String(b) ? -1 : 1;
}
