import { SNSClient } from "@aws-sdk/client-sns";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { publish } from "../../src/alerts/publish.ts";
import schema from "../../src/fleet/digest.schema.json";
import { type Digest, digestOf } from "../../src/fleet/digest.ts";
import { DIGEST_SCHEMA, type Swept } from "../../src/fleet/digest-document.ts";
import type { Groups } from "../../src/fleet/groups.ts";
import type { SweepSums } from "../../src/fleet/sweep-sums.ts";
import { SEVERITIES } from "../../src/policy/rule.ts";
import { mockSns } from "../support/aws.ts";
import { configOf, FOUR_SECRETS } from "../support/config.ts";
import { REGION } from "../support/events.ts";
import { policyOf } from "../support/policy.ts";
import {
  ACCOUNT,
  DENIED,
  exemptUntil,
  groupsOf,
  MEMBER,
  MONDAY,
  SATURDAY,
  sumsOf,
  sweptOf,
  TROUBLED,
  worstOf,
} from "./sweeps.ts";

const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
addFormats.default(ajv);
const validate = ajv.compile(schema);

const SNS_LIMIT = 262_144;

/** The digest of a sweep that has one. */
function digestFor(changes: Parameters<typeof sweptOf>[0] = {}): Digest {
  const digest = digestOf(sweptOf(changes));
  if (digest === null) throw new Error("no digest");
  return digest;
}
const protocolsOf = (digest: Digest): Record<string, string> => JSON.parse(digest.message);
const documentOf = (digest: Digest) => JSON.parse(protocolsOf(digest).default ?? "");

/** Counts of instances; each violation is one finding. */
const countsOf = (compliant: number, violating: number, notJudged = 0): SweepSums["counts"] => ({
  instances: compliant + violating + notJudged,
  compliant,
  violating,
  notJudged,
  findings: violating,
});
const NONE = { low: 0, medium: 0, high: 0, critical: 0 };
const UNREAD = { account: ACCOUNT, region: "eu-west-1", status: "denied", reason: DENIED } as const;
const unjudged = { image: { instances: 38, reason: "the credentials do not allow ec2:DescribeInstanceImageMetadata" } };
const oneUnread = { complete: 16, unread: [UNREAD], unreadCount: 1 };
const nothingRead = { complete: 0, unread: [{ ...UNREAD, region: "*" }], unreadCount: 1 };

describe("when there is a digest", () => {
  it.each([
    ["Sunday", "2026-11-29T23:59:59Z", false],
    ["Monday", "2026-11-30T00:00:00Z", true],
    ["Monday", "2026-11-30T23:59:59Z", true],
    ["Tuesday", "2026-12-01T00:00:00Z", false],
    ["Wednesday", "2026-12-02T06:00:00Z", false],
    ["Thursday", "2026-12-03T06:00:00Z", false],
    ["Friday", "2026-12-04T06:00:00Z", false],
    ["Saturday", "2026-12-05T06:00:00Z", false],
  ])("if nothing is wrong: on %s %s: %s", (_, scheduledAt, expected) => {
    expect(digestOf(sweptOf({ scheduledAt })) !== null).toBe(expected);
  });

  it("by the scheduled time, also if the sweep ends on another day", () => {
    expect(
      digestOf(sweptOf({ scheduledAt: "2026-11-30T23:50:00Z", now: Date.parse("2026-12-01T00:05:00Z") })),
    ).not.toBeNull();
    expect(
      digestOf(sweptOf({ scheduledAt: "2026-11-29T23:50:00Z", now: Date.parse("2026-11-30T00:05:00Z") })),
    ).toBeNull();
  });

  it.each<[string, Partial<SweepSums>]>([
    ["an instance violates the policy", { counts: countsOf(1_199, 1) }],
    ["one of two does not wait for its tags", { counts: countsOf(1_198, 2), settling: 1 }],
    ["a place was not read", { places: oneUnread }],
    ["a rule was not judged", { notJudged: unjudged }],
  ])("on any day if %s", (_, changes) => {
    expect(digestOf(sweptOf({ scheduledAt: SATURDAY, sums: sumsOf(changes) }))).not.toBeNull();
  });

  it("on no other day if the only violations are of instances whose tags may still arrive", () => {
    expect(digestOf(sweptOf({ sums: sumsOf({ counts: countsOf(1_198, 2), settling: 2 }) }))).toBeNull();
  });

  it.each([
    ["2026-11-27", false],
    ["2026-11-28", true],
    ["2026-12-11", true],
    ["2026-12-12", false],
  ])("on 28 November if an exemption ends on %s: %s", (until, expected) => {
    expect(digestOf(sweptOf({ scheduledAt: SATURDAY, policy: exemptUntil(until) })) !== null).toBe(expected);
  });
});

