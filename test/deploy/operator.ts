import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Command } from "commander";
import type { Cli } from "../../src/cli/cli.ts";
import { type Ran, type Run, runCommand } from "../cli/run.ts";
import { operatorEnv } from "./aws-cli.ts";
import { reference, TEMPLATE } from "./template.ts";

/** The options for running a command. */
export interface RunWith extends Pick<Run, "answer"> {
  readonly endpoint: string;
}

/** Runs a command outside the whole command line, for example one for another folder than this package's. */
export function runWith(make: (cli: Cli) => Command, args: readonly string[], run: RunWith): Promise<Ran> {
  const { endpoint, ...rest } = run;
  return runCommand(["lambda", ...args], {
    ...rest,
    env: operatorEnv(endpoint),
    folder: tmpdir(),
    create: (cli) => new Command().option("--profile <name>").option("--region <name>").addCommand(make(cli)),
  });
}

/** An installed package in a temporary folder. */
export interface Package {
  readonly folder: string;
  write(file: string, text: string): void;
  remove(): void;
}

/** Creates the package with the real template and a one-line function. */
export function makePackage(): Package {
  const folder = mkdtempSync(join(tmpdir(), "ec2-audit-lambda-"));
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  };
  write("dist/audit.js", "exports.handler = async () => ({ batchItemFailures: [] });\n");
  // moto does not have the SAM transform, nor the resources that the transform adds.
  const template = readFileSync(TEMPLATE, "utf8").replaceAll(
    reference("ServerlessDeploymentApplication"),
    "application",
  );
  write("deploy/template.yaml", template.replaceAll("!Ref Function.Version", "version"));
  return { folder, write, remove: () => rmSync(folder, { recursive: true }) };
}
