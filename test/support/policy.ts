import { type Policy, parsePolicy, policyOfTags } from "../../src/policy/policy.ts";
import type { Rule } from "../../src/policy/rule.ts";

/** The policy of a value of `REQUIRED_TAGS`. */
export function requiring(list: string): Policy {
  const reading = policyOfTags(list);
  if ("problems" in reading) throw new Error(reading.problems.join());
  return reading.policy;
}

/** The policy of a value of `AUDIT_POLICY`. */
export function policyOf(value: unknown): Policy {
  const reading = parsePolicy(JSON.stringify(value));
  if ("problems" in reading) throw new Error(reading.problems.join());
  return reading.policy;
}

/** A rule that needs the instance: its type must be t3.micro. */
export const onlyMicro: Rule = {
  id: "instance-types",
  name: "instance-types",
  severity: "high",
  needs: ["instance"],
  check: ({ instance }) =>
    instance?.instanceType === "t3.micro"
      ? null
      : {
          message: `the type ${instance?.instanceType} is not allowed`,
          summary: () => "has a type that is not allowed",
          remedy: () => ["Stop it and change its type."],
          details: { instanceType: [instance?.instanceType ?? ""] },
        },
};
