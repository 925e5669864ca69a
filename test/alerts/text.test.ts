import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alertsFor } from "../../src/alerts/alert.ts";
import type { Finding } from "../../src/alerts/finding.ts";
import type { Instance } from "../../src/facts/instances.ts";
import { AT, INSTANCE, instanceId, instanceIds } from "../support/events.ts";
import { findingOf } from "../support/findings.ts";

/** The texts of the one alert for some findings. */
function textsOf(...findings: readonly Finding[]): Record<"default" | "email" | "sms", string> {
  const [alert, ...others] = alertsFor(findings, AT);
  if (alert === undefined || others.length > 0) throw new Error(`${others.length + 1} alerts`);
  return JSON.parse(alert.message);
}
const textOf = (...findings: readonly Finding[]) => textsOf(...findings).email;
const linesOf = (...findings: readonly Finding[]) => textOf(...findings).split("\n");

const tagged = (tags: Readonly<Record<string, string>>): Partial<Instance> => ({ tags: new Map(Object.entries(tags)) });

describe("the e-mail about one instance", () => {
  it("states what to do, the problem, how to fix it, and the facts about the instance, in this order", () => {
    const finding = findingOf({
      requires: "service",
      launchedBy: "arn:aws:sts::123456789012:assumed-role/Developer/dev-7",
      instance: {
        ...tagged({ Name: "web-admin-2", team: "payments", CreatedBy: "dev-7" }),
        publicIp: "203.0.113.7",
        instanceProfile: "arn:aws:iam::123456789012:instance-profile/web",
      },
    });
    expect(linesOf(finding)).toEqual([
      'Set the tag "service" on web-admin-2.',
      "",
      'It violates required-tags (medium): the tag "service" is missing.',
      "",
      "Fix:",
      "  aws ec2 create-tags --region us-east-1 \\",
      `    --resources ${INSTANCE} \\`,
      "    --tags Key=service,Value=<value>",
      "",
      `Instance   ${INSTANCE}, t3.micro, running, public IP 203.0.113.7`,
      "Account    123456789012, us-east-1a",
      "Launched   11 Nov 2021 21:29:50 UTC, by role Developer (session dev-7)",
      "Tags       Name=web-admin-2, team=payments, CreatedBy=dev-7",
      "Network    private IP 10.0.0.157, subnet-0a1b2c3d4e5f67890,",
      "           vpc-0a1b2c3d4e5f67890",
      "Image      ami-0abcdef1234567890, key my-key-pair",
      "Profile    arn:aws:iam::123456789012:instance-profile/web",
      "Event      EC2 Instance State-change Notification",
      `Console    https://console.aws.amazon.com/ec2/home?region=us-east-1#InstanceDetails:instanceId=${INSTANCE}`,
    ]);
  });

  it("names each violated rule, the most severe first, with its own remedy", () => {
    const text = textOf(
      findingOf({ instance: tagged({ Name: "web-1" }) }),
      findingOf({
        id: "b".repeat(32),
        ruleId: "owner",
        severity: "critical",
        requires: "owner",
        instance: tagged({ Name: "web-1" }),
      }),
    );
    expect(text.split("\n").slice(0, 15)).toEqual([
      'Set the tag "owner" on web-1. Then fix 1 more problem.',
      "",
      "1. CRITICAL  owner",
      '   The tag "owner" is missing.',
      "   Fix:",
      "     aws ec2 create-tags --region us-east-1 \\",
      `       --resources ${INSTANCE} \\`,
      "       --tags Key=owner,Value=<value>",
      "",
      "2. MEDIUM  required-tags",
      '   The tag "service" is missing.',
      "   Fix:",
      "     aws ec2 create-tags --region us-east-1 \\",
      `       --resources ${INSTANCE} \\`,
      "       --tags Key=service,Value=<value>",
    ]);
  });

  it.each([
    ["arn:aws:iam::123456789012:user/Mateo", "by user Mateo"],
    ["arn:aws-cn:iam::123456789012:user/people/Mateo", "by user Mateo"],
    ["arn:aws:sts::123456789012:assumed-role/Developer/dev-7", "by role Developer (session dev-7)"],
    ["arn:aws:iam::123456789012:root", "by arn:aws:iam::123456789012:root"],
    ["Auto Scaling group web", "by Auto Scaling group web"],
    ["CloudFormation stack shop", "by CloudFormation stack shop"],
  ])("names the launcher %s in words", (launchedBy, told) => {
    expect(textOf(findingOf({ launchedBy })).replaceAll(/\s+/g, " ")).toContain(
      `Launched 11 Nov 2021 21:29:50 UTC, ${told}`,
    );
  });

  it("refers to the tags when the event names no launcher", () => {
    const text = textOf(findingOf({ launchedBy: null, instance: tagged({ CreatedBy: "alice" }) }));
    expect(text).toContain("UTC, launcher unknown (see tags)\nTags       CreatedBy=alice\n");
    for (const [tags, told] of [
      [{}, "none"],
      [{ Name: "web-1" }, "Name=web-1"],
    ] as const) {
      expect(textOf(findingOf({ launchedBy: null, requires: "owner", instance: tagged(tags) }))).toContain(
        `UTC, launcher unknown\nTags       ${told}\n`,
      );
    }
  });

  it("omits unknown facts about the instance", () => {
    const unknown = {
      instanceType: null,
      availabilityZone: null,
      imageId: null,
      keyName: null,
      launchTime: null,
      firstLaunchTime: null,
      privateIp: null,
      subnetId: null,
      vpcId: null,
    };
    expect(linesOf(findingOf({ instance: unknown })).slice(10, -1)).toEqual([
      `Instance   ${INSTANCE}, running`,
      "Account    123456789012, us-east-1",
      "Launched   by user Mateo",
      "Tags       none",
      "Event      EC2 Instance State-change Notification",
    ]);
  });

  it.each([
    ["us-east-1", "https://console.aws.amazon.com/ec2/home?region=us-east-1#"],
    ["cn-north-1", "https://console.amazonaws.cn/ec2/home?region=cn-north-1#"],
    ["us-gov-west-1", "https://console.amazonaws-us-gov.com/ec2/home?region=us-gov-west-1#"],
  ])("links to the console of the partition of %s", (region, link) => {
    const { email, default: document } = textsOf(findingOf({ region }));
    expect(email).toContain(link);
    expect(JSON.parse(document).consoleUrlPrefix).toContain(link);
  });

  it("does not change emoji, quotes and markup", () => {
    const name = `\u{1f6d2}\u{1f469}\u200d\u{1f4bb} "<&>'`;
    const text = textOf(findingOf({ instance: tagged({ Name: name }) }));
    expect(text).toContain(`on ${name}.`);
    expect(text).toContain(`Tags       Name=${name}`);
  });
});

