import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import schema from "../../src/alerts/alert.schema.json";
import { ALERT_SCHEMA, type Alert, alertsFor, findingDocuments } from "../../src/alerts/alert.ts";
import type { Finding, Unjudged } from "../../src/alerts/finding.ts";
import { policyOfTags } from "../../src/policy/policy.ts";
import { SEVERITIES } from "../../src/policy/rule.ts";
import { AT, INSTANCE, instanceId, instanceIds } from "../support/events.ts";
import { findingOf } from "../support/findings.ts";

const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
addFormats.default(ajv);
const validate = ajv.compile(schema);

const SNS_LIMIT = 262_144;

/** The one alert for some findings. */
function alertFor(...findings: readonly Finding[]): Alert {
  const [alert, ...others] = alertsFor(findings, AT);
  if (alert === undefined || others.length > 0) throw new Error(`${others.length + 1} alerts`);
  return alert;
}
const protocolsOf = (alert: Alert): Record<string, string> => JSON.parse(alert.message);
const documentOf = (alert: Alert) => JSON.parse(protocolsOf(alert).default ?? "");
const idsIn = (alerts: readonly Alert[]) =>
  alerts.flatMap((alert) => documentOf(alert).findings.map(({ id }: Finding) => id));

/** As SNS counts: the message, its subject, and each attribute's name, type and value. */
function bytesOf({ message, subject, attributes }: Alert): number {
  const parts = Object.entries(attributes).flatMap(([name, { DataType, StringValue }]) => [
    name,
    DataType,
    StringValue,
  ]);
  return Buffer.byteLength([message, subject, ...parts].join(""));
}

describe("the alert's document", () => {
  it("is the default of the message, beside the texts for e-mail and SMS: three copies in all", () => {
    const { default: document, ...texts } = protocolsOf(alertFor(findingOf()));
    expect(JSON.parse(document ?? "")).toMatchObject({ schema: ALERT_SCHEMA });
    expect(Object.keys(texts)).toEqual(["email", "sms"]);
  });

  it("contains the finding and the facts about its instance", () => {
    const finding = findingOf({ instance: { tags: new Map([["Name", "web-1"]]) } });
    expect(documentOf(alertFor(finding))).toEqual({
      schema: ALERT_SCHEMA,
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      status: "violating",
      account: "123456789012",
      region: "us-east-1",
      time: "2021-11-11T21:29:54.000Z",
      launchedBy: "arn:aws:iam::123456789012:user/Mateo",
      severity: "medium",
      consoleUrlPrefix: "https://console.aws.amazon.com/ec2/home?region=us-east-1#InstanceDetails:instanceId=",
      findings: [
        {
          id: finding.id,
          dedupKey: finding.dedupKey,
          instanceId: INSTANCE,
          rule: "required-tags",
          ruleId: "required-tags",
          severity: "medium",
          message: 'the tag "service" is missing',
          remedy: [
            "aws ec2 create-tags --region us-east-1 \\",
            `  --resources ${INSTANCE} \\`,
            "  --tags Key=service,Value=<value>",
          ],
          link: null,
          launchedBy: "arn:aws:iam::123456789012:user/Mateo",
          event: "EC2 Instance State-change Notification",
          missing: ["service"],
          blank: [],
          name: "web-1",
          tags: { Name: "web-1" },
          state: "running",
          instanceType: "t3.micro",
          imageId: "ami-0abcdef1234567890",
          keyName: "my-key-pair",
          availabilityZone: "us-east-1a",
          vpcId: "vpc-0a1b2c3d4e5f67890",
          subnetId: "subnet-0a1b2c3d4e5f67890",
          privateIp: "10.0.0.157",
          publicIp: null,
          instanceProfile: null,
          launchTime: "2021-11-11T21:29:50.000Z",
        },
      ],
      notJudged: [],
    });
  });

  it("complies with its published JSON Schema for any findings", () => {
    expect(schema.$id).toBe(ALERT_SCHEMA);
    fc.assert(
      fc.property(fc.array(anyFinding, { minLength: 1, maxLength: 5 }), (findings) => {
        for (const alert of alertsFor(findings, AT)) {
          validate(documentOf(alert));
          expect(validate.errors ?? []).toEqual([]);
        }
      }),
    );
  });

  it("has a schema that refuses other documents", () => {
    const document = documentOf(alertFor(findingOf()));
    for (const broken of [
      { ...document, findings: [] },
      { ...document, account: "1234" },
      { ...document, id: undefined },
      { ...document, more: 1 },
      { ...document, findings: [{ ...document.findings[0], severity: "urgent" }] },
      { ...document, findings: [{ ...document.findings[0], missing: "service" }] },
      { ...document, findings: [{ ...document.findings[0], tags: { Name: 1 } }] },
      { ...document, findings: [{ ...document.findings[0], ruleId: "two words" }] },
      { ...document, status: "open" },
    ]) {
      expect(validate(JSON.parse(JSON.stringify(broken)))).toBe(false);
    }
  });
});

