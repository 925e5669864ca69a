import { describe, expect, it } from "vitest";
import type { Facts } from "../../../src/facts/facts.ts";
import { AT } from "../../support/events.ts";
import { factsOf, instanceOf } from "../../support/findings.ts";
import { problemsOf, ruleOf } from "../../support/policy.ts";

/** Kinds with lists of allowed and of forbidden values. */
const KINDS: readonly {
  readonly rule: string;
  readonly needs: readonly string[];
  readonly facts: (value: string) => Partial<Facts>;
  readonly subject: string;
  readonly own: string;
  readonly demand: string;
  readonly remedy: readonly string[];
}[] = [
  {
    rule: "instance-type",
    needs: ["instance"],
    facts: (instanceType) => ({ instance: instanceOf({ instanceType }) }),
    subject: "the instance type",
    own: "its type",
    demand: "the type",
    remedy: [
      "Stop the instance, set an allowed type, and start it again:",
      "aws ec2 modify-instance-attribute --region eu-west-1 \\",
      "  --instance-id i-1234567890abcdef0 \\",
      "  --instance-type Value=<type>",
    ],
  },
  {
    rule: "region",
    needs: [],
    facts: (region) => ({ region }),
    subject: "the region",
    own: "its region",
    demand: "the region",
    remedy: [
      "The region of an instance cannot be changed. Launch a new instance",
      "in an allowed region, then terminate the old one.",
    ],
  },
  {
    rule: "launched-by",
    needs: ["tags"],
    facts: (launchedBy) => ({ launchedBy }),
    subject: "the launcher",
    own: "its launcher",
    demand: "the launcher",
    remedy: [
      "The launcher of an instance cannot be changed. Launch a new",
      "instance with an allowed launcher, then terminate the old one.",
    ],
  },
];

describe.each(KINDS)("$rule", ({ rule, needs, facts, subject, own, demand, remedy }) => {
  const judge = (settings: object, value: string) => ruleOf({ rule, ...settings }).check(factsOf(facts(value)), AT);
  const violation = (message: string, value: string) =>
    expect.objectContaining({ message, details: { notAllowed: [value] } });

  it("needs no more than it uses", () => {
    expect(ruleOf({ rule, allowed: "a" })).toMatchObject({ needs, settles: "at-launch" });
  });

  it("is compliant with an allowed value, and with one that is not forbidden", () => {
    const compliant = { kind: "compliant", because: `${own} is "a.large"` };
    expect(judge({ allowed: ["b", "a.*"] }, "a.large")).toEqual(compliant);
    expect(judge({ forbidden: "b*" }, "a.large")).toEqual(compliant);
    expect(judge({ allowed: "*", forbidden: ["b", "c"] }, "a.large")).toEqual(compliant);
  });

  it("is violated by a value that is not allowed, and names the allowed ones if they are short", () => {
    expect(judge({ allowed: ["b", "/c\\d/"] }, "a")).toEqual({
      kind: "violation",
      violation: violation(`${subject} is "a", not "b" or "/c\\\\d/"`, "a"),
    });
    expect(judge({ allowed: ["b".repeat(40), "c".repeat(40)] }, "a")).toEqual({
      kind: "violation",
      violation: violation(`${subject} "a" is not allowed`, "a"),
    });
  });

  it("is violated by a forbidden value, even if it is allowed too", () => {
    for (const settings of [{ forbidden: "a*" }, { allowed: "*", forbidden: ["b", "a*"] }]) {
      expect(judge(settings, "a")).toEqual({
        kind: "violation",
        violation: violation(`${subject} "a" is not allowed`, "a"),
      });
    }
  });

  it("has a remedy", () => {
    const judgement = judge({ allowed: "b" }, "a");
    expect(judgement.kind === "violation" && judgement.violation.remedy(["i-1234567890abcdef0"], "eu-west-1")).toEqual(
      remedy,
    );
  });

  it("refuses a rule without a list, and an empty list", () => {
    expect(problemsOf({ rule })).toEqual([
      expect.stringContaining('rules[0] must have at least one of "allowed", "forbidden"'),
    ]);
    expect(problemsOf({ rule, allowed: [] })).toEqual([expect.stringContaining("a list of 1 to 200")]);
  });

  it("says what it demands", () => {
    expect(ruleOf({ rule, allowed: ["a", "b"], forbidden: "c" }).demands()).toBe(
      `${demand} must be "a" or "b"; ${demand} must not be "c"`,
    );
  });
});

describe("launched-by", () => {
  const launchers = {
    user: "arn:aws:iam::123456789012:user/teams/Mateo",
    sso: "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_AdministratorAccess_abcdef0123456789/mateo@example.com",
    govCloud: "arn:aws-us-gov:sts::123456789012:assumed-role/deploy/build-7",
    china: "arn:aws-cn:iam::123456789012:user/Mateo",
    service: "eks.amazonaws.com",
    group: "Auto Scaling group web",
    stack: "CloudFormation stack shop",
  };

  it.each<[string, readonly (keyof typeof launchers)[]]>([
    ["arn:aws*:iam::*:user/*", ["user", "china"]],
    ["arn:aws*:sts::*:assumed-role/deploy/*", ["govCloud"]],
    ["arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_*/*@example.com", ["sso"]],
    ["*.amazonaws.com", ["service"]],
    ["Auto Scaling group *", ["group"]],
    ["CloudFormation stack shop", ["stack"]],
  ])("names with %j the launchers %j", (allowed, names) => {
    const rule = ruleOf({ rule: "launched-by", allowed });
    const complying = Object.entries(launchers).filter(
      ([, launchedBy]) => rule.check(factsOf({ launchedBy }), AT).kind === "compliant",
    );
    expect(complying.map(([name]) => name)).toEqual(names);
  });
});
