import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { TEMPLATE, type Template } from "./template.ts";

const SCRIPT = fileURLToPath(new URL("translate.py", import.meta.url));

/** SAM's translator needs a region, and makes no AWS call. */
const env = { ...process.env, AWS_DEFAULT_REGION: "us-east-1", PYTHONWARNINGS: "ignore" };

/** Whether python's samtranslator is installed. */
export function canTranslate(): boolean {
  const find = "import importlib.util, sys; sys.exit(importlib.util.find_spec('samtranslator') is None)";
  return spawnSync("python3", ["-c", find], { env }).status === 0;
}

type TemplateWith<P> = { [index in keyof P]: Template };

/**
 * Returns deploy/template.yaml as CloudFormation expands it, once for each object of parameters. One call takes seconds, mostly
 * to load the translator. Throws Error with the translator's output.
 */
export function translate<P extends readonly Readonly<Record<string, string>>[]>(
  parameters: readonly [...P],
  bucket = "artefacts",
  key = "audit.zip",
): TemplateWith<P> {
  const args = [SCRIPT, TEMPLATE, bucket, key, JSON.stringify(parameters)];
  const { status, stdout, stderr } = spawnSync("python3", args, { env, encoding: "utf8" });
  if (status !== 0) throw new Error(`the template could not be translated: ${stderr}`);
  return JSON.parse(stdout);
}