describe("the rules that could not be judged", () => {
  const denied = "the credentials do not allow ec2:DescribeSecurityGroups";
  const unjudged = (changes: Partial<Unjudged> = {}): Unjudged => ({
    account: "123456789012",
    region: "us-east-1",
    instanceId: INSTANCE,
    ruleId: "open-ports",
    because: denied,
    ...changes,
  });

  it("are stated once in the document and in the e-mail, with the number of their instances", () => {
    const ids = instanceIds(3);
    const findings = ids.map((id) => findingOf({ instance: { instanceId: id } }));
    const [alert, ...others] = alertsFor(
      findings,
      AT,
      [...ids, ids[0] ?? ""].map((id) => unjudged({ instanceId: id })),
    );
    expect(others).toEqual([]);
    expect(alert?.document.notJudged).toEqual([{ ruleId: "open-ports", reason: denied, instances: 3 }]);
    expect(alert?.text.replaceAll(/\s+/g, " ")).toContain(`Not judged: open-ports on 3 instances, because ${denied}.`);
    expect(alert?.text.split("Not judged")).toHaveLength(2);
    validate(JSON.parse(JSON.stringify(alert?.document)));
    expect(validate.errors ?? []).toEqual([]);
  });

  it("do not name the number of one instance, and change neither the alert's id nor its subject", () => {
    const [alert] = alertsFor([findingOf()], AT, [unjudged()]);
    expect(alert?.text.replaceAll(/\s+/g, " ")).toContain(`Not judged: open-ports, because ${denied}.`);
    expect([alert?.id, alert?.subject]).toEqual([alertFor(findingOf()).id, alertFor(findingOf()).subject]);
  });

  it("are stated with the first of several reasons, without characters that forge a line", () => {
    const reasons = ["EC2 does not show sg-1\n\u202e", "EC2 does not show sg-2"];
    const [alert] = alertsFor(
      [findingOf()],
      AT,
      reasons.map((because) => unjudged({ because })),
    );
    expect(alert?.document.notJudged).toEqual([
      { ruleId: "open-ports", reason: "EC2 does not show sg-1  ", instances: 1 },
    ]);
  });

  it("cause no alert, and are not stated in the alert of another account or region", () => {
    expect(alertsFor([], AT, [unjudged()])).toEqual([]);
    const elsewhere = [unjudged({ region: "eu-west-1" }), unjudged({ account: "210987654321" })];
    expect(alertsFor([findingOf()], AT, elsewhere)[0]?.document.notJudged).toEqual([]);
  });

  it("are stated in the first part of a split alert only, and at most twenty of them", () => {
    const findings = instanceIds(500).map((id) => findingOf({ instance: { instanceId: id } }));
    const rules = Array.from({ length: 100 }, (_, index) =>
      unjudged({ ruleId: `rule-${index}`, because: "x".repeat(500) }),
    );
    const alerts = alertsFor(findings, AT, rules);
    expect(alerts.length).toBeGreaterThan(1);
    expect(alerts.map(({ document }) => document.notJudged.length)).toEqual([20, ...alerts.slice(1).map(() => 0)]);
    for (const alert of alerts) expect(bytesOf(alert)).toBeLessThanOrEqual(SNS_LIMIT);
  });
});