describe("the answer of a digest", () => {
  const criticalOlder = {
    older: { ...NONE, medium: 18, critical: 2 },
    ages: { week: 0, month: 1, more: 19, unknown: 0 },
  };

  it.each<[string, Parameters<typeof sweptOf>[0], string, string[]]>([
    [
      "new instances violate the policy, and start with the worst",
      { sums: TROUBLED },
      "EC2 audit (3 accounts): 94.1 % compliant, 41 new instances violate, 3 places not read",
      [
        "41 new instances violate the policy, 12 of them CRITICAL or HIGH.",
        "Start with web-admin-2 (CRITICAL): the world (0.0.0.0/0) reaches TCP",
        "port 22 through sg-0a1b2c3d4e5f67890 (web-admin).",
        "3 places were not read.",
      ],
    ],
    [
      "only older ones do, and start with the most severe rule",
      {
        sums: sumsOf({
          counts: countsOf(1_180, 20),
          rules: { "required-tags": 19, "open-ports": 2 },
          ...criticalOlder,
        }),
      },
      "EC2 audit (123456789012): 98.3 % compliant, 20 instances violate, none new",
      [
        "No new instance violates the policy, but 20 older ones do, 2 of them",
        "CRITICAL or HIGH.",
        "Start with the rule open-ports (CRITICAL), which 2 instances violate.",
      ],
    ],
    [
      "one new instance does, but an older one is worse",
      {
        sums: sumsOf({
          counts: countsOf(1_179, 21),
          rules: { "required-tags": 20, "open-ports": 2 },
          fresh: { ...NONE, low: 1 },
          worst: [worstOf({ severity: "low", ruleId: "required-tags" })],
          ...criticalOlder,
        }),
      },
      "EC2 audit (123456789012): 98.2 % compliant, 1 new instance violates",
      ["1 new instance violates the policy.", "Start with the rule open-ports (CRITICAL), which 2 instances violate."],
    ],
    [
      "nothing is wrong",
      { scheduledAt: MONDAY },
      "EC2 audit (123456789012): all 1,200 instances comply",
      ["All 1,200 instances comply with the policy.", "There is nothing to do."],
    ],
    [
      "there are no instances",
      { scheduledAt: MONDAY, sums: sumsOf({ counts: countsOf(0, 0), accounts: groupsOf() }) },
      "EC2 audit (123456789012): no instances",
      [
        "There are no instances in the 17 places that were read.",
        "If there should be some, check the accounts and regions of the sweep.",
      ],
    ],
    [
      "nothing could be read",
      { sums: sumsOf({ counts: countsOf(0, 0), accounts: groupsOf(), places: nothingRead }) },
      "EC2 audit (123456789012): no place could be read",
      [
        "No place could be read, so nothing is known.",
        "Start with 123456789012 (all regions): the credentials do not allow",
        "ec2:DescribeInstances.",
      ],
    ],
    [
      "a place could not be read",
      { sums: sumsOf({ places: oneUnread }) },
      "EC2 audit (123456789012): all 1,200 instances comply, 1 place not read",
      [
        "All 1,200 instances that were read comply with the policy.",
        "Start with 123456789012 eu-west-1: the credentials do not allow",
        "ec2:DescribeInstances.",
        "1 place was not read.",
      ],
    ],
    [
      "some instances could not be judged",
      { sums: sumsOf({ counts: countsOf(1_162, 0, 38), notJudged: unjudged }) },
      "EC2 audit (123456789012): all 1,162 judged instances comply, 38 not judged",
      [
        "All 1,162 judged instances comply with the policy.",
        "Start with the rule image, which was not judged on 38 instances: the",
        "credentials do not allow ec2:DescribeInstanceImageMetadata.",
      ],
    ],
    [
      "no instance could be judged",
      { sums: sumsOf({ counts: countsOf(0, 0, 38), notJudged: unjudged }) },
      "EC2 audit (123456789012): 38 instances, none judged",
      [
        "No instance could be judged.",
        "Start with the rule image, which was not judged on 38 instances: the",
        "credentials do not allow ec2:DescribeInstanceImageMetadata.",
      ],
    ],
    [
      "an exemption ends",
      { policy: exemptUntil("2026-12-08") },
      "EC2 audit (123456789012): all 1,200 instances comply",
      [
        "All 1,200 instances comply with the policy.",
        "Decide whether to renew the exemption that ends on 8 Dec 2026: EKS nodes",
        "need hop limit 2.",
      ],
    ],
    [
      "the only instance violates the policy",
      {
        sums: sumsOf({
          counts: countsOf(0, 1),
          fresh: { ...NONE, high: 1 },
          worst: [worstOf({ severity: "high", name: null })],
        }),
      },
      "EC2 audit (123456789012): the only instance violates the policy",
      [
        "The only instance violates the policy.",
        "Start with i-0f6b1d6ad35346607 (HIGH): the world (0.0.0.0/0) reaches TCP",
        "port 22 through sg-0a1b2c3d4e5f67890 (web-admin).",
      ],
    ],
    [
      "the only instance complies",
      { scheduledAt: MONDAY, sums: sumsOf({ counts: countsOf(1, 0) }) },
      "EC2 audit (123456789012): the only instance complies with the policy",
      ["The only instance complies with the policy.", "There is nothing to do."],
    ],
  ])("is that %s", (_, changes, subject, opening) => {
    const digest = digestFor(changes);
    expect(digest.subject).toBe(subject);
    expect(digest.text.split("\n\n")[0]?.split("\n")).toEqual(opening);
  });

  it("is also the text message, which says how many new instances are CRITICAL or HIGH", () => {
    expect(protocolsOf(digestFor({ sums: TROUBLED })).sms).toBe(
      "EC2 audit (3 accounts): 94.1 % compliant, 41 new instances violate, 12 of them CRITICAL or HIGH, 3 places not read",
    );
  });
});