describe("foreign text", () => {
  it("cannot forge a line in any copy of the message", () => {
    const line = fc.string({ unit: "binary", maxLength: 60 });
    const nasty = fc.constantFrom(
      "\n",
      "\r\n",
      "\u2028",
      "\u2029",
      "\u0085",
      "\u202e",
      "\u0000",
      "\u001b[31m",
      "\u009b31m",
    );
    const foreign = fc.tuple(line, nasty, line).map((parts) => parts.join(""));
    fc.assert(
      fc.property(foreign, foreign, foreign, foreign, (name, launchedBy, keyName, key) => {
        const tags = { Name: name, [key]: name };
        const about = { launchedBy, instance: { ...fieldsAs(name), keyName, ...tagged(tags) } };
        const { email, sms, ...others } = textsOf(
          findingOf({ ...about, requires: `k${key.replaceAll(",", "")}k` }),
          findingOf({ ...about, requires: "required", ruleId: "other", id: "b".repeat(32) }),
        );
        const strings: string[] = [email.replaceAll("\n", ""), sms];
        JSON.parse(others.default, (field, value) => {
          strings.push(field);
          if (typeof value === "string") strings.push(value);
          return value;
        });
        expect(strings.filter((text) => /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(text))).toEqual([]);
        const labels = email
          .split("\n")
          .slice(1)
          .filter((told) => /^[A-Z]/.test(told));
        expect(labels.map((told) => told.split(/[ :]/)[0])).toEqual(LABELS);
      }),
    );
  });
  const fieldsAs = (text: string): Partial<Instance> => ({
    state: text,
    instanceType: text,
    imageId: text,
    availabilityZone: text,
    vpcId: text,
    subnetId: text,
    privateIp: text,
    publicIp: text,
    instanceProfile: text,
  });
  const LABELS = ["Instance", "Account", "Launched", "Tags", "Network", "Image", "Profile", "Event", "Console"];
});

