import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { Command } from "commander";
import type { Cli } from "../../src/cli/cli.ts";
import { type Ran, type Run, runCommand } from "../cli/run.ts";
import { operatorEnv } from "./aws-cli.ts";
import { TEMPLATE } from "./template.ts";

/** How a command is run. */
export interface RunWith extends Pick<Run, "answer"> {
  readonly endpoint: string;
  /** Replaces the PATH. */
  readonly path?: string;
}

/** Runs one command by itself, such as one that takes another folder than this package's. */
export function runWith(make: (cli: Cli) => Command, args: readonly string[], run: RunWith): Promise<Ran> {
  const { endpoint, path, ...rest } = run;
  return runCommand(["lambda", ...args], {
    ...rest,
    env: { ...operatorEnv(endpoint), ...(path !== undefined && { PATH: path }) },
    folder: tmpdir(),
    create: (cli) => new Command().option("--profile <name>").option("--region <name>").addCommand(make(cli)),
  });
}

/** A package in a folder of its own, as npm installs it. */
export interface Package {
  readonly folder: string;
  /** A folder for programs that stand in for others. */
  readonly bin: string;
  write(file: string, text: string): void;
  /** Puts a program into `bin`: JavaScript, which is given its arguments as `args`. */
  program(name: string, code: string): void;
  /** What programs wrote with `record(args)`, one call after the other. */
  recorded(): readonly (readonly string[])[];
  remove(): void;
}

/** Makes the package, with the real template. Its function is a small text. */
export function makePackage(): Package {
  const root = mkdtempSync(join(tmpdir(), "ec2-audit-lambda-"));
  const folder = join(root, "package");
  const bin = join(root, "bin");
  const calls = join(root, "calls");
  mkdirSync(bin);
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  };
  write("dist/audit.js", "exports.handler = async () => ({ batchItemFailures: [] });\n");
  // moto carries out no SAM transform: it does not know what that adds.
  // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's own
  const template = readFileSync(TEMPLATE, "utf8").replaceAll("${ServerlessDeploymentApplication}", "application");
  write("deploy/template.yaml", template.replaceAll("!Ref Function.Version", "version"));
  writeFileSync(calls, "");
  return {
    folder,
    bin,
    write,
    program(name, code) {
      const file = join(bin, name);
      const head = `#!${process.execPath}
const args = process.argv.slice(2);
const record = (call) => require("node:fs").appendFileSync(${JSON.stringify(calls)}, JSON.stringify(call) + "\\n");
const { spawnSync } = require("node:child_process");
`;
      writeFileSync(file, `${head}${code}\n`);
      chmodSync(file, 0o755);
    },
    recorded: () =>
      readFileSync(calls, "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line)),
    remove: () => rmSync(root, { recursive: true }),
  };
}

/** A PATH with these folders alone. */
export function pathOf(...folders: readonly string[]): string {
  return folders.join(delimiter);
}
