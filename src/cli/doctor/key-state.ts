import { DescribeKeyCommand, KeyState } from "@aws-sdk/client-kms";
import { type Aws, answered } from "../aws.ts";
import { type Check, reporter } from "./check.ts";

const { wrong } = reporter("topics and policies");

/** A key, as KMS describes it. */
export interface FoundKey {
  readonly arn: string;
  readonly state: string;
}

/** Returns the key with an ARN, or with the ARN of an alias. Throws what AWS throws. */
export async function findKey({ kms }: Aws, arn: string): Promise<FoundKey> {
  const { Arn, KeyState } = answered((await kms.send(new DescribeKeyCommand({ KeyId: arn }))).KeyMetadata);
  return { arn: answered(Arn), state: answered(KeyState) };
}

/** In these states a key encrypts. https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html */
const USABLE: readonly string[] = [KeyState.Enabled, KeyState.Updating];

/**
 * Reports a key that cannot encrypt: SNS then accepts no message to its topic. Returns no check for a usable key. `regionFlags` are
 * the AWS CLI's flags for the key's region.
 */
export function judgeKeyState(name: string, { arn, state }: FoundKey, regionFlags: string): readonly Check[] {
  if (USABLE.includes(state)) return [];
  const message = `${arn} is ${state}: SNS accepts no message to the topic`;
  const enable = `aws kms enable-key --key-id ${arn}${regionFlags}`;
  const keep = `aws kms cancel-key-deletion --key-id ${arn}${regionFlags}`;
  switch (state) {
    case KeyState.Disabled:
      return [wrong(name, message, enable)];
    case KeyState.PendingDeletion:
      return [wrong(name, message, ["To keep the key:", keep, enable].join("\n"))];
    default:
      return [
        wrong(
          name,
          message,
          "For the states, see https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html",
        ),
      ];
  }
}
