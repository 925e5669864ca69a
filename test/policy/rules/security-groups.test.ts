import {
  DescribeSecurityGroupsCommand,
  EC2Client,
  type Instance as Ec2Instance,
  type SecurityGroup as Ec2SecurityGroup,
  type IpPermission,
} from "@aws-sdk/client-ec2";
import { mockClient } from "aws-sdk-client-mock";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Facts } from "../../../src/facts/facts.ts";
import { ec2Facts } from "../../../src/facts/facts.ts";
import { readInstance } from "../../../src/facts/instances.ts";
import { planFacts } from "../../../src/facts/plan.ts";
import type { SecurityGroup } from "../../../src/facts/security-groups.ts";
import { evaluate } from "../../../src/policy/evaluate.ts";
import { parsePolicy, sayProblem } from "../../../src/policy/policy.ts";
import { AT, INSTANCE, REGION } from "../../support/events.ts";
import { factsOf, instanceOf } from "../../support/findings.ts";
import { policyOf, ruleOf, violationOf } from "../../support/policy.ts";

const SSH: IpPermission = { IpProtocol: "tcp", FromPort: 22, ToPort: 22 };
const WORLD = { IpRanges: [{ CidrIp: "0.0.0.0/0", Description: "anywhere" }] };

/** A group as DescribeSecurityGroups returns it. */
const group = (GroupId: string, IpPermissions: IpPermission[] = [], more: Partial<Ec2SecurityGroup> = {}) => ({
  GroupId,
  GroupName: `name-of-${GroupId}`,
  Description: "launch-wizard-1 created 2021-11-11T21:29:50.000Z",
  OwnerId: "123456789012",
  VpcId: "vpc-0a1b2c3d4e5f67890",
  IpPermissions,
  IpPermissionsEgress: [{ IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] }],
  Tags: [],
  ...more,
});

/** An instance as DescribeInstances returns it: a network interface for each list of groups. */
const instanceWith = (...interfaces: readonly (readonly Ec2SecurityGroup[])[]): Ec2Instance => {
  const identifiers = (groups: readonly Ec2SecurityGroup[] = []) =>
    groups.map(({ GroupId, GroupName }) => ({ GroupId, GroupName }));
  return {
    InstanceId: INSTANCE,
    State: { Code: 16, Name: "running" },
    VpcId: "vpc-0a1b2c3d4e5f67890",
    SecurityGroups: identifiers(interfaces[0]),
    NetworkInterfaces: interfaces.map((groups, DeviceIndex) => ({
      Attachment: { DeviceIndex, NetworkCardIndex: 0 },
      Groups: identifiers(groups),
    })),
  };
};

/** The facts of an instance of which EC2 shows some groups; by default, all. */
async function factsFrom(
  interfaces: readonly (readonly Ec2SecurityGroup[])[],
  shown = interfaces.flat(),
): Promise<Facts> {
  const instance = readInstance(INSTANCE, instanceWith(...interfaces));
  const mock = mockClient(EC2Client);
  mock.on(DescribeSecurityGroupsCommand).resolves({ SecurityGroups: [...shown] });
  try {
    const reader = {
      ...ec2Facts(new EC2Client({ region: REGION })),
      instances: async () => new Map([[INSTANCE, { value: instance }]]),
    };
    const read = (await planFacts(["securityGroups"], reader).read([INSTANCE])).get(INSTANCE);
    if (read === undefined || !("value" in read) || read.value === null) throw new Error("no facts");
    return factsOf(read.value);
  } finally {
    mock.restore();
  }
}

/** The facts of an instance with one network interface. */
const factsWith = (...groups: readonly Ec2SecurityGroup[]) => factsFrom([groups]);

const noSsh = ruleOf({ rule: "security-groups", closed: [22] });
const onlyWeb = ruleOf({ rule: "security-groups", onlyOpen: [80, "tcp:443", "icmp"] });

/** The ports that violate a rule, for one group with these permissions. */
const portsOf = async (rule: ReturnType<typeof ruleOf>, ...permissions: IpPermission[]) =>
  violationOf(rule, await factsWith(group("sg-1", permissions)))?.details.ports ?? [];

