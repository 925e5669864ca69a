import { createHash } from "node:crypto";
import { type Key, readConfig } from "../../config.ts";
import { CliError } from "../cli-error.ts";
import { nearest } from "../nearest.ts";
import type { Artefact } from "./artefact.ts";
import { parameterNames, problemWith, readParameters } from "./template.ts";

/** Values of the template's parameters, by name. */
export type Parameters = Readonly<Record<string, string>>;

/** The parameters that become a key of the configuration. Not GraceSeconds: the template, which knows the queue, allows less. */
const MIRRORED: Readonly<Record<string, Key>> = {
  RequiredTags: "REQUIRED_TAGS",
  AuditPolicy: "AUDIT_POLICY",
  AlertTopicArn: "ALERT_TOPIC_ARN",
  LaunchTopicArn: "LAUNCH_TOPIC_ARN",
  AuditRestarts: "AUDIT_RESTARTS",
  AuditRoleName: "AUDIT_ROLE_NAME",
  LogLevel: "LOG_LEVEL",
};

/** Whether the stack is one of the template's: every one that was made from it has a Release. */
export function isOurs(parameters: Parameters): boolean {
  return RELEASE in parameters;
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

/**
 * Checks all parameters in force before anything is uploaded, for values that the function's own configuration or
 * CloudFormation would refuse, and for those that would be deployed but not work. Takes the text of the template too.
 * @throws CliError with every problem
 */
export function checkParameters(parameters: Parameters, template: string): void {
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
  const told = "problems" in reading ? reading.problems : [];
  const declared = readParameters(template);
  const refused = declared.flatMap((parameter) => {
    const { name } = parameter;
    const value = parameters[name];
    // The configuration says more about a value that both refuse.
    if (value === undefined || told.some(({ key }) => nameOf(key) === name)) return [];
    const problem = problemWith(parameter, value);
    return problem === undefined ? [] : [`${name} ${problem}`];
  });
  const defaults = Object.fromEntries(declared.map((parameter) => [parameter.name, parameter.default ?? ""]));
  const problems = [
    ...told.map(({ key, problem }) => `${nameOf(key)} ${problem}`),
    ...refused,
    ...contradictions({ ...defaults, ...parameters }),
  ];
  if (problems.length > 0) {
    throw new CliError(
      problems.join("\n"),
      "Give another value with --parameter Key=Value; Key= takes away one that an earlier deployment gave.",
    );
  }
}

/** What is wrong with values that are each valid, but not together. */
function contradictions(inForce: Parameters): readonly string[] {
  const { OrganizationId, AuditRoleName, AlertTopicArn, AlertEmail, ReservedConcurrency, MaximumConcurrency } = inForce;
  const problems: string[] = [];
  if (OrganizationId && !AuditRoleName) {
    problems.push(
      "AuditRoleName is missing: OrganizationId takes the role that deploy/member.yaml makes in each account",
    );
  }
  // https://docs.aws.amazon.com/sns/latest/dg/fifo-topic-message-delivery.html
  if (AlertEmail && AlertTopicArn?.endsWith(".fifo")) {
    problems.push("AlertEmail is set, but AlertTopicArn is a FIFO topic, which sends no e-mail");
  }
  // SQS would deliver more batches than may run at once, and a throttled batch counts as received.
  // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
  if (ReservedConcurrency && Number(ReservedConcurrency) < Number(MaximumConcurrency)) {
    problems.push(`ReservedConcurrency is ${ReservedConcurrency}, below MaximumConcurrency (${MaximumConcurrency})`);
  }
  return problems;
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
