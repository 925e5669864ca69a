import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { name } from "../../package.json";
import { isObject } from "../util/json.ts";

/**
 * Returns the folder of this package: a clone, or where npm installed it. Searches upwards, because the built file and the
 * sources are at different depths.
 * Throws Error if there is none: the package is incomplete.
 */
export function packageFolder(from = import.meta.dirname): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const file = join(folder, "package.json");
    const found: unknown = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : null;
    if (isObject(found) && found.name === name) return folder;
    if (dirname(folder) === folder) throw new Error(`there is no package.json of ${name} above ${from}`);
  }
}

/** Returns whether the folder is a clone with sources to build, not an installed package. */
export function isClone(folder: string): boolean {
  return existsSync(join(folder, "tsconfig.json")) && existsSync(join(folder, "src", "audit.ts"));
}