describe("closed", () => {
  it("is violated by a port that is open to the world, and says by which group", async () => {
    const facts = await factsWith(
      group("sg-0a1b2c3d4e5f67890", [{ ...SSH, ...WORLD }], { GroupName: "launch-wizard-1" }),
    );
    const violation = violationOf(noSsh, facts);
    expect(violation?.message).toBe(
      "the world (0.0.0.0/0) reaches TCP port 22 through sg-0a1b2c3d4e5f67890 (launch-wizard-1)",
    );
    expect([violation?.summary(1), violation?.summary(2)]).toEqual([
      "opens port 22 to the world",
      "open port 22 to the world",
    ]);
    expect(violation?.details).toEqual({
      ports: ["tcp:22"],
      sources: ["0.0.0.0/0"],
      groups: ["sg-0a1b2c3d4e5f67890"],
    });
  });

  it("is met by private ranges, narrow public ranges and groups, and says what the world reaches", async () => {
    const facts = await factsWith(
      group("sg-1", [
        {
          ...SSH,
          IpRanges: [{ CidrIp: "10.0.0.0/8" }, { CidrIp: "203.0.113.0/24" }],
          Ipv6Ranges: [{ CidrIpv6: "fc00::/7" }],
        },
        { ...SSH, UserIdGroupPairs: [{ GroupId: "sg-2", UserId: "123456789012" }] },
        { IpProtocol: "tcp", FromPort: 443, ToPort: 443, ...WORLD },
      ]),
    );
    expect(noSsh.check(facts, AT)).toEqual({ kind: "compliant", because: "the world reaches only TCP port 443" });
    expect(noSsh.check(await factsWith(group("sg-1")), AT)).toEqual({
      kind: "compliant",
      because: "the world reaches nothing",
    });
  });

  it("does not take an ICMP type or code for a port", async () => {
    expect(await portsOf(noSsh, { IpProtocol: "icmp", FromPort: 3, ToPort: 22, ...WORLD })).toEqual([]);
    expect(await portsOf(noSsh, { IpProtocol: "icmp", FromPort: 22, ToPort: -1, ...WORLD })).toEqual([]);
    expect(
      await portsOf(ruleOf({ rule: "security-groups", closed: ["icmp"] }), {
        IpProtocol: "icmp",
        FromPort: 3,
        ToPort: 22,
        ...WORLD,
      }),
    ).toEqual(["icmp"]);
  });

  it("is violated by every protocol, which has no ports", async () => {
    expect(await portsOf(noSsh, { IpProtocol: "-1", ...WORLD })).toEqual(["22"]);
  });

  it("is violated by a range of ports that includes it", async () => {
    expect(await portsOf(noSsh, { IpProtocol: "tcp", FromPort: 0, ToPort: 65_535, ...WORLD })).toEqual(["tcp:22"]);
    expect(await portsOf(noSsh, { IpProtocol: "tcp", FromPort: 23, ToPort: 65_535, ...WORLD })).toEqual([]);
  });

  it("is violated by IPv6 alone, as a whole, as unicast or in halves", async () => {
    for (const ranges of [["::/0"], ["2000::/3"], ["::/1", "8000::/1"]]) {
      expect(await portsOf(noSsh, { ...SSH, Ipv6Ranges: ranges.map((CidrIpv6) => ({ CidrIpv6 })) })).toEqual([
        "tcp:22",
      ]);
    }
    expect(await portsOf(noSsh, { ...SSH, Ipv6Ranges: [{ CidrIpv6: "2001:db8::/32" }] })).toEqual([]);
  });

  it("is violated by two halves of IPv4 in different rules and groups, where their ports overlap", async () => {
    const facts = await factsWith(
      group("sg-1", [{ IpProtocol: "tcp", FromPort: 20, ToPort: 25, IpRanges: [{ CidrIp: "0.0.0.0/1" }] }]),
      group("sg-2", [{ IpProtocol: "-1", IpRanges: [{ CidrIp: "128.0.0.0/1" }, { CidrIp: "203.0.113.0/24" }] }]),
    );
    expect(violationOf(noSsh, facts)?.message).toBe(
      "the world (0.0.0.0/1 and 128.0.0.0/1) reaches TCP port 22 through sg-1 (name-of-sg-1) and sg-2 (name-of-sg-2)",
    );
    expect(violationOf(ruleOf({ rule: "security-groups", closed: [26] }), facts)).toBeNull();
  });

  it("is judged with the groups of all network interfaces", async () => {
    const facts = await factsFrom([[group("sg-1")], [group("sg-2", [{ ...SSH, ...WORLD }])]]);
    expect(violationOf(noSsh, facts)?.details.groups).toEqual(["sg-2"]);
  });

  it("joins ports, sources and groups of several rules", async () => {
    const facts = await factsWith(
      group("sg-2", [{ ...SSH, ...WORLD, Ipv6Ranges: [{ CidrIpv6: "::/0" }] }]),
      group("sg-1", [{ IpProtocol: "tcp", FromPort: 3389, ToPort: 3389, ...WORLD }]),
    );
    const violation = violationOf(ruleOf({ rule: "security-groups", closed: [22, 3389] }), facts);
    expect(violation?.message).toBe(
      "the world (0.0.0.0/0 and ::/0) reaches TCP ports 22 and 3389 through sg-1 (name-of-sg-1) and sg-2 (name-of-sg-2)",
    );
    expect(violation?.summary(1)).toBe("opens ports 22, 3389 to the world");
  });

  it("says the same whatever the order of groups and rules", async () => {
    const rules = [
      { ...SSH, ...WORLD },
      { IpProtocol: "-1", Ipv6Ranges: [{ CidrIpv6: "::/0" }] },
      { ...SSH, Ipv6Ranges: [{ CidrIpv6: "2000::/3" }] },
    ];
    const groups = [group("sg-2", rules), group("sg-1", [...rules].reverse())];
    const [a, b] = await Promise.all(
      [groups, [...groups].reverse()].map(async (each) => violationOf(noSsh, await factsFrom([each]))),
    );
    expect([a?.message, a?.details, a?.remedy(["i-1"], REGION)]).toEqual([
      b?.message,
      b?.details,
      b?.remedy(["i-1"], REGION),
    ]);
  });

  it("says the same in any order of any groups and rules, and survives any text in them", () => {
    const cidrs = fc.constantFrom(
      "0.0.0.0/0",
      "0.0.0.0/1",
      "128.0.0.0/1",
      "10.0.0.0/8",
      "::/0",
      "2000::/3",
      "pl-0a",
      "pl-0b",
      "x",
    );
    const texts = fc.array(fc.oneof(cidrs, fc.string()), { maxLength: 3 });
    const number = fc.option(fc.constantFrom(-1, 0, 8, 22, 443, 65_535, 70_000));
    const protocol = fc.oneof(fc.constantFrom("tcp", "udp", "icmp", "icmpv6", "-1", "50"), fc.string({ maxLength: 3 }));
    const ingress = fc.record({ protocol, from: number, to: number, ipv4: texts, ipv6: texts, prefixLists: texts });
    const anyGroups = fc.uniqueArray(
      fc.record({
        groupId: fc.constantFrom("sg-1", "sg-2", "sg-3"),
        name: fc.constantFrom("default", "web"),
        tags: fc.constant(new Map([["team", "web"]])),
        ingress: fc.array(ingress, { maxLength: 5 }),
      }),
      { selector: ({ groupId }) => groupId, minLength: 1 },
    );
    const rule = ruleOf({
      rule: "security-groups",
      closed: [22, "icmp"],
      onlyOpen: ["tcp", "udp:0-500"],
      worldPrefixLists: "pl-0a",
      notAttached: "default",
      attached: { tag: "team", in: "web" },
    });
    const judge = (groups: readonly SecurityGroup[]) => {
      const judgement = rule.check(
        factsOf({ instance: instanceOf({ groups }), securityGroups: { value: groups } }),
        AT,
      );
      if (judgement.kind !== "violation") return judgement;
      const { message, details, remedy } = judgement.violation;
      return { message, details, remedy: remedy(["i-1"], REGION) };
    };
    fc.assert(
      fc.property(anyGroups, (groups) => {
        const reversed = groups.map((each) => ({
          ...each,
          ingress: each.ingress
            .map((own) => ({ ...own, ipv4: own.ipv4.toReversed(), ipv6: own.ipv6.toReversed() }))
            .reverse(),
        }));
        expect(judge(reversed.reverse())).toEqual(judge(groups));
      }),
    );
  });

  it("lists at most five ports, sources and groups, and cuts long names", async () => {
    const open = (port: number): IpPermission => ({ IpProtocol: "tcp", FromPort: port, ToPort: port, ...WORLD });
    const groups = Array.from({ length: 16 }, (_, index) =>
      group(`sg-${index + 10}`, [open(index * 2)], { GroupName: "n".repeat(255) }),
    );
    const violation = violationOf(ruleOf({ rule: "security-groups", closed: ["all"] }), await factsFrom([groups]));
    expect(violation?.message).toMatch(
      /^the world \(0\.0\.0\.0\/0\) reaches TCP ports 0, 2, 4, 6, 8 and 11 more through sg-10 \(n{37}\.\.\.\), .* and 11 more$/,
    );
    expect(violation?.summary(1)).toBe("opens 16 port ranges to the world");
    expect(violation?.details.ports).toHaveLength(16);
  });
});

