import { resolve } from "node:path";
import type { Plugin } from "rolldown";
import { clientScript } from "../src/cli/report/page/client-script.ts";

const FILE = resolve("src/cli/report/page/client-script.ts");

/** Puts the text of the report page's script into the commands, which are installed without the bundler. */
export const pageScript: Plugin = {
  name: "page-script",
  async load(id) {
    if (resolve(id) !== FILE) return null;
    return `const script = ${JSON.stringify(await clientScript())};
      export const clientScript = async () => script;`;
  },
};
