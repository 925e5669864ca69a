import { resolve } from "node:path";
import type { Plugin } from "rolldown";
import { markBuild, UNMARKED } from "../src/cli/build-mark.ts";

/** Puts a hash of the deployed file into it, by which the health document identifies the build. */
export const buildMark: Plugin = {
  name: "build-mark",
  load: (id) => (id === resolve("src/util/build-mark.ts") ? `export const BUILD = "${UNMARKED}";` : null),
  generateBundle(_options, bundle) {
    const chunk = bundle["audit.js"];
    if (chunk?.type !== "chunk") return this.error("there is no audit.js");
    chunk.code = markBuild(chunk.code);
    if (chunk.code.includes(UNMARKED)) this.error("the build mark was not replaced");
  },
};
