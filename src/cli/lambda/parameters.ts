import { createHash } from "node:crypto";
import { partitionOf } from "../../aws/regions.ts";
import { type Key, readConfig } from "../../config.ts";
import { beginSweep } from "../../fleet/sweep.ts";
import type { Policy } from "../../policy/policy.ts";
import { isObject, parseJson } from "../../util/json.ts";
import { nearest } from "../../util/nearest.ts";
import { CliError } from "../cli-error.ts";
import { functionActions, type PolicyFile, routeTopics } from "../policy-file.ts";
import type { Artefact } from "./artefact.ts";
import { problemWith, type TemplateParameter } from "./template.ts";

/** Values of the template's parameters, by name. */
export type Parameters = Readonly<Record<string, string>>;

/** The parameters that become a key of the configuration. Not GraceSeconds: the template allows less, because SQS does. */
const MIRRORED: Readonly<Record<string, Key>> = {
  RequiredTags: "REQUIRED_TAGS",
  AuditPolicy: "AUDIT_POLICY",
  AlertTopicArn: "ALERT_TOPIC_ARN",
  LaunchTopicArn: "LAUNCH_TOPIC_ARN",
  AuditRestarts: "AUDIT_RESTARTS",
  ResolvedAlerts: "RESOLVED_ALERTS",
  AuditRoleName: "AUDIT_ROLE_NAME",
  LogLevel: "LOG_LEVEL",
};

/** Returns whether the parameters are those of a stack created from our template: each has a Release. */
export function isOurs(parameters: Parameters): boolean {
  return RELEASE in parameters;
}

/**
 * Parses `Key=Value` words; a later word wins. Takes the template's parameters too. Throws CliError for a malformed word and
 * for a parameter that the template does not have.
 */
export function parseParameters(words: readonly string[], declared: readonly TemplateParameter[]): Parameters {
  const names = declared.map(({ name }) => name).filter((name) => !COMPUTED.includes(name));
  const parameters: Record<string, string> = {};
  for (const word of words) {
    const at = word.indexOf("=");
    if (at < 1) throw new CliError("--parameter takes Key=Value", `Example: --parameter ${names[0]}=name,owner`);
    const name = word.slice(0, at);
    if (COMPUTED.includes(name))
      throw new CliError(
        `--parameter cannot set ${name}: this command computes it from the code, the policy and the settings`,
      );
    if (!names.includes(name)) throw new CliError(`the template has no parameter ${name}`, suggestion(name, names));
    parameters[name] = word.slice(at + 1);
  }
  return parameters;
}

function suggestion(name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  return near ? `Did you mean ${near}?` : `Its parameters: ${names.join(", ")}.`;
}

/**
 * Checks all parameters in force, before anything is uploaded. Throws CliError with every value that CloudFormation or the
 * function's configuration would refuse, and every combination that would not work. Takes the template's parameters too, the
 * stack's region, and the policy file, if there is one. Returns the policy in force.
 */
export function checkParameters(
  parameters: Parameters,
  declared: readonly TemplateParameter[],
  region: string,
  policy: PolicyFile | null = null,
): Policy {
  const settings: Partial<Record<Key, string>> = {
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: "of the role",
    AWS_SECRET_ACCESS_KEY: "of the role",
    ALERT_TOPIC_ARN: `arn:${partitionOf(region).name}:sns:${region}:123456789012:created-by-the-stack`,
  };
  for (const [name, key] of Object.entries(MIRRORED)) {
    const value = parameters[name]?.trim();
    if (value) settings[key] = value;
  }
  if (policy !== null) settings.AUDIT_POLICY = policy.text;
  const reading = readConfig(settings);
  const configProblems = "problems" in reading ? reading.problems : [];
  const refused = declared.flatMap((parameter) => {
    const { name } = parameter;
    const value = parameters[name];
    // Where both refuse a value, the configuration's message says more.
    if (value === undefined || configProblems.some(({ key }) => nameOf(key) === name)) return [];
    const problem = problemWith(parameter, value);
    return problem === undefined ? [] : [`${name} ${problem}`];
  });
  const defaults = Object.fromEntries(declared.map((parameter) => [parameter.name, parameter.default ?? ""]));
  const problems = [
    ...configProblems.map(({ key, problem }) => {
      return `${policy !== null && key === "AUDIT_POLICY" ? policy.file : nameOf(key)} ${problem}`;
    }),
    ...refused,
    ...("config" in reading ? detailProblems(parameters.SweepDetail, reading.config.policy) : []),
    ...contradictions({ ...defaults, ...parameters }),
  ];
  if (problems.length > 0 || "problems" in reading) {
    throw new CliError(
      problems.join("\n"),
      "Set another value with --parameter Key=Value; Key= removes the value of an earlier deployment.",
    );
  }
  return reading.config.policy;
}

