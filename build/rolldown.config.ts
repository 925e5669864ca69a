import { rmSync } from "node:fs";
import { resolve, sep } from "node:path";
import { defineConfig, type Plugin } from "rolldown";
import manifest from "../package.json" with { type: "json" };
import { compactErrors, leaveOut } from "./leave-out.ts";
import { leaveOutDescriptions, leaveOutMembers } from "./leave-out-unread.ts";
import { loadLater } from "./load-later.ts";
import { buildMark } from "./mark-build.ts";
import { once } from "./once.ts";
import { pageScript } from "./page-script.ts";
import { billOfMaterials } from "./supply-chain/bill-of-materials.ts";
import { licencesText } from "./supply-chain/licences.ts";
import { packagesOf, readPackage } from "./supply-chain/packages.ts";

/** Writes the bill of materials and the licences of the packages whose code is in the deployed file. */
const supplyChain: Plugin = {
  name: "supply-chain",
  generateBundle(_options, bundle) {
    const chunk = bundle["audit.js"];
    if (chunk?.type !== "chunk") return this.error("there is no audit.js");
    const modules = Object.entries(chunk.modules).filter(([, { renderedLength }]) => renderedLength > 0);
    const { bundled: bundler } = readPackage("node_modules/rolldown");
    const { bundled: library } = readPackage("node_modules/@cyclonedx/cyclonedx-library");
    // The bundler's helpers for CommonJS are in the file too. Our sources do not depend on them.
    const helped = modules.some(([id]) => id.includes("rolldown/runtime"));
    const packages = [...packagesOf(modules.map(([id]) => id)), ...(helped ? [bundler] : [])];
    const sources = Object.keys(chunk.modules).filter((id) => id.startsWith(resolve("src") + sep));
    const imports = packagesOf(sources.flatMap((id) => this.getModuleInfo(id)?.importedIds ?? []));
    const { name, version, license: licence } = manifest;
    const deployed = { name, version, licence, imports, code: chunk.code };
    const source = billOfMaterials(deployed, packages, [bundler, library]);
    this.emitFile({ type: "asset", fileName: "audit.cdx.json", source });
    this.emitFile({ type: "asset", fileName: "audit.LICENSES.txt", source: licencesText(packages) });
  },
};

/** The sources are ES modules and the deployed file is not. Node needs a package.json beside it that says so. */
const commonJs: Plugin = {
  name: "commonjs-dist",
  generateBundle() {
    this.emitFile({ type: "asset", fileName: "package.json", source: '{ "type": "commonjs" }\n' });
  },
};

// Files of an earlier build must not go into the package.
rmSync("dist/cli", { recursive: true, force: true });

export default defineConfig([
  {
    input: "src/audit.ts",
    platform: "node",
    resolve: { mainFields: ["module", "main"] },
    treeshake: { moduleSideEffects: false },
    plugins: [
      leaveOut,
      leaveOutDescriptions,
      leaveOutMembers,
      compactErrors,
      once,
      loadLater,
      commonJs,
      buildMark,
      supplyChain,
    ],
    output: {
      file: "dist/audit.js",
      format: "cjs",
      exports: "default",
      codeSplitting: false,
      minify: true,
      charset: "ascii",
      sourcemap: true,
    },
  },
  {
    // The commands. Their packages are dependencies, so that users receive the packages' fixes.
    input: "src/cli/main.ts",
    platform: "node",
    plugins: [pageScript],
    external: (id) => Object.keys(manifest.dependencies).some((name) => id === name || id.startsWith(`${name}/`)),
    // A command is loaded when it runs. `--help` and usage errors load none of these files.
    output: { dir: "dist", entryFileNames: "ec2-audit.mjs", chunkFileNames: "cli/[name].mjs", format: "esm" },
  },
]);
