import { describe, expect, it } from "vitest";
import { allowsService, type ServiceCall } from "../../src/local/aws/resource-policy.ts";

const RULE = "arn:aws:events:eu-west-1:123456789012:rule/ec2_launches";
const call: ServiceCall = {
  service: "events.amazonaws.com",
  action: "sns:Publish",
  resource: "arn:aws:sns:eu-west-1:123456789012:launches",
  sourceArn: RULE,
  sourceAccount: "123456789012",
};
const STATEMENT = {
  Effect: "Allow",
  Principal: { Service: "events.amazonaws.com" },
  Action: "sns:Publish",
  Resource: call.resource,
};
const allows = (...statements: object[]) =>
  allowsService(JSON.stringify({ Version: "2012-10-17", Statement: statements }), call);
const when = (Condition: object) => allows({ ...STATEMENT, Condition });

describe("A resource's policy that allows a service", () => {
  it.each([
    ["by its name", {}],
    ["among others", { Principal: { Service: ["s3.amazonaws.com", "events.amazonaws.com"] } }],
    ["as everybody", { Principal: "*" }],
    ["as everybody, written as an account", { Principal: { AWS: "*" } }],
    ["for an action in another case", { Action: ["SNS:Subscribe", "SNS:Publish"] }],
    ["for an action with a wildcard", { Action: "sns:Pub*" }],
    ["for a resource with a wildcard", { Resource: "arn:aws:sns:*:123456789012:launche?" }],
  ])("%s", (_what, change) => {
    expect(allows({ ...STATEMENT, ...change })).toBe(true);
  });

  it.each([
    ["another service", { Principal: { Service: "s3.amazonaws.com" } }],
    ["the account", { Principal: { AWS: "arn:aws:iam::123456789012:root" } }],
    ["another action", { Action: "sns:Subscribe" }],
    ["another resource", { Resource: "arn:aws:sns:eu-west-1:123456789012:alerts" }],
  ])("does not allow a service by a statement about %s", (_what, change) => {
    expect(allows({ ...STATEMENT, ...change })).toBe(false);
  });

  it("does not allow a service without a policy, by an invalid one, or if a statement denies it", () => {
    expect([undefined, "", "[]", "{", '{"Statement":[1]}'].map((policy) => allowsService(policy, call))).toEqual(
      Array.from({ length: 5 }, () => false),
    );
    expect(allows(STATEMENT, { ...STATEMENT, Effect: "Deny", Principal: "*" })).toBe(false);
  });

  it.each([
    [true, "ArnEquals", "aws:SourceArn", RULE],
    [true, "ArnLike", "AWS:SourceArn", "arn:aws:events:*:123456789012:rule/*"],
    [false, "ArnLike", "aws:SourceArn", "arn:aws:events:*:210987654321:rule/*"],
    [true, "StringEquals", "aws:SourceAccount", ["210987654321", "123456789012"]],
    [false, "StringEquals", "aws:SourceAccount", "210987654321"],
    [false, "StringNotEquals", "aws:SourceAccount", "123456789012"],
    [true, "Bool", "aws:SecureTransport", "true"],
    [false, "StringEquals", "aws:SourceOwner", "123456789012"],
    [true, "StringEqualsIfExists", "aws:SourceOwner", "210987654321"],
    [true, "StringNotEquals", "aws:SourceOwner", "123456789012"],
  ])("%s: %s of %s and %s", (expected, operator, key, value) => {
    expect(when({ [operator]: { [key]: value } })).toBe(expected);
  });

  it("allows a service only when all conditions are met", () => {
    const StringEquals = { "aws:SourceAccount": "123456789012" };
    expect(when({ StringEquals, ArnEquals: { "aws:SourceArn": `${RULE}-other` } })).toBe(false);
  });

  it("reports an unknown condition instead of guessing", () => {
    expect(() => when({ IpAddress: { "aws:SourceIp": "192.0.2.0/24" } })).toThrow(RangeError);
  });
});
