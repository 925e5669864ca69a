import { describe, expect, it } from "vitest";
import { RULE_FIELDS } from "../../../src/cli/doctor/filter-policy.ts";
import type { Facts } from "../../../src/facts/facts.ts";
import { evaluate } from "../../../src/policy/evaluate.ts";
import { RULE_KINDS } from "../../../src/policy/rules/index.ts";
import { AT, REGION } from "../../support/events.ts";
import { factsOf, imageOf, instanceOf, NOT_READ } from "../../support/findings.ts";
import { policyOf } from "../../support/policy.ts";

interface Case {
  readonly settings: object;
  readonly complies: Partial<Facts>;
  readonly violates: Partial<Facts>;
  readonly message: string;
  readonly summaries: readonly [one: string, two: string];
  /** Facts with which it cannot be judged, and why; null if the facts that it needs are always known. */
  readonly unknown: readonly [facts: Partial<Facts>, because: string, late: boolean] | null;
}

const tagged = (tags: Readonly<Record<string, string>>) => ({ tags: new Map(Object.entries(tags)) });
const shown = (changes: Parameters<typeof instanceOf>[0]) => ({ instance: instanceOf(changes) });
const unread = { instance: null };
const NO_INSTANCE = "the instance was not read";
const volume = { volumeId: "vol-049df61146c4d7901", isEncrypted: true, kmsKeyId: null };

const CASES: Readonly<Record<string, Case>> = {
  "required-tags": {
    settings: { tags: ["owner"] },
    complies: tagged({ Owner: "ada" }),
    violates: tagged({}),
    message: 'the tag "owner" is missing',
    summaries: ["lacks tag owner", "lack tag owner"],
    unknown: null,
  },
  "prohibited-tags": {
    settings: { keys: "password" },
    complies: tagged({ Name: "web" }),
    violates: tagged({ Password: "x" }),
    message: 'the tag "Password" is prohibited',
    summaries: ["has a prohibited tag", "have a prohibited tag"],
    unknown: null,
  },
  "tag-limit": {
    settings: { max: 1 },
    complies: tagged({ a: "1" }),
    violates: tagged({ a: "1", b: "2" }),
    message: "it has 2 tags; at most 1 is allowed",
    summaries: ["has too many tags", "have too many tags"],
    unknown: null,
  },
  "key-pair": {
    settings: { allowed: "ops-*" },
    complies: shown({ keyName: "ops-2026" }),
    violates: shown({ keyName: "my-laptop" }),
    message: 'the key pair is "my-laptop", not "ops-*"',
    summaries: ["has a wrong key pair", "have a wrong key pair"],
    unknown: [unread, NO_INSTANCE, false],
  },
  image: {
    settings: { owners: "amazon" },
    complies: { image: { value: imageOf() } },
    violates: { image: { value: imageOf({ ownerId: "679593333241", ownerAlias: null }) } },
    message: 'the image ami-0abcdef1234567890 is not allowed: its owner is "679593333241", not "amazon"',
    summaries: ["runs a wrong image", "run a wrong image"],
    unknown: [{ image: { unknown: "EC2 does not show the image", late: true } }, "EC2 does not show the image", true],
  },
  "instance-type": {
    settings: { allowed: "t3.*" },
    complies: shown({ instanceType: "t3.micro" }),
    violates: shown({ instanceType: "p4d.24xlarge" }),
    message: 'the instance type is "p4d.24xlarge", not "t3.*"',
    summaries: ["is of type p4d.24xlarge", "are of type p4d.24xlarge"],
    unknown: [shown({ instanceType: null }), "EC2 does not report the instance type", false],
  },
  imdsv2: {
    settings: {},
    complies: shown({ metadata: { tokens: "required", endpoint: "enabled", hopLimit: 2 } }),
    violates: shown({ metadata: { tokens: "optional", endpoint: "enabled", hopLimit: 1 } }),
    message: "the metadata service does not require session tokens (IMDSv2)",
    summaries: ["allows IMDSv1", "allow IMDSv1"],
    unknown: [shown({ metadata: null }), "EC2 does not report the metadata options", false],
  },
  "public-ip": {
    settings: {},
    complies: shown({ publicIps: [] }),
    violates: shown({ publicIps: ["203.0.113.25"] }),
    message: "it has the public IPv4 address 203.0.113.25",
    summaries: ["has a public IP address", "have a public IP address"],
    unknown: [shown({ state: "pending" }), "the instance is not running yet", true],
  },
  "encrypted-volumes": {
    settings: {},
    complies: { volumes: { value: [volume] } },
    violates: { volumes: { value: [{ ...volume, isEncrypted: false }] } },
    message: "the volume vol-049df61146c4d7901 is not encrypted",
    summaries: ["has an unencrypted volume", "have an unencrypted volume"],
    unknown: [
      { volumes: { unknown: "the credentials do not allow ec2:DescribeVolumes", late: false } },
      "the credentials do not allow ec2:DescribeVolumes",
      false,
    ],
  },
  "instance-profile": {
    settings: {},
    complies: shown({ instanceProfile: "arn:aws:iam::123456789012:instance-profile/web" }),
    violates: shown({ instanceProfile: null }),
    message: "it has no instance profile",
    summaries: ["has no instance profile", "have no instance profile"],
    unknown: [unread, NO_INSTANCE, false],
  },
  region: {
    settings: { allowed: REGION },
    complies: { region: REGION },
    violates: { region: "sa-east-1" },
    message: `the region is "sa-east-1", not "${REGION}"`,
    summaries: ["is in a wrong region", "are in a wrong region"],
    unknown: null,
  },
  "launched-by": {
    settings: { allowed: "Auto Scaling group *" },
    complies: { launchedBy: "Auto Scaling group web" },
    violates: { launchedBy: "arn:aws:iam::123456789012:user/Mateo" },
    message: 'the launcher is "arn:aws:iam::123456789012:user/Mateo", not "Auto Scaling group *"',
    summaries: ["has a wrong launcher", "have a wrong launcher"],
    unknown: [{ launchedBy: null }, "the launcher is not known", false],
  },
  condition: {
    settings: { require: { imageOwner: "amazon" }, message: "Only images of Amazon are allowed." },
    complies: { image: { value: imageOf() } },
    violates: { image: { value: imageOf({ ownerId: "679593333241", ownerAlias: null }) } },
    message: "Only images of Amazon are allowed",
    summaries: ["fails: Only images of Amazon are allowed", "fail: Only images of Amazon are allowed"],
    unknown: [{ image: NOT_READ }, "not read", false],
  },
};

