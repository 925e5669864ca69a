import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { TEMPLATE, type Template } from "./template.ts";

const SCRIPT = fileURLToPath(new URL("translate.py", import.meta.url));

/** SAM's translator asks for a region, and for nothing of AWS. */
const env = { ...process.env, AWS_DEFAULT_REGION: "us-east-1", PYTHONWARNINGS: "ignore" };

/** Whether python's samtranslator is there. */
export function canTranslate(): boolean {
  return spawnSync("python3", ["-c", "import samtranslator"], { env }).status === 0;
}

const translated = new Map<string, Template>();

/** deploy/template.yaml as CloudFormation makes it. @throws Error with the translator's text */
export function translate(
  parameters: Readonly<Record<string, string>>,
  bucket = "artefacts",
  key = "audit.zip",
): Template {
  const args = [SCRIPT, TEMPLATE, bucket, key, JSON.stringify(parameters)];
  const known = translated.get(args.join(" "));
  if (known) return known;
  const { status, stdout, stderr } = spawnSync("python3", args, { env, encoding: "utf8" });
  if (status !== 0) throw new Error(`the template could not be translated: ${stderr}`);
  const template: Template = JSON.parse(stdout);
  translated.set(args.join(" "), template);
  return template;
}