describe("onlyOpen", () => {
  it("is violated by everything else that the world reaches", async () => {
    expect(await portsOf(onlyWeb, { IpProtocol: "tcp", FromPort: 79, ToPort: 81, ...WORLD })).toEqual([
      "tcp:79",
      "tcp:81",
    ]);
    expect(await portsOf(onlyWeb, { IpProtocol: "udp", FromPort: 443, ToPort: 443, ...WORLD })).toEqual(["udp:443"]);
    expect(await portsOf(onlyWeb, { IpProtocol: "50", ...WORLD })).toEqual(["protocol:50"]);
    const facts = await factsWith(group("sg-1", [{ IpProtocol: "-1", ...WORLD }]));
    expect(violationOf(onlyWeb, facts)?.message).toBe(
      "the world (0.0.0.0/0) reaches TCP ports 0-79, 81-442 and 444-65535, UDP ports 0-79 and 81-65535 and every other protocol through sg-1 (name-of-sg-1)",
    );
  });

  it("is met by the allowed ports and by ICMP of any type", async () => {
    expect(await portsOf(onlyWeb, { IpProtocol: "tcp", FromPort: 80, ToPort: 80, ...WORLD })).toEqual([]);
    expect(await portsOf(onlyWeb, { IpProtocol: "icmp", FromPort: -1, ToPort: -1, ...WORLD })).toEqual([]);
    expect(
      await portsOf(onlyWeb, { IpProtocol: "icmpv6", FromPort: -1, ToPort: -1, Ipv6Ranges: [{ CidrIpv6: "::/0" }] }),
    ).toEqual([]);
  });

  it("allows nothing if it is empty", async () => {
    const rule = ruleOf({ rule: "security-groups", onlyOpen: [] });
    expect(await portsOf(rule, { IpProtocol: "-1", ...WORLD })).toEqual(["all"]);
    expect(violationOf(rule, await factsWith(group("sg-1", [{ IpProtocol: "-1", ...WORLD }])))?.summary(1)).toBe(
      "opens all ports to the world",
    );
    expect(rule.demands()).toBe("the world may reach nothing");
  });

  it("adds to closed", async () => {
    const rule = ruleOf({ rule: "security-groups", onlyOpen: ["tcp:0-1023"], closed: ["tcp:22"] });
    expect(await portsOf(rule, { IpProtocol: "tcp", FromPort: 22, ToPort: 1024, ...WORLD })).toEqual([
      "tcp:22",
      "tcp:1024",
    ]);
  });
});

