import { AwsError } from "../errors.ts";

/** SNS's error for an invalid parameter. Takes its name, and the reason where SNS gives one. */
export function invalidParameter(parameter: string): AwsError {
  return new AwsError("InvalidParameter", `Invalid parameter: ${parameter}`);
}
