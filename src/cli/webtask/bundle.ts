import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { version } from "../../../package.json";
import { checkAndBuild } from "../build.ts";
import { buildMarkOf } from "../build-mark.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { runProgram, systemCode, withoutSecrets } from "../run-program.ts";
import type { WebtaskConfig } from "./config.ts";

/** A file to deploy, and what it was made of. */
export interface Bundle {
  readonly code: Buffer;
  /** In hexadecimal. */
  readonly sha256: string;
  /** What its health document will say. */
  readonly version: string;
  /** The build that its health document will report; null for a file without a mark, from an older build. */
  readonly build: string | null;
  /** The commit it was built from, with "-dirty" when the files differed from it; null where that is not known. */
  readonly commit: string | null;
}

const GIT_MS = 10_000;

/**
 * In a clone checks the types and builds, so that no typo ships; then reads the file to deploy.
 * @throws CliError with the compiler's text when one of them fails, or when there is no file
 */
export async function makeBundle(cli: Cli, config: WebtaskConfig): Promise<Bundle> {
  const built = await checkAndBuild(cli, config.folder);
  const code = readMain(config);
  return { ...marksOf(code), version, commit: built ? await commitOf(cli, config.folder) : null };
}

/** A file, with what is computed from its bytes alone. */
export function marksOf(code: Buffer): Pick<Bundle, "code" | "sha256" | "build"> {
  return { code, sha256: sha256Of(code), build: buildMarkOf(code.toString("utf8")) };
}

/** In hexadecimal. */
export function sha256Of(code: Buffer): string {
  return createHash("sha256").update(code).digest("hex");
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
    const { code, stdout } = await runProgram("git", args, { folder, env: withoutSecrets(cli.env), timeoutMs: GIT_MS });
    return code === 0 ? stdout.trim() : null;
  } catch {
    return null;
  }
}
