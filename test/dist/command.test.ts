import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { type EmbeddedAws, startEmbeddedAws } from "../../src/local/aws/index.ts";
import { NOWHERE, operatorAt } from "../cli/run.ts";
import { sampleLines } from "../support/report.ts";
import { writeReport } from "../support/report-file.ts";

/** The command line as it is installed, in a process of its own. */
const COMMAND = fileURLToPath(new URL(`../../${manifest.bin["ec2-audit"]}`, import.meta.url));

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const options = { env: { PATH: process.env.PATH ?? "", ...NOWHERE, ...env } };
  const child = spawn(process.execPath, [COMMAND, ...args], options);
  const output = { out: "", err: "" };
  child.stdout.on("data", (chunk) => (output.out += chunk));
  child.stderr.on("data", (chunk) => (output.err += chunk));
  const [code] = await once(child, "close");
  return { code, ...output };
}

/** Returns the names of the packages of which a command loads a file: Node writes a coverage report for each file. */
async function loadedPackages(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "ec2-audit-loaded-"));
  await run(args, { ...env, NODE_V8_COVERAGE: folder });
  const reports = readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8"));
  rmSync(folder, { recursive: true });
  const files = reports.flatMap((json) => [...json.matchAll(/node_modules\/((?:@[^/"]+\/)?[^/"]+)/g)]);
  return [...new Set(files.map(([, name]) => name))].sort();
}

describe("the built command", () => {
  let aws: EmbeddedAws;
  beforeAll(async () => {
    aws = await startEmbeddedAws();
  });
  afterAll(() => aws.close());

  it("prints its version", async () => {
    expect(await run(["--version"])).toEqual({ code: 0, out: `${manifest.version}\n`, err: "" });
  });

  it.each([
    "--help",
    "--version",
    "setup --help",
    "help deploy webtask",
    "rollback lambda --help",
    "frobnicate",
    "doctor --prob",
    "check --policy",
  ])("loads only the packages that read the command line for %s", async (words) => {
    expect(await loadedPackages(words.split(" "))).toEqual(["commander", "leven", "picocolors"]);
  });

  it("writes a report's page with its script, without the bundler that made it", async () => {
    const report = writeReport(sampleLines({ findings: 10 }));
    const page = `${report}.html`;
    expect(await loadedPackages(["report", "--from", report, "--out", page])).not.toContain("rolldown");
    const html = readFileSync(page, "utf8");
    const [, script = ""] = /<script>(.+)<\/script>/s.exec(html) ?? [];
    expect(script).toContain("DecompressionStream");
    expect(html).toContain(`script-src 'sha256-${createHash("sha256").update(script).digest("base64")}'`);
  });

  it("loads only the clients of the services that a command calls", async () => {
    const packages = await loadedPackages(["setup", "--dry-run"], operatorAt(aws.endpoint));
    const clients = packages.filter((name) => name?.startsWith("@aws-sdk/client-"));
    expect(clients).toEqual(["eventbridge", "sns", "sqs", "sts"].map((service) => `@aws-sdk/client-${service}`));
  });

  it("sets up an installation, prints plain text without a terminal, and then finds nothing to change", async () => {
    const first = await run(["setup", "--json"], operatorAt(aws.endpoint));
    expect(first.code).toBe(0);
    expect(JSON.parse(first.out)).toMatchObject({ region: "us-east-1", account: aws.accountId, dryRun: false });
    const again = await run(["setup"], operatorAt(aws.endpoint));
    expect([again.code, again.err]).toEqual([0, "Checking the resources in us-east-1 …\n"]);
    expect(again.out).toContain("There is nothing to change.");
    expect(again.out).not.toContain("\u001b");
  });

  it("exits with 2 on a usage error and with 1 when a check fails", async () => {
    expect(await run(["setup", "--emial", "a@example.com"])).toMatchObject({ code: 2, out: "" });
    const gone = await run(["check", "i-0123456789abcdef0"], operatorAt(aws.endpoint));
    expect([gone.code, gone.err]).toEqual([1, expect.not.stringContaining("error")]);
  });

  it("resolves relative paths against the folder where npm ran its own script, otherwise against its working directory", async () => {
    const folder = mkdtempSync(join(tmpdir(), "ec2-audit-command-"));
    writeFileSync(join(folder, "policy.json"), "{}");
    const check = (npm: Readonly<Record<string, string>>) =>
      run(["check", "i-0123456789abcdef0", "--policy", "policy.json"], { ...operatorAt(aws.endpoint), ...npm });
    const npm = { npm_lifecycle_event: "cli", npm_package_name: manifest.name, INIT_CWD: folder };
    expect(await check(npm)).toMatchObject({ code: 2, err: expect.stringContaining("rules is missing") });
    const others = await check({ ...npm, npm_package_name: "their-own" });
    expect(others).toMatchObject({ code: 2, err: expect.stringContaining("policy.json does not exist") });
    rmSync(folder, { recursive: true });
  });

  it("does not remove anything without confirmation when there is no terminal", async () => {
    const { code, err } = await run(["teardown"], operatorAt(aws.endpoint));
    expect([code, err]).toEqual([2, expect.stringContaining("Use --yes to skip the confirmation.")]);
  });
});
