import { resolve, sep } from "node:path";
import { defineConfig, type Plugin } from "rolldown";
import manifest from "./package.json" with { type: "json" };
import { billOfMaterials } from "./scripts/supply-chain/bill-of-materials.ts";
import { licencesText } from "./scripts/supply-chain/licences.ts";
import { packagesOf, readPackage } from "./scripts/supply-chain/packages.ts";

/**
 * What the packages bring along and this function never uses, by the end of the module's path: the reason, and the
 * module in its place. A module in place of another throws when it is used after all, so that no test passes by luck.
 * Together they are a third of the file and a third of its loading time (npm run bench).
 */
const LEFT_OUT: readonly { readonly path: RegExp; readonly instead: string }[] = [
  // Credentials come from the configuration. The default chain brings SSO, login, STS and the instance metadata client.
  { path: /credential-provider-node\/dist-es\/index\.js$/, instead: unused("defaultProvider") },
  // Every setting is given to the clients; none is looked for in the files of a home directory.
  {
    path: /node-config-provider\/configLoader\.js$/,
    instead: `${unused("read")} export const loadConfig = () => async () => read();`,
  },
  // Node has SHA-256 built in.
  { path: /checksum\/sha256\/Sha256Js\.js$/, instead: unused("Sha256Js") },
  { path: /regionConfig\/getInstanceMetadataRegion\.js$/, instead: unused("getInstanceMetadataRegion") },
  // No operation called here streams events, or is signed for many regions.
  {
    path: /submodules\/event-streams\/index\.js$/,
    instead: unused("EventStreamSerde", "eventStreamSerdeProvider"),
  },
  // STS signs with this one even for a single region.
  {
    path: /signature-v4-multi-region\/dist-es\/index\.js$/,
    instead: `import { SignatureV4 } from "@smithy/signature-v4";
      export class SignatureV4MultiRegion extends SignatureV4 { static sigv4aDependency() { return "none"; } }`,
  },
  // webtask-tools requires these for its log-in pages, templates and storage over HTTP; only fromConnect is used.
  { path: /webtask-tools\/lib\/auth0\/auth0\.js$/, instead: "module.exports = undefined;" },
];

/** Modules that webtask-tools requires inside functions that are never called. */
const NEVER_REQUIRED = new Set(["pug", "boom", "request", "edge"]);

function unused(...names: readonly string[]): string {
  return names
    .map((name) => `export function ${name}() { throw new Error("${name} is not in this file"); }`)
    .join("\n");
}

/** The entries that a module was found for. One that none is found for has been outlived by an update. */
const found = new Set<RegExp>();

/** What is put in place of a module has an id of its own: none of its package's code is in the file by it. */
const leaveOut: Plugin = {
  name: "leave-out",
  async resolveId(source, importer, options) {
    if (NEVER_REQUIRED.has(source) && importer?.includes("webtask-tools")) return `\0unused:${source}`;
    const resolved = await this.resolve(source, importer, { ...options, skipSelf: true });
    const left = LEFT_OUT.find(({ path }) => path.test(resolved?.id.replaceAll("\\", "/") ?? ""));
    return left === undefined ? null : `\0left-out:${LEFT_OUT.indexOf(left)}`;
  },
  load(id) {
    if (id.startsWith("\0unused:")) return "module.exports = undefined;";
    const left = id.startsWith("\0left-out:") ? LEFT_OUT[Number(id.slice("\0left-out:".length))] : undefined;
    if (left === undefined) return null;
    found.add(left.path);
    return left.instead;
  },
  buildEnd() {
    for (const { path } of LEFT_OUT) if (!found.has(path)) this.error(`nothing was left out for ${path}`);
  },
};

/** What goes with the file: a bill of the packages that its code is from, and their licences. */
const supplyChain: Plugin = {
  name: "supply-chain",
  generateBundle(_options, bundle) {
    const chunk = bundle["audit.js"];
    if (chunk?.type !== "chunk") return this.error("there is no audit.js");
    const modules = Object.entries(chunk.modules).filter(([, { renderedLength }]) => renderedLength > 0);
    const { bundled: bundler } = readPackage("node_modules/rolldown");
    const { bundled: library } = readPackage("node_modules/@cyclonedx/cyclonedx-library");
    // The bundler's helpers for CommonJS are in the file too; nothing of ours depends on them.
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

/** The sources are ES modules and the deployed file is not: Node has to be told, where it stands beside package.json. */
const commonJs: Plugin = {
  name: "commonjs-dist",
  generateBundle() {
    this.emitFile({ type: "asset", fileName: "package.json", source: '{ "type": "commonjs" }\n' });
  },
};

export default defineConfig([
  {
    input: "src/audit.ts",
    platform: "node",
    resolve: { mainFields: ["module", "main"] },
    treeshake: { moduleSideEffects: false },
    plugins: [leaveOut, commonJs, supplyChain],
    output: {
      file: "dist/audit.js",
      format: "cjs",
      exports: "default",
      codeSplitting: false,
      minify: true,
      sourcemap: true,
    },
  },
  {
    // The operator's commands. Their packages are dependencies, so that who installs them gets the packages' mends too.
    input: "src/cli/main.ts",
    platform: "node",
    external: (id) => Object.keys(manifest.dependencies).some((name) => id === name || id.startsWith(`${name}/`)),
    output: { file: "dist/ec2-audit.mjs", format: "esm", codeSplitting: false },
  },
]);
