import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire, SourceMap } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { afterAll, describe, expect, it } from "vitest";
import { packagesOf } from "../../build/supply-chain/packages.ts";
import manifest from "../../package.json" with { type: "json" };
import lock from "../../package-lock.json" with { type: "json" };

/** The files of `npm run build` and the package. */

const ROOT = join(import.meta.dirname, "../..");
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");

interface Component {
  readonly group?: string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly "bom-ref": string;
  readonly licenses: readonly { readonly license: { readonly id: string } }[];
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
}
interface Bill {
  readonly serialNumber: string;
  readonly metadata: { readonly component: Component; readonly timestamp?: string };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

const code = read("dist/audit.js");
const bill: Bill = JSON.parse(read("dist/audit.cdx.json"));
const shipped = (folder: string) =>
  readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(join(ROOT, folder), join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .sort();
/** The files that commands load when they run. */
const COMMANDS = shipped("dist/cli");
const nameOf = ({ group, name }: Component) => (group === undefined ? name : `${group}/${name}`);
const locked: Readonly<Record<string, { readonly version?: string; readonly license?: string }>> = lock.packages;

/** Returns the folders of the packages whose code is in the deployed file, from its source map. */
function foldersInTheFile(): string[] {
  const map = new SourceMap(JSON.parse(read("dist/audit.js.map")));
  const sources = new Set<string>();
  for (const [number, line] of code.split("\n").entries()) {
    for (let column = 0; column < line.length; column++) {
      const entry = map.findEntry(number, column);
      if ("originalSource" in entry) sources.add(entry.originalSource);
    }
  }
  const folders = [...sources].map((source) => /^\.\.\/(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(source)?.[1]);
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort();
}

describe("the bill of materials", () => {
  it("lists exactly the packages whose code is in the file, in the versions of the lock file", () => {
    const folders = foldersInTheFile();
    expect(folders.length).toBeGreaterThan(5);
    // The bundler's own helpers are not in the source map.
    const all = [...folders, "node_modules/rolldown"];
    const expected = all.map((folder) => `${folder.split("node_modules/").pop()} ${locked[folder]?.version}`);
    expect(bill.components.map((one) => `${nameOf(one)} ${one.version}`).sort()).toEqual(expected.sort());
  });

  it("gives each package a package URL and its licence", () => {
    for (const one of bill.components) {
      expect(decodeURIComponent(one.purl)).toBe(`pkg:npm/${nameOf(one)}@${one.version}`);
      expect(one.licenses.map(({ license }) => license.id)).toEqual([locked[`node_modules/${nameOf(one)}`]?.license]);
    }
  });

  it("has the file's hash, and no time or place", () => {
    const { component, timestamp } = bill.metadata;
    const content = createHash("sha256").update(code).digest("hex");
    expect(component).toMatchObject({
      name: "ec2-audit",
      version: lock.version,
      hashes: [{ alg: "SHA-256", content }],
    });
    expect(timestamp).toBeUndefined();
  });

  const edges = new Map(bill.dependencies.map(({ ref, dependsOn = [] }) => [ref, dependsOn]));
  const own = bill.metadata.component["bom-ref"];
  const namesOf = (refs: Iterable<string>) => {
    const wanted = new Set(refs);
    return bill.components.filter((one) => wanted.has(one["bom-ref"])).map(nameOf);
  };

  it("lists the packages that our sources import as their dependencies", () => {
    expect(namesOf(edges.get(own) ?? []).sort()).toEqual([
      "@aws-sdk/client-ec2",
      "@aws-sdk/client-sns",
      "@aws-sdk/client-sts",
      "@smithy/core",
      "@smithy/node-http-handler",
      "leven",
      "webtask-tools",
    ]);
  });

  it("connects every package with our sources, except for the bundler, which only adds helpers", () => {
    const reached = new Set([own]);
    for (const ref of reached) for (const next of edges.get(ref) ?? []) reached.add(next);
    expect([...namesOf(reached), "rolldown"].sort()).toEqual(bill.components.map(nameOf).sort());
  });

  it("is valid by the schema of CycloneDX 1.6", () => {
    const file = (name: string) => `${name}.SNAPSHOT.schema.json`;
    const schema = (name: string) =>
      JSON.parse(read(`node_modules/@cyclonedx/cyclonedx-library/res/schema/${file(name)}`));
    const ajv = new Ajv({ strict: false });
    addFormats.default(ajv);
    // ajv-formats does not have these formats, so this test does not check them.
    for (const format of ["iri-reference", "idn-email"]) ajv.addFormat(format, true);
    for (const name of ["spdx", "jsf-0.82", "cryptography-defs"]) {
      ajv.addSchema(schema(name), `http://cyclonedx.org/schema/${file(name)}`);
    }
    const validate = ajv.compile(schema("bom-1.6"));
    expect(validate(bill) ? [] : validate.errors).toEqual([]);
    expect(validate({ ...bill, serialNumber: "1" })).toBe(false);
    expect(validate({ ...bill, components: [{ ...bill.components[0], type: "thing" }] })).toBe(false);
  });
});

describe("the licences", () => {
  it("contain the text of each package in the bill, under its name and version", () => {
    const text = read("dist/audit.LICENSES.txt");
    for (const one of bill.components) {
      const folder = join(ROOT, "node_modules", nameOf(one));
      const [file = ""] = readdirSync(folder).filter((name) => /^license/i.test(name));
      const head = `\n${nameOf(one)} ${one.version}\nLicence: ${one.licenses[0]?.license.id}\n`;
      const [, section = ""] = text.split(head);
      expect(section.split("=".repeat(80))[0]).toContain(readFileSync(join(folder, file), "utf8").trim());
    }
  });

  const folder = mkdtempSync(join(tmpdir(), "ec2-audit-licences-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const withLicence = (license: unknown) => {
    const at = join(folder, "node_modules", "some-package");
    mkdirSync(at, { recursive: true });
    writeFileSync(join(at, "package.json"), JSON.stringify({ name: "some-package", version: "1.2.3", license }));
    return packagesOf([join(at, "index.js")]);
  };

  it.each([undefined, "", "UNLICENSED", "GPL-3.0-only", "SEE LICENSE IN LICENSE", { type: "MIT" }])(
    "make the build fail for a package with the licence %j",
    (license) => {
      expect(() => withLicence(license)).toThrow(/some-package 1\.2\.3 has the licence .*not allowed/);
    },
  );

  it("come from package.json for a package without a licence text", () => {
    expect(withLicence("MIT")).toMatchObject([{ name: "some-package", version: "1.2.3", licence: "MIT", texts: [] }]);
  });
});

describe("the file", () => {
  it("does not evaluate text as code", () => {
    expect(code).not.toMatch(/\beval\s*\(|\bnew Function\b|(?<![\w$.])Function\s*\(|node:vm\b/);
  });

  it("uses only these modules of Node", () => {
    const names = [...code.matchAll(/\b(?:require|import)\(\s*(["'`]?)([^)"'`]*)\1/g)].map(([, , name = ""]) => name);
    expect([...new Set(names)].sort()).toEqual(["node:crypto", "node:events", "node:http", "node:https", "node:zlib"]);
  });

  it("contains no path of the build machine, and neither do the files beside it", () => {
    const files = shipped("dist");
    expect(files).toEqual([
      "audit.LICENSES.txt",
      "audit.cdx.json",
      "audit.js",
      "audit.js.map",
      ...COMMANDS.map((file) => `cli/${file}`),
      "ec2-audit.mjs",
      "package.json",
    ]);
    for (const file of files)
      expect({ file, found: read(`dist/${file}`).includes(ROOT) }).toEqual({ file, found: false });
    const { sources }: { sources: readonly string[] } = JSON.parse(read("dist/audit.js.map"));
    expect(sources.filter((source) => !/^\.\.\/(?:src\/|node_modules\/|package\.json$)/.test(source))).toEqual([]);
  });
});

describe("the package on npm", () => {
  /** The pages and their images; a folder has no extension. */
  const DOCS = readdirSync(`${ROOT}/docs`, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.\w+$/.test(name))
    .map((name) => `docs/${name.replaceAll("\\", "/")}`)
    .sort();

  it("contains the function, the commands, the templates, the docs and the schemas", () => {
    const args = ["pack", "--dry-run", "--json", "--ignore-scripts", "--loglevel=error"];
    const [{ files }] = JSON.parse(
      execFileSync("npm", args, { cwd: ROOT, encoding: "utf8", shell: process.platform === "win32" }),
    );
    expect(files.map(({ path }: { path: string }) => path).sort()).toEqual([
      "LICENSE",
      "README.md",
      "deploy/member.yaml",
      "deploy/template.yaml",
      "dist/audit.LICENSES.txt",
      "dist/audit.cdx.json",
      "dist/audit.js",
      "dist/audit.js.map",
      ...COMMANDS.map((file) => `dist/cli/${file}`),
      "dist/ec2-audit.mjs",
      "dist/package.json",
      ...DOCS,
      "package.json",
      "src/alerts/alert.schema.json",
      ...["document", "findings", "phone", "print", "script", "tables", "theme"].map(
        (name) => `src/cli/report/page/style/${name}.css`,
      ),
      "src/cli/report/report.schema.json",
      "src/cli/webtask/wt.config.schema.json",
      "src/fleet/digest.schema.json",
      "src/policy/policy.schema.json",
      "wt.config.json",
    ]);
  });

  it.each(["alert", "digest", "policy", "report", "wt.config"])("exports the schema %s.schema.json", (name) => {
    expect(createRequire(import.meta.url)(`ec2-audit/${name}.schema.json`)).toMatchObject({ type: "object" });
  });

  it("depends on exactly the packages that its commands import", () => {
    const code = ["ec2-audit.mjs", ...COMMANDS.map((file) => `cli/${file}`)]
      .map((file) => read(`dist/${file}`))
      .join("\n");
    const imported = [...code.matchAll(/^import .* from "([^"]+)";$|\bimport\("([^"]+)"\)/gm)];
    const packages = imported
      .map(([, name = "", lazily = name]) => lazily)
      .filter((name) => !/^(?:node:|\.)/.test(name))
      .map((name) => /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0]);
    expect([...new Set(packages)].sort()).toEqual(Object.keys(manifest.dependencies).sort());
  });
});

describe("the check for advisories", () => {
  /** Runs the script against a registry with this response. Without a response there is no registry. */
  async function check(response?: { readonly status?: number; readonly body: string }) {
    const asked: { readonly url: string | undefined; readonly body: unknown }[] = [];
    const server = createServer(async (request, reply) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      asked.push({ url: request.url, body: JSON.parse(body) });
      reply.writeHead(response?.status ?? 200).end(response?.body);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    if (response === undefined) server.close();
    const npm_config_registry = `http://127.0.0.1:${port}/npm`;
    const script = spawn(process.execPath, ["build/check-advisories.mjs"], {
      cwd: ROOT,
      env: { ...process.env, npm_config_registry },
    });
    let printed = "";
    for (const stream of [script.stdout, script.stderr]) stream.on("data", (chunk) => (printed += chunk));
    const [status] = await once(script, "close");
    server.close();
    return { status, printed, asked };
  }

  it("asks about the packages of the bill and of the commands, and passes without an advisory", async () => {
    const { status, printed, asked } = await check({ body: "{}" });
    const inBill = bill.components.map((one) => [nameOf(one), [one.version]]);
    const below = ["@aws-sdk/credential-provider-sso", "@clack/core", "fast-uri"];
    const installed = [...Object.keys(manifest.dependencies), ...below].map((name) => [
      name,
      // Packages of the commands can bring other versions of it.
      expect.arrayContaining([locked[`node_modules/${name}`]?.version]),
    ]);
    const [{ url, body }] = asked as [{ url: string; body: Record<string, unknown> }];
    expect(url).toBe("/npm/-/npm/v1/security/advisories/bulk");
    expect(body).toMatchObject(Object.fromEntries([...inBill, ...installed]));
    expect(Object.keys(body)).not.toContain("vitest");
    expect(status).toBe(0);
    expect(printed).toMatch(new RegExp(`^0 advisories about the ${Object.values(body).flat().length} packages`));
  });

  it("fails with an advisory, and prints it", async () => {
    const advisory = {
      id: 1,
      url: "https://github.com/advisories/GHSA-xxxx-xxxx-xxxx",
      title: "Something is wrong",
      severity: "high",
      vulnerable_versions: "<99.0.0",
    };
    const { status, printed } = await check({ body: JSON.stringify({ "@smithy/core": [advisory] }) });
    expect(status).toBe(1);
    expect(printed).toMatch(
      /@smithy\/core \d+\.\d+\.\d+: high: Something is wrong \(<99\.0\.0\) .*GHSA-xxxx-xxxx-xxxx/,
    );
  });

  it.each([
    ["refuses it", { status: 405, body: "" }],
    ["returns a page", { body: "<html></html>" }],
    ["returns another object", { body: '{"error":"not found"}' }],
    ["returns a list", { body: "[]" }],
    ["returns null", { body: "null" }],
    ["does not exist", undefined],
  ])("prints that it was skipped, and why, when the registry %s", async (_, response) => {
    const { status, printed } = await check(response);
    expect([status, printed]).toEqual([
      0,
      expect.stringMatching(/^skipped: advisories about .* no advisories from .+ \(.+\)\n$/),
    ]);
  });
});
