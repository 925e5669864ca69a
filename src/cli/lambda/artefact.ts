import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { zipSync } from "fflate";
import { checkAndBuild } from "../build.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { withPolicy } from "../policy-file.ts";

/** The files to deploy, as read from this package. */
export interface Artefact {
  readonly template: string;
  readonly code: Buffer;
  /** Hash of the code, in hexadecimal. */
  readonly sha256: string;
}

const CODE = join("dist", "audit.js");
const TEMPLATE = join("deploy", "template.yaml");

/** Returns the text of the template. Throws CliError when the file is missing. */
export function readTemplate(folder: string): string {
  return readShipped(folder, TEMPLATE).toString("utf8");
}

/**
 * Reads the template and the function's file, and puts the policy into that, if there is one. In a clone, checks the types and
 * builds first. Throws CliError with the compiler's output when that fails, and when a file is missing.
 */
export async function makeArtefact(cli: Cli, folder: string, policy: string | null): Promise<Artefact> {
  await checkAndBuild(cli, folder);
  const built = readShipped(folder, CODE);
  const code = policy === null ? built : Buffer.from(withPolicy(built.toString("utf8"), policy));
  return { template: readTemplate(folder), code, sha256: createHash("sha256").update(code).digest("hex") };
}

function readShipped(folder: string, file: string): Buffer {
  if (existsSync(join(folder, file))) return readFileSync(join(folder, file));
  throw new CliError(`${file} does not exist`, "This package is incomplete: install or clone it again.");
}

/**
 * Returns the function's file as a ZIP archive for Lambda. The same code gives the same bytes on every machine: the times are
 * fixed, and a library compresses instead of Node's zlib, whose output changes between versions.
 */
export function zip({ code }: Pick<Artefact, "code">): Uint8Array {
  // ZIP stores local time, from 1980 on. The mode lets Lambda's user read the file.
  // https://docs.aws.amazon.com/lambda/latest/dg/nodejs-package.html
  return zipSync({ [basename(CODE)]: [code, { mtime: new Date(1980, 0, 2), os: UNIX, attrs: 0o100644 << 16 }] });
}

/** ZIP's number for the operating system, which says how to read the file's mode. */
const UNIX = 3;
