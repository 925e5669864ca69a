import crypto from "node:crypto";
import http from "node:http";
import https from "node:https";
import zlib from "node:zlib";
import type { Plugin } from "rolldown";

/**
 * Modules of Node that take a third of the file's loading time and are not used before the first delivery. They are loaded at their
 * first use or when the process is idle, whichever comes first.
 */
const LOADED_LATER = { "node:crypto": crypto, "node:http": http, "node:https": https, "node:zlib": zlib };

/**
 * Replaces each of their functions and classes by a stand-in. At its first call, the stand-in loads the module and replaces itself by
 * the original, so later calls cost nothing extra. A stand-in cannot be extended.
 */
export const loadLater: Plugin = {
  name: "load-later",
  resolveId: (source, _importer, { kind }) =>
    kind === "import-statement" && Object.hasOwn(LOADED_LATER, source) ? `\0later:${source}` : null,
  load(id) {
    const [name, module] = Object.entries(LOADED_LATER).find(([name]) => id === `\0later:${name}`) ?? [];
    if (module === undefined) return null;
    const functions = Object.entries(module).filter(([, value]) => typeof value === "function");
    const standIns = functions.map(
      ([one]) => `export let ${one} = function standIn(...given) {
        if (new.target && new.target !== standIn) throw new Error("${one} is loaded later, and cannot be extended");
        ${one} = load().${one};
        return new.target ? new ${one}(...given) : ${one}(...given);
      };`,
    );
    return `const load = () => require("${name}");
      setImmediate(load).unref();
      ${standIns.join("\n")}`;
  },
};
