import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import type { Key } from "../../config.ts";
import { isObject, parseJson } from "../../util/json.ts";
import { jsonErrorIn } from "../../util/json-error.ts";
import { nearest } from "../../util/nearest.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { packageFolder } from "../package-folder.ts";
import { SECRETS_FROM } from "../settings.ts";
import schema from "./wt.config.schema.json";

/** wt.config.json, validated: the file to deploy to webtask, and its secrets. */
export interface WebtaskConfig {
  /** The configuration file's name, for messages. */
  readonly file: string;
  /** The configuration file's folder, which `main` is relative to. */
  readonly folder: string;
  /** The operator's folder: it holds the files of secrets and the recorded deployments. */
  readonly home: string;
  readonly name: string;
  /** The absolute path of the file to deploy. */
  readonly main: string;
  readonly secrets: Readonly<Partial<Record<Key, "required" | "optional">>>;
  readonly secretsFrom: readonly string[];
  /** The path of the policy file, relative to the configuration file; null without one. */
  readonly policy: string | null;
}

const FILE = "wt.config.json";

/**
 * Reads wt.config.json: the named file, else that of the operator's folder, else that of this package. Throws CliError when
 * the file does not exist or is not JSON, and with all problems in it.
 */
export function readWebtaskConfig(cli: Cli, named?: string): WebtaskConfig {
  const own = join(cli.folder, FILE);
  const path = named !== undefined ? resolve(cli.folder, named) : existsSync(own) ? own : join(packageFolder(), FILE);
  const isOperators = named !== undefined || path === own;
  const folder = dirname(path);
  const file = isOperators ? relative(cli.folder, path) : "wt.config.json of the package";
  const home = isOperators ? folder : cli.folder;
  const parsed = parse(path, file);
  const problems = problemsOf(parsed, home);
  if (problems.length > 0 || !isConfig(parsed)) {
    throw new CliError(`${file} is not valid:\n${problems.map((problem) => `  ${problem}`).join("\n")}`, HINT);
  }
  const { name, main, secrets, secretsFrom = SECRETS_FROM, policy = null } = parsed;
  return { file, folder, home, name, main: resolve(folder, main), secrets, secretsFrom, policy };
}

const HINT = `An editor completes the keys when "$schema" is the path of this package's src/cli/webtask/wt.config.schema.json.`;

function parse(path: string, file: string): unknown {
  if (!existsSync(path)) throw new CliError(`the file ${file} does not exist`, "Name another file with --config FILE.");
  const text = readFileSync(path, "utf8");
  const parsed = parseJson(text);
  if (parsed !== undefined) return parsed;
  // JSON.parse quotes the text around the error, which may contain a secret.
  const at = jsonErrorIn(text);
  throw new CliError(
    `${file} is not JSON${at ? ` at line ${at.line}, column ${at.column}` : ""}`,
    "An editor shows the error.",
  );
}

interface ConfigJson {
  readonly name: string;
  readonly main: string;
  readonly secrets: WebtaskConfig["secrets"];
  readonly secretsFrom?: readonly string[];
  readonly policy?: string;
}

const validate = new Ajv2020({ allErrors: true, verbose: true }).compile<ConfigJson>(schema);

function isConfig(parsed: unknown): parsed is ConfigJson {
  return validate(parsed);
}

/** Returns all problems, each with its JSON path. A value is not part of a message, because it may be a secret. */
function problemsOf(parsed: unknown, home: string): readonly string[] {
  if (!validate(parsed)) return (validate.errors ?? []).map(messageOf);
  return (parsed.secretsFrom ?? []).flatMap((source, index) =>
    source !== "environment" && !existsSync(resolve(home, source)) && nearest(source, ["environment"]) !== undefined
      ? [`$.secretsFrom[${index}] is neither a file nor "environment": did you mean "environment"?`]
      : [],
  );
}

function messageOf({ keyword, instancePath, params, parentSchema }: ErrorObject): string {
  const path = instancePath.split("/").slice(1).reduce(within, "$");
  switch (keyword) {
    case "additionalProperties": {
      const key = String(params.additionalProperty);
      const keys = Object.keys(isObject(parentSchema?.properties) ? parentSchema.properties : {});
      const meant = nearest(key, keys);
      const fix = meant === undefined ? `the keys are ${keys.join(", ")}` : `did you mean "${meant}"?`;
      return `${within(path, key)} is not a key of this file: ${fix}`;
    }
    case "required":
      return `${within(path, String(params.missingProperty))} is missing`;
    case "enum":
      return `${path} must be "required" or "optional"; put the secret itself into .env, never into this file`;
    case "type":
      return `${path} must be ${ARTICLES[String(params.type)] ?? String(params.type)}`;
    case "pattern":
      return `${path} must have 1 to 100 letters, digits and -._~!$+=:@, the first a letter or digit`;
    case "uniqueItems":
      return `${path} names a source twice`;
    default:
      return `${path} is empty`;
  }
}

const ARTICLES: Readonly<Record<string, string>> = { string: "a string", object: "an object", array: "a list" };

function within(path: string, part: string): string {
  if (/^\d+$/.test(part)) return `${path}[${part}]`;
  return /^[\w$]+$/.test(part) ? `${path}.${part}` : `${path}[${JSON.stringify(part)}]`;
}
