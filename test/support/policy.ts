import { type Policy, parsePolicy, policyOfTags } from "../../src/policy/policy.ts";
import type { Rule } from "../../src/policy/rule.ts";

/** What stands in `REQUIRED_TAGS`, as a policy. */
export function requiring(list: string): Policy {
  const reading = policyOfTags(list);
  if ("problems" in reading) throw new Error(reading.problems.join());
  return reading.policy;
}

/** What stands in `AUDIT_POLICY`, as a policy. */
export function policyOf(value: unknown): Policy {
  const reading = parsePolicy(JSON.stringify(value));
  if ("problems" in reading) throw new Error(reading.problems.join());
  return reading.policy;
}

/** A rule to come, that needs to know the instance: it has to be a t3.micro. */
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