describe("the e-mail of a digest", () => {
  it("lists at most five of each, and how many more there are", () => {
    const sixOf = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
    const { text } = digestFor({
      sums: sumsOf({
        counts: countsOf(0, 1_200),
        fresh: { ...NONE, medium: 30 },
        worst: sixOf(7).map((n) => worstOf({ instanceId: `i-${n}`, name: `web-${n}` })),
        owners: groupsOf(...sixOf(8).map((n): [string, number, number] => [`team-${n}`, 100, 50 - n])),
        places: {
          complete: 1,
          unread: sixOf(7).map((n) => ({ ...UNREAD, region: `eu-west-${n}` })),
          unreadCount: 60,
        },
        notJudged: Object.fromEntries(sixOf(8).map((n) => [`rule-${n}`, { instances: 9, reason: "denied" }])),
      }),
    });
    expect(text).toContain("  web-5, i-5\n");
    expect(text).not.toContain("web-6");
    expect(text).toContain("\n  and 25 more\n");
    expect(text).toContain("\n   45  team-5\n  129  other owners\n");
    expect(text).toContain(", eu-west-5\n      and 2 more\n  53  more\n");
    expect(text).toContain("\n  9  rule-5: denied\n     and 3 more\n");
  });

  it("lists an instance once with its findings, and its region only if there is one account", () => {
    const { text } = digestFor({
      sums: sumsOf({
        counts: countsOf(1_199, 1),
        fresh: { ...NONE, critical: 1 },
        worst: [
          worstOf({ message: "it is open" }),
          worstOf({ ruleId: "imdsv2", severity: "high", message: "it is old" }),
        ],
      }),
    });
    expect(text).toContain(
      [
        "New: 1, launched in the last 24 hours",
        "  web-admin-2, i-0f6b1d6ad35346607",
        "    eu-west-1",
        "    CRITICAL open-ports: it is open",
        "    HIGH imdsv2: it is old",
        "",
      ].join("\n"),
    );
  });

  it.each([
    [1, "hour"],
    [24, "24 hours"],
    [36, "36 hours"],
    [168, "7 days"],
  ])("states the time since the sweep before: %i hours", (hours, words) => {
    expect(digestFor({ sums: TROUBLED, hours }).text).toContain(`New: 41, launched in the last ${words}\n`);
  });

  it("ends no sentence with two full stops if a text of the policy or of AWS has one", () => {
    expect(digestFor({ policy: exemptUntil("2026-12-08", "They are old.") }).text).toContain(": They are old.\n");
  });

  it("names the option for the organization only if there are several accounts", () => {
    const report = "  ec2-audit report --policy FILE --out report.html";
    expect(digestFor({ sums: TROUBLED }).text).toContain(`${report} \\\n    --organization --role ec2-audit\n`);
    expect(digestFor({ scheduledAt: MONDAY }).text).toContain(`${report}\n\n`);
    const places = { complete: 17, unread: [{ ...UNREAD, account: MEMBER }], unreadCount: 1 };
    expect(digestFor({ sums: sumsOf({ places }) }).text).toContain(" --organization ");
  });
});

