import { describe, expect, it } from "vitest";
import { AT } from "../../support/events.ts";
import { taggedFacts } from "../../support/findings.ts";
import { problemsOf, ruleOf } from "../../support/policy.ts";

const judge = (max: number, ...keys: readonly string[]) =>
  ruleOf({ rule: "tag-limit", max }).check(taggedFacts(Object.fromEntries(keys.map((key) => [key, ""]))), AT);

describe("tag-limit", () => {
  it("needs only tags", () => {
    expect(ruleOf({ rule: "tag-limit", max: 45 })).toMatchObject({ needs: ["tags"], settles: "at-launch" });
  });

  it("does not count tags of AWS, in any case", () => {
    expect(judge(2, "a", "b", "aws:autoscaling:groupName", "AWS:x")).toEqual({
      kind: "compliant",
      because: "it has 2 tags",
    });
    expect(judge(0, "aws:ec2launchtemplate:id")).toEqual({ kind: "compliant", because: "it has 0 tags" });
    expect(judge(1, "aws")).toEqual({ kind: "compliant", because: "it has 1 tag" });
  });

  it.each([
    [1, ["a", "b"], "it has 2 tags; at most 1 is allowed"],
    [0, ["a"], "it has 1 tag; at most 0 are allowed"],
    [2, ["a", "b", "c", "aws:x"], "it has 3 tags; at most 2 are allowed"],
  ])("is violated over %j by %j", (max, keys, message) => {
    expect(judge(max, ...keys)).toMatchObject({ violation: { message, details: { tagCount: [message[7]] } } });
  });

  it("has a command that a shell refuses until the key is filled in", () => {
    const judgement = judge(0, "a");
    expect(judgement.kind === "violation" && judgement.violation.remedy(["i-1", "i-2"], "eu-west-1")).toEqual([
      "Delete the tags that are not used:",
      "aws ec2 delete-tags --region eu-west-1 \\",
      "  --resources i-1 i-2 \\",
      "  --tags Key=<key>",
    ]);
  });

  it.each([undefined, -1, 51, 2.5, "45"])("refuses the maximum %j", (max) => {
    expect(problemsOf({ rule: "tag-limit", max })).toEqual([
      expect.stringMatching(/^rules\[0\]\.max (is missing: it )?must be a whole number from 0 to 50$/),
    ]);
  });

  it("says what it demands", () => {
    expect(ruleOf({ rule: "tag-limit", max: 45 }).demands()).toBe("the number of tags must be at most 45");
  });
});
