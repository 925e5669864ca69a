import { execFile } from "node:child_process";
import { promisify } from "node:util";
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DescribeIamInstanceProfileAssociationsCommand,
  DescribeSecurityGroupsCommand,
  type IpPermission,
  StopInstancesCommand,
} from "@aws-sdk/client-ec2";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ec2Facts } from "../../src/facts/facts.ts";
import { planFacts } from "../../src/facts/plan.ts";
import { type EmbeddedAws, type Launch, startEmbeddedAws, VirtualClock } from "../../src/local/aws/index.ts";
import { evaluate } from "../../src/policy/evaluate.ts";
import { needsOf, parsePolicy } from "../../src/policy/policy.ts";
import { AWS_CLI, operatorEnv } from "../deploy/aws-cli.ts";
import { clients } from "../local/targets.ts";

const REGION = "us-east-1";

/** The remedies that are commands, run with the AWS CLI as an operator would run them. */
describe.skipIf(AWS_CLI === undefined)(`Remedies${AWS_CLI ? "" : " (skipped: the AWS CLI is not on the PATH)"}`, () => {
  let clock: VirtualClock;
  let aws: EmbeddedAws;
  beforeEach(async () => {
    clock = new VirtualClock(Date.now());
    aws = await startEmbeddedAws({ clock });
  });
  afterEach(() => aws.close());

  /** Launches an instance and lets it run. */
  async function running(launch: Omit<Launch, "count"> = {}): Promise<string> {
    const [id = ""] = aws.launch({ count: 1, region: REGION, ...launch });
    await clock.advance(60_000);
    return id;
  }

  const ec2 = () => clients(aws.endpoint, REGION).ec2;

  async function createGroup(): Promise<string> {
    const group = new CreateSecurityGroupCommand({ GroupName: "web", Description: "web servers" });
    return (await ec2().send(group)).GroupId ?? "";
  }
  const authorize = (GroupId: string, IpPermissions: IpPermission[]) =>
    ec2().send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions }));

  async function verdict(rule: object, id: string) {
    const reading = parsePolicy(JSON.stringify({ version: 1, rules: [rule] }));
    if (!("policy" in reading)) throw new Error(JSON.stringify(reading.problems));
    const read = (await planFacts(needsOf(reading.policy), ec2Facts(ec2())).read([id])).get(id);
    if (read === undefined || "error" in read || read.value === null) throw new Error("the instance is not shown");
    const facts = { ...read.value, account: aws.accountId, region: REGION, launchedBy: null };
    return evaluate(facts, reading.policy, clock.now())[0];
  }

  async function remedyFor(rule: object, id: string): Promise<readonly string[]> {
    const judged = await verdict(rule, id);
    if (judged?.kind !== "violation") throw new Error(`the instance is ${judged?.kind}`);
    return judged.violation.remedy([id], REGION);
  }

  /** Runs the commands among the lines. */
  async function run(lines: readonly string[], fillIns: Readonly<Record<string, string>> = {}): Promise<void> {
    const text = lines.join("\n").replace(/<[\w-]+>/g, (name) => fillIns[name] ?? name);
    for (const command of text.match(/^aws (?:'[^']*'|\\\n|[^'\n])*/gm) ?? []) {
      await promisify(execFile)("sh", ["-c", command], { env: operatorEnv(aws.endpoint), timeout: 30_000 });
    }
  }

  it.each<[name: string, rule: object, launch: Omit<Launch, "count">, fillIns?: Record<string, string>]>([
    ["a missing tag", { rule: "required-tags", tags: ["service"] }, {}, { "<value>": "shop" }],
    ["a prohibited tag", { rule: "prohibited-tags", keys: ["Password"] }, { tags: { Password: "x" } }],
    ["too many tags", { rule: "tag-limit", max: 1 }, { tags: { a: "1", b: "2" } }, { "<key>": "a" }],
    ["optional IMDSv2", { rule: "imdsv2", maxHops: 1 }, { metadataOptions: { hopLimit: 3 } }],
    ["no instance profile", { rule: "instance-profile", allowed: "web" }, {}, { "<name>": "web" }],
  ])(
    "correct %s",
    async (_, rule, launch, fillIns) => {
      const id = await running(launch);
      await run(await remedyFor(rule, id), fillIns);
      expect(await verdict(rule, id)).toMatchObject({ kind: "compliant" });
    },
    60_000,
  );

  it("correct an instance profile that is not allowed, by the id of its association", async () => {
    const rule = { rule: "instance-profile", allowed: "web" };
    const id = await running({ instanceProfile: "admin" });
    const { IamInstanceProfileAssociations } = await ec2().send(new DescribeIamInstanceProfileAssociationsCommand({}));
    const association = IamInstanceProfileAssociations?.[0]?.AssociationId ?? "";
    await run(await remedyFor(rule, id), { "<name>": "web", "<id>": association });
    expect(await verdict(rule, id)).toMatchObject({ kind: "compliant" });
  }, 60_000);

  it("close ports in a security group, and keep its other sources", async () => {
    const rule = { rule: "security-groups", closed: ["22", "icmp", "protocol:50"] };
    const group = await createGroup();
    const kept = { IpProtocol: "tcp", FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: "10.0.0.0/8" }] };
    await authorize(group, [
      { ...kept, IpRanges: [...kept.IpRanges, { CidrIp: "0.0.0.0/0" }], Ipv6Ranges: [{ CidrIpv6: "::/0" }] },
      { IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/1" }, { CidrIp: "128.0.0.0/1", Description: "the rest" }] },
      { IpProtocol: "icmp", FromPort: 3, ToPort: -1, IpRanges: [{ CidrIp: "0.0.0.0/0" }] },
      { IpProtocol: "icmpv6", Ipv6Ranges: [{ CidrIpv6: "::/0" }] },
      { IpProtocol: "50", IpRanges: [{ CidrIp: "0.0.0.0/0" }] },
    ]);
    const id = await running({ interfaces: [{ securityGroups: [group] }] });
    await run(await remedyFor(rule, id));
    expect(await verdict(rule, id)).toMatchObject({ kind: "compliant" });
    const { SecurityGroups } = await ec2().send(new DescribeSecurityGroupsCommand({ GroupIds: [group] }));
    expect(SecurityGroups?.[0]?.IpPermissions).toMatchObject([kept]);
  }, 60_000);

  it("replace the groups of an instance", async () => {
    const rule = { rule: "security-groups", notAttached: "default" };
    const id = await running();
    await run(await remedyFor(rule, id), { "<group-id>": await createGroup() });
    expect(await verdict(rule, id)).toMatchObject({ kind: "compliant" });
  }, 60_000);

  it("correct the type of a stopped instance", async () => {
    const rule = { rule: "instance-type", allowed: "t3.*" };
    const id = await running({ instanceType: "m7i.large" });
    await ec2().send(new StopInstancesCommand({ InstanceIds: [id] }));
    await clock.advance(60_000);
    await run(await remedyFor(rule, id), { "<type>": "t3.micro" });
    expect(await verdict(rule, id)).toMatchObject({ kind: "compliant" });
  }, 60_000);
});