describe("the message of a digest", () => {
  it("has the same id for each copy of a sweep, whatever its sums are, and another one for another sweep", () => {
    const { id } = digestFor({ sums: TROUBLED });
    expect(digestFor({ scheduledAt: MONDAY, now: Date.parse(MONDAY) + 1 }).id).toBe(id);
    expect(digestFor({ sums: TROUBLED, id: "b" }).id).not.toBe(id);
  });

  it("contains the document, the e-mail and the text message", () => {
    const digest = digestFor({ sums: TROUBLED });
    expect(Object.keys(protocolsOf(digest))).toEqual(["default", "email", "sms"]);
    expect(documentOf(digest)).toEqual(digest.document);
    expect(protocolsOf(digest).email).toBe(digest.text);
  });

  it("sums up the groups that do not fit into the document, and ignores rules that the policy lacks", () => {
    const owners = groupsOf(...Array.from({ length: 50 }, (_, n): [string, number, number] => [`team-${n}`, 10, 2]));
    const others = { values: 7, instances: 100, violating: 5, severities: NONE };
    const { document } = digestFor({
      sums: sumsOf({ counts: countsOf(0, 1), owners: { ...owners, others }, rules: { image: 1, imdsv2: 0, gone: 3 } }),
    });
    expect(document.owners.groups).toHaveLength(40);
    expect(document.owners.others).toEqual({ values: 17, instances: 200, violating: 25 });
    expect(document.rules).toEqual([{ ruleId: "image", rule: "image", severity: "high", violating: 1 }]);
  });

  it("has a schema that describes any digest, fits into a subject, a text message, 72 columns and SNS's limit", () => {
    expect(schema.$id).toBe(DIGEST_SCHEMA);
    fc.assert(
      fc.property(anySwept, (swept) => {
        const digest = digestOf(swept);
        if (digest === null) return;
        validate(documentOf(digest));
        expect(validate.errors ?? []).toEqual([]);
        expect(digest.subject).toMatch(/^[ -~]{1,99}$/);
        expect(protocolsOf(digest).sms).toMatch(/^[ -~]{1,140}$/);
        expect(digest.text.split("\n").filter((line) => line.length > 72)).toEqual([]);
        expect(digest.text).not.toMatch(/[^\P{Cc}\n]|\p{Bidi_Control}|[\u2028\u2029]/u);
        expect(Buffer.byteLength(digest.message)).toBeLessThan(SNS_LIMIT);
      }),
    );
  });

  it("has a schema that refuses other documents", () => {
    const document = documentOf(digestFor({ sums: TROUBLED }));
    for (const broken of [
      { ...document, id: undefined },
      { ...document, more: 1 },
      { ...document, violating: -1 },
      { ...document, account: "1234" },
      { ...document, worst: Array.from({ length: 11 }, () => document.worst[0]) },
      { ...document, rules: [{ ...document.rules[0], severity: "urgent" }] },
    ]) {
      expect(validate(JSON.parse(JSON.stringify(broken)))).toBe(false);
    }
  });

  it.each([
    ["characters that JSON escapes twice", '"'],
    ["backslashes", "\\"],
    ["characters of three bytes", "€"],
    ["lone surrogates", "\ud800"],
  ])("stays below SNS's 256 KiB if everything is as large as can be, and made of %s", (_, sign) => {
    const text = sign.repeat(2_000);
    const many = Array.from({ length: 1_000 }, (_, index) => index);
    const id = (index: number) => `r${index}`.padEnd(64, "x");
    const policy = policyOf({
      rules: many.slice(0, 100).map((index) => ({ rule: "required-tags", id: id(index), tags: ["a"] })),
      exemptions: many
        .slice(0, 100)
        .map(() => ({ rules: "*", when: { region: "us-east-1" }, reason: '\\"'.repeat(40), until: "2026-12-01" })),
    });
    const ids = policy.rules.map((rule) => rule.id);
    const groups: Groups = {
      groups: many.map((index) => ({ value: `${index}${text}`, instances: 1e9, violating: 1e9, severities: NONE })),
      others: { values: 1e9, instances: 1e9, violating: 1e9, severities: NONE },
    };
    const sums = sumsOf({
      counts: countsOf(1e9, 1e9, 1e9),
      places: { complete: 1e9, unreadCount: 1e9, unread: many.map(() => ({ ...UNREAD, reason: text })) },
      rules: Object.fromEntries(ids.map((rule) => [rule, 1e9])),
      notJudged: Object.fromEntries(ids.map((rule) => [rule, { instances: 1e9, reason: text }])),
      owners: groups,
      accounts: groups,
      fresh: { ...NONE, high: 1e9 },
      worst: many.map(() => worstOf({ name: text, message: text })),
    });
    const { message } = digestFor({ sums, policy });
    expect(Buffer.byteLength(message)).toBeLessThan(SNS_LIMIT);
  });

  it("contains texts of AWS on one line, without the characters and secrets that they must not have", () => {
    const evil = "web\u001b[31m\r\nFix: curl evil.example\u202e\u0000";
    const key = "AKIAIOSFODNN7EXAMPLE";
    const digest = digestFor({
      sums: sumsOf({
        counts: countsOf(1_199, 1),
        fresh: { ...NONE, high: 1 },
        worst: [worstOf({ name: evil, message: evil }), worstOf({ instanceId: "i-1", name: key })],
        owners: groupsOf([evil, 1, 1], [key, 1, 1]),
        places: { complete: 1, unread: [{ ...UNREAD, reason: evil }], unreadCount: 1 },
        notJudged: { image: { instances: 1, reason: evil } },
      }),
      policy: exemptUntil("2026-12-01", evil),
    });
    expect(digest.text).not.toMatch(/[^\P{Cc}\n]|\p{Bidi_Control}/u);
    expect(digest.text).not.toMatch(/^Fix:/m);
    expect(JSON.stringify(digest.document)).not.toMatch(/\\u00|\\[nr]|\u202e/);
    expect(digest.message).not.toContain(key);
    expect(digest.document.owners.groups[1]?.value).toBe("(hidden: an AWS access key id)");
  });
});

