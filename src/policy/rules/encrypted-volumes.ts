import type { Volume } from "../../facts/volumes.ts";
import { command } from "../remedies/commands.ts";
import { compliant, notJudged, ofInstance, ruleKind, violates } from "../rule.ts";
import { matchers, matchesAny, optional } from "../settings.ts";
import { brief, verb } from "../words.ts";

/** `encrypted-volumes`: the EBS volumes must be encrypted. */
export const encryptedVolumes = ruleKind({
  name: "encrypted-volumes",
  what: "The EBS volumes of an instance must be encrypted.",
  why: "A copy of a volume that is not encrypted can be read by everyone who gets it. Encryption costs nothing.",
  settles: "when-running",
  fields: {
    keys: optional(matchers, {
      about: "The ARNs or ids of the allowed KMS keys. EC2 does not report the alias of a key.",
      demand: "the KMS key must be {}",
    }),
  },
  example: {
    rule: { rule: "encrypted-volumes", keys: "arn:aws:kms:*:123456789012:key/*" },
    fails: ["a volume is not encrypted", "a volume is encrypted with the key of another account"],
    passes: ["each volume is encrypted with an allowed key", "there are no EBS volumes, only instance store"],
  },

  configure({ keys }) {
    return {
      needs: ["instance", "volumes"],
      check: ofInstance(({ volumeIds }, { volumes }) => {
        if ("unknown" in volumes) return notJudged(volumes.unknown, volumes.late);
        const unencrypted = idsOf(volumes.value.filter(({ isEncrypted }) => isEncrypted === false));
        const wrongKey = idsOf(
          volumes.value.filter(({ kmsKeyId: key }) => keys !== undefined && key !== null && !isAllowed(key, keys)),
        );
        if (unencrypted.length + wrongKey.length > 0) {
          return violates({
            message: [
              ...problem(unencrypted, "not encrypted"),
              ...problem(wrongKey, "encrypted with a KMS key that is not allowed"),
            ].join("; "),
            summary: (instances) =>
              `${verb(instances, "has", "have")} ${unencrypted.length > 0 ? "an unencrypted volume" : "a volume with a KMS key that is not allowed"}`,
            action: (affected) =>
              unencrypted.length > 0
                ? `Replace the unencrypted volumes of ${affected} with encrypted copies`
                : `Replace the volumes of ${affected} with copies under an allowed KMS key`,
            remedy: (_, region) => [
              "The encryption of a volume cannot be changed. Copy each volume,",
              "and attach the copy in its place:",
              ...command(`aws ec2 create-snapshot --region ${region}`, [["--volume-id", "<volume-id>"]]),
              ...command(`aws ec2 create-volume --region ${region} --encrypted`, [
                ...(keys === undefined ? [] : [["--kms-key-id", "<key>"]]),
                ["--availability-zone", "<zone>"],
                ["--snapshot-id", "<snapshot-id>"],
              ]),
              "To encrypt each new volume of the region:",
              `aws ec2 enable-ebs-encryption-by-default --region ${region}`,
            ],
            details: { unencrypted, wrongKey },
          });
        }
        const shown = new Set(volumes.value.map(({ volumeId }) => volumeId));
        const missing = volumeIds.filter((id) => !shown.has(id)).sort();
        if (missing.length > 0) return notJudged(`EC2 does not show ${volumesOf(missing)}`, true);
        const unclear = idsOf(volumes.value.filter(({ isEncrypted }) => isEncrypted === null));
        if (unclear.length > 0)
          return notJudged(
            `EC2 does not report whether ${volumesOf(unclear)} ${verb(unclear.length, "is", "are")} encrypted`,
          );
        if (keys !== undefined && volumes.value.some(({ kmsKeyId }) => kmsKeyId === null)) {
          return notJudged("EC2 does not report the KMS key of a volume");
        }
        const ids = idsOf(volumes.value);
        if (ids.length === 0) return compliant("it has no EBS volumes");
        return compliant(`${volumesOf(ids)} ${verb(ids.length, "is", "are")} encrypted`);
      }),
    };
  },
});

function idsOf(volumes: readonly Volume[]): string[] {
  return volumes.map(({ volumeId }) => volumeId).sort();
}

/** Takes the ARN of a key, which ends with the key's id. https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id */
function isAllowed(arn: string, keys: Parameters<typeof matchesAny>[0]): boolean {
  return matchesAny(keys, arn) || matchesAny(keys, arn.slice(arn.lastIndexOf("/") + 1));
}

function volumesOf(ids: readonly string[]): string {
  return `the ${verb(ids.length, "volume", "volumes")} ${brief(ids)}`;
}

function problem(ids: readonly string[], what: string): string[] {
  return ids.length === 0 ? [] : [`${volumesOf(ids)} ${verb(ids.length, "is", "are")} ${what}`];
}