describe("the world", () => {
  const wide = (settings: object) => ruleOf({ rule: "security-groups", closed: [22], ...settings });

  it("is a public range that is as wide as set, never a private one", async () => {
    const sources = (...cidrs: string[]) =>
      portsOf(wide({ widestIpv4: 8 }), { ...SSH, IpRanges: cidrs.map((CidrIp) => ({ CidrIp })) });
    expect(await sources("3.0.0.0/8")).toEqual(["tcp:22"]);
    expect(await sources("3.0.0.0/9", "3.128.0.0/9")).toEqual(["tcp:22"]);
    expect(await sources("3.0.0.0/9", "10.0.0.0/8", "172.16.0.0/12", "100.64.0.0/10")).toEqual([]);
  });

  it("is a public IPv6 range that is as wide as set", async () => {
    const permission = { ...SSH, Ipv6Ranges: [{ CidrIpv6: "2600::/12" }, { CidrIpv6: "fd00::/8" }] };
    expect(await portsOf(wide({ widestIpv6: 12 }), permission)).toEqual(["tcp:22"]);
    expect(await portsOf(wide({ widestIpv6: 11 }), permission)).toEqual([]);
  });

  it("is a prefix list that the policy says is the world, not one that it trusts", async () => {
    const facts = await factsWith(group("sg-1", [{ ...SSH, PrefixListIds: [{ PrefixListId: "pl-0a" }] }]));
    expect(violationOf(wide({ worldPrefixLists: "pl-0a" }), facts)?.message).toBe(
      "the world (pl-0a) reaches TCP port 22 through sg-1 (name-of-sg-1)",
    );
    expect(wide({ trustedPrefixLists: ["pl-0a"] }).check(facts, AT).kind).toBe("compliant");
  });

  it("is not known for another prefix list, if that decides", async () => {
    const unknown = { PrefixListIds: [{ PrefixListId: "pl-0b" }] };
    expect(noSsh.check(await factsWith(group("sg-1", [{ ...SSH, ...unknown }])), AT)).toEqual({
      kind: "not-judged",
      because:
        'sg-1 (name-of-sg-1) admits the prefix list pl-0b, which is neither in "worldPrefixLists" nor in "trustedPrefixLists"',
      late: false,
    });
    expect(await portsOf(noSsh, { ...SSH, ...unknown }, { ...SSH, ...WORLD })).toEqual(["tcp:22"]);
    const https = { IpProtocol: "tcp", FromPort: 443, ToPort: 443, ...unknown };
    expect(noSsh.check(await factsWith(group("sg-1", [https])), AT).kind).toBe("compliant");
  });

  it.each([
    { ...SSH, IpRanges: [{ CidrIp: "0.0.0.0/x" }] },
    { ...SSH, Ipv6Ranges: [{ CidrIpv6: "" }] },
    { IpProtocol: "tcp", FromPort: 23, ToPort: 22, IpRanges: [{ CidrIp: "10.0.0.0/8" }] },
    { IpProtocol: "???", ...WORLD },
  ])("is not known for a rule that cannot be read: %j", async (permission) => {
    expect(noSsh.check(await factsWith(group("sg-1", [permission])), AT)).toEqual({
      kind: "not-judged",
      because: "a rule of sg-1 (name-of-sg-1) cannot be read",
      late: false,
    });
  });
});

