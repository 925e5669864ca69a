import crypto from "node:crypto";
import http from "node:http";
import https from "node:https";
import type { Plugin } from "rolldown";

/**
 * Node's modules that take a third of the file's loading time, and that nothing uses before a delivery comes. They are
 * loaded when they are first used, or when the process is idle, whichever comes first.
 */
const LOADED_LATER = { "node:crypto": crypto, "node:http": http, "node:https": https };

/**
 * Puts a stand-in in place of each of their functions and classes: it loads the module and gives its place to the real one
 * when it is first called, so that the calls after that cost no more than before. No class can be made of one of them.
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
