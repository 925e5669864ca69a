import { join } from "node:path";

/**
 * Returns the page's script, minified, for a `<script>` element. The built commands contain its text: the build calls this function.
 * From the sources, it is built when it is needed. Throws Error if the script does not compile.
 */
export async function clientScript(): Promise<string> {
  const { build } = await import("rolldown");
  const client = join(import.meta.dirname, "client");
  const { output } = await build({
    input: join(client, "main.ts"),
    platform: "browser",
    tsconfig: join(client, "tsconfig.json"),
    output: { format: "iife", minify: true, comments: false },
    write: false,
  });
  // A page with control characters would be a binary file to some programs.
  const code = output[0].code
    .trim()
    .replaceAll(/[^\n -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  if (/<\/script|<!--/i.test(code)) throw new Error("the page's script would end its element");
  return code;
}
