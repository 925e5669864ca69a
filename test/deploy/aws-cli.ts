import { findProgram } from "../../src/cli/run-program.ts";

export const AWS_CLI = findProgram("aws", process.env);

/** The environment of an operator who uses an emulator in us-east-1, without AWS configuration files. */
export function operatorEnv(endpoint: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? "",
    HOME: "/nonexistent",
    AWS_REGION: "us-east-1",
    AWS_DEFAULT_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "testing",
    AWS_SECRET_ACCESS_KEY: "testing",
    AWS_ENDPOINT_URL: endpoint,
    AWS_EC2_METADATA_DISABLED: "true",
  };
}
