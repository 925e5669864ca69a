import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Line } from "../../src/cli/report/lines.ts";
import { operatorAt } from "../cli/run.ts";
import { clients, findMotoServer, findProgram, motoTarget, type Target } from "../local/targets.ts";

/**
 * The built command against an emulator of another project: its findings are those that the AWS CLI and jq count, which read the
 * same instances in another way.
 */
const REGIONS = ["us-east-1", "eu-west-1", "ap-southeast-2"] as const;
const POLICY = {
  rules: [
    { rule: "required-tags", tags: ["owner", "service"] },
    { rule: "imdsv2" },
    { rule: "key-pair", none: true },
    { rule: "security-groups", closed: [22] },
  ],
};

/** Prints `INSTANCE RULE` for each finding. `$open` has the security groups through which the world reaches port 22. */
const FINDINGS = `
  .Reservations[].Instances[]
  | select(.State.Name | IN("pending", "running", "stopping", "stopped"))
  | . as $instance
  | ([.Tags[]? | select(.Value != "") | .Key] | sort) as $tags
  | (select((["owner", "service"] - $tags) != []) | "required-tags"),
    (select(.MetadataOptions.HttpTokens != "required") | "imdsv2"),
    (select(.KeyName != null) | "key-pair"),
    (select([.SecurityGroups[].GroupId] | any(IN($open[]))) | "security-groups")
  | "\\($instance.InstanceId) \\(.)"`;
const OPEN_GROUPS = `[
  .SecurityGroups[]
  | select(any(.IpPermissions[]; .FromPort <= 22 and .ToPort >= 22 and any(.IpRanges[]; .CidrIp == "0.0.0.0/0")))
  | .GroupId]`;

const moto = findMotoServer();
const missing = [
  ...(moto === undefined ? ["moto_server"] : []),
  ...["aws", "jq"].filter((program) => findProgram(program) === undefined),
];

// The default reporter does not print the names of skipped tests.
if (missing.length > 0) console.info(`The fleet report of moto_server is skipped: not on the PATH: ${missing.join()}.`);

describe.skipIf(missing.length > 0)("a fleet report of moto_server's instances", () => {
  let target: Target;
  let folder: string;
  let env: Record<string, string>;

  beforeAll(async () => {
    target = await motoTarget(moto ?? "");
    folder = mkdtempSync(join(tmpdir(), "ec2-audit-moto-"));
    env = { PATH: process.env.PATH ?? "", HOME: folder, ...operatorAt(target.endpoint) };
    writeFileSync(join(folder, "policy.json"), JSON.stringify(POLICY));
    for (const [index, region] of REGIONS.entries()) await launchFleet(target, region, index + 1);
  }, 240_000);
  afterAll(async () => {
    await target?.close();
    rmSync(folder, { recursive: true });
  });

  /** Returns what a program prints. Throws Error for another exit code than the expected one. */
  function run(program: string, args: readonly string[], { input = "", expected = 0 } = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      const options = { env, cwd: folder, maxBuffer: 1e8 };
      const child = execFile(program, args, options, (error, out, err) => {
        const code = error === null ? 0 : error.code;
        if (code === expected) resolve(out);
        else reject(new Error(`${program} ended with ${code}: ${err}`));
      });
      child.stdin?.end(input);
    });
  }

  async function countedByHand(region: string): Promise<string[]> {
    const ask = (call: string) => run("aws", ["ec2", call, "--region", region, "--output", "json"]);
    const open = await run("jq", ["-c", OPEN_GROUPS], { input: await ask("describe-security-groups") });
    const input = await ask("describe-instances");
    return (await run("jq", ["-r", "--argjson", "open", open, FINDINGS], { input })).trimEnd().split("\n");
  }

  it("has the findings that the AWS CLI and jq count, region by region", async () => {
    const command = join(import.meta.dirname, "../../dist/ec2-audit.mjs");
    const files = ["--policy", "policy.json", "--out", "all.jsonl"];
    const args = [command, "report", "--json", "--regions", REGIONS.join(), ...files];
    const report = JSON.parse(await run(process.execPath, args, { expected: 1 }));
    const lines = readFileSync(join(folder, "all.jsonl"), "utf8").trimEnd().split("\n");
    const findings = lines
      .map((text): Line => JSON.parse(text))
      .flatMap((line) => (line.type === "finding" ? [line] : []));
    let counted = 0;
    for (const region of REGIONS) {
      const byHand = await countedByHand(region);
      const ours = findings.filter((finding) => finding.region === region);
      expect(ours.map(({ instanceId, ruleId }) => `${instanceId} ${ruleId}`).sort()).toEqual(byHand.sort());
      counted += byHand.length;
    }
    expect(counted).toBeGreaterThan(200);
    expect(report).toMatchObject({ instances: 6 * 45, findings: counted, notJudged: 0 });
  }, 240_000);
});

/** Launches some instances of each kind, `size` times as many as in the smallest region. */
async function launchFleet({ endpoint }: Target, region: string, size: number): Promise<void> {
  const { ec2 } = clients(endpoint, region);
  const launch = async (count: number, tags: Record<string, string>, more: Partial<RunInstancesCommandInput> = {}) => {
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    const TagSpecifications = Tags.length > 0 ? [{ ResourceType: "instance" as const, Tags }] : [];
    const number = { MinCount: count * size, MaxCount: count * size };
    const input = { ImageId: "ami-12c6146b", InstanceType: "t3.micro" as const, ...number, TagSpecifications, ...more };
    const { Instances = [] } = await ec2.send(new RunInstancesCommand(input));
    return Instances.map(({ InstanceId = "" }) => InstanceId);
  };
  const { GroupId = "" } = await ec2.send(new CreateSecurityGroupCommand({ GroupName: "open", Description: "open" }));
  const IpPermissions = [{ IpProtocol: "tcp", FromPort: 0, ToPort: 1024, IpRanges: [{ CidrIp: "0.0.0.0/0" }] }];
  await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions }));
  const [tagged, v2] = [{ owner: "web", service: "shop" }, { MetadataOptions: { HttpTokens: "required" as const } }];
  await launch(20, tagged, v2);
  await launch(5, tagged);
  await launch(5, { owner: "web", service: "" }, v2);
  await launch(4, {});
  await launch(4, { service: "shop" }, { ...v2, KeyName: "ops" });
  await launch(4, tagged, { ...v2, SecurityGroupIds: [GroupId] });
  await ec2.send(new StopInstancesCommand({ InstanceIds: await launch(3, { owner: "web" }) }));
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: await launch(5, {}) }));
}
