import { relative, resolve } from "node:path";
import { KEYS, type Key, readConfig } from "../../config.ts";
import { nearest } from "../../util/nearest.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import type { PolicyFile } from "../policy-file.ts";
import { readFunctionSettings } from "../settings.ts";
import type { WebtaskConfig } from "./config.ts";
import { secretsFileText } from "./secrets-file.ts";

/** The secrets to deploy with, validated. */
export interface Secrets {
  readonly values: Readonly<Partial<Record<Key, string>>>;
  /** The source of each value: the path of a file, or "environment". */
  readonly from: Readonly<Partial<Record<Key, string>>>;
  /** The file of secrets for wt-cli. */
  readonly fileText: string;
}

/**
 * Reads the secrets that wt.config.json lists, from the named file first and then from the sources of wt.config.json, and
 * validates them as the function will, together with the policy file, if there is one. Prints warnings about what does not prevent the deployment. Throws CliError with every
 * problem and its source, and never with a value.
 */
export function gatherSecrets(
  cli: Cli,
  config: WebtaskConfig,
  named?: string,
  policy: PolicyFile | null = null,
): Secrets {
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

  const reading = readConfig(policy === null ? values : { ...values, AUDIT_POLICY: policy.text });
  const found = "problems" in reading ? reading.problems : [];
  const unlisted = KEYS.filter((key) => config.secrets[key] === undefined && settings[key] !== undefined);
  const toList = unlisted.filter((key) => found.some((each) => each.key === key));
  const invalid = found.filter(({ key }) => !toList.includes(key));
  const missing = KEYS.filter((key) => config.secrets[key] === "required" && values[key] === undefined);
  const problems = [
    ...toList.map((key) => `${key} is in ${sourceOf(from[key])}, but not listed under "secrets" in ${config.file}`),
    ...(policy !== null && values.AUDIT_POLICY !== undefined
      ? [
          `AUDIT_POLICY (${origins.AUDIT_POLICY}) is set together with the policy file ${policy.file}: remove one of them`,
        ]
      : []),
    ...invalid.map(({ key, problem }) => {
      const source = policy !== null && key === "AUDIT_POLICY" ? policy.file : origins[key];
      return `${key}${source === undefined ? "" : ` (${source})`} ${problem}`;
    }),
    ...missing.filter((key) => invalid.every((each) => each.key !== key)).map((key) => `${key} is missing`),
  ];
  const warnings = [
    ...unreadable.map(({ file, line }) => `line ${line} of ${file} is not KEY=value, and is ignored`),
    ...unknown.flatMap(({ name, file }) => misspelt(name, file)),
    ...unlisted
      .filter((key) => from[key] !== "environment" && !toList.includes(key))
      .map((key) => `${key} (${from[key]}) is not sent: ${config.file} does not list it`),
    ...(origins.AWS_ACCESS_KEY_ID === "environment" ? [OPERATORS_CREDENTIALS] : []),
    ...(origins.AWS_ENDPOINT_URL === "environment" ? [OPERATORS_ENDPOINT] : []),
    ...(values.AWS_SESSION_TOKEN === undefined ? [] : [TEMPORARY_CREDENTIALS]),
  ];
  for (const warning of warnings) cli.terminal.err(`${cli.terminal.colours.yellow("warning:")} ${warning}`);
  if (problems.length > 0) {
    const list = problems.map((line) => `  ${line}`).join("\n");
    const files = [...(file === undefined ? [] : [file]), ...secretsFrom].filter((source) => source !== "environment");
    const hint =
      problems.length > toList.length ? whereToSet(files[0]) : `Add ${toList.length > 1 ? "them" : "it"} to that list.`;
    throw new CliError(`the secrets are not valid, and nothing was uploaded:\n${list}`, hint);
  }
  return { values, from: origins, fileText: secretsFileText(values) };
}

const OPERATORS_CREDENTIALS =
  "the function's AWS credentials come from your environment. Unless they belong to its own, least-privileged IAM user, put that user's credentials into .env";

const OPERATORS_ENDPOINT =
  "AWS_ENDPOINT_URL comes from your environment, and the function would call it instead of AWS: unset it, unless that is intended";

/**
 * STS issues them for at most 36 hours.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html
 */
const TEMPORARY_CREDENTIALS =
  "AWS_SESSION_TOKEN: temporary credentials expire within 36 hours, often within one, and the audit stops then. Use the credentials of an IAM user";

function sourceOf(source: string | undefined): string {
  return source === undefined || source === "environment" ? "the environment" : source;
}

function misspelt(name: string, file: string): readonly string[] {
  const meant = nearest(name, KEYS);
  return meant === undefined
    ? []
    : [`${name} (${file}) is not a setting of the function, and is not sent: did you mean ${meant}?`];
}

function whereToSet(file: string | undefined): string {
  const into = file === undefined ? "Set them in the environment" : `Put KEY=value lines into ${file}`;
  return `${into}, and keep it out of version control. For the settings, see docs/configuration.md.`;
}