describe("attached and notAttached", () => {
  const team = { Tags: [{ Key: "team", Value: "web" }] };
  const facts = () =>
    factsFrom([[group("sg-0a", [], { GroupName: "base" })], [group("sg-0b", [], { GroupName: "default", ...team })]]);
  const check = async (settings: object) => ruleOf({ rule: "security-groups", ...settings }).check(await facts(), AT);
  const messageOf = async (settings: object) => {
    const judgement = await check(settings);
    return judgement.kind === "violation" ? judgement.violation.message : judgement.kind;
  };

  it.each(["sg-0a", "sg-0b", "base", "def*", "/de.+/", { tag: "team", in: "web" }, { tag: "te*", in: ["x", "w?b"] }])(
    "select an attached group of any network interface: %j",
    async (selector) => {
      expect(await messageOf({ attached: [selector] })).toBe("compliant");
      expect(await messageOf({ notAttached: selector })).toMatch(
        /^it must not have the security group sg-0[ab] \(\w+\)$/,
      );
    },
  );

  it.each([
    ["sg-0", "the security group sg-0"],
    ["Default", 'a security group named "Default"'],
    ["0a", 'a security group named "0a"'],
    ["/sg-.*/", 'a security group named "/sg-.*/"'],
    [{ tag: "team", in: ["db", "w"] }, 'a security group whose tag "team" is "db" or "w"'],
    [{ tag: "Team", in: "web" }, 'a security group whose tag "Team" is "web"'],
  ])("do not select another group: %j", async (selector, words) => {
    expect(await messageOf({ attached: selector })).toBe(`it lacks ${words}`);
    expect(await messageOf({ notAttached: selector })).toBe("compliant");
  });

  it("require each of attached and none of notAttached", async () => {
    expect(await messageOf({ attached: ["sg-0a", "sg-0c", "web", "default"], notAttached: ["default", "base"] })).toBe(
      'it must not have the security groups sg-0a (base) and sg-0b (default); it lacks the security group sg-0c and a security group named "web"',
    );
  });

  it("summarize and list the groups", async () => {
    const both = violationOf(
      ruleOf({ rule: "security-groups", attached: ["sg-0c", { tag: "a", in: ["b", "c"] }], notAttached: "default" }),
      await facts(),
    );
    expect([both?.summary(1), both?.summary(2)]).toEqual(["has a wrong security group", "have a wrong security group"]);
    expect(both?.details).toEqual({ wrongGroups: ["sg-0b"], missingGroups: ["sg-0c", "a=b|c"] });
    const missing = violationOf(ruleOf({ rule: "security-groups", attached: "x" }), await facts());
    expect([missing?.summary(1), missing?.summary(2)]).toEqual(["lacks a security group", "lack a security group"]);
  });

  it("say which groups are attached", async () => {
    expect(await check({ attached: ["base"] })).toEqual({
      kind: "compliant",
      because: "its security groups are sg-0a (base) and sg-0b (default)",
    });
  });

  it("need the groups themselves only for tags and ports", () => {
    const needs = (settings: object) => ruleOf({ rule: "security-groups", ...settings }).needs;
    expect(needs({ attached: ["sg-1", "base"], notAttached: "default" })).toEqual(["instance"]);
    for (const settings of [
      { attached: { tag: "a", in: "b" } },
      { notAttached: { tag: "a", in: "b" } },
      { closed: 22 },
      { onlyOpen: [] },
    ]) {
      expect(needs(settings)).toEqual(["instance", "securityGroups"]);
    }
  });
});