it("has a case for kinds that a policy can use", () => {
  expect(RULE_KINDS.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(CASES)));
});

describe.each(Object.entries(CASES))(
  "the verdict of %s",
  (kind, { settings, complies, violates, message, summaries, unknown }) => {
    const rule = { rule: kind, ...settings };
    const verdictOf = (facts: Partial<Facts>, policy: object = { rules: [rule] }) =>
      evaluate(factsOf(facts), policyOf(policy), AT)[0];

    it("is compliant for an instance that complies", () => {
      expect(verdictOf(complies)).toMatchObject({
        kind: "compliant",
        because: expect.stringMatching(/^[^A-Z.].*[^.]$/),
      });
    });

    it("is a violation, in one sentence and in a few words", () => {
      const verdict = verdictOf(violates);
      expect(verdict).toMatchObject({ kind: "violation", violation: { message } });
      if (verdict?.kind !== "violation") return;
      expect([1, 2].map((count) => verdict.violation.summary(count))).toEqual(summaries);
      for (const line of verdict.violation.remedy(["i-1234567890abcdef0"], REGION)) {
        expect(line.length, line).toBeLessThanOrEqual(72);
      }
    });

    it("has details that the doctor knows, so that it accepts filter policies on them", () => {
      const verdict = verdictOf(violates);
      const details = verdict?.kind === "violation" ? Object.keys(verdict.violation.details) : [kind];
      expect(Object.keys(RULE_FIELDS)).toEqual(expect.arrayContaining(details));
    });

    it("has a remedy that differs from those of other kinds without instances too, because alerts group by it", () => {
      const verdict = verdictOf(violates);
      expect(verdict?.kind === "violation" && verdict.violation.remedy([], REGION).join("")).toBeTruthy();
    });

    if (unknown !== null) {
      const [facts, because, late] = unknown;
      it("is not judged without the facts", () => {
        expect(verdictOf(facts)).toMatchObject({ kind: "not-judged", because, late });
      });
    }

    it("is exempt by an exemption that holds, with the violation", () => {
      const exemption = { rules: [kind], when: { account: "*" }, reason: "a test", until: "2021-11-11" };
      expect(verdictOf(violates, { rules: [rule], exemptions: [exemption] })).toMatchObject({
        kind: "exempt",
        exemption: { reason: "a test" },
        violation: { message },
      });
      expect(verdictOf(complies, { rules: [rule], exemptions: [exemption] })?.kind).toBe("compliant");
    });

    it("is out of scope for an instance that the rule does not apply to", () => {
      const scoped = { ...rule, when: { account: "999999999999" } };
      expect(verdictOf(violates, { rules: [scoped] })?.kind).toBe("out-of-scope");
    });
  },
);
