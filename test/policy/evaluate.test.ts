import { describe, expect, it } from "vitest";
import type { Facts } from "../../src/facts/facts.ts";
import { evaluate, type Verdict } from "../../src/policy/evaluate.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { compliant, type Judgement, notJudged, type Rule } from "../../src/policy/rule.ts";
import { factsOf, instanceOf } from "../support/findings.ts";
import { onlyMicro, policyOf, requiring } from "../support/policy.ts";

const NOW = Date.parse("2027-01-01T00:00:00Z");
const tagged = (tags: Readonly<Record<string, string>>) => ({ tags: new Map(Object.entries(tags)) });
const late = { unknown: "EC2 does not show the image", late: true };
const denied = { unknown: "the credentials do not allow ec2:DescribeInstanceImageMetadata", late: false };

/** The verdicts of a policy. */
function judge(policy: Policy, facts: Partial<Facts> = {}): Verdict[] {
  return evaluate(factsOf(facts), policy, NOW);
}

/** The verdict of a rule with this scope and these exemptions, that requires the tag `owner`. */
function verdictOf(
  more: { when?: object; exemptions?: readonly object[] },
  facts: Partial<Facts> = {},
): Verdict | undefined {
  const { when, exemptions = [] } = more;
  const whole = exemptions.map((each) => ({ rules: "*", reason: "a trial", until: "2027-03-31", ...each }));
  const rule = { rule: "required-tags", tags: ["owner"], ...(when && { when }) };
  return judge(policyOf({ rules: [rule], exemptions: whole }), facts)[0];
}

/** A policy of one rule with this judgement. */
function judging(judgement: Judgement, more: Partial<Rule> = {}): Policy {
  return { rules: [{ ...onlyMicro, ...more, check: () => judgement }], exemptions: [], routes: [] };
}

describe("evaluate", () => {
  it("returns a verdict for each rule, in the order of the policy, and checks each rule once", () => {
    const rules = [onlyMicro, ...requiring("name").rules];
    const checked: string[] = [];
    const counted = rules.map((rule) => ({
      ...rule,
      check: (...args: Parameters<typeof rule.check>) => {
        checked.push(rule.id);
        return rule.check(...args);
      },
    }));
    const verdicts = evaluate(factsOf(), { rules: counted, exemptions: [] }, 0);
    expect(verdicts).toEqual([
      { kind: "compliant", rule: counted[0], because: "its type is t3.micro" },
      {
        kind: "violation",
        rule: counted[1],
        violation: expect.objectContaining({ message: 'the tag "name" is missing' }),
      },
    ]);
    expect(checked).toEqual(["instance-types", "required-tags"]);
  });

  it("gives the check the facts and the time", () => {
    const seen: unknown[] = [];
    const check: Rule["check"] = (...args) => {
      seen.push(...args);
      return compliant("it is");
    };
    const facts = factsOf();
    evaluate(facts, { rules: [{ ...onlyMicro, check }], exemptions: [] }, NOW);
    expect(seen).toEqual([facts, NOW]);
  });

  it("does not judge what the rule cannot judge", () => {
    expect(judge(judging(notJudged("no permission")))).toMatchObject([
      { kind: "not-judged", because: "no permission", late: false },
    ]);
  });
});

