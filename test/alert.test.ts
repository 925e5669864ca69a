import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import schema from "../src/alert.schema.json";
import { ALERT_SCHEMA, type Alert, alertsFor } from "../src/alert.ts";
import type { Finding } from "../src/auditor.ts";
import { policyOfTags } from "../src/policy.ts";
import { SEVERITIES } from "../src/rules/rule.ts";
import { AT, INSTANCE, instanceId, instanceIds } from "./support/events.ts";
import { findingOf } from "./support/findings.ts";

const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
addFormats.default(ajv);
const validate = ajv.compile(schema);

const SNS_LIMIT = 262_144;
const TEXTS = ["default", "email"] as const;
const DOCUMENTS = ["sqs", "lambda", "http", "https", "firehose"] as const;

/** The one alert for some findings. */
function alertFor(...findings: readonly Finding[]): Alert {
  const [alert, ...others] = alertsFor(findings, AT);
  if (alert === undefined || others.length > 0) throw new Error(`${others.length + 1} alerts`);
  return alert;
}
const protocolsOf = (alert: Alert): Record<string, string> => JSON.parse(alert.message);
const textOf = (alert: Alert) => protocolsOf(alert).email ?? "";
const smsOf = (alert: Alert) => protocolsOf(alert).sms ?? "";
const documentOf = (alert: Alert) => JSON.parse(protocolsOf(alert).sqs ?? "");
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

describe("what a person reads", () => {
  test("is what is wrong, where, who launched it, what to do, and a link to it", () => {
    const text = textOf(alertFor(findingOf({ instance: { tags: new Map([["Name", "web-1"]]) } })));
    expect(text.split("\n")).toEqual([
      "EC2 audit: 1 instance breaks required-tags in us-east-1.",
      "",
      "Account      123456789012",
      "Region       us-east-1",
      "Launched by  arn:aws:iam::123456789012:user/Mateo",
      "Found at     2021-11-11T21:29:54.000Z",
      "",
      "What is wrong, and what to do:",
      "",
      `  ${INSTANCE} ("web-1", t3.micro, us-east-1a, ami-0abcdef1234567890, key my-key-pair, launched 2021-11-11T21:29:50.000Z)`,
      '    required-tags (medium): the tag "service" is missing',
      `    aws ec2 create-tags --region us-east-1 --resources ${INSTANCE} --tags Key=service,Value=<value>`,
      `    https://console.aws.amazon.com/ec2/home?region=us-east-1#InstanceDetails:instanceId=${INSTANCE}`,
      "",
      "An instance that should not be there: terminate it.",
    ]);
  });

  test("is the same by email and wherever nothing else is said", () => {
    const { default: fallback, email } = protocolsOf(alertFor(findingOf()));
    expect(fallback).toBe(email);
  });

  test("says so when it is not known who launched it, and leaves out what is not known of the instance", () => {
    const unknown = { instanceType: null, availabilityZone: null, imageId: null, keyName: null, launchTime: null };
    const text = textOf(alertFor(findingOf({ launchedBy: null, instance: unknown })));
    expect(text).toContain("Launched by  not known from this event");
    expect(text).toContain(`\n  ${INSTANCE}\n`);
  });

  test("names an instance once, with each rule that it breaks", () => {
    const text = textOf(
      alertFor(findingOf(), findingOf({ id: "b".repeat(32), ruleId: "instance-types", severity: "critical" })),
    );
    expect(text.split(`  ${INSTANCE} (`)).toHaveLength(2);
    expect(text).toContain("1 instance breaks 2 rules in us-east-1");
    expect(text).toMatch(/required-tags \(medium\).*\n.*\n +instance-types \(critical\)/);
  });

  test.each([
    ["us-east-1", "https://console.aws.amazon.com/ec2/home?region=us-east-1#"],
    ["cn-north-1", "https://console.amazonaws.cn/ec2/home?region=cn-north-1#"],
    ["us-gov-west-1", "https://console.amazonaws-us-gov.com/ec2/home?region=us-gov-west-1#"],
  ])("links to the console of the partition that %s is in", (region, link) => {
    const alert = alertFor(findingOf({ region }));
    expect(textOf(alert)).toContain(link);
    expect(documentOf(alert).findings[0].consoleUrl).toContain(link);
  });

  test("keeps foreign text on its line: names, tags, keys and launchers cannot forge another", () => {
    const line = fc.string({ unit: "binary", maxLength: 60 });
    const nasty = fc.constantFrom("\n", "\r\n", "\u2028", "\u2029", "\u0085", "\u202e", "\u0000", "\u001b[31m");
    const foreign = fc.tuple(line, nasty, line).map((parts) => parts.join(""));
    const lines = (alert: Alert) => textOf(alert).split(/\r\n|[\n\r\u0085\u2028\u2029]/);
    const plain = lines(alertFor(findingOf({ instance: { tags: new Map([["Name", "x"]]) } }))).length;
    fc.assert(
      fc.property(foreign, foreign, foreign, (name, launchedBy, keyName) => {
        const alert = alertFor(findingOf({ launchedBy, instance: { keyName, tags: new Map([["Name", name]]) } }));
        expect(lines(alert)).toHaveLength(plain);
        expect(textOf(alert).replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
        expect(smsOf(alert)).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
      }),
    );
  });

  test("keeps emoji, quotes and markup as they are", () => {
    const name = `🛒 "<&>'`;
    expect(textOf(alertFor(findingOf({ instance: { tags: new Map([["Name", name]]) } })))).toContain(`("${name}",`);
  });
});

describe("a text message", () => {
  test("says which instance, where, and what is wrong", () => {
    expect(smsOf(alertFor(findingOf({ requires: "service" })))).toBe(
      `EC2 audit 123456789012: ${INSTANCE} in us-east-1: the tag "service" is missing`,
    );
  });

  test("of several findings says how many instances", () => {
    const findings = instanceIds(3).map((id) => findingOf({ instance: { instanceId: id } }));
    expect(smsOf(alertFor(...findings))).toBe("EC2 audit 123456789012: 3 instances break required-tags in us-east-1");
  });

  test("has 140 bytes at most, and is cut between characters with dots to show it", () => {
    const key = fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 60 })
      .filter((text) => text.trim() !== "" && !text.includes(","));
    fc.assert(
      fc.property(fc.array(key, { minLength: 1, maxLength: 20 }), (keys) => {
        const sms = smsOf(alertFor(findingOf({ requires: keys.join() })));
        expect(Buffer.byteLength(sms)).toBeLessThanOrEqual(140);
        expect(Buffer.from(sms).toString()).toBe(sms);
        const whole = sms.endsWith(" missing");
        expect(whole || sms.endsWith("...")).toBe(true);
        if (!whole) expect(Buffer.byteLength(sms)).toBeGreaterThan(140 - 3 - 4);
      }),
    );
  });
});

