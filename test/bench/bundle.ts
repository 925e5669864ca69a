import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

/** Bundles a baseline into a folder as ours is bundled, except for the code that ours leaves out. Returns the file. */
export async function bundle(name: string, folder: string): Promise<string> {
  const file = join(folder, `${name}.cjs`);
  const input = fileURLToPath(new URL(`./functions/${name}.ts`, import.meta.url));
  const build = await rolldown({
    input,
    platform: "node",
    resolve: { mainFields: ["module", "main"] },
    treeshake: { moduleSideEffects: false },
  });
  await build.write({ file, format: "cjs", exports: "default", codeSplitting: false, minify: true });
  return file;
}