describe("a rule with a scope", () => {
  const when = { tag: "env", in: "prod" };

  it("judges the instances in it", () => {
    expect(verdictOf({ when }, tagged({ env: "prod" }))).toMatchObject({ kind: "violation" });
    expect(verdictOf({ when }, tagged({ env: "prod", owner: "ada" }))).toMatchObject({ kind: "compliant" });
  });

  it("says of the others when it applies", () => {
    expect(verdictOf({ when }, tagged({ env: "dev" }))).toMatchObject({
      kind: "out-of-scope",
      because: 'it applies when the tag "env" is "prod"',
    });
  });

  it("may still apply when tags decide, unless the instance would comply or be exempt", () => {
    const mayChange = (more: Parameters<typeof verdictOf>[0], tags: Readonly<Record<string, string>>) => {
      const verdict = verdictOf(more, tagged(tags));
      return verdict?.kind === "out-of-scope" ? verdict.mayChange : verdict?.kind;
    };
    expect(mayChange({ when }, {})).toBe(true);
    expect(mayChange({ when }, { owner: "ada" })).toBe(false);
    expect(mayChange({ when, exemptions: [{ when: { region: "*" } }] }, {})).toBe(false);
    expect(mayChange({ when: { region: "eu-*" } }, {})).toBe(false);
    expect(mayChange({ when: { launchedBy: "x" } }, {})).toBe(true);
  });

  it("may still apply when it could not be judged", () => {
    const scoped = judging(notJudged("no permission"), {
      when: policyOf({ rules: [{ ...MICRO, when }] }).rules[0]?.when ?? null,
    });
    expect(judge(scoped)).toMatchObject([{ kind: "out-of-scope", mayChange: true }]);
  });

  it("is not judged when its scope is unknown, even if the instance would comply", () => {
    const compliantTags = tagged({ owner: "ada" });
    expect(verdictOf({ when: { imageName: "x" } }, { ...compliantTags, image: late })).toMatchObject({
      kind: "not-judged",
      because: "EC2 does not show the image",
      late: true,
    });
    expect(verdictOf({ when: { not: { imageName: "x" } } }, { ...compliantTags, image: denied })).toMatchObject({
      kind: "not-judged",
      late: false,
    });
  });
});

const MICRO = { rule: "instance-type", allowed: "t3.micro" };

describe("an exempt instance", () => {
  it("has the exemption and the violation in its verdict", () => {
    expect(verdictOf({ exemptions: [{ when: { region: "us-*" } }] })).toMatchObject({
      kind: "exempt",
      exemption: { reason: "a trial" },
      violation: { message: 'the tag "owner" is missing' },
    });
  });

  it("is compliant when it complies", () => {
    expect(verdictOf({ exemptions: [{ when: { region: "us-*" } }] }, tagged({ owner: "ada" }))).toMatchObject({
      kind: "compliant",
    });
  });

  it("violates the rule again after the last day", () => {
    const until = (day: string) => verdictOf({ exemptions: [{ when: { region: "us-*" }, until: day }] })?.kind;
    expect([until("2027-01-01"), until("2026-12-31")]).toEqual(["exempt", "violation"]);
  });

  it("is exempt only from the rules that the exemption names", () => {
    const exemption = { rules: ["b"], when: { region: "us-*" }, reason: "x", until: "2027-03-31" };
    const rule = (id: string) => ({ rule: "required-tags", tags: [id], id });
    const verdicts = judge(policyOf({ rules: [rule("a"), rule("b")], exemptions: [exemption] }));
    expect(verdicts.map(({ kind }) => kind)).toEqual(["violation", "exempt"]);
  });

  it("is neither compliant nor a violation while it is not known whether it is exempt", () => {
    expect(verdictOf({ exemptions: [{ when: { imageName: "x" } }] }, { image: late })).toEqual({
      kind: "not-judged",
      rule: expect.objectContaining({ id: "required-tags" }),
      because: "EC2 does not show the image",
      late: true,
    });
  });
});

describe("a rule whose facts settle when the instance runs", () => {
  const policy = judging(compliant("it has no public IP address"), { settles: "when-running" });

  it.each([
    ["pending", "not-judged"],
    ["running", "compliant"],
    ["stopped", "compliant"],
  ])("is for a %s instance %s", (state, kind) => {
    expect(judge(policy, { instance: instanceOf({ state }) })).toMatchObject([{ kind }]);
  });

  it("is judged as soon as the instance runs", () => {
    expect(judge(policy, { instance: instanceOf({ state: "pending" }) })).toMatchObject([
      { because: "the instance is not running yet", late: true },
    ]);
  });

  it("is judged in the state pending if its facts settle earlier", () => {
    const early = judging(compliant("it is"), { settles: "at-launch" });
    expect(judge(early, { instance: instanceOf({ state: "pending" }) })).toMatchObject([{ kind: "compliant" }]);
  });
});
