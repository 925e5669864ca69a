import { AwsError } from "../errors.ts";

/** The error of EventBridge for a parameter it does not take. */
export const invalid = (message: string) => new AwsError("ValidationException", message);
