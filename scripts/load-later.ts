import crypto from "node:crypto";
import https from "node:https";
import type { Plugin } from "rolldown";

/**
 * Node's modules that take a third of the file's loading time, and that nothing uses before a delivery comes. They are
 * loaded when they are first used, or when the process is idle, whichever comes first.
 */
const LOADED_LATER = { "node:crypto": crypto, "node:https": https };

/** Puts functions in place of these modules' own, each of which loads the module when it is called. */
export const loadLater: Plugin = {
  name: "load-later",
  resolveId: (source, _importer, { kind }) =>
    kind === "import-statement" && Object.hasOwn(LOADED_LATER, source) ? `\0later:${source}` : null,
  load(id) {
    const [name, module] = Object.entries(LOADED_LATER).find(([name]) => id === `\0later:${name}`) ?? [];
    if (module === undefined) return null;
    const names = Object.entries(module).filter(([, value]) => typeof value === "function");
    return `const loaded = () => require("${name}");
      setImmediate(loaded).unref();
      ${names.map(([one]) => `export function ${one}(...given) { return new.target ? new (loaded().${one})(...given) : loaded().${one}(...given); }`).join("\n")}`;
  },
};
