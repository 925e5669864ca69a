import type { Volume as Ec2Volume } from "@aws-sdk/client-ec2";
import { describe, expect, it } from "vitest";
import { readInstance } from "../../../src/facts/instances.ts";
import { readVolume } from "../../../src/facts/volumes.ts";
import { evaluate } from "../../../src/policy/evaluate.ts";
import { AT, INSTANCE } from "../../support/events.ts";
import { factsOf } from "../../support/findings.ts";
import { policyOf, problemsOf, ruleOf } from "../../support/policy.ts";

const KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ROOT = { VolumeId: "vol-0000000000000000a", Encrypted: true, KmsKeyId: KEY };
const DATA = { VolumeId: "vol-0000000000000000b", Encrypted: false };

const FACTS = (volumes: readonly Ec2Volume[], mapped: readonly string[] = []) =>
  factsOf({
    volumes: { value: volumes.flatMap((from) => readVolume(from) ?? []) },
    instance: readInstance(INSTANCE, {
      State: { Name: "running" },
      BlockDeviceMappings: mapped.map((VolumeId) => ({
        DeviceName: "/dev/xvda",
        Ebs: { VolumeId, Status: "attached" },
      })),
    }),
  });
const judge = (settings: object, volumes: readonly Ec2Volume[], mapped: readonly string[] = []) =>
  ruleOf({ rule: "encrypted-volumes", ...settings }).check(FACTS(volumes, mapped), AT);

function violationBy(settings: object, volumes: readonly Ec2Volume[], mapped: readonly string[] = []) {
  const judgement = judge(settings, volumes, mapped);
  if (judgement.kind !== "violation") throw new Error(`the verdict is ${judgement.kind}`);
  return judgement.violation;
}

describe("encrypted-volumes", () => {
  it("needs the volumes, and waits until the instance runs", () => {
    expect(ruleOf({ rule: "encrypted-volumes" })).toMatchObject({
      needs: ["instance", "volumes"],
      settles: "when-running",
    });
  });

  it("is compliant if each volume is encrypted", () => {
    expect(judge({}, [ROOT], [ROOT.VolumeId])).toEqual({
      kind: "compliant",
      because: "the volume vol-0000000000000000a is encrypted",
    });
    expect(judge({}, [{ ...DATA, Encrypted: true }, ROOT])).toEqual({
      kind: "compliant",
      because: "the volumes vol-0000000000000000a, vol-0000000000000000b are encrypted",
    });
  });

  it("is compliant for an instance whose root device is in the instance store", () => {
    expect(judge({ keys: KEY }, [])).toEqual({ kind: "compliant", because: "it has no EBS volumes" });
  });

  it("is not judged if EC2 does not report the encryption of a volume, unless another one is not encrypted", () => {
    const unclear = { VolumeId: "vol-0000000000000000c" };
    expect(judge({}, [ROOT, unclear])).toEqual({
      kind: "not-judged",
      because: "EC2 does not report whether the volume vol-0000000000000000c is encrypted",
      late: false,
    });
    expect(violationBy({}, [DATA, unclear])).toMatchObject({ details: { unencrypted: [DATA.VolumeId] } });
  });

  it("is violated by volumes that are not encrypted, which it names", () => {
    expect(violationBy({}, [ROOT, DATA])).toMatchObject({
      message: "the volume vol-0000000000000000b is not encrypted",
      details: { unencrypted: ["vol-0000000000000000b"], wrongKey: [] },
    });
    expect(violationBy({}, [DATA, { VolumeId: "vol-0000000000000000a", Encrypted: false }]).message).toBe(
      "the volumes vol-0000000000000000a, vol-0000000000000000b are not encrypted",
    );
  });

  it("names at most five volumes, and all of them for programs", () => {
    const many = Array.from({ length: 8 }, (_, index) => ({ VolumeId: `vol-${index}`, Encrypted: false }));
    const { message, details } = violationBy({}, many);
    expect(message).toBe("the volumes vol-0, vol-1, vol-2, vol-3, vol-4 and 3 more are not encrypted");
    expect(details.unencrypted).toHaveLength(8);
  });

  it.each([
    KEY,
    "1234abcd-12ab-34cd-56ef-1234567890ab",
    "arn:aws:kms:*:123456789012:key/*",
    ["other", "/1234abcd-.*/"],
  ])("accepts the key %j", (keys) => {
    expect(judge({ keys }, [ROOT]).kind).toBe("compliant");
  });

  it("is violated by a volume with another key", () => {
    const violation = violationBy({ keys: "arn:aws:kms:*:999999999999:key/*" }, [ROOT]);
    expect(violation).toMatchObject({
      message: "the volume vol-0000000000000000a is encrypted with a KMS key that is not allowed",
      details: { unencrypted: [], wrongKey: ["vol-0000000000000000a"] },
    });
    expect([1, 2].map((count) => violation.summary(count))).toEqual([
      "has a volume with a KMS key that is not allowed",
      "have a volume with a KMS key that is not allowed",
    ]);
    expect(violationBy({ keys: "x" }, [ROOT, DATA]).message).toBe(
      "the volume vol-0000000000000000b is not encrypted; the volume vol-0000000000000000a is encrypted with a KMS key that is not allowed",
    );
  });

  it("is not judged while DescribeVolumes does not show a volume of the instance", () => {
    expect(judge({}, [], ["vol-0000000000000000b", "vol-0000000000000000a"])).toEqual({
      kind: "not-judged",
      because: "EC2 does not show the volumes vol-0000000000000000a, vol-0000000000000000b",
      late: true,
    });
    expect(violationBy({}, [DATA], ["vol-0000000000000000a"]).details.unencrypted).toEqual([DATA.VolumeId]);
  });

  it("is not judged if the key of an encrypted volume is not known", () => {
    expect(judge({ keys: "*" }, [ROOT, { ...DATA, Encrypted: true }])).toEqual({
      kind: "not-judged",
      because: "EC2 does not report the KMS key of a volume",
      late: false,
    });
  });

  it("is not judged for a pending instance, which has no volumes yet", () => {
    const facts = factsOf({ volumes: { value: [] }, instance: readInstance(INSTANCE, { State: { Name: "pending" } }) });
    expect(evaluate(facts, policyOf({ rules: [{ rule: "encrypted-volumes" }] }), AT)[0]).toMatchObject({
      kind: "not-judged",
      because: "the instance is not running yet",
      late: true,
    });
  });

  it("has a remedy that ends with a command", () => {
    const remedy = violationBy({}, [DATA]).remedy(["i-1"], "eu-west-1");
    expect(remedy.at(-1)).toBe("aws ec2 enable-ebs-encryption-by-default --region eu-west-1");
    expect(remedy[0]).toMatch(/^The encryption of a volume cannot be changed\./);
  });

  it("refuses keys that are not text", () => {
    expect(problemsOf({ rule: "encrypted-volumes", keys: [] })).toEqual([
      expect.stringMatching(/^rules\[0\]\.keys must be a list of 1 to 200/),
    ]);
  });

  it("says what it demands", () => {
    expect(ruleOf({ rule: "encrypted-volumes", keys: "1234*" }).demands()).toBe(
      'The EBS volumes of an instance must be encrypted; the KMS key must be "1234*"',
    );
  });
});
