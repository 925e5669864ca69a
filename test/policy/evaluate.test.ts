import { describe, expect, it } from "vitest";
import { evaluate } from "../../src/policy/evaluate.ts";
import { factsOf } from "../support/findings.ts";
import { onlyMicro, requiring } from "../support/policy.ts";

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
});
