import { relative, resolve } from "node:path";
import { KEYS, type Key, readConfig } from "../../config.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { nearest } from "../nearest.ts";
import { readFunctionSettings } from "../settings.ts";
import type { WebtaskConfig } from "./config.ts";
import { secretsFileText } from "./secrets-file.ts";

/** The secrets to deploy with, valid as a whole. */
export interface Secrets {
  readonly values: Readonly<Partial<Record<Key, string>>>;
  /** Where each value comes from: the path of a file, or "environment". */
  readonly from: Readonly<Partial<Record<Key, string>>>;
  /** The lines for wt-cli. */
  readonly fileText: string;
  /** What the operator should look at; nothing of it keeps from deploying. */
  readonly warnings: readonly string[];
}

/**
 * Gathers the secrets that wt.config.json lists from where it says, or first from the file that is named, and validates them
 * as the function will.
 * @throws CliError for everything that is missing or wrong, at once, with where it came from and never its value
 */
export function gatherSecrets(cli: Cli, config: WebtaskConfig, named?: string): Secrets {
  const { home, secretsFrom } = config;
  const file = named === undefined ? undefined : relative(home, resolve(cli.folder, named));
  const { settings, from, unknown, unreadable } = readFunctionSettings({ ...cli, folder: home }, secretsFrom, file);
  const listed = KEYS.filter((key) => config.secrets[key] !== undefined && settings[key] !== undefined);
  const values: Partial<Record<Key, string>> = {};
  const origins: Partial<Record<Key, string>> = {};
  for (const key of listed) {
    values[key] = settings[key] ?? "";
    origins[key] = from[key] ?? "";
  }

  const reading = readConfig(values);
  const found = "problems" in reading ? reading.problems : [];
  const unlisted = KEYS.filter((key) => config.secrets[key] === undefined && settings[key] !== undefined);
  const toList = unlisted.filter((key) => found.some((each) => each.key === key));
  const wrong = found.filter(({ key }) => !toList.includes(key));
  const missing = KEYS.filter((key) => config.secrets[key] === "required" && values[key] === undefined);
  const problems = [
    ...toList.map((key) => `${key} is in ${placeOf(from[key])}, and not listed under "secrets" in ${config.file}`),
    ...wrong.map(({ key, problem }) => `${key}${values[key] === undefined ? "" : ` (${origins[key]})`} ${problem}`),
    ...missing.filter((key) => wrong.every((each) => each.key !== key)).map((key) => `${key} is missing`),
  ];
  const warnings = [
    ...unreadable.map(({ file, line }) => `line ${line} of ${file} is not KEY=value, and is passed over`),
    ...unknown.flatMap(({ name, file }) => misspelt(name, file)),
    ...unlisted
      .filter((key) => from[key] !== "environment" && !toList.includes(key))
      .map((key) => `${key} (${from[key]}) is not sent: ${config.file} does not list it`),
    ...(origins.AWS_ACCESS_KEY_ID === "environment" ? [OPERATORS_KEYS] : []),
    ...(origins.AWS_ENDPOINT_URL === "environment" ? [OPERATORS_ENDPOINT] : []),
    ...(values.AWS_SESSION_TOKEN === undefined ? [] : [TEMPORARY_KEYS]),
  ];
  if (problems.length > 0) {
    const list = [...problems, ...warnings].map((line) => `  ${line}`).join("\n");
    const files = [...(file === undefined ? [] : [file]), ...secretsFrom].filter((source) => source !== "environment");
    const hint =
      problems.length > toList.length ? whereTo(files[0]) : `List ${toList.length > 1 ? "them" : "it"} there.`;
    throw new CliError(`the secrets are not right, and nothing was uploaded:\n${list}`, hint);
  }
  return { values, from: origins, fileText: secretsFileText(values), warnings };
}

const OPERATORS_KEYS =
  "the function's AWS keys are those of your environment: are they its own, least-privileged user's, and not yours? Put its own into .env";

const OPERATORS_ENDPOINT =
  "AWS_ENDPOINT_URL is that of your environment, and the function will call it in place of AWS: unset it, unless that is meant";

/**
 * STS gives them for 36 hours at most.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html
 */
const TEMPORARY_KEYS =
  "AWS_SESSION_TOKEN: temporary credentials end within 36 hours, often within one, and the audit ends with them. A user of its own has keys that stay";

function placeOf(source: string | undefined): string {
  return source === undefined || source === "environment" ? "the environment" : source;
}

function misspelt(name: string, file: string): readonly string[] {
  const meant = nearest(name, KEYS);
  return meant === undefined
    ? []
    : [`${name} (${file}) is no key of the function, and is not sent: did you mean ${meant}?`];
}

function whereTo(file: string | undefined): string {
  const into = file === undefined ? "Set the keys in the environment" : `Put KEY=value lines into ${file}`;
  return `${into}, and keep it out of version control. README.md, "Configuration", says what each key is.`;
}
