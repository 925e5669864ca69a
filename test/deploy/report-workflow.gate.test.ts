import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { findProgram } from "../../src/cli/run-program.ts";
import { type EmbeddedAws, startEmbeddedAws } from "../../src/local/aws/index.ts";
import { NOWHERE, operatorAt } from "../cli/run.ts";

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: {
    readonly report: {
      readonly steps: readonly {
        readonly name?: string;
        readonly uses?: string;
        readonly run?: string;
        readonly with?: Readonly<Record<string, string>>;
      }[];
    };
  };
}

const workflow: Workflow = parse(readFileSync("deploy/report-workflow.yaml", "utf8"));
const { steps } = workflow.jobs.report;

/** Stands for the GitHub CLI: lists the artifacts of a folder's artifacts.json, and copies an artifact from a folder. */
const GH = `#!/bin/sh
case "$1 $2" in
  "api "*) cat artifacts.json ;;
  "run download") mkdir -p "$7" && cp "artifact-$3/"* "$7" ;;
esac
`;

const jq = findProgram("jq", process.env);
const suite = jq === null ? "the nightly workflow (skipped: jq is not on the PATH)" : "the nightly workflow";

describe.skipIf(jq === null)(suite, { timeout: 60_000 }, () => {
  let aws: EmbeddedAws;
  let folder: string;

  beforeAll(async () => {
    aws = await startEmbeddedAws();
    folder = mkdtempSync(join(tmpdir(), "ec2-audit-workflow-"));
    symlinkSync(resolve("dist"), join(folder, "dist"));
    writeFileSync(join(folder, "gh"), GH);
    chmodSync(join(folder, "gh"), 0o755);
    writeFileSync(join(folder, "policy.json"), '{"rules": [{"rule": "required-tags", "tags": ["owner"]}]}');
    writeFileSync(join(folder, "artifacts.json"), '{"artifacts": []}');
  });
  afterAll(async () => {
    await aws.close();
    rmSync(folder, { recursive: true });
  });

  /** Runs the commands of a step as GitHub does. Returns the exit code and the output. */
  async function runStep(name: string): Promise<{ code: number | null; out: string }> {
    const run = steps.find((step) => step.name === name)?.run ?? "exit 9";
    const child = spawn("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", run], {
      cwd: folder,
      env: {
        PATH: `${folder}:${process.env.PATH}`,
        HOME: folder,
        ...NOWHERE,
        ...operatorAt(aws.endpoint),
        GITHUB_REPOSITORY: "example/ec2-audit",
        GITHUB_STEP_SUMMARY: join(folder, "summary.md"),
        BRANCH: "main",
        OPTIONS: "--regions us-east-1",
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (out += part));
    const [code] = await once(child, "close");
    return { code, out };
  }

  /** Keeps the files of the upload step as the artifact of a run. */
  function upload(run: number): void {
    const { path } = steps.find(({ uses }) => uses?.startsWith("actions/upload-artifact"))?.with ?? {};
    spawnSync("sh", ["-c", `mkdir artifact-${run} && cp ${path} artifact-${run}`], { cwd: folder });
  }

  it("makes a first report, and compares the second one with it", async () => {
    const [fixed] = aws.launch({ count: 3 });
    expect(await runStep("Download the last report")).toEqual({ code: 0, out: "This is the first report.\n" });
    const first = await runStep("Report");
    expect(first).toMatchObject({ code: 0, out: expect.stringContaining("::warning::Instances violate the policy.") });
    upload(1);
    const ofMain = { expired: false, created_at: "2026-11-24T05:17:00Z", workflow_run: { id: 1, head_branch: "main" } };
    const ofFork = { ...ofMain, created_at: "2026-11-25T05:17:00Z", workflow_run: { id: 2, head_branch: "patch" } };
    writeFileSync(join(folder, "artifacts.json"), JSON.stringify({ artifacts: [ofFork, ofMain] }));

    if (fixed) aws.tag([fixed], { owner: "payments" });
    expect(await runStep("Download the last report")).toMatchObject({ code: 0 });
    expect(await runStep("Report")).toMatchObject({ code: 0 });
    const lines = readFileSync(join(folder, "report.jsonl"), "utf8").trim().split("\n");
    const { since } = JSON.parse(lines.at(-1) ?? "");
    expect(since).toMatchObject({ new: 0, open: 2, resolved: { fixed: 1 } });
    expect(readFileSync(join(folder, "summary.md"), "utf8")).toContain("required-tags");
  });

  it("fails when the report is incomplete, but keeps it for the next one", async () => {
    aws.deny("ec2:DescribeInstances");
    const { code } = await runStep("Report");
    expect(code).toBe(2);
    expect(readFileSync(join(folder, "report.jsonl"), "utf8")).toContain('"status":"denied"');
  });

  it("may only read the repository and its artifacts, and assume a role", () => {
    expect(workflow.permissions).toEqual({ contents: "read", actions: "read", "id-token": "write" });
  });
});