describe("publishing a digest", () => {
  const sns = mockSns();
  beforeEach(sns.start);

  it("takes the way of an alert: to a FIFO topic with a deduplication id and a message group of its own", async () => {
    const { alertTopic } = configOf({ ALERT_TOPIC_ARN: `${FOUR_SECRETS.ALERT_TOPIC_ARN}.fifo` });
    const digest = digestFor({ sums: TROUBLED });
    await publish(digest, { alertTopic, sns: new SNSClient({ region: REGION }), paced: (work) => work() }, () => true);
    expect(sns.published()).toEqual([
      {
        TopicArn: alertTopic.arn,
        Subject: digest.subject,
        Message: digest.message,
        MessageStructure: "json",
        MessageAttributes: digest.attributes,
        MessageGroupId: "123456789012-digest",
        MessageDeduplicationId: digest.id,
      },
    ]);
  });
});

/** Any sweep, with texts of any characters. */
const anyText = fc.string({ unit: "binary", maxLength: 300 });
const anyCount = fc.nat({ max: 2_000_000_000 });
const anyAccount = fc.constantFrom(ACCOUNT, MEMBER);
const anySeverities = fc.record({ low: anyCount, medium: anyCount, high: anyCount, critical: anyCount });
const groupsWith = (value: fc.Arbitrary<string | null>): fc.Arbitrary<Groups> =>
  fc.record({
    groups: fc.array(fc.record({ value, instances: anyCount, violating: anyCount, severities: anySeverities })),
    others: fc.record({ values: anyCount, instances: anyCount, violating: anyCount, severities: anySeverities }),
  });
