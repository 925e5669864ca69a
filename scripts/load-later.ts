import crypto from "node:crypto";
import http from "node:http";
import https from "node:https";
import type { Plugin } from "rolldown";

/**
 * Node's modules that take a third of the file's loading time, and that nothing uses before a delivery comes. They are
 * loaded when they are first used, or when the process is idle, whichever comes first.
 */
const LOADED_LATER = { "node:crypto": crypto, "node:http": http, "node:https": https };

/** Puts a stand-in in place of each of their functions and classes, which loads the module when it is used in any way. */
export const loadLater: Plugin = {
  name: "load-later",
  resolveId: (source, _importer, { kind }) =>
    kind === "import-statement" && Object.hasOwn(LOADED_LATER, source)
      ? `\0later:${source}`
      : source === "\0stand-in"
        ? source
        : null,
  load(id) {
    if (id === "\0stand-in") return STAND_IN;
    const [name, module] = Object.entries(LOADED_LATER).find(([name]) => id === `\0later:${name}`) ?? [];
    if (module === undefined) return null;
    const functions = Object.entries(module).filter(([, value]) => typeof value === "function");
    return `import { standIn } from "\0stand-in";
      let loaded;
      const load = () => (loaded ??= require("${name}"));
      setImmediate(load).unref();
      ${functions.map(([one]) => `export const ${one} = /* @__PURE__ */ standIn(() => load().${one});`).join("\n")}`;
  },
};

const STAND_IN = `export const standIn = (load) => new Proxy(function () {}, {
  apply: (_, self, given) => Reflect.apply(load(), self, given),
  construct: (_, given, target) => Reflect.construct(load(), given, target),
  get: (_, name) => load()[name],
});`;
