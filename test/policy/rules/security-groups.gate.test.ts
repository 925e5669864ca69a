import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { promisify } from "node:util";
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DescribeSecurityGroupsCommand,
  type IpPermission,
} from "@aws-sdk/client-ec2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ec2Facts } from "../../../src/facts/facts.ts";
import { planFacts } from "../../../src/facts/plan.ts";
import { type EmbeddedAws, startEmbeddedAws } from "../../../src/local/aws/index.ts";
import { AWS_CLI, operatorEnv } from "../../deploy/aws-cli.ts";
import { clients } from "../../local/targets.ts";
import { REGION } from "../../support/events.ts";
import { factsOf } from "../../support/findings.ts";
import { ruleOf, violationOf } from "../../support/policy.ts";

const skipped = AWS_CLI === null ? "the AWS CLI is not on the PATH" : null;
if (skipped !== null) console.info(`The remedies with the AWS CLI are skipped: ${skipped}.`);

const WORLD = { IpRanges: [{ CidrIp: "0.0.0.0/0", Description: "anywhere" }] };
const OFFICE: IpPermission = {
  IpProtocol: "tcp",
  FromPort: 22,
  ToPort: 22,
  IpRanges: [{ CidrIp: "203.0.113.0/24", Description: "office" }],
};

describe.skipIf(skipped !== null)("the AWS CLI", () => {
  let aws: EmbeddedAws;
  beforeAll(async () => {
    aws = await startEmbeddedAws();
  });
  afterAll(() => aws.close());

  const ec2 = () => clients(aws.endpoint, REGION).ec2;

  async function createGroup(GroupName: string, ...IpPermissions: IpPermission[]): Promise<string> {
    const { GroupId = "" } = await ec2().send(new CreateSecurityGroupCommand({ GroupName, Description: GroupName }));
    if (IpPermissions.length > 0)
      await ec2().send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions }));
    return GroupId;
  }

  async function factsFrom(id: string) {
    const read = (await planFacts(["securityGroups"], ec2Facts(ec2())).read([id])).get(id);
    if (read === undefined || !("value" in read) || read.value === null) throw new Error("no facts");
    return factsOf(read.value);
  }

  const run = (remedy: readonly string[]) =>
    promisify(execFile)("sh", ["-ec", remedy.filter((line) => !/^(This|For) /.test(line)).join("\n")], {
      cwd: tmpdir(),
      env: operatorEnv(aws.endpoint),
    });

  it("revokes what is open to the world, and nothing else", { timeout: 60_000 }, async () => {
    const first = await createGroup(
      "first",
      { ...OFFICE, IpRanges: [...(OFFICE.IpRanges ?? []), ...WORLD.IpRanges], Ipv6Ranges: [{ CidrIpv6: "::/0" }] },
      { IpProtocol: "tcp", FromPort: 443, ToPort: 443, ...WORLD },
      { IpProtocol: "icmp", FromPort: 8, ToPort: -1, ...WORLD },
      { IpProtocol: "icmpv6", FromPort: -1, ToPort: -1, Ipv6Ranges: [{ CidrIpv6: "::/0" }] },
      { IpProtocol: "50", ...WORLD },
    );
    const second = await createGroup(
      "second",
      { IpProtocol: "tcp", FromPort: 0, ToPort: 1024, IpRanges: [{ CidrIp: "0.0.0.0/1" }, { CidrIp: "128.0.0.0/1" }] },
      { IpProtocol: "-1", ...WORLD },
    );
    const [id = ""] = aws.launch({ count: 1, interfaces: [{ securityGroups: [first] }, { securityGroups: [second] }] });
    const rule = ruleOf({ rule: "security-groups", onlyOpen: ["tcp:443"] });
    await run(violationOf(rule, await factsFrom(id))?.remedy([id], REGION) ?? []);
    expect(rule.check(await factsFrom(id), 0)).toEqual({
      kind: "compliant",
      because: "the world reaches only TCP port 443",
    });
    const { SecurityGroups = [] } = await ec2().send(new DescribeSecurityGroupsCommand({ GroupIds: [first, second] }));
    expect(SecurityGroups.map(({ GroupId, IpPermissions }) => [GroupId, IpPermissions?.length])).toEqual([
      [first, 2],
      [second, 0],
    ]);
  });

  it("replaces the groups of an instance", { timeout: 60_000 }, async () => {
    const [base, wrong, web] = await Promise.all([
      createGroup("base"),
      createGroup("launch-wizard-1"),
      createGroup("web"),
    ]);
    const [id = ""] = aws.launch({ count: 1, interfaces: [{ securityGroups: [base ?? "", wrong ?? ""] }] });
    const rule = ruleOf({ rule: "security-groups", attached: [web, "base"], notAttached: "launch-wizard-*" });
    await run(violationOf(rule, await factsFrom(id))?.remedy([id], REGION) ?? []);
    const { instance } = await factsFrom(id);
    expect(instance?.groups.map(({ name }) => name).sort()).toEqual(["base", "web"]);
    expect(rule.check(await factsFrom(id), 0).kind).toBe("compliant");
  });
});
