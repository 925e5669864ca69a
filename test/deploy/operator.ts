import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Command } from "commander";
import type { Cli } from "../../src/cli/cli.ts";
import { type Ran, type Run, runCommand } from "../cli/run.ts";
import { operatorEnv } from "./aws-cli.ts";
import { reference, TEMPLATE } from "./template.ts";

/** How a command is run. */
export interface RunWith extends Pick<Run, "answer"> {
  readonly endpoint: string;
}

/** Runs one command by itself, such as one that takes another folder than this package's. */
export function runWith(make: (cli: Cli) => Command, args: readonly string[], run: RunWith): Promise<Ran> {
  const { endpoint, ...rest } = run;
  return runCommand(["lambda", ...args], {
    ...rest,
    env: operatorEnv(endpoint),
    folder: tmpdir(),
    create: (cli) => new Command().option("--profile <name>").option("--region <name>").addCommand(make(cli)),
  });
}

/** A package in a folder of its own, as npm installs it. */
export interface Package {
  readonly folder: string;
  write(file: string, text: string): void;
  remove(): void;
}

/** Makes the package, with the real template. Its function is a small text. */
export function makePackage(): Package {
  const folder = mkdtempSync(join(tmpdir(), "ec2-audit-lambda-"));
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  };
  write("dist/audit.js", "exports.handler = async () => ({ batchItemFailures: [] });\n");
  // moto carries out no SAM transform: it does not know what that adds.
  const template = readFileSync(TEMPLATE, "utf8").replaceAll(
    reference("ServerlessDeploymentApplication"),
    "application",
  );
  write("deploy/template.yaml", template.replaceAll("!Ref Function.Version", "version"));
  return { folder, write, remove: () => rmSync(folder, { recursive: true }) };
}
