import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { version } from "../../../package.json";
import { checkAndBuild } from "../build.ts";
import { buildMarkOf } from "../build-mark.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { withPolicy } from "../policy-file.ts";
import { runProgram, systemCode, withoutSecrets } from "../run-program.ts";
import type { WebtaskConfig } from "./config.ts";

/** A file to deploy, and its origin. */
export interface Bundle {
  readonly code: Buffer;
  /** Hash of the code, in hexadecimal. */
  readonly sha256: string;
  /** The version that its health document reports. */
  readonly version: string;
  /** The build that its health document reports; null for a file without a mark, from an older build. */
  readonly build: string | null;
  /** Its commit, with "-dirty" when the files differed from it; null when it is not known. */
  readonly commit: string | null;
}

const GIT_MS = 10_000;

/**
 * Reads the file to deploy, and puts the policy into it, if there is one. In a clone, checks the types and builds first. Throws CliError with the compiler's output when
 * that fails, and when the file cannot be read.
 */
export async function makeBundle(cli: Cli, config: WebtaskConfig, policy: string | null = null): Promise<Bundle> {
  const built = await checkAndBuild(cli, config.folder);
  const main = readMain(config);
  const code = policy === null ? main : Buffer.from(withPolicy(main.toString("utf8"), policy));
  return { ...marksOf(code), version, commit: built ? await commitOf(cli, config.folder) : null };
}

/** Returns the code, with its hash and build mark. */
export function marksOf(code: Buffer): Pick<Bundle, "code" | "sha256" | "build"> {
  return { code, sha256: sha256Of(code), build: buildMarkOf(code.toString("utf8")) };
}

/** Returns the SHA-256 of the code, in hexadecimal. */
export function sha256Of(code: Buffer): string {
  return createHash("sha256").update(code).digest("hex");
}

function readMain({ main, file, folder }: WebtaskConfig): Buffer {
  try {
    return readFileSync(main);
  } catch (error) {
    const shown = relative(folder, main);
    const problem = systemCode(error) === "ENOENT" ? "does not exist" : "cannot be read";
    throw new CliError(`${shown} ${problem}`, `"main" in ${file} names it, relative to that file.`);
  }
}

async function commitOf(cli: Cli, folder: string): Promise<string | null> {
  const args = ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"];
  try {
    const { code, stdout } = await runProgram("git", args, { folder, env: withoutSecrets(cli.env), timeoutMs: GIT_MS });
    return code === 0 ? stdout.trim() : null;
  } catch {
    return null;
  }
}
