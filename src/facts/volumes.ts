import { DescribeVolumesCommand, type EC2Client, type Volume as Ec2Volume } from "@aws-sdk/client-ec2";
import { requireSet } from "./pages.ts";

/** A volume that is attached to an instance. */
export interface Volume {
  readonly volumeId: string;
  /** Null if EC2 does not report it. */
  readonly isEncrypted: boolean | null;
  /** The ARN of the KMS key; null if the volume is not encrypted. */
  readonly kmsKeyId: string | null;
}

/** Reads the volumes of at most 200 instances, by instance id. Throws as `describeTags` does. */
export async function describeVolumes(
  ec2: Pick<EC2Client, "send">,
  ids: readonly string[],
): Promise<Map<string, readonly Volume[]>> {
  const found = new Map<string, Volume[]>(ids.map((id) => [id, []]));
  let next: string | undefined;
  do {
    const page = await ec2.send(
      new DescribeVolumesCommand({
        Filters: [{ Name: "attachment.instance-id", Values: [...ids] }],
        // An account can hide the volumes of instances that an AWS service manages.
        IncludeManagedResources: true,
        MaxResults: 500,
        ...(next && { NextToken: next }),
      }),
    );
    for (const from of requireSet(page.Volumes, "DescribeVolumes")) {
      const volume = readVolume(from);
      // A volume with Multi-Attach has several instances.
      for (const { InstanceId = "" } of volume ? (from.Attachments ?? []) : []) {
        if (volume) found.get(InstanceId)?.push(volume);
      }
    }
    next = page.NextToken;
  } while (next);
  return found;
}

/** Returns a volume of DescribeVolumes; null for an entry without an id. */
export function readVolume({ VolumeId, Encrypted, KmsKeyId }: Ec2Volume): Volume | null {
  return VolumeId === undefined
    ? null
    : { volumeId: VolumeId, isEncrypted: Encrypted ?? null, kmsKeyId: KmsKeyId ?? null };
}