describe("the link of a rule", () => {
  const link = "https://example.com/rules#tags";

  it("is in the document, and in the e-mail after the remedy of its problem", () => {
    const alert = alertFor(findingOf({ link }));
    expect(alert.document.findings[0]?.link).toBe(link);
    expect(alert.text).toContain(`\nSee ${link}\n`);
    const other = findingOf({ ruleId: "owner", id: "b".repeat(32), requires: "owner" });
    const lines = alertFor(findingOf({ link }), other).text.split("\n");
    expect(lines.filter((line) => line.includes(link))).toEqual([`   See ${link}`]);
  });

  it("is in no e-mail of a rule without one", () => {
    expect(alertFor(findingOf()).text).not.toContain("See ");
  });
});

describe("the message attributes", () => {
  it("are the account, the region, the list of rule ids, the highest severity and the status", () => {
    const alert = alertFor(
      findingOf({ severity: "high" }),
      findingOf({ id: "b".repeat(32), ruleId: "instance-types", severity: "low" }),
      findingOf({ instance: { instanceId: instanceId(1) } }),
    );
    expect(alert.attributes).toEqual({
      account: { DataType: "String", StringValue: "123456789012" },
      region: { DataType: "String", StringValue: "us-east-1" },
      rules: { DataType: "String.Array", StringValue: '["required-tags","instance-types"]' },
      severity: { DataType: "String", StringValue: "high" },
      status: { DataType: "String", StringValue: "violating" },
    });
    expect(documentOf(alert).severity).toBe("high");
  });

  it.each(SEVERITIES)("have the severity %s when no finding is more severe", (severity) => {
    const milder = SEVERITIES.slice(0, SEVERITIES.indexOf(severity) + 1);
    const findings = milder.map((each, index) =>
      findingOf({ severity: each, instance: { instanceId: instanceId(index) } }),
    );
    for (const order of [findings, findings.toReversed()])
      expect(alertFor(...order).attributes.severity?.StringValue).toBe(severity);
  });
});

