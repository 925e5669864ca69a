import { describe, expect, it } from "vitest";
import type { Facts } from "../../../src/facts/facts.ts";
import { AT } from "../../support/events.ts";
import { factsOf, instanceOf, taggedFacts } from "../../support/findings.ts";
import { problemsOf, ruleOf } from "../../support/policy.ts";

const NO_GPU = {
  require: { any: [{ tag: "env", in: "prod" }, { not: { instanceType: ["p*", "g*"] } }] },
  message: "GPU instances are for production.",
};
const judge = (settings: object, facts: Facts) => ruleOf({ rule: "condition", ...settings }).check(facts, AT);
const gpu = (tags: Readonly<Record<string, string>>) =>
  factsOf({ instance: instanceOf({ instanceType: "g5.xlarge", tags: new Map(Object.entries(tags)) }) });

function violationBy(settings: object, facts: Facts) {
  const judgement = judge(settings, facts);
  if (judgement.kind !== "violation") throw new Error(`the verdict is ${judgement.kind}`);
  return judgement.violation;
}

describe("condition", () => {
  it("needs what its condition needs, and waits for tags if it uses them", () => {
    expect(ruleOf({ rule: "condition", ...NO_GPU })).toMatchObject({ needs: ["tags", "instance"], settles: "soon" });
    expect(ruleOf({ rule: "condition", require: { vpc: "vpc-1" }, message: "x" })).toMatchObject({
      needs: ["instance"],
      settles: "at-launch",
    });
  });

  it("is compliant if the condition holds, and states it", () => {
    expect(judge(NO_GPU, gpu({ env: "prod" }))).toEqual({
      kind: "compliant",
      because: 'the tag "env" is "prod" or not (the instance type is "p*" or "g*")',
    });
  });

  it("is violated with the message of the policy", () => {
    expect(violationBy(NO_GPU, gpu({ env: "dev" }))).toMatchObject({
      message: "GPU instances are for production",
      details: {},
    });
  });

  it("ends the message without spaces and a full stop, because alerts add one", () => {
    const { message } = violationBy({ ...NO_GPU, message: " Use a g5.xlarge in prod. " }, gpu({}));
    expect(message).toBe("Use a g5.xlarge in prod");
  });

  it("is not judged if the condition is unknown", () => {
    const image = { unknown: "EC2 does not show the image", late: true };
    expect(judge({ require: { imageOwner: "amazon" }, message: "x" }, factsOf({ image }))).toEqual({
      kind: "not-judged",
      because: "EC2 does not show the image",
      late: true,
    });
  });

  it("is decided by the known part of a condition", () => {
    const facts = taggedFacts({ env: "dev" });
    const require = { all: [{ tag: "env", in: "prod" }, { instanceType: "t3.*" }] };
    expect(judge({ require, message: "x" }, facts).kind).toBe("violation");
  });

  it("states the condition as its remedy, unless the policy has one", () => {
    expect(violationBy(NO_GPU, gpu({})).remedy(["i-1"], "us-east-1")).toEqual([
      'It complies when the tag "env" is "prod" or not (the instance type',
      'is "p*" or "g*").',
    ]);
    const remedy = "Launch it in the account gpu:\r\naws ec2 run-instances\u202e --region us-east-1\nThen tag it.";
    expect(violationBy({ ...NO_GPU, remedy }, gpu({})).remedy([], "us-east-1")).toEqual([
      "Launch it in the account gpu:",
      "aws ec2 run-instances  --region us-east-1",
      "Then tag it.",
    ]);
  });

  it("cuts the statement of a long condition", () => {
    const require = { instanceType: Array.from({ length: 200 }, (_, index) => `t${index}.${"x".repeat(50)}`) };
    const lines = violationBy({ require, message: "x" }, gpu({})).remedy([], "us-east-1");
    expect(lines.join(" ")).toHaveLength(500);
    expect(lines.at(-1)).toMatch(/\.\.\.$/);
    const any = { any: [require, { instanceType: "g5.*" }] };
    expect(judge({ require: any, message: "x" }, gpu({}))).toMatchObject({
      because: expect.stringMatching(/^.{497}\.\.\.$/s),
    });
  });

  it.each([
    [{ message: "x" }, "rules[0].require is missing: it must be a condition"],
    [{ require: { vpc: "*" } }, "rules[0].message is missing: it must be text of 1 to 200 characters"],
    [{ require: { vpc: "*" }, message: " " }, "rules[0].message must be text of 1 to 200 characters"],
    [{ require: { vpc: "*" }, message: "x".repeat(201) }, "rules[0].message must be text of 1 to 200 characters"],
    [
      { require: { vpc: "*" }, message: "x", remedy: "x".repeat(501) },
      "rules[0].remedy must be text of 1 to 500 characters",
    ],
    [{ require: { vpcs: "*" }, message: "x" }, 'rules[0].require has an unknown key: did you mean "vpc"?'],
  ])("refuses %j", (settings, problem) => {
    expect(problemsOf({ rule: "condition", ...settings })).toEqual([expect.stringContaining(problem)]);
  });

  it("says what it demands", () => {
    expect(ruleOf({ rule: "condition", require: { vpc: "vpc-1" }, message: "x" }).demands()).toBe(
      'must meet the condition: the VPC is "vpc-1"',
    );
  });
});
