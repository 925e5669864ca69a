import { spawn } from "node:child_process";
import { findProgram } from "../../src/cli/run-program.ts";
import { findMotoServer } from "../local/targets.ts";

export const AWS_CLI = findProgram("aws", process.env);

/** moto_server and the AWS CLI, and why tests of both are skipped where one of them is not on the PATH. */
export const MOTO_AND_CLI = { moto: findMotoServer(), missing: whatIsMissing() };

function whatIsMissing(): string | null {
  if (findMotoServer() === undefined) return "moto_server is not on the PATH";
  return AWS_CLI === null ? "the AWS CLI is not on the PATH" : null;
}

/** The environment of somebody who works against an emulator, in us-east-1, and has no AWS files of his own. */
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

/** Runs the AWS CLI, and answers what it printed. @throws Error with what it said when it fails */
export async function awsCli(endpoint: string, ...args: readonly string[]): Promise<string> {
  const program = spawn(AWS_CLI ?? "aws", args, { env: operatorEnv(endpoint), stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  program.stdout.on("data", (chunk) => {
    out += chunk;
  });
  program.stderr.on("data", (chunk) => {
    err += chunk;
  });
  const code = await new Promise((resolve) => program.on("close", resolve));
  if (code !== 0) throw new Error(`aws ${args.slice(0, 2).join(" ")}: ${err}`);
  return out;
}
