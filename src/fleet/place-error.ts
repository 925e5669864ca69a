import { STSServiceException } from "@aws-sdk/client-sts";
import { isDenied } from "../aws/denied.ts";
import { describeError } from "../util/errors.ts";
import { oneLine } from "../util/text.ts";
import type { PlaceResult } from "./place.ts";

/**
 * The errors of AWS in a region that is not enabled for the account. EC2 has no other code for it than the one for invalid
 * credentials. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
 */
const OFF: ReadonlySet<string> = new Set(["AuthFailure", "OptInRequired", "RegionDisabledException"]);

/** The status and reason of a place that was not read to its end because the operator interrupted the report. */
export const INTERRUPTED = { status: "partial", reason: "the report was interrupted" } as const;

/** Returns the status and reason of a place whose instances cannot be read, for the error of DescribeInstances. */
export function placeError(error: unknown): Pick<PlaceResult, "status" | "reason"> {
  if (isDenied(error)) {
    const action = error instanceof STSServiceException ? "sts:AssumeRole for the account" : "ec2:DescribeInstances";
    return { status: "denied", reason: `the credentials do not allow ${action}` };
  }
  if (error instanceof Error && OFF.has(error.name)) {
    return { status: "off", reason: "the region is not enabled for the account, or it refuses the credentials" };
  }
  return { status: "failed", reason: callFailed("ec2:DescribeInstances", error) };
}

/** Returns how a call failed, in one sentence without a full stop. */
export function callFailed(action: string, error: unknown): string {
  return `${action} failed: ${oneLine(describeError(error)).replace(/\.$/, "")}`;
}