describe("the e-mail about several instances", () => {
  const GROUP = "Auto Scaling group web-asg";
  const STACK = "CloudFormation stack batch-nightly";
  const [a = "", b = "", c = "", d = ""] = instanceIds(4);
  const findings = [
    findingOf({ launchedBy: null, instance: { instanceId: a, ...tagged({ CreatedBy: "alice" }) } }),
    findingOf({ launchedBy: STACK, instance: { instanceId: b, publicIp: "203.0.113.7" } }),
    findingOf({ launchedBy: GROUP, instance: { instanceId: c, ...tagged({ team: "payments", slot: "1" }) } }),
    findingOf({
      launchedBy: GROUP,
      instance: {
        instanceId: d,
        ...tagged({ team: "payments", slot: "2" }),
        firstLaunchTime: "2021-11-11T21:30:01.000Z",
      },
    }),
  ];

  it("counts the instances of each launcher, states a common remedy once, and lists each instance", () => {
    expect(linesOf(...findings)).toEqual([
      'Set the tags "Name" and "service" on 4 instances.',
      "",
      '4 instances violate required-tags (medium): the tags "name", "service"',
      "are missing.",
      "",
      "2  Auto Scaling group web-asg",
      "1  launcher unknown (see tags)",
      "1  CloudFormation stack batch-nightly",
      "",
      "Fix:",
      "  aws ec2 create-tags --region us-east-1 \\",
      `    --resources ${a} ${b} \\`,
      `      ${c} ${d} \\`,
      "    --tags Key=Name,Value=<value> Key=service,Value=<value>",
      "",
      "Auto Scaling group web-asg: 2",
      "  common tags: team=payments",
      `  ${c}  t3.micro  us-east-1a  21:29:50  slot=1`,
      `  ${d}  t3.micro  us-east-1a  21:30:01  slot=2`,
      "",
      "Launcher unknown (see tags): 1",
      `  ${a}  t3.micro  us-east-1a  21:29:50  CreatedBy=alice`,
      "",
      "CloudFormation stack batch-nightly: 1",
      `  ${b}  t3.micro  us-east-1a  21:29:50  203.0.113.7`,
      "",
      "Instance   t3.micro, running",
      "Account    123456789012, us-east-1a",
      "Launched   11 Nov 2021 21:29:50 to 21:30:01 UTC",
      "Network    private IP 10.0.0.157, subnet-0a1b2c3d4e5f67890,",
      "           vpc-0a1b2c3d4e5f67890",
      "Image      ami-0abcdef1234567890, key my-key-pair",
      "Event      EC2 Instance State-change Notification",
      "Console    https://console.aws.amazon.com/ec2/home?region=us-east-1#Instances:",
    ]);
  });

  it("numbers different problems, and lists the numbers for each instance", () => {
    const grave = findingOf({
      id: "b".repeat(32),
      ruleId: "owner",
      severity: "critical",
      requires: "owner",
      launchedBy: GROUP,
      instance: { instanceId: d, ...tagged({ team: "payments", slot: "2" }) },
    });
    const text = textOf(...findings.slice(2), grave);
    expect(text).toMatch(
      /^Set the tag "owner" on i-\w+\. Then fix 1 more problem\.\n\n2 instances violate 2 rules\.\n\n1\. CRITICAL {2}owner: 1 instance\n/,
    );
    expect(text).toContain("\n2. MEDIUM  required-tags: 2 instances\n");
    expect(text).toContain(`  ${d}  t3.micro  us-east-1a  21:29:50  [1, 2]  slot=2\n`);
    expect(text).toContain(`  ${c}  t3.micro  us-east-1a  21:29:50  [2]  slot=1\n`);
  });

  it("states the common remedy of two rules once, and omits the numbers when each instance violates both", () => {
    const owner = (ruleId: string, instance: string) =>
      findingOf({ id: `${ruleId}${instance}`, ruleId, requires: "owner", instance: { instanceId: instance } });
    const text = textOf(owner("r1", a), owner("r1", b), owner("r2", a), owner("r2", b));
    expect(text).toMatch(/^Set the tag "owner" on 2 instances\. Then fix 1 more problem\.\n/);
    expect(text.split("aws ec2 create-tags")).toHaveLength(2);
    expect(text).toContain('2. MEDIUM  r2: 2 instances\n   The tag "owner" is missing.\n   Fix: same as 1.\n');
    expect(text).toContain(`  ${a}  t3.micro  us-east-1a  21:29:50\n`);
  });

  it("states the common remedy for missing and blank tags once, and for each instance what is wrong", () => {
    const finding = (number: number, tags: Readonly<Record<string, string>>) =>
      findingOf({ requires: "owner", instance: { instanceId: instanceId(number), ...tagged(tags) } });
    const text = textOf(finding(1, {}), finding(2, {}), finding(3, { owner: "" }));
    expect(text.split("\n").slice(0, 11)).toEqual([
      'Set the tag "owner" on 3 instances.',
      "",
      "3 instances violate required-tags (medium):",
      '  The tag "owner" is missing: 2 instances.',
      '  The tag "owner" is blank: 1 instance.',
      "",
      "Fix:",
      "  aws ec2 create-tags --region us-east-1 \\",
      `    --resources ${instanceId(1)} ${instanceId(2)} \\`,
      `      ${instanceId(3)} \\`,
      "    --tags Key=owner,Value=<value>",
    ]);
    expect(text).toContain(
      `  ${instanceId(3)}  t3.micro  us-east-1a  21:29:50  owner=\n    The tag "owner" is blank.\n`,
    );
  });

  it("lists at most three messages of a rule, and refers to the instances for the others", () => {
    const texts = ["owne", "ownar", "ownir", "ownor", "ownur"].map((key, index) =>
      findingOf({
        requires: "owner",
        instance: { instanceId: instanceId(index), ...tagged({ [key]: "ada" }) },
      }),
    );
    expect(textOf(...texts)).toContain("\n  2 more: see the list of instances.\n");
  });

  it("has separate remedies for blank tags with different spellings", () => {
    const spellings = ["Owner", "OWNER"].map((key, index) =>
      findingOf({ requires: "owner", instance: { instanceId: instanceId(index), ...tagged({ [key]: "" }) } }),
    );
    const text = textOf(...spellings);
    expect(text).toContain("--tags Key=Owner,Value=<value>");
    expect(text).toContain("--tags Key=OWNER,Value=<value>");
  });

  it("has at most 72 columns except for the link, with a hundred instances and long tags", () => {
    const all = instanceIds(100).map((id, index) =>
      findingOf({
        launchedBy: [GROUP, STACK, null][index % 3] ?? null,
        instance: { instanceId: id, ...tagged({ Nick: `a long name of instance ${index} `.repeat(4) }) },
      }),
    );
    const lines = linesOf(...all);
    expect(lines.filter((line) => line.length > 72)).toEqual([expect.stringMatching(/^Console {4}https:/)]);
    for (const id of instanceIds(100)) expect(lines.filter((line) => line.startsWith(`  ${id}`))).toHaveLength(1);
  });
});