describe("what a program reads", () => {
  test("is one JSON document, the same by every protocol", () => {
    const protocols = protocolsOf(alertFor(findingOf()));
    expect(Object.keys(protocols).sort()).toEqual([...TEXTS, ...DOCUMENTS, "sms"].sort());
    expect(new Set(DOCUMENTS.map((protocol) => protocols[protocol])).size).toBe(1);
  });

  test("holds the finding and what is known of its instance", () => {
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
      findings: [
        {
          id: finding.id,
          dedupKey: finding.dedupKey,
          instanceId: INSTANCE,
          rule: "required-tags",
          ruleId: "required-tags",
          severity: "medium",
          message: 'the tag "service" is missing',
          missing: ["service"],
          blank: [],
          name: "web-1",
          state: "running",
          instanceType: "t3.micro",
          imageId: "ami-0abcdef1234567890",
          keyName: "my-key-pair",
          availabilityZone: "us-east-1a",
          vpcId: "vpc-0a1b2c3d4e5f67890",
          privateIp: "10.0.0.157",
          launchTime: "2021-11-11T21:29:50.000Z",
          firstLaunchTime: "2021-11-11T21:29:50.000Z",
          consoleUrl: `https://console.aws.amazon.com/ec2/home?region=us-east-1#InstanceDetails:instanceId=${INSTANCE}`,
        },
      ],
    });
  });

  test("is as its published JSON Schema says, whatever is found", () => {
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

  test("the schema would tell a document that is not like that", () => {
    const document = documentOf(alertFor(findingOf()));
    for (const broken of [
      { ...document, findings: [] },
      { ...document, account: "1234" },
      { ...document, id: undefined },
      { ...document, more: 1 },
      { ...document, findings: [{ ...document.findings[0], severity: "urgent" }] },
      { ...document, findings: [{ ...document.findings[0], missing: "service" }] },
    ]) {
      expect(validate(JSON.parse(JSON.stringify(broken)))).toBe(false);
    }
  });
});

