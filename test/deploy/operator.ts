import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Command } from "commander";
import pc from "picocolors";
import { vi } from "vitest";
import { type Cli, CliError } from "../../src/cli/cli.ts";
import { explain } from "../../src/cli/explain.ts";
import { operatorEnv } from "./aws-cli.ts";
import { TEMPLATE } from "./template.ts";

/** What a command left behind. */
export interface Ran {
  readonly code: 0 | 1 | 2;
  readonly out: string;
  readonly err: string;
  readonly asked: readonly string[];
}

/** How a command is run. */
export interface Run {
  readonly endpoint: string;
  /** Replaces the PATH. */
  readonly path?: string;
  /** What the operator answers when asked; undefined is a terminal with nobody at it. */
  readonly answer?: boolean;
}

/** Runs one command, as the program does, on a terminal that takes down what it is told. */
export async function runWith(make: (cli: Cli) => Command, args: readonly string[], run: Run): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const asked: string[] = [];
  let code: 0 | 1 | 2 = 0;
  const env = { ...operatorEnv(run.endpoint), ...(run.path !== undefined && { PATH: run.path }) };
  // The SDK reads its settings from the process's environment.
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const cli: Cli = {
    env,
    folder: tmpdir(),
    terminal: {
      out: (text) => void out.push(text),
      err: (text) => void err.push(text),
      colours: pc.createColors(false),
      busy: async (what, work) => {
        err.push(what);
        return work((text) => void err.push(text));
      },
      confirm: async (question) => {
        asked.push(question);
        if (run.answer === undefined) throw new CliError("there is nobody to ask on this terminal", "Give --yes");
        return run.answer;
      },
    },
    now: Date.now,
    // What it waits for are other processes: it looks for them more often than a person would.
    pause: (ms) => pause(Math.min(ms, 300)),
    finish: (with_) => {
      code = with_;
    },
  };
  try {
    const program = new Command().option("--profile <name>").option("--region <name>").addCommand(make(cli));
    await program.parseAsync(["lambda", ...args], { from: "user" });
  } catch (error) {
    code = 2;
    const { message, hint } = explain(error);
    err.push(`error: ${message}`, hint ?? "");
  } finally {
    vi.unstubAllEnvs();
  }
  return { code, out: out.join("\n"), err: err.join("\n"), asked };
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
  mkdirSync(join(folder, "deploy"));
  cpSync(TEMPLATE, join(folder, "deploy", "template.yaml"));
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