describe("a group that EC2 does not show, of another account in a shared VPC", () => {
  const shown = group("sg-0a", [{ ...SSH, ...WORLD }], { GroupName: "base" });
  const hidden = group("sg-0f", [], { GroupName: "default" });
  const facts = () => factsFrom([[shown, hidden]], [shown]);
  const check = async (settings: object) => ruleOf({ rule: "security-groups", ...settings }).check(await facts(), AT);
  const notJudged = { kind: "not-judged", because: "EC2 does not show the security group sg-0f", late: true };

  it("leaves ports and tags unjudged", async () => {
    expect(await check({ closed: [443] })).toEqual(notJudged);
    expect(await check({ attached: { tag: "a", in: "b" } })).toEqual(notJudged);
    expect(await check({ notAttached: { tag: "a", in: "b" } })).toEqual(notJudged);
    expect(await check({ attached: ["base"], closed: [443] })).toEqual(notJudged);
  });

  it("still decides about ids and names", async () => {
    expect((await check({ attached: ["base", "sg-0f"], notAttached: ["web"] })).kind).toBe("compliant");
    expect(await check({ notAttached: "default", closed: [443] })).toMatchObject({
      violation: { message: "it must not have the security group sg-0f (default)" },
    });
    expect(await check({ attached: ["web", { tag: "a", in: "b" }] })).toMatchObject({
      violation: { message: 'it lacks a security group named "web"' },
    });
  });
});

describe("an instance whose groups are not known", () => {
  it("is not judged", async () => {
    const unseen = { kind: "not-judged", because: "EC2 does not show its security groups", late: true };
    expect(noSsh.check(await factsFrom([]), AT)).toEqual(unseen);
    expect(noSsh.check(factsOf({ instance: null }), AT).kind).toBe("not-judged");
  });

  it("is not judged without the permission", async () => {
    const denied = { unknown: "the credentials do not allow ec2:DescribeSecurityGroups", late: false };
    const facts = { ...(await factsWith(group("sg-1"))), securityGroups: denied };
    expect(noSsh.check(facts, AT)).toEqual({ kind: "not-judged", because: denied.unknown, late: false });
  });
});