describe("what subscribers filter by", () => {
  test("is the account, the region, the rules' ids as a list, the gravest severity and the status", () => {
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

  test.each(SEVERITIES)("the gravest severity is %s when nothing is worse", (severity) => {
    const milder = SEVERITIES.slice(0, SEVERITIES.indexOf(severity) + 1);
    const findings = milder.map((each, index) =>
      findingOf({ severity: each, instance: { instanceId: instanceId(index) } }),
    );
    for (const order of [findings, findings.toReversed()])
      expect(alertFor(...order).attributes.severity?.StringValue).toBe(severity);
  });
});

describe("the subject", () => {
  test("says that there is something to do, what and where", () => {
    expect(alertFor(findingOf()).subject).toBe(
      "[ACTION-REQUIRED] EC2 audit: 1 instance breaks required-tags in us-east-1 (123456789012)",
    );
  });

  test("is printable ASCII, under 100 characters and begins with a letter, number or mark, as SNS asks", () => {
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

describe("the findings of a batch", () => {
  test("are one alert for each account, region and launcher", () => {
    const places = ["123456789012", "210987654321"].flatMap((account) =>
      ["us-east-1", "eu-west-1"].flatMap((region) =>
        ["Mateo", "Auto Scaling group web", null].map((launchedBy) => ({ account, region, launchedBy })),
      ),
    );
    const findings = places.flatMap((place, index) =>
      [0, 1].map((twin) => findingOf({ ...place, instance: { instanceId: instanceId(2 * index + twin) } })),
    );
    const alerts = alertsFor(findings, AT);
    expect(alerts.map(documentOf).map(({ account, region, launchedBy }) => ({ account, region, launchedBy }))).toEqual(
      places,
    );
    expect(alerts.every((alert) => documentOf(alert).findings.length === 2)).toBe(true);
  });

  test("a launcher that is called null is not nobody", () => {
    const findings = ["null", null].map((launchedBy, index) =>
      findingOf({ launchedBy, instance: { instanceId: instanceId(index) } }),
    );
    expect(alertsFor(findings, AT)).toHaveLength(2);
  });

  test("a burst of fifty instances of one Auto Scaling group is one message", () => {
    const findings = instanceIds(50).map((id) =>
      findingOf({ launchedBy: "Auto Scaling group web", instance: { instanceId: id } }),
    );
    expect(alertFor(...findings).subject).toContain("50 instances break required-tags");
  });

  test("one that is found twice is told once", () => {
    expect(documentOf(alertFor(findingOf(), findingOf())).findings).toHaveLength(1);
  });

  test("none are no alert", () => {
    expect(alertsFor([], AT)).toEqual([]);
  });

  test("a FIFO topic keeps the order of an account's region", () => {
    expect(alertFor(findingOf()).group).toBe("123456789012-us-east-1");
  });
});

describe("the id of an alert", () => {
  const findings = instanceIds(3).map((id) => findingOf({ instance: { instanceId: id } }));

  test("is the same for the same findings, at any time and in any order", () => {
    const [later] = alertsFor(findings.toReversed(), AT + 60_000);
    expect(later?.id).toBe(alertFor(...findings).id);
    expect(later?.id).toBe(documentOf(alertFor(...findings)).id);
  });

  test("is another for other findings", () => {
    expect(alertFor(...findings).id).not.toBe(alertFor(...findings.slice(1)).id);
  });

  test("stays the same for the parts of a message that is split, in whatever order the findings are brought again", () => {
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

describe("a message over SNS's 256 KiB", () => {
  test("is split and never cut: every finding is in exactly one message, and each message fits", () => {
    const sizes = fc.record({
      count: fc.integer({ min: 1, max: 800 }),
      name: fc.constantFrom("web-1", "🛒".repeat(128), `"`.repeat(256)),
    });
    fc.assert(
      fc.property(sizes, ({ count, name }) => {
        const findings = instanceIds(count).map((id) =>
          findingOf({ instance: { instanceId: id, tags: new Map([["Name", name]]) } }),
        );
        const alerts = alertsFor(findings, AT);
        expect(idsIn(alerts).sort()).toEqual(findings.map(({ id }) => id).sort());
        for (const alert of alerts) expect(bytesOf(alert)).toBeLessThanOrEqual(SNS_LIMIT);
        const total = alerts.reduce((sum, alert) => sum + bytesOf(alert), 0);
        expect(alerts.length).toBeLessThanOrEqual(Math.max(1, (4 * total) / SNS_LIMIT));
      }),
      { numRuns: 8 },
    );
  });

  test("holds what the alert says it holds: its findings are those of its document", () => {
    const findings = instanceIds(500).map((id) => findingOf({ instance: { instanceId: id } }));
    for (const alert of alertsFor(findings, AT)) {
      expect(documentOf(alert).findings.map(({ id }: Finding) => id)).toEqual(alert.findings.map(({ id }) => id));
    }
  });

  test.each([
    ["50 keys of 128 letters", "k"],
    ["50 keys of 128 quotes", '"'],
    ["50 keys of 128 Chinese characters", "部"],
    ["50 keys of 64 emoji", "🛒"],
  ])("does not come of one instance, even when a policy asks %s of it", (_, character) => {
    const keys = Array.from({ length: 50 }, (_, index) =>
      `${index}-`.padEnd(128, character).slice(0, character === "🛒" ? 127 : 128),
    );
    // A policy that no alert can tell is better refused when it is read than when an instance breaks it.
    const findings = "policy" in policyOfTags(keys.join()) ? [findingOf({ requires: keys.join() })] : [];
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
