import { AwsError } from "../errors.ts";

/** SNS's error for an invalid parameter. Takes the parameter's name, and SNS's reason if there is one. */
export function invalidParameter(parameter: string): AwsError {
  return new AwsError("InvalidParameter", `Invalid parameter: ${parameter}`);
}
