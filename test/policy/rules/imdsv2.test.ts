import type { InstanceMetadataOptionsResponse } from "@aws-sdk/client-ec2";
import { describe, expect, it } from "vitest";
import { readInstance } from "../../../src/facts/instances.ts";
import type { Judgement } from "../../../src/policy/rule.ts";
import { AT, INSTANCE } from "../../support/events.ts";
import { factsOf } from "../../support/findings.ts";
import { problemsOf, ruleOf } from "../../support/policy.ts";

const DEFAULTS: InstanceMetadataOptionsResponse = {
  State: "applied",
  HttpTokens: "required",
  HttpPutResponseHopLimit: 2,
  HttpEndpoint: "enabled",
  HttpProtocolIpv6: "disabled",
  InstanceMetadataTags: "disabled",
};

/** Judges an instance whose metadata options in DescribeInstances differ so from the defaults; null for one without options. */
function judge(settings: object, changes: Partial<InstanceMetadataOptionsResponse> | null): Judgement {
  const instance = readInstance(INSTANCE, changes === null ? {} : { MetadataOptions: { ...DEFAULTS, ...changes } });
  return ruleOf({ rule: "imdsv2", ...settings }).check(factsOf({ instance }), AT);
}
const V1 = "the metadata service does not require session tokens (IMDSv2)";

describe("imdsv2", () => {
  it("needs the instance, and waits for automation that corrects it", () => {
    expect(ruleOf({ rule: "imdsv2" })).toMatchObject({ needs: ["instance"], settles: "soon" });
  });

  it.each<[object, Partial<InstanceMetadataOptionsResponse>, string]>([
    [{}, {}, "it requires IMDSv2"],
    [{}, { HttpPutResponseHopLimit: 64 }, "it requires IMDSv2"],
    [{ maxHops: 2 }, {}, "it requires IMDSv2, and the metadata hop limit is 2"],
    [{ maxHops: 1 }, { HttpEndpoint: "disabled", HttpTokens: "optional" }, "its metadata service is disabled"],
  ])("is compliant with %j and %j", (settings, changes, because) => {
    expect(judge(settings, changes)).toEqual({ kind: "compliant", because });
  });

  it.each<[object, Partial<InstanceMetadataOptionsResponse>, string, object]>([
    [{}, { HttpTokens: "optional" }, V1, { httpTokens: ["optional"], httpPutResponseHopLimit: [] }],
    [
      { maxHops: 1 },
      {},
      "the metadata hop limit is 2; at most 1 is allowed",
      { httpTokens: [], httpPutResponseHopLimit: ["2"] },
    ],
    [
      { maxHops: 1 },
      { HttpTokens: "optional" },
      `${V1}; the metadata hop limit is 2; at most 1 is allowed`,
      { httpTokens: ["optional"], httpPutResponseHopLimit: ["2"] },
    ],
  ])("is violated with %j and %j", (settings, changes, message, details) => {
    expect(judge(settings, changes)).toMatchObject({ kind: "violation", violation: { message, details } });
  });

  it("reports a certain violation, even if the other option is not known", () => {
    expect(judge({ maxHops: 1 }, { HttpTokens: undefined })).toMatchObject({
      violation: { message: "the metadata hop limit is 2; at most 1 is allowed" },
    });
    expect(judge({ maxHops: 1 }, { HttpTokens: "optional", HttpPutResponseHopLimit: undefined })).toMatchObject({
      violation: { message: V1 },
    });
  });

  it.each<[object, Partial<InstanceMetadataOptionsResponse> | null, string]>([
    [{}, null, "EC2 does not report the metadata options"],
    [{}, { HttpTokens: undefined }, "EC2 does not report the metadata options"],
    [{ maxHops: 2 }, { HttpPutResponseHopLimit: undefined }, "EC2 does not report the metadata hop limit"],
  ])("is not judged with %j and %j", (settings, changes, because) => {
    expect(judge(settings, changes)).toEqual({ kind: "not-judged", because, late: false });
  });

  it("states the hop limit in the summary only if nothing else is wrong", () => {
    const summaries = (changes: Partial<InstanceMetadataOptionsResponse>) => {
      const judgement = judge({ maxHops: 1 }, changes);
      return judgement.kind === "violation" ? [1, 2].map((count) => judgement.violation.summary(count)) : [];
    };
    expect(summaries({})).toEqual(["has a hop limit over 1", "have a hop limit over 1"]);
    expect(summaries({ HttpTokens: "optional" })).toEqual(["allows IMDSv1", "allow IMDSv1"]);
  });

  it("has a command for each instance as its remedy", () => {
    const remedy = (settings: object, ids: readonly string[]) => {
      const judgement = judge(settings, { HttpTokens: "optional" });
      return judgement.kind === "violation" ? judgement.violation.remedy(ids, "eu-west-1") : [];
    };
    expect(remedy({}, ["i-1234567890abcdef0", "i-1234567890abcdef1"])).toEqual([
      "aws ec2 modify-instance-metadata-options --region eu-west-1 \\",
      "  --instance-id i-1234567890abcdef0 \\",
      "  --http-tokens required",
      "aws ec2 modify-instance-metadata-options --region eu-west-1 \\",
      "  --instance-id i-1234567890abcdef1 \\",
      "  --http-tokens required",
    ]);
    expect(remedy({ maxHops: 1 }, ["i-1234567890abcdef0"])).toEqual([
      "aws ec2 modify-instance-metadata-options --region eu-west-1 \\",
      "  --instance-id i-1234567890abcdef0 \\",
      "  --http-tokens required \\",
      "  --http-put-response-hop-limit 1",
    ]);
    expect(remedy({}, [])).not.toEqual(remedy({ maxHops: 1 }, []));
  });

  it.each([0, 65, 1.5, "2", null])("refuses %j as maxHops", (maxHops) => {
    expect(problemsOf({ rule: "imdsv2", maxHops })).toEqual(["rules[0].maxHops must be a whole number from 1 to 64"]);
  });

  it("says what it demands", () => {
    expect(ruleOf({ rule: "imdsv2", maxHops: 2 }).demands()).toBe(
      "The instance metadata service must require session tokens (IMDSv2), or be disabled; the metadata hop limit must be at most 2",
    );
  });
});