describe("the subject", () => {
  const named = (name: string) => ({ instance: { tags: new Map([["Name", name]]) } });

  it("states severity, instance, problem and region in its first sixty characters", () => {
    const { subject } = alertFor(findingOf({ ...named("test-alice"), requires: "owner,service" }));
    expect(subject).toBe("[MEDIUM] test-alice lacks tags owner, service (us-east-1, 123456789012)");
    expect(subject.slice(0, 60)).toContain("us-east-1");
  });

  it("contains the id of an instance without a name", () => {
    expect(alertFor(findingOf({ requires: "owner" })).subject).toBe(
      `[MEDIUM] ${INSTANCE} lacks tag owner (us-east-1, 123456789012)`,
    );
  });

  it("counts several instances", () => {
    const findings = instanceIds(50).map((id) => findingOf({ severity: "low", instance: { instanceId: id } }));
    expect(alertFor(...findings).subject).toBe("[LOW] 50 instances lack tags name, service (us-east-1, 123456789012)");
  });

  it("has the severity, the instance, the problem and the region in its first 60 characters", () => {
    const name = fc.string({ unit: "binary", maxLength: 80 });
    const region = fc.constantFrom("us-east-1", "ap-southeast-1", "us-gov-west-1");
    const severity = fc.constantFrom(...SEVERITIES);
    const keys = fc.array(fc.stringMatching(/^x[a-z]{1,12}$/), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(name, region, severity, keys, (Name, where, level, requires) => {
        const about = { region: where, severity: level, requires: requires.join(",") };
        const { subject } = alertFor(findingOf({ ...about, ...named(Name) }));
        const start = `\\[${level.toUpperCase()}\\] \\S.* lacks.* \\(${where}`;
        expect(subject.slice(0, 60)).toMatch(new RegExp(`^${start}`));
        expect(subject).toMatch(/^[!-~][ -~]{0,98}$/);
      }),
    );
  });

  it("states the most severe finding, and the number of other violated rules", () => {
    const findings = [
      findingOf({ ...named("web-1"), requires: "service" }),
      findingOf({ ...named("web-1"), requires: "owner", ruleId: "owner", id: "b".repeat(32), severity: "critical" }),
    ];
    expect(alertFor(...findings).subject).toBe("[CRITICAL] web-1 lacks tag owner (us-east-1, 123456789012), +1 rule");
    const other = findingOf({ instance: { instanceId: instanceId(1) } });
    expect(alertFor(...findings, other).subject).toBe(
      "[CRITICAL] web-1 lacks tag owner (us-east-1, 123456789012), +1 rule, 2 instances",
    );
  });

  it("names the rule when instances violate it in different ways", () => {
    const findings = ["owner", "service"].map((requires, index) =>
      findingOf({ requires, instance: { instanceId: instanceId(index) } }),
    );
    expect(alertFor(...findings).subject).toContain("[MEDIUM] 2 instances violate required-tags (");
  });

  it("states the number of keys that are too long for it", () => {
    const requires = Array.from({ length: 9 }, (_, index) => `a-long-key-${index}`).join();
    expect(alertFor(findingOf({ ...named("web-1"), requires })).subject).toContain("[MEDIUM] web-1 lacks 9 tags (");
  });

  it("contains the whole region and account after a long name", () => {
    const finding = findingOf({ ...named("n".repeat(256)), region: "ap-southeast-1", ruleId: "r".repeat(64) });
    expect(alertFor(finding).subject).toMatch(/n\.\.\. lacks tag service \(ap-southeast-1, 123456789012\)$/);
  });

  it.each([
    ["web-S\u00f6rver", "web-S?rver lacks"],
    ["\u90e8\u7f72", `${INSTANCE} lacks`],
    ["a\n[OK]", "a [OK] lacks"],
  ])("contains the name %j in ASCII, or the id if nothing of it would be left", (name, told) => {
    expect(alertFor(findingOf(named(name))).subject).toContain(`[MEDIUM] ${told}`);
  });

  it("is printable ASCII, has less than 100 characters and does not begin with a space, as SNS requires", () => {
    fc.assert(
      fc.property(fc.array(anyFinding, { minLength: 1, maxLength: 5 }), (findings) => {
        for (const { subject } of alertsFor(findings, AT)) expect(subject).toMatch(/^[!-~][ -~]{0,98}$/);
      }),
    );
    const many = Array.from({ length: 3000 }, (_, index) =>
      findingOf({ region: "ap-southeast-1", ruleId: `rule-${index}`, id: `${index}` }),
    );
    const longNamed = findingOf({ ruleId: "a-rule-".repeat(20) });
    for (const { subject } of [...alertsFor(many, AT), alertFor(longNamed)])
      expect(subject).toMatch(/^[!-~][ -~]{0,98}$/);
  });
});

describe("the text message", () => {
  const smsOf = (...findings: readonly Finding[]) => protocolsOf(alertFor(...findings)).sms ?? "";

  it("states severity, name and id of the instance, problem, region and account", () => {
    const tags = new Map([["Name", "web-1"]]);
    expect(smsOf(findingOf({ severity: "critical", requires: "owner", instance: { tags } }))).toBe(
      `CRITICAL web-1 lacks tag owner (us-east-1, 123456789012) ${INSTANCE}`,
    );
  });

  it("counts several instances", () => {
    const findings = instanceIds(3).map((id) => findingOf({ instance: { instanceId: id } }));
    const long = findingOf({ ruleId: "x".repeat(60) });
    const rule = { ...long, violation: { ...long.violation, summary: () => `fails: ${"y".repeat(120)}` } };
    expect(smsOf(rule)).toMatch(/^MEDIUM i-1234567890abcdef0 fails: y+\.\.\. \(us-east-1, 123456789012\)$/);
    expect(smsOf(...findings)).toBe("MEDIUM 3 instances lack tags name, service (us-east-1, 123456789012)");
  });

  it("has at most 140 bytes for any findings, so that it is sent in one part", () => {
    fc.assert(
      fc.property(
        fc.array(anyFinding, { minLength: 1, maxLength: 5 }),
        fc.string({ unit: "grapheme" }),
        (all, name) => {
          const named = findingOf({
            instance: { tags: new Map([["Name", name]]) },
            requires: "cost center, owner,team",
          });
          for (const alert of alertsFor([...all, named], AT)) expect(protocolsOf(alert).sms).toMatch(/^[ -~]{1,140}$/);
        },
      ),
    );
  });
});

