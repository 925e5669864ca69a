import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { zipSync } from "fflate";
import { checkAndBuild } from "../build.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";

/** What is deployed, as read from this package. */
export interface Artefact {
  readonly template: string;
  readonly code: Buffer;
  /** Of the code, in hexadecimal. */
  readonly sha256: string;
}

const CODE = join("dist", "audit.js");
const TEMPLATE = join("deploy", "template.yaml");

/** The text of the template. @throws CliError when it is not there */
export function readTemplate(folder: string): string {
  return readShipped(folder, TEMPLATE).toString("utf8");
}

/**
 * In a clone checks the types and builds, so that no typo ships; then reads the template and the function's file.
 * @throws CliError with the compiler's text when one of them fails, or when there is no file
 */
export async function makeArtefact(cli: Cli, folder: string): Promise<Artefact> {
  await checkAndBuild(cli, folder);
  const code = readShipped(folder, CODE);
  return { template: readTemplate(folder), code, sha256: createHash("sha256").update(code).digest("hex") };
}

function readShipped(folder: string, file: string): Buffer {
  if (existsSync(join(folder, file))) return readFileSync(join(folder, file));
  throw new CliError(`${file} is not there`, "This package is not whole: install it again, or clone it.");
}

/**
 * The function's file as a zip archive for Lambda. The same code always makes the same bytes, on every machine: a library
 * compresses it instead of Node's zlib, whose output changes between versions, and its times are fixed.
 */
export function zip({ code }: Pick<Artefact, "code">): Uint8Array {
  // ZIP keeps local time, from 1980 on. Lambda's own user must be able to read the file.
  // https://docs.aws.amazon.com/lambda/latest/dg/nodejs-package.html
  return zipSync({ [basename(CODE)]: [code, { mtime: new Date(1980, 0, 2), os: UNIX, attrs: 0o100644 << 16 }] });
}

/** ZIP's number for the system that the file's mode belongs to. */
const UNIX = 3;