describe("the remedy", () => {
  it("revokes exactly the sources that are the world, in lines of at most 66 columns", async () => {
    const facts = await factsWith(
      group("sg-0a1b2c3d4e5f67890", [
        {
          ...SSH,
          IpRanges: [{ CidrIp: "203.0.113.0/24" }, { CidrIp: "0.0.0.0/0" }],
          Ipv6Ranges: [{ CidrIpv6: "::/0" }],
        },
        { IpProtocol: "tcp", FromPort: 443, ToPort: 443, ...WORLD },
        { IpProtocol: "udp", FromPort: 22, ToPort: 22, ...WORLD },
      ]),
    );
    expect(violationOf(noSsh, facts)?.remedy(["i-1", "i-2"], REGION)).toEqual([
      "aws ec2 revoke-security-group-ingress --region us-east-1 \\",
      "  --group-id sg-0a1b2c3d4e5f67890 --ip-permissions '[",
      '    {"IpProtocol":"tcp", "FromPort":22, "ToPort":22,',
      '    "IpRanges":[{"CidrIp":"0.0.0.0/0"}],',
      '    "Ipv6Ranges":[{"CidrIpv6":"::/0"}]},',
      '    {"IpProtocol":"udp", "FromPort":22, "ToPort":22,',
      '    "IpRanges":[{"CidrIp":"0.0.0.0/0"}]}]\'',
    ]);
  });

  it("says what else a rule with more ports closes", async () => {
    const facts = await factsWith(group("sg-1", [{ IpProtocol: "tcp", FromPort: 0, ToPort: 65_535, ...WORLD }]));
    expect(violationOf(noSsh, facts)?.remedy(["i-1"], REGION).slice(-1)).toEqual([
      "This also closes TCP ports 0-21 and 23-65535 to the world.",
    ]);
  });

  it("has a command for each group, with the protocols as EC2 has them", async () => {
    const facts = await factsWith(
      group("sg-2", [
        { IpProtocol: "-1", ...WORLD },
        { IpProtocol: "icmp", FromPort: 8, ToPort: -1, ...WORLD },
        { IpProtocol: "icmpv6", FromPort: -1, ToPort: -1, Ipv6Ranges: [{ CidrIpv6: "::/0" }] },
        { IpProtocol: "50", PrefixListIds: [{ PrefixListId: "pl-0a" }] },
      ]),
      group("sg-1", [{ IpProtocol: "udp", FromPort: 53, ToPort: 54, ...WORLD }]),
    );
    const rule = ruleOf({ rule: "security-groups", onlyOpen: [], worldPrefixLists: "pl-0a" });
    const [first = "", second = ""] = (violationOf(rule, facts)?.remedy([], REGION).join("\n") ?? "").split(
      /\n(?=aws)/,
    );
    const permissions = (command: string) => JSON.parse(/'(.*)'/s.exec(command)?.[1] ?? "");
    expect(first).toContain("--group-id sg-1 ");
    expect(permissions(first)).toEqual([
      { IpProtocol: "udp", FromPort: 53, ToPort: 54, IpRanges: [{ CidrIp: "0.0.0.0/0" }] },
    ]);
    expect(second).toContain("--group-id sg-2 ");
    expect(permissions(second)).toEqual([
      { IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] },
      { IpProtocol: "50", PrefixListIds: [{ PrefixListId: "pl-0a" }] },
      { IpProtocol: "icmp", FromPort: 8, ToPort: -1, IpRanges: [{ CidrIp: "0.0.0.0/0" }] },
      { IpProtocol: "icmpv6", FromPort: -1, ToPort: -1, Ipv6Ranges: [{ CidrIpv6: "::/0" }] },
    ]);
  });

  it("lists at most 30 sources, and says how many are left", async () => {
    const permissions = Array.from({ length: 33 }, (_, index) => ({
      IpProtocol: "tcp",
      FromPort: index,
      ToPort: index,
      ...WORLD,
    }));
    const remedy =
      violationOf(
        ruleOf({ rule: "security-groups", closed: "all" }),
        await factsWith(group("sg-1", permissions)),
      )?.remedy([], REGION) ?? [];
    expect(remedy.join("").match(/IpProtocol/g)).toHaveLength(30);
    expect(remedy.at(-1)).toBe("Then revoke the other 3 rules in the same way.");
  });

  it("replaces the groups of an instance with the right ones", async () => {
    const facts = await factsWith(group("sg-0a"), group("sg-0b", [], { GroupName: "default" }));
    const rule = ruleOf({ rule: "security-groups", notAttached: "default", attached: ["sg-0c", "sg-0a"] });
    expect(violationOf(rule, facts)?.remedy(["i-1", "i-2"], REGION)).toEqual([
      "For an instance with one network interface, replace its groups:",
      "aws ec2 modify-instance-attribute --region us-east-1 \\",
      "  --instance-id i-1 \\",
      "  --groups sg-0a sg-0c",
      "aws ec2 modify-instance-attribute --region us-east-1 \\",
      "  --instance-id i-2 \\",
      "  --groups sg-0a sg-0c",
    ]);
  });

  it("leaves a group to fill in if none is left, or if it is not known which is missing", async () => {
    const facts = await factsWith(group("sg-0a", [], { GroupName: "default" }));
    const last = (settings: object) =>
      violationOf(ruleOf({ rule: "security-groups", ...settings }), facts)
        ?.remedy(["i-1"], REGION)
        .at(-1);
    expect(last({ notAttached: "default" })).toBe("  --groups <group-id>");
    expect(last({ attached: "web" })).toBe("  --groups sg-0a <group-id>");
    expect(last({ attached: "sg-0*b" })).toBe("  --groups sg-0a <group-id>");
  });
});