describe("alertsFor", () => {
  it("returns one alert for each account and region", () => {
    const places = ["123456789012", "210987654321"].flatMap((account) =>
      ["us-east-1", "eu-west-1"].map((region) => ({ account, region })),
    );
    const findings = places.flatMap((place, index) =>
      ["Mateo", "Auto Scaling group web", null].map((launchedBy, each) =>
        findingOf({ ...place, launchedBy, instance: { instanceId: instanceId(3 * index + each) } }),
      ),
    );
    const alerts = alertsFor(findings, AT).map(documentOf);
    expect(alerts.map(({ account, region }) => ({ account, region }))).toEqual(places);
    expect(alerts.every((alert) => alert.findings.length === 3)).toBe(true);
  });

  it.each([
    ["the common launcher", ["Mateo", "Mateo"], "Mateo"],
    ["null for several", ["Mateo", "Auto Scaling group web"], null],
    ["null if some are unknown", ["Mateo", null], null],
  ])("names as the launcher of an alert %s, and in each finding its own", (_, launchers, launchedBy) => {
    const findings = launchers.map((each, index) =>
      findingOf({ launchedBy: each, instance: { instanceId: instanceId(index) } }),
    );
    const document = documentOf(alertFor(...findings));
    expect(document.launchedBy).toBe(launchedBy);
    expect(document.findings.map((finding: Finding) => finding.launchedBy)).toEqual(launchers);
  });

  it("orders findings by severity, the most severe first, then by instance", () => {
    const [a = "", b = "", c = ""] = instanceIds(3);
    const found = [
      [a, "low"],
      [b, "critical"],
      [a, "critical"],
      [c, "high"],
    ] as const;
    const findings = found.map(([id, severity], index) =>
      findingOf({ id: `${index}`.repeat(32), ruleId: `r${index}`, severity, instance: { instanceId: id } }),
    );
    const told = (of: readonly Finding[]) =>
      documentOf(alertFor(...of)).findings.map((finding: Finding & { instanceId: string }) => [
        finding.instanceId,
        finding.severity,
      ]);
    const order = [
      [a, "critical"],
      [b, "critical"],
      [c, "high"],
      [a, "low"],
    ];
    expect(told(findings)).toEqual(order);
    expect(told(findings.toReversed())).toEqual(order);
  });

  it("reports a duplicate finding once", () => {
    expect(documentOf(alertFor(findingOf(), findingOf())).findings).toHaveLength(1);
  });

  it("hides a secret in a tag, from people and programs", () => {
    const alert = alertFor(findingOf({ instance: { tags: new Map([["key", "AKIAIOSFODNN7EXAMPLE"]]) } }));
    expect(alert.message).not.toContain("AKIA");
    expect(documentOf(alert).findings[0].tags).toEqual({ key: "(hidden: an AWS access key id)" });
  });

  it("returns no alert for no findings", () => {
    expect(alertsFor([], AT)).toEqual([]);
  });

  it("groups messages for FIFO topics by account and region", () => {
    expect(alertFor(findingOf()).group).toBe("123456789012-us-east-1");
  });
});

describe("findingDocuments", () => {
  it("returns the findings of the alert's document, in their order, with cleaned texts and hidden secrets", () => {
    const tags = new Map([
      ["Name", "web\u001b[2J"],
      ["token", "AKIAIOSFODNN7EXAMPLE"],
    ]);
    const findings = [1, 2].map((id) => findingOf({ id: `${id}`, instance: { instanceId: instanceId(id), tags } }));
    expect(findingDocuments(findings)).toEqual(alertFor(...findings).document.findings);
    expect(findingDocuments(findings)[1]).toMatchObject({
      id: "2",
      name: "web [2J",
      tags: { token: "(hidden: an AWS access key id)" },
    });
  });
});

