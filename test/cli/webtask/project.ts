import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { BUILT_FILE } from "../../support/hosts.ts";
import { type Ran, type Run, runCommand } from "../run.ts";

/** A small clone in a temporary folder, and an operator's home folder beside it. */
export interface Project {
  readonly folder: string;
  readonly home: string;
  write(file: string, text: string): void;
  read(file: string): string;
  has(file: string): boolean;
  /** Sets the code that `npm run build` writes. */
  builds(code: string): void;
  /** Makes it an installed package: a built file, and no sources. */
  installed(): void;
  /** Writes a program in JavaScript, and returns its path. */
  program(name: string, code: string): string;
  /** Runs the command line in the folder, with a program that is not wt-cli as WT_CLI. */
  run(args: readonly string[], run?: Run): Promise<Ran>;
  remove(): void;
}

/** Valid secrets, for an AWS that does not exist. */
export const SECRETS: Readonly<Record<string, string>> = {
  AWS_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "AKIAFUNCTIONSOWN",
  AWS_SECRET_ACCESS_KEY: "the-secret-of-the-function",
  ALERT_TOPIC_ARN: "arn:aws:sns:us-east-1:123456789012:ec2_audit_alert",
};

/** The built function of this repository. */
export function builtCode(): string {
  return readFileSync(BUILT_FILE, "utf8");
}

/** The text of a file of secrets. */
export function lines(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}=${value}\n`)
    .join("");
}

/** Makes the clone: a type check that succeeds, a build that copies `bundle.js`, secrets in .env. */
export function makeProject(): Project {
  const root = mkdtempSync(join(tmpdir(), "ec2-audit-project-"));
  const folder = join(root, "clone");
  const home = join(root, "home");
  mkdirSync(home, { recursive: true });
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  };
  const read = (file: string) => readFileSync(join(folder, file), "utf8");
  const secrets = JSON.parse(readFileSync(join(import.meta.dirname, "../../../wt.config.json"), "utf8")).secrets;
  write("wt.config.json", JSON.stringify({ name: "ec2-audit", main: "dist/audit.js", secrets }));
  write("tsconfig.json", "{}");
  write("src/audit.ts", "");
  const build = "mkdir -p dist && cp bundle.js dist/audit.js";
  write("package.json", JSON.stringify({ scripts: { typecheck: "true", build } }));
  write("bundle.js", "module.exports = () => {};\n");
  write(".env", lines(SECRETS));
  return {
    folder,
    home,
    write,
    read,
    has: (file) => existsSync(join(folder, file)),
    builds: (code) => {
      write("bundle.js", code);
      if (!existsSync(join(folder, "tsconfig.json"))) write("dist/audit.js", code);
    },
    installed() {
      rmSync(join(folder, "tsconfig.json"));
      write("dist/audit.js", read("bundle.js"));
    },
    program(name, code) {
      const path = join(root, name);
      writeFileSync(path, `#!${process.execPath}\n${code}`);
      chmodSync(path, 0o755);
      return path;
    },
    run: (args, run = {}) =>
      runCommand(args, { ...run, folder, env: { HOME: home, WT_CLI: process.execPath, ...run.env } }),
    remove: () => rmSync(root, { recursive: true }),
  };
}