const policy = exemptUntil("2026-12-01");
const anyRule = fc.constantFrom(...policy.rules.map(({ id }) => id));
const anySums: fc.Arbitrary<SweepSums> = fc.record({
  counts: fc.tuple(anyCount, anyCount, anyCount).map((counts) => countsOf(...counts)),
  places: fc.record({
    complete: anyCount,
    unread: fc.array(
      fc.record({
        account: anyAccount,
        region: fc.constantFrom("us-east-1", "*"),
        status: fc.constantFrom("denied", "failed", "partial"),
        reason: fc.option(anyText),
      }),
    ),
    unreadCount: anyCount,
  }),
  rules: fc.dictionary(anyRule, anyCount),
  notJudged: fc.dictionary(anyRule, fc.record({ instances: fc.integer({ min: 1, max: 1e9 }), reason: anyText })),
  owners: groupsWith(fc.option(anyText)),
  accounts: groupsWith(anyAccount),
  fresh: anySeverities,
  older: anySeverities,
  ages: fc.record({ week: anyCount, month: anyCount, more: anyCount, unknown: anyCount }),
  settling: anyCount,
  exemptions: fc.record({ 0: anyCount }),
  worst: fc.array(
    fc.record({
      account: anyAccount,
      region: fc.constant("us-east-1"),
      instanceId: fc.constantFrom("i-1", "i-0f6b1d6ad35346607"),
      name: fc.option(anyText),
      ruleId: anyRule,
      severity: fc.constantFrom(...SEVERITIES),
      message: anyText,
      dedupKey: fc.constant("91a1bf6cd6295a78a0c96c3171afb671"),
    }),
  ),
});
const anySwept: fc.Arbitrary<Swept> = fc.record({
  time: fc.record({
    id: fc.string(),
    scheduledAt: fc.constantFrom(SATURDAY, MONDAY),
    hours: fc.integer({ min: 1, max: 744 }),
  }),
  sums: anySums,
  policy: fc.constant(policy),
  account: fc.constant(ACCOUNT),
  role: fc.option(fc.constant("ec2-audit")),
  now: fc.constant(Date.parse(SATURDAY)),
});
