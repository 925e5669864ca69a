import type { Facts } from "../../src/facts/facts.ts";
import { type Policy, parsePolicy, policyOfTags, sayProblem } from "../../src/policy/policy.ts";
import { compliant, type Rule, type Violation, violates } from "../../src/policy/rule.ts";
import { TIME } from "./events.ts";

/** The policy of a value of `REQUIRED_TAGS`. */
export function requiring(list: string): Policy {
  const reading = policyOfTags(list);
  if ("problems" in reading) throw new Error(reading.problems.map(sayProblem).join());
  return reading.policy;
}

/** The policy of a value of `AUDIT_POLICY`. */
export function policyOf(value: unknown): Policy {
  const reading = parsePolicy(JSON.stringify(value));
  if ("problems" in reading) throw new Error(reading.problems.map(sayProblem).join());
  return reading.policy;
}

/** The rule of a policy with this rule alone. */
export function ruleOf(value: object): Rule {
  const [rule] = policyOf({ rules: [value] }).rules;
  if (rule === undefined) throw new Error("the policy has no rule");
  return rule;
}

/** How an instance violates a rule; null if it does not. */
export function violationOf(rule: Rule | undefined, facts: Facts): Violation | null {
  const judgement = rule?.check(facts, Date.parse(TIME));
  return judgement?.kind === "violation" ? judgement.violation : null;
}

/** A rule that needs the instance: its type must be t3.micro. */
export const onlyMicro: Rule = {
  id: "instance-types",
  name: "instance-types",
  severity: "high",
  mode: "alert",
  when: null,
  link: null,
  settles: "soon",
  isCorrectable: true,
  needs: ["instance"],
  demands: () => "the type must be t3.micro",
  check: ({ instance }) =>
    instance?.instanceType === "t3.micro"
      ? compliant("its type is t3.micro")
      : violates({
          message: `the type ${instance?.instanceType} is not allowed`,
          summary: () => "has a type that is not allowed",
          action: (affected) => `Change the type of ${affected}`,
          remedy: () => ["Stop it and change its type."],
          details: { instanceType: [instance?.instanceType ?? ""] },
        }),
};

/** The problems of a policy with this rule alone. */
export function problemsOf(rule: object): readonly string[] {
  const reading = parsePolicy(JSON.stringify({ rules: [rule] }));
  return "problems" in reading ? reading.problems.map(sayProblem) : [];
}