describe("the id of an alert", () => {
  const findings = instanceIds(3).map((id) => findingOf({ instance: { instanceId: id } }));

  it("is the same for the same findings, at any time and in any order", () => {
    const [later] = alertsFor(findings.toReversed(), AT + 60_000);
    expect(later?.id).toBe(alertFor(...findings).id);
    expect(later?.id).toBe(documentOf(alertFor(...findings)).id);
  });

  it("is different for other findings, another launcher, or another occasion", () => {
    const [first, ...others] = findings;
    if (first === undefined) throw new Error("no findings");
    const ids = [
      findings,
      others,
      [{ ...first, launchedBy: null }, ...others],
      [{ ...first, occasion: "2021-11-11T21:40:00.000Z" }, ...others],
    ].map((each) => alertFor(...each).id);
    expect(new Set(ids).size).toBe(4);
  });

  it("is the same for the parts of a split message, in any order of the findings", () => {
    const many = instanceIds(400).map((id) => findingOf({ instance: { instanceId: id } }));
    const ids = (of: readonly Finding[]) =>
      alertsFor(of, AT)
        .map(({ id }) => id)
        .sort();
    expect(ids(many).length).toBeGreaterThan(1);
    expect(ids(many.toReversed())).toEqual(ids(many));
    expect(ids([...many.slice(130), ...many.slice(0, 130)])).toEqual(ids(many));
  });
});

