import { AwsError } from "../errors.ts";

/** Returns EventBridge's error for an invalid parameter. */
export const invalid = (message: string) => new AwsError("ValidationException", message);
