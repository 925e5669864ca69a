import { describe, expect, it } from "vitest";
import type { Judgement } from "../../../src/policy/rule.ts";
import { AT } from "../../support/events.ts";
import { taggedFacts } from "../../support/findings.ts";
import { problemsOf, ruleOf } from "../../support/policy.ts";

const GITHUB = `ghp_${"aB3".repeat(12)}`;
const judge = (settings: object, tags: Readonly<Record<string, string>>): Judgement =>
  ruleOf({ rule: "prohibited-tags", ...settings }).check(taggedFacts(tags), AT);

function violationBy(settings: object, tags: Readonly<Record<string, string>>) {
  const judgement = judge(settings, tags);
  if (judgement.kind !== "violation") throw new Error(`the verdict is ${judgement.kind}`);
  return judgement.violation;
}

describe("prohibited-tags", () => {
  it("needs only tags, and does not wait: such a tag is there", () => {
    expect(ruleOf({ rule: "prohibited-tags", secrets: true })).toMatchObject({ needs: ["tags"], settles: "at-launch" });
  });

  it.each<[object, Record<string, string>]>([
    [
      { keys: ["password", "*secret*"], values: "changeme", secrets: true },
      { Name: "web", secre: "AKIA" },
    ],
    [{ keys: "Password", caseSensitive: true }, { password: "x" }],
    [{ values: "ChangeMe" }, { a: "changeme", ChangeMe: "b" }],
    [{ keys: "x", secrets: false }, { token: GITHUB }],
    [{ keys: "x" }, { token: GITHUB }],
  ])("is compliant with %j and the tags %j", (settings, tags) => {
    expect(judge(settings, tags)).toEqual({ kind: "compliant", because: "it has none of the prohibited tags" });
  });

  it.each(["password", "PASSWORD", "p*", "P?SSWORD", "/pass(word)?/", "/PASS.*/i"])(
    "compares keys without case: %j",
    (keys) => {
      expect(violationBy({ keys }, { passWord: "x" }).message).toBe('the tag "passWord" is prohibited');
    },
  );

  it("compares keys with case where it matters", () => {
    expect(violationBy({ keys: ["pass*"], caseSensitive: true }, { password: "x", Password: "y" }).details).toEqual({
      prohibited: ["password"],
      prohibitedValue: [],
      secret: [],
    });
  });

  it("names each tag and why, but never a value", () => {
    const violation = violationBy(
      { keys: ["old-*"], values: "hunter2", secrets: true },
      { token: GITHUB, note: "hunter2", "old-b": "x", "old-a": "hunter2" },
    );
    expect(violation.message).toBe(
      'the tags "old-a", "old-b" are prohibited; the tag "note" has a prohibited value; the tag "old-a" has a prohibited value; the tag "token" contains a GitHub token',
    );
    expect(violation.details).toEqual({
      prohibited: ["old-a", "old-b"],
      prohibitedValue: ["note", "old-a"],
      secret: ["token"],
    });
    const everything = JSON.stringify([violation, violation.summary(1), violation.remedy(["i-1"], "us-east-1")]);
    expect(everything).not.toMatch(/hunter2|ghp_/);
  });

  it("gives the same message in any order of the tags", () => {
    const [one, other] = [
      { b: "x", a: "x" },
      { a: "x", b: "x" },
    ].map((tags) => violationBy({ values: "x" }, tags).message);
    expect(one).toBe('the tag "a" has a prohibited value; the tag "b" has a prohibited value');
    expect(other).toBe(one);
  });

  it("states in a few words what is wrong, a secret first", () => {
    const summaries = (tags: Record<string, string>) =>
      [1, 2].map((count) => violationBy({ keys: "a", secrets: true }, tags).summary(count));
    expect(summaries({ a: "x" })).toEqual(["has a prohibited tag", "have a prohibited tag"]);
    expect(summaries({ a: "x", b: GITHUB })).toEqual(["has a secret in a tag", "have a secret in a tag"]);
  });

  it("has a command that deletes each of these tags once, and advice for a secret", () => {
    expect(violationBy({ keys: "token", secrets: true }, { token: GITHUB }).remedy(["i-1"], "us-east-1")).toEqual([
      "aws ec2 delete-tags --region us-east-1 \\",
      "  --resources i-1 \\",
      "  --tags Key=token",
      "Revoke the secret: everyone who can describe the instance could",
      "read it.",
    ]);
    expect(violationBy({ keys: "b", values: "x" }, { b: "", a: "x" }).remedy(["i-1"], "us-east-1").at(-1)).toBe(
      "  --tags Key=a Key=b",
    );
    expect(violationBy({ keys: "aws:*" }, { "aws:cloudformation:stack-name": "x" }).remedy([], "us-east-1")).toEqual([
      'Only AWS can delete the tag "aws:cloudformation:stack-name". It',
      "comes from AWS CloudFormation.",
    ]);
  });

  it.each([
    [{}, 'rules[0] must have at least one of "keys", "values", "secrets"'],
    [{ caseSensitive: true }, 'rules[0] must have at least one of "keys", "values", "secrets"'],
    [{ secrets: "yes" }, "rules[0].secrets must be true or false"],
    [{ keys: "/(/" }, "rules[0].keys "],
  ])("refuses %j", (settings, problem) => {
    expect(problemsOf({ rule: "prohibited-tags", ...settings })).toEqual([expect.stringContaining(problem)]);
  });

  it("says what it demands", () => {
    expect(
      ruleOf({ rule: "prohibited-tags", keys: ["a", "b"], values: "c", secrets: true, caseSensitive: true }).demands(),
    ).toBe(
      'must not have the tags "a" or "b"; no tag may have the value "c"; no tag may contain a secret; the case of the keys matters',
    );
  });
});
