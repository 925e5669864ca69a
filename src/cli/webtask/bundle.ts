import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { version } from "../../../package.json";
import { type Cli, CliError } from "../cli.ts";
import type { WebtaskConfig } from "./config.ts";
import { type Ended, runProgram, systemCode } from "./run-program.ts";

/** A file to deploy, and what it was made of. */
export interface Bundle {
  readonly code: Buffer;
  /** In hexadecimal. */
  readonly sha256: string;
  /** What its health document will say. */
  readonly version: string;
  /** The commit it was built from, with "-dirty" when the files differed from it; null where that is not known. */
  readonly commit: string | null;
}

const TYPE_CHECK_MS = 5 * 60_000;
const BUILD_MS = 5 * 60_000;
const GIT_MS = 10_000;

/** Whether the function is built here: a clone has its sources, the installed package has not. */
export function isClone({ folder }: WebtaskConfig): boolean {
  return existsSync(join(folder, "tsconfig.json")) && existsSync(join(folder, "src"));
}

/**
 * In a clone checks the types and builds, so that no typo ships; then reads the file to deploy.
 * @throws CliError with the compiler's text when one of them fails, or when there is no file
 */
export async function makeBundle(cli: Cli, config: WebtaskConfig): Promise<Bundle> {
  const clone = isClone(config);
  if (clone) {
    await npmRun(cli, config.folder, "typecheck", "Checking the types", TYPE_CHECK_MS);
    await npmRun(cli, config.folder, "build", "Building", BUILD_MS);
  } else {
    cli.terminal.err("There are no sources here: the file is deployed as it was shipped.");
  }
  const code = readMain(config);
  return { code, sha256: sha256Of(code), version, commit: clone ? await commitOf(cli, config.folder) : null };
}

/** In hexadecimal. */
export function sha256Of(code: Buffer): string {
  return createHash("sha256").update(code).digest("hex");
}

async function npmRun(cli: Cli, folder: string, script: string, what: string, timeoutMs: number): Promise<void> {
  await cli.terminal.busy(what, async () => {
    const { code, stdout, stderr } = await npm(cli, folder, script, timeoutMs);
    if (code === 0) return;
    const text = `${stdout}\n${stderr}`.trim();
    const how = code === null ? "was ended" : "failed";
    throw new CliError(`npm run ${script} ${how}, and nothing was uploaded:\n${text}`, "Put that right first.");
  });
}

async function npm(cli: Cli, folder: string, script: string, timeoutMs: number): Promise<Ended> {
  try {
    return await runProgram("npm", ["run", "-s", script], { folder, env: cli.env, timeoutMs });
  } catch (error) {
    throw new CliError(`npm cannot be started: ${systemCode(error) ?? "an unknown error"}`, "It comes with Node.");
  }
}

function readMain({ main, file, folder }: WebtaskConfig): Buffer {
  try {
    return readFileSync(main);
  } catch (error) {
    const shown = relative(folder, main);
    const why = systemCode(error) === "ENOENT" ? "is not there" : "cannot be read";
    throw new CliError(`${shown} ${why}`, `It is "main" of ${file}, from the folder of that file.`);
  }
}

async function commitOf(cli: Cli, folder: string): Promise<string | null> {
  const args = ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"];
  try {
    const { code, stdout } = await runProgram("git", args, { folder, env: cli.env, timeoutMs: GIT_MS });
    return code === 0 ? stdout.trim() : null;
  } catch {
    return null;
  }
}