/** Returns whether the function sweeps. Takes the parameters in force; the template's default applies to a missing one. */
export function sweepsWith({ SweepSchedule }: Parameters, declared: readonly TemplateParameter[]): boolean {
  return (SweepSchedule ?? declared.find(({ name }) => name === "SweepSchedule")?.default ?? "") !== "";
}

/** The problem that the function would find at each sweep. The template's pattern refuses what does not begin as an object. */
function detailProblems(text: string | undefined, policy: Policy): readonly string[] {
  if (!text?.startsWith("{")) return [];
  const detail = parseJson(text);
  if (!isObject(detail)) return ["SweepDetail is not valid JSON"];
  const own = "123456789012";
  const begun = beginSweep({ account: own, region: "us-east-1", at: 0, detail }, { own, hasRole: false, policy });
  return "problem" in begun ? [`SweepDetail is refused by the function: ${begun.problem}`] : [];
}

const POLICY_IN_CODE = "PolicyInCode";

/**
 * Returns the parameters that a policy file needs: with it, the policy is in the code. A policy that was deployed in the code
 * must be given again, because it would be lost with the old code. Takes the parameters given now, and the stack's.
 * Throws CliError if the policy is given twice, or not again.
 */
export function withPolicyFile(given: Parameters, kept: Parameters, policy: PolicyFile | null): Parameters {
  const others = ["RequiredTags", "AuditPolicy"].filter((name) => given[name]);
  if (policy !== null) {
    if (others.length > 0)
      throw new CliError(`--policy and ${others.join(" and ")} are both given`, "Give one policy.");
    const hash = createHash("sha256").update(policy.text).digest("hex").slice(0, 12);
    return { ...given, RequiredTags: "", AuditPolicy: "", [POLICY_IN_CODE]: hash };
  }
  if (!kept[POLICY_IN_CODE] || given[POLICY_IN_CODE] === "") return given;
  throw new CliError(
    "the policy of this stack is in its deployed code, which this deployment replaces",
    `Give it again with --policy FILE. For another policy: --parameter ${POLICY_IN_CODE}= --parameter RequiredTags=name,owner`,
  );
}

/**
 * Returns the parameters with the EC2 actions that the policy needs, with or without a sweep, and the topics of the policy's
 * routes.
 */
export function withPermissions(parameters: Parameters, policy: Policy, sweeps: boolean): Parameters {
  const topics = routeTopics(policy);
  return {
    ...parameters,
    [READ_ACTIONS]: functionActions(policy, sweeps).join(","),
    ...(topics.length > 0 && { [ROUTE_TOPICS]: topics.join(",") }),
  };
}

/** Leaves 1 KB of Lambda's environment to the other settings.
 * https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MAX_POLICY_BYTES = 3 * 1024;

/** The problems of values that are each valid, but not together. */
function contradictions(inForce: Parameters): readonly string[] {
  const { OrganizationId, AuditRoleName, AlertTopicArn, AlertEmail, AuditPolicy } = inForce;
  const { ReservedConcurrency, MaximumConcurrency, ResolvedAlerts, TagChanges, LaunchTopicArn } = inForce;
  const problems: string[] = [];
  if (OrganizationId && !AuditRoleName) {
    problems.push(
      "AuditRoleName is missing: OrganizationId needs the role that deploy/member.yaml creates in each account",
    );
  }
  // https://docs.aws.amazon.com/sns/latest/dg/fifo-topic-message-delivery.html
  if (AlertEmail && AlertTopicArn?.endsWith(".fifo")) {
    problems.push("AlertEmail is set, but AlertTopicArn is a FIFO topic, which sends no e-mail");
  }
  // A launch topic may send these events without a rule of the stack.
  if (/^(?:on|true|1)$/.test(ResolvedAlerts ?? "") && TagChanges !== "true" && !LaunchTopicArn) {
    problems.push("ResolvedAlerts is on, but no event can end a violation: set TagChanges=true");
  }
  const policyBytes = Buffer.byteLength(AuditPolicy ?? "");
  if (policyBytes > MAX_POLICY_BYTES) {
    problems.push(
      `AuditPolicy has ${policyBytes} bytes, and Lambda's environment has 4 KB for all settings: deploy the policy with --policy FILE`,
    );
  }
  // SQS would deliver more batches than can run at once, and a throttled batch counts as a receive.
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

const READ_ACTIONS = "ReadActions";
export const ROUTE_TOPICS = "RouteTopicArns";

/** The parameters that depend on the policy. Each deployment computes them from it. */
export const PERMISSIONS: readonly string[] = [READ_ACTIONS, ROUTE_TOPICS];

/** The parameters that the operator does not set. */
const COMPUTED = [RELEASE, ...PERMISSIONS];

/**
 * Adds Release to the given parameters: a hash of the code, the template and all settings in force. SAM creates a new version
 * of the function when, and only when, Release changes. Takes the stack's current parameters, which CloudFormation keeps, and
 * the descriptions of the existing versions, which end with their release. The version of a failed deployment stays, and
 * Lambda does not publish a version equal to the newest one, so a further attempt gets another release.
 * https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
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
