import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import type { Key } from "../../config.ts";
import { isObject, parseJson } from "../../util/json.ts";
import { jsonErrorIn } from "../../util/json-error.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { nearest } from "../nearest.ts";
import { packageFolder } from "../package-folder.ts";
import { SECRETS_FROM } from "../settings.ts";
import schema from "./wt.config.schema.json";

/** What is deployed to webtask, and with which secrets: wt.config.json, valid as a whole. */
export interface WebtaskConfig {
  /** The file as the operator may be shown it. */
  readonly file: string;
  /** The folder that `main` is given from. */
  readonly folder: string;
  /** Where the operator works: the folder of the secrets' files and of the deployments that are kept. */
  readonly home: string;
  readonly name: string;
  /** The absolute path of the file to deploy. */
  readonly main: string;
  readonly secrets: Readonly<Partial<Record<Key, "required" | "optional">>>;
  readonly secretsFrom: readonly string[];
}

const FILE = "wt.config.json";

/**
 * Reads wt.config.json: the file that is named, else that of the operator's folder, else the one in this package.
 * @throws CliError for a file that is not there or is not JSON, and for everything in it that is wrong, at once
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
    throw new CliError(`${file} is not right:\n${problems.map((problem) => `  ${problem}`).join("\n")}`, HINT);
  }
  const { name, main, secrets, secretsFrom = SECRETS_FROM } = parsed;
  return { file, folder, home, name, main: resolve(folder, main), secrets, secretsFrom };
}

const HINT = `An editor shows what may be there, when "$schema" is the path of this package's src/cli/webtask/wt.config.schema.json.`;

function parse(path: string, file: string): unknown {
  if (!existsSync(path)) throw new CliError(`there is no file ${file}`, "Name another with --config FILE.");
  const text = readFileSync(path, "utf8");
  const parsed = parseJson(text);
  if (parsed !== undefined) return parsed;
  // JSON.parse quotes the text around the mistake, which may contain a secret.
  const at = jsonErrorIn(text);
  throw new CliError(
    `${file} is not JSON${at ? ` at line ${at.line}, column ${at.column}` : ""}`,
    "An editor shows where.",
  );
}

interface ConfigJson {
  readonly name: string;
  readonly main: string;
  readonly secrets: WebtaskConfig["secrets"];
  readonly secretsFrom?: readonly string[];
}

const validate = new Ajv2020({ allErrors: true, verbose: true }).compile<ConfigJson>(schema);

function isConfig(parsed: unknown): parsed is ConfigJson {
  return validate(parsed);
}

/** Everything that is wrong, each with its JSON path. Values are not shown: somebody may have put a secret there. */
function problemsOf(parsed: unknown, home: string): readonly string[] {
  if (!validate(parsed)) return (validate.errors ?? []).map(sentence);
  return (parsed.secretsFrom ?? []).flatMap((source, index) =>
    source !== "environment" && !existsSync(resolve(home, source)) && nearest(source, ["environment"]) !== undefined
      ? [`$.secretsFrom[${index}] is neither a file nor "environment": did you mean "environment"?`]
      : [],
  );
}

function sentence({ keyword, instancePath, params, parentSchema }: ErrorObject): string {
  const path = instancePath.split("/").slice(1).reduce(within, "$");
  switch (keyword) {
    case "additionalProperties": {
      const wrong = String(params.additionalProperty);
      const right = Object.keys(isObject(parentSchema?.properties) ? parentSchema.properties : {});
      const meant = nearest(wrong, right);
      const instead = meant === undefined ? `there are ${right.join(", ")}` : `did you mean "${meant}"?`;
      return `${within(path, wrong)} is no key of this file: ${instead}`;
    }
    case "required":
      return `${within(path, String(params.missingProperty))} is missing`;
    case "enum":
      return `${path} is to be "required" or "optional"; the secret itself belongs into .env, never here`;
    case "type":
      return `${path} is to be ${ARTICLES[String(params.type)] ?? String(params.type)}`;
    case "pattern":
      return `${path} is to be letters, digits and -._~!$+=:@, 100 at most, of which a letter or digit is first`;
    case "uniqueItems":
      return `${path} names one source twice`;
    default:
      return `${path} is empty`;
  }
}

const ARTICLES: Readonly<Record<string, string>> = { string: "a text", object: "an object", array: "a list" };

function within(path: string, part: string): string {
  if (/^\d+$/.test(part)) return `${path}[${part}]`;
  return /^[\w$]+$/.test(part) ? `${path}.${part}` : `${path}[${JSON.stringify(part)}]`;
}
