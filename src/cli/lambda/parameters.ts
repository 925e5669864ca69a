import { createHash } from "node:crypto";
import { type Key, readConfig } from "../../config.ts";
import { CliError } from "../cli.ts";
import { checkEmail } from "../setup/options.ts";
import { nearest } from "../webtask/config.ts";
import type { Artefact } from "./artefact.ts";

/** Values of the template's parameters, by name. */
export type Parameters = Readonly<Record<string, string>>;

/** The parameters that become a key of the function's configuration. */
const MIRRORED: Readonly<Record<string, Key>> = {
  RequiredTags: "REQUIRED_TAGS",
  AuditPolicy: "AUDIT_POLICY",
  GraceSeconds: "GRACE_SECONDS",
  AlertTopicArn: "ALERT_TOPIC_ARN",
  LaunchTopicArn: "LAUNCH_TOPIC_ARN",
  AuditRoleName: "AUDIT_ROLE_NAME",
  LogLevel: "LOG_LEVEL",
};

/** Whether the stack is one of the template's: every one that was made from it has a Release. */
export function isOurs(parameters: Parameters): boolean {
  return RELEASE in parameters;
}

/** The names of the template's parameters, in their order. Takes the text of deploy/template.yaml, which it knows the layout of. */
export function parameterNames(template: string): readonly string[] {
  const section = /^Parameters:\n((?: .*\n|\n)*)/m.exec(template)?.[1] ?? "";
  return [...section.matchAll(/^ {2}(\w+):$/gm)].map(([, name = ""]) => name);
}

/**
 * Reads `Key=Value` words. A later one wins.
 * @throws CliError for a word that is none, and for a name that the template does not have
 */
export function parseParameters(words: readonly string[], template: string): Parameters {
  const names = parameterNames(template).filter((name) => name !== RELEASE);
  const parameters: Record<string, string> = {};
  for (const word of words) {
    const at = word.indexOf("=");
    if (at < 1) throw new CliError("--parameter takes Key=Value", `For example: --parameter ${names[0]}=name,owner`);
    const name = word.slice(0, at);
    if (name === RELEASE)
      throw new CliError("Release cannot be given: this command makes it of the code and the settings");
    if (!names.includes(name)) throw new CliError(`the template has no parameter ${name}`, meant(name, names));
    parameters[name] = word.slice(at + 1);
  }
  return parameters;
}

function meant(name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  return near ? `Did you mean ${near}?` : `It has these: ${names.join(", ")}.`;
}

/** Whether it looks like an e-mail address. */
export function isEmail(address: string): boolean {
  try {
    checkEmail(address);
    return true;
  } catch {
    return false;
  }
}

/** SQS delays a message for 900 s at most.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html */
const MAX_DELAY_SECONDS = 900;

/**
 * Has the function's own configuration judge the settings, so that what it would refuse is not deployed. CloudFormation judges
 * the others by the template.
 * @throws CliError with every problem
 */
export function checkParameters(parameters: Parameters): void {
  const settings: Partial<Record<Key, string>> = {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "of the role",
    AWS_SECRET_ACCESS_KEY: "of the role",
    ALERT_TOPIC_ARN: "arn:aws:sns:us-east-1:123456789012:made-by-the-stack",
  };
  for (const [name, key] of Object.entries(MIRRORED)) {
    const value = parameters[name]?.trim();
    if (value) settings[key] = value;
  }
  const reading = readConfig(settings);
  const problems = "problems" in reading ? reading.problems.map(({ key, problem }) => `${nameOf(key)} ${problem}`) : [];
  if ("config" in reading && reading.config.graceSeconds > MAX_DELAY_SECONDS) {
    problems.push(`GraceSeconds is over ${MAX_DELAY_SECONDS}, the longest that a queue delays a message`);
  }
  for (const name of ["AlertEmail", "AlarmEmail"]) {
    const address = parameters[name] ?? "";
    if (address !== "" && !isEmail(address)) problems.push(`${name} is not an e-mail address`);
  }
  if (parameters.OrganizationId && !parameters.AuditRoleName) {
    problems.push(
      "AuditRoleName is missing: OrganizationId takes the role that deploy/member.yaml makes in each account",
    );
  }
  if (problems.length > 0) {
    throw new CliError(
      problems.join("\n"),
      "Give another value with --parameter Key=Value; Key= takes away one that an earlier deployment gave.",
    );
  }
}

function nameOf(key: Key): string {
  return Object.entries(MIRRORED).find(([, mirrored]) => mirrored === key)?.[0] ?? key;
}

const RELEASE = "Release";

/**
 * The parameters to deploy with: those that are given, and Release, which names the code, the template and all settings in
 * force together. SAM makes a new version of the function when, and only when, Release changes. Takes the parameters of the
 * stack as it is, which CloudFormation keeps, and the descriptions of the versions there are, which end with their release:
 * one that a deployment has failed with stays, and Lambda publishes none that is like the newest one, so that another attempt
 * takes another name. https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
 */
export function withRelease(
  given: Parameters,
  kept: Parameters,
  { template, sha256 }: Artefact,
  versions: readonly string[],
): Parameters {
  const inForce = Object.entries({ ...kept, ...given }).filter(([name, value]) => name !== RELEASE && value !== "");
  const sorted = inForce.sort(([one], [other]) => (one < other ? -1 : 1));
  const attempt = (number: number): string => {
    const parts = [sha256, template, sorted, ...(number > 1 ? [number] : [])];
    const release = createHash("sha256").update(JSON.stringify(parts)).digest("hex");
    const isFree = release === kept[RELEASE] || !versions.some((description) => description.endsWith(release));
    return isFree ? release : attempt(number + 1);
  };
  return { ...given, [RELEASE]: attempt(1) };
}