describe("a policy with security-groups", () => {
  it("exempts an instance, and leaves out one that is out of scope", async () => {
    const facts = await factsWith(group("sg-1", [{ ...SSH, ...WORLD }]));
    const policy = policyOf({
      rules: [
        { rule: "security-groups", closed: 22 },
        { rule: "security-groups", id: "prod", closed: 22, when: { tag: "env", in: "prod" } },
      ],
      exemptions: [{ rules: ["security-groups"], when: { region: "*" }, reason: "bastion", until: "2022-01-31" }],
    });
    expect(evaluate(facts, policy, AT).map(({ kind }) => kind)).toEqual(["exempt", "out-of-scope"]);
  });

  const problemsOf = (settings: object) => {
    const reading = parsePolicy(JSON.stringify({ rules: [{ rule: "security-groups", ...settings }] }));
    return "problems" in reading ? reading.problems.map(sayProblem) : [];
  };

  it.each<[object, string[]]>([
    [{}, ['rules[0] must have at least one of "closed", "onlyOpen", "attached", "notAttached"']],
    [
      { close: [22] },
      [
        'rules[0] has an unknown key: did you mean "closed"?',
        'rules[0] must have at least one of "closed", "onlyOpen", "attached", "notAttached"',
      ],
    ],
    [
      { closed: [22, "ssh"] },
      [
        'rules[0].closed[1] must be a port from 0 to 65535, such as 22, "8000-8999", "tcp:22" or "udp:53"; or "tcp", "udp", "icmp", "protocol:50" or "all"',
      ],
    ],
    [{ onlyOpen: ["443-80"] }, ["rules[0].onlyOpen[0] must begin with the lower port"]],
    [{ closed: 22, widestIpv4: 33 }, ["rules[0].widestIpv4 must be a whole number from 0 to 32"]],
    [{ closed: 22, widestIpv6: 129 }, ["rules[0].widestIpv6 must be a whole number from 0 to 128"]],
    [
      { closed: 22, worldPrefixLists: ["x"] },
      ["rules[0].worldPrefixLists[0] must be the id of a prefix list, such as pl-0123abcd"],
    ],
    [
      { closed: 22, trustedPrefixLists: "pl-" },
      ["rules[0].trustedPrefixLists must be the id of a prefix list, such as pl-0123abcd"],
    ],
    [
      { attached: [1] },
      [
        'rules[0].attached[0] must be the id of a security group, text that its name must match, or {"tag": "team", "in": ["web"]}',
      ],
    ],
    [{ closed: [] }, ["rules[0].closed must be a list of 1 to 200 ports"]],
    [{ attached: [] }, ["rules[0].attached must be a list of 1 to 50 security groups"]],
    [
      { notAttached: { tag: "a" } },
      [
        "rules[0].notAttached.in is missing: it must be text of up to 1024 characters, with the wildcards * and ?, or a /pattern/, or a list of 1 to 200 texts",
      ],
    ],
    [{ notAttached: "a\\" }, ['rules[0].notAttached ends with a lone "\\"; write "\\\\" for a backslash']],
  ])("is refused for %j", (settings, problems) => {
    expect(problemsOf(settings)).toEqual(problems);
  });

  it("says what it demands", () => {
    const rule = ruleOf({
      rule: "security-groups",
      closed: [22, "tcp:3389"],
      onlyOpen: ["tcp:443"],
      widestIpv4: 8,
      widestIpv6: 16,
      worldPrefixLists: "pl-0a",
      trustedPrefixLists: ["pl-0b", "pl-0c"],
      attached: ["base", "sg-0a"],
      notAttached: ["default", { tag: "a", in: ["b"] }],
    });
    expect(rule.demands().split("; ")).toEqual([
      "the world must not reach TCP ports 22 and 3389 and UDP port 22",
      "the world may reach nothing but TCP port 443",
      "a public IPv4 range of /8 or wider is the world",
      "a public IPv6 range of /16 or wider is the world",
      'the prefix list "pl-0a" is the world',
      'the prefix list "pl-0b" or "pl-0c" is not the world',
      'an instance must have a security group named "base" and the security group sg-0a',
      'an instance must not have a security group named "default" or a security group whose tag "a" is "b"',
    ]);
  });
});