describe("the SNS limit of 256 KiB", () => {
  /** Ten tags, as on an instance of an Auto Scaling group and a stack. */
  const TEN_TAGS = new Map([
    ["Name", "shop-checkout-web-prod"],
    ["team", "payments"],
    ["env", "production"],
    ["cost-center", "4711-0815"],
    ["CreatedBy", "arn:aws:iam::123456789012:user/Mateo"],
    ["aws:autoscaling:groupName", "shop-checkout-web-AutoScalingGroup-1XQ2Z3Y4W5V6U"],
    ["aws:cloudformation:stack-name", "shop-checkout-web"],
    ["aws:cloudformation:logical-id", "AutoScalingGroup"],
    ["aws:ec2launchtemplate:id", "lt-0a1b2c3d4e5f67890"],
    ["aws:ec2launchtemplate:version", "17"],
  ]);
  /** Fifty tags of the largest size that EC2 accepts. */
  const BIG_TAGS = new Map(
    Array.from({ length: 50 }, (_, index) => [`${index}`.padEnd(128, "k"), '"'.repeat(256)] as const),
  );

  it.each([100, 150])("is not reached by %i instances with ten tags each", (count) => {
    const findings = instanceIds(count).map((id) =>
      findingOf({
        requires: "owner,service",
        launchedBy: "Auto Scaling group shop-checkout-web-AutoScalingGroup-1XQ2Z3Y4W5V6U",
        instance: {
          instanceId: id,
          tags: TEN_TAGS,
          publicIp: "203.0.113.7",
          instanceProfile: "arn:aws:iam::123456789012:instance-profile/shop-checkout-web",
        },
      }),
    );
    expect(bytesOf(alertFor(...findings))).toBeLessThan(SNS_LIMIT);
  });

  it("splits an alert into no more messages than its size requires", () => {
    const ids = instanceIds(500);
    const alerts = alertsFor(
      ids.map((id) => findingOf({ instance: { instanceId: id } })),
      AT,
    );
    expect(Math.ceil(alerts.reduce((sum, alert) => sum + bytesOf(alert), 0) / SNS_LIMIT)).toBe(3);
    expect(alerts).toHaveLength(3);
  });

  it("splits and never cuts: each finding is in exactly one message, and each message fits", () => {
    const sizes = fc.record({
      count: fc.integer({ min: 1, max: 400 }),
      rules: fc.integer({ min: 1, max: 3 }),
      tags: fc.constantFrom(
        new Map([["Name", "web-1"]]),
        new Map([["Name", "\u{1f6d2}".repeat(128)]]),
        TEN_TAGS,
        BIG_TAGS,
      ),
    });
    fc.assert(
      fc.property(sizes, ({ count, rules, tags }) => {
        const ids = instanceIds(tags === BIG_TAGS ? Math.ceil(count / 20) : count);
        const findings = ids.flatMap((id) =>
          Array.from({ length: rules }, (_, rule) =>
            findingOf({
              id: `${id}-${rule}`,
              ruleId: `r${rule}`,
              requires: "owner",
              instance: { instanceId: id, tags },
            }),
          ),
        );
        const alerts = alertsFor(findings, AT);
        expect(idsIn(alerts).sort()).toEqual(findings.map(({ id }) => id).sort());
        for (const alert of alerts) expect(bytesOf(alert)).toBeLessThanOrEqual(SNS_LIMIT);
        const total = alerts.reduce((sum, alert) => sum + bytesOf(alert), 0);
        expect(alerts.length).toBeLessThanOrEqual(Math.max(1, (4 * total) / SNS_LIMIT));
      }),
      { numRuns: 10 },
    );
  });

  it("does not split the findings of an instance that fit into one message", () => {
    const findings = instanceIds(150).flatMap((id) =>
      [0, 1].map((rule) =>
        findingOf({
          id: `${id}-${rule}`,
          ruleId: `r${rule}`,
          severity: rule === 0 ? "critical" : "low",
          requires: "owner",
          instance: { instanceId: id, tags: TEN_TAGS },
        }),
      ),
    );
    const alerts = alertsFor(findings, AT).map(documentOf);
    expect(alerts.length).toBeGreaterThan(1);
    for (const { findings: own } of alerts) {
      expect(new Set(own.map((each: { instanceId: string }) => each.instanceId)).size).toBe(own.length / 2);
    }
  });

  it("leaves in each alert the findings of its document", () => {
    const findings = instanceIds(500).map((id) => findingOf({ instance: { instanceId: id } }));
    for (const alert of alertsFor(findings, AT)) {
      expect(documentOf(alert).findings.map(({ id }: Finding) => id)).toEqual(alert.findings.map(({ id }) => id));
    }
  });

  it.each([
    ["50 keys of 128 letters", "k"],
    ["50 keys of 128 quotes", '"'],
    ["50 keys of 128 Chinese characters", "部"],
    ["50 keys of 64 emoji", "🛒"],
  ])("is not reached by one instance, even when a policy requires %s", (_, character) => {
    const keys = Array.from({ length: 50 }, (_, index) =>
      `${index}-`.padEnd(128, character).slice(0, character === "🛒" ? 127 : 128),
    );
    // A policy whose alert would not fit is refused when it is read.
    const instance = { tags: new Map([...BIG_TAGS].slice(1)) };
    const findings = "policy" in policyOfTags(keys.join()) ? [findingOf({ requires: keys.join(), instance })] : [];
    for (const alert of alertsFor(findings, AT)) {
      expect(bytesOf(alert)).toBeLessThanOrEqual(SNS_LIMIT);
    }
  });
});

const foreign = fc.string({ unit: "grapheme", maxLength: 256 });
const anyFinding = fc
  .record({
    instance: fc.integer({ min: 1, max: 9 }).map(instanceId),
    launchedBy: fc.option(foreign),
    severity: fc.constantFrom(...SEVERITIES),
    region: fc.constantFrom("us-east-1", "ap-southeast-1", "cn-north-1", "us-gov-west-1"),
    name: fc.option(foreign),
    keyName: fc.option(foreign),
    requires: fc.constantFrom("name,service", "部署,🛒", `"<&>`, "__proto__"),
  })
  .map(({ instance, name, keyName, ...rest }) => {
    const tags = new Map(name === null ? [] : [["nick", name]]);
    return findingOf({ ...rest, instance: { instanceId: instance, keyName, tags } });
  });
