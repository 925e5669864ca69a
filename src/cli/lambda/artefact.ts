import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { checkAndBuild } from "../build.ts";
import { type Cli, CliError } from "../cli.ts";
import { inPrivateFolder } from "../private-folder.ts";

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

/** ZIP keeps times, from 1980 on. */
const SAME_TIME = new Date("1980-01-02T00:00:00Z");

/**
 * Works in a folder of its own, which is removed afterwards, with the template and the function's file laid out as in the
 * package. The file has the same time whenever it was built: the same code makes the same archive, and so no change.
 */
export async function withStage<T>({ template, code }: Artefact, work: (stage: string) => Promise<T>): Promise<T> {
  return inPrivateFolder(async (stage) => {
    for (const [file, content] of [
      [TEMPLATE, template],
      [CODE, code],
    ] as const) {
      mkdirSync(join(stage, dirname(file)), { recursive: true });
      // Lambda's own user has to be able to read it. https://docs.aws.amazon.com/lambda/latest/dg/nodejs-package.html
      writeFileSync(join(stage, file), content, { mode: 0o644 });
      utimesSync(join(stage, file), SAME_TIME, SAME_TIME);
    }
    return work(stage);
  });
}
