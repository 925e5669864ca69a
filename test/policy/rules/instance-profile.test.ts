import { describe, expect, it } from "vitest";
import { readInstance } from "../../../src/facts/instances.ts";
import { AT, INSTANCE } from "../../support/events.ts";
import { factsOf } from "../../support/findings.ts";
import { problemsOf, ruleOf } from "../../support/policy.ts";

const WEB = "arn:aws:iam::123456789012:instance-profile/web";
const PATH = "arn:aws-us-gov:iam::123456789012:instance-profile/teams/shop/web";

const judge = (settings: object, Arn: string | null) =>
  ruleOf({ rule: "instance-profile", ...settings }).check(
    factsOf({
      instance: readInstance(
        INSTANCE,
        Arn === null ? {} : { IamInstanceProfile: { Arn, Id: "AIPAABCDEFGHIJKLMN123" } },
      ),
    }),
    AT,
  );

function violationBy(settings: object, arn: string | null) {
  const judgement = judge(settings, arn);
  if (judgement.kind !== "violation") throw new Error(`the verdict is ${judgement.kind}`);
  return judgement.violation;
}

describe("instance-profile", () => {
  it("needs the instance, and waits because a profile is often attached after the launch", () => {
    expect(ruleOf({ rule: "instance-profile" })).toMatchObject({ needs: ["instance"], settles: "soon" });
  });

  it.each<[object, string | null]>([
    [{}, WEB],
    [{ allowed: "web" }, WEB],
    [{ allowed: "web" }, PATH],
    [{ allowed: WEB }, WEB],
    [{ allowed: "arn:aws*:iam::*:instance-profile/teams/*" }, PATH],
    [{ allowed: ["batch", "/w.b/"] }, WEB],
    [{ none: true }, null],
    [{ allowed: "web", none: true }, null],
    [{ allowed: "web", none: true }, WEB],
    [{ none: false }, WEB],
  ])("is compliant with %j and the profile %j", (settings, arn) => {
    expect(judge(settings, arn)).toEqual({
      kind: "compliant",
      because: arn === null ? "it has no instance profile" : 'its instance profile is "web"',
    });
  });

  it.each<[object, string | null, string]>([
    [{}, null, "it has no instance profile"],
    [{ none: false }, null, "it has no instance profile"],
    [{ allowed: "web" }, null, "it has no instance profile"],
    [{ allowed: ["batch-*", "shop"] }, WEB, 'the instance profile is "web", not "batch-*" or "shop"'],
    [{ none: true }, WEB, 'the instance profile "web" is not allowed'],
    [{ allowed: "teams" }, PATH, 'the instance profile is "web", not "teams"'],
  ])("is violated with %j and the profile %j", (settings, arn, message) => {
    expect(violationBy(settings, arn)).toMatchObject({ message, details: { notAllowed: arn === null ? [] : [arn] } });
  });

  it("has a command to attach a profile, which a shell refuses until the name is filled in", () => {
    expect(violationBy({}, null).remedy(["i-1234567890abcdef0"], "us-east-1")).toEqual([
      "aws ec2 associate-iam-instance-profile --region us-east-1 \\",
      "  --instance-id i-1234567890abcdef0 \\",
      "  --iam-instance-profile Name=<name>",
    ]);
  });

  it("has commands to replace a profile", () => {
    expect(
      violationBy({ allowed: "web*" }, WEB.replace("web", "x")).remedy(
        ["i-1234567890abcdef0", "i-1234567890abcdef1"],
        "us-east-1",
      ),
    ).toEqual([
      "Find the id of the association, and use it:",
      "aws ec2 describe-iam-instance-profile-associations --region us-east-1 \\",
      "  --filters \\",
      "    Name=instance-id,Values=i-1234567890abcdef0,i-1234567890abcdef1",
      "aws ec2 replace-iam-instance-profile-association --region us-east-1 \\",
      "  --iam-instance-profile Name=<name> \\",
      "  --association-id <id>",
    ]);
  });

  it("has commands to detach a profile where none is allowed", () => {
    expect(violationBy({ none: true }, WEB).remedy(["i-1"], "us-east-1")).toEqual([
      "Find the id of the association, and use it:",
      "aws ec2 describe-iam-instance-profile-associations --region us-east-1 \\",
      "  --filters Name=instance-id,Values=i-1",
      "aws ec2 disassociate-iam-instance-profile --region us-east-1 \\",
      "  --association-id <id>",
    ]);
  });

  it("states in a few words what is wrong", () => {
    expect([1, 2].map((count) => violationBy({ none: true }, WEB).summary(count))).toEqual([
      "has a wrong instance profile",
      "have a wrong instance profile",
    ]);
  });

  it.each([
    [{ allowed: 1 }, /^rules\[0\]\.allowed must be text of up to 1024 characters/],
    [{ none: 1 }, /^rules\[0\]\.none must be true or false$/],
    [{ profile: "web" }, /^rules\[0\] has an unknown key/],
  ])("refuses %j", (settings, problem) => {
    expect(problemsOf({ rule: "instance-profile", ...settings })).toEqual([expect.stringMatching(problem)]);
  });

  it.each([
    [{ allowed: ["a", "b"] }, 'the instance profile must be "a" or "b"'],
    [{ allowed: ["a"], none: true }, 'the instance profile must be "a", or there must be none'],
    [{ none: true }, "must have no instance profile"],
    [{ none: false }, "must have an instance profile"],
  ])("says what it demands with %j", (settings, demands) => {
    expect(ruleOf({ rule: "instance-profile", ...settings }).demands()).toBe(demands);
  });
});
