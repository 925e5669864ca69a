import type { Credentials } from "./aws/credentials.ts";
import { isRegion, partitionOf } from "./aws/regions.ts";
import { readCertificate, type SigningCertificate } from "./aws/signing-certificate.ts";
import { besideTopic, parseTopicArn, type TopicArn } from "./aws/topic-arn.ts";
import { type Policy, parsePolicy, policyOfTags, sayProblem } from "./policy/policy.ts";
import { LOG_LEVELS, type LogLevel } from "./util/note.ts";

/** The keys of the configuration. Each is a webtask secret or an environment variable. */
export const KEYS = [
  "AWS_REGION",
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_ENDPOINT_URL",
  "ALERT_TOPIC_ARN",
  "LAUNCH_TOPIC_ARN",
  "FUNCTION_URL",
  "REQUIRED_TAGS",
  "AUDIT_POLICY",
  "GRACE_SECONDS",
  "AUDIT_ROLE_NAME",
  "SNS_SIGNING_CERT",
  "AUDIT_RESTARTS",
  "RESOLVED_ALERTS",
  "LOG_LEVEL",
] as const;
export type Key = (typeof KEYS)[number];

/** The values by key, as they were given. A missing or blank key is omitted. */
export type Settings = Readonly<Partial<Record<Key, string>>>;

/** The configuration, valid as a whole. */
export interface Config {
  readonly region: string;
  /** The account of the credentials, if the host reports it; null if STS must be called. */
  readonly account: string | null;
  readonly credentials: Credentials;
  /** The endpoint of an emulator; null for AWS. */
  readonly endpoint: string | null;
  readonly alertTopic: TopicArn;
  /** The topics whose deliveries are accepted; at least one. */
  readonly launchTopics: readonly TopicArn[];
  /** The function's public URL, to subscribe; null if another tool subscribes it. */
  readonly functionUrl: string | null;
  readonly policy: Policy;
  readonly graceSeconds: number;
  /** The role to assume in other accounts; null if only the function's own account is audited. */
  readonly auditRoleName: string | null;
  /** The certificate to verify deliveries with; null to fetch the one that the delivery names. */
  readonly signingCert: SigningCertificate | null;
  /** Whether a stopped instance that starts again is audited as a launch. */
  readonly auditRestarts: boolean;
  /** Whether an alert with the status `resolved` is published when a violation ends. */
  readonly resolvedAlerts: boolean;
  readonly logLevel: LogLevel;
}

/** A problem with one key. The text follows the key: the shape of the value and the fix, never the value. */
export interface Problem {
  readonly key: Key;
  readonly problem: string;
}

/** The configuration, or all its problems. */
export type ConfigReading = { readonly config: Config } | { readonly problems: readonly Problem[] };

/**
 * The maximum grace, in seconds. SNS must deliver a launch once more after its grace. It retries for at most 3,600 s, and with
 * our delivery policy its last attempt is after 3,540 s. The other 540 s are for jitter, whose amount AWS does not publish.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
 */
export const MAX_GRACE_SECONDS = 3_000;

/** What the name of the role to assume must be. */
export const ROLE_NAME_SHAPE = "must be the name of an IAM role (a name, or path/name; not an ARN)";

/** Returns whether the text is the name of a role, with or without its path. */
export function isRoleName(text: string): boolean {
  return /^(?:[\w+=,.@-]+\/)*[\w+=,.@-]{1,64}$/.test(text);
}

/** The values of a switch, in lower case. */
const SWITCH: ReadonlyMap<string, boolean> = new Map([
  ["on", true],
  ["true", true],
  ["1", true],
  ["off", false],
  ["false", false],
  ["0", false],
]);

const DEFAULT_GRACE_SECONDS = 45;
const DEFAULT_REQUIRED_TAGS = "name,service";
const DEFAULT_LAUNCH_TOPIC = "ec2_launches_check";
const CREDENTIAL_KEYS: readonly Key[] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/**
 * Merges webtask secrets and environment variables; secrets win, key by key. All credentials come from the source of the
 * access key id, because a secret key or session token of the other source belongs to another key.
 */
export function gatherSettings(secrets: Readonly<Record<string, unknown>>, env: NodeJS.ProcessEnv): Settings {
  const settings: Partial<Record<Key, string>> = {};
  const secret = (key: Key) => (Object.hasOwn(secrets, key) ? textOf(secrets[key]) : undefined);
  const ownCredentials = secret("AWS_ACCESS_KEY_ID") !== undefined || textOf(env.AWS_ACCESS_KEY_ID) === undefined;
  for (const key of KEYS) {
    const together = CREDENTIAL_KEYS.includes(key);
    const fromSecrets = together && !ownCredentials ? undefined : secret(key);
    const value = fromSecrets ?? (together && ownCredentials ? undefined : textOf(env[key]));
    if (value !== undefined) settings[key] = value;
  }
  return settings;
}

/**
 * Validates all settings together. Returns the configuration, or all problems at once. Takes the account of the function's
 * credentials, if the host reports it.
 */
export function readConfig(settings: Settings, ownAccount: string | null = null): ConfigReading {
  const problems: Problem[] = [];
  const report = (key: Key, problem: string): null => {
    problems.push({ key, problem });
    return null;
  };
  const required = (key: Key): string => settings[key] ?? report(key, "is missing") ?? "";

  const region = required("AWS_REGION");
  if (region && !isRegion(region)) report("AWS_REGION", 'must be the name of a supported region, such as "us-east-1"');
  const accessKeyId = required("AWS_ACCESS_KEY_ID");
  const secretAccessKey = required("AWS_SECRET_ACCESS_KEY");
  const sessionToken = settings.AWS_SESSION_TOKEN;

  const alertTopicText = required("ALERT_TOPIC_ARN");
  const alertTopic = parseTopicArn(alertTopicText);
  if (alertTopicText && !alertTopic) report("ALERT_TOPIC_ARN", `must be ${TOPIC_SHAPE}`);

  const endpoint = readUrl(settings.AWS_ENDPOINT_URL, ["http:", "https:"]);
  if (endpoint === undefined) report("AWS_ENDPOINT_URL", "must be an http:// or https:// URL");
  const functionUrl = readUrl(settings.FUNCTION_URL, endpoint ? ["http:", "https:"] : ["https:"]);
  if (functionUrl === undefined)
    report("FUNCTION_URL", "must be an https:// URL (http:// is allowed only with AWS_ENDPOINT_URL)");

  const policy = readPolicySettings(settings, report);
  const graceSeconds = readGrace(settings.GRACE_SECONDS, report);
  const signingCert = readSigningCert(settings.SNS_SIGNING_CERT, report);
  const launchTopics = readLaunchTopics(settings.LAUNCH_TOPIC_ARN, alertTopic, report);

  if (alertTopic && launchTopics.some(({ arn }) => arn === alertTopic.arn)) {
    report("LAUNCH_TOPIC_ARN", "must not contain ALERT_TOPIC_ARN: alerts would arrive as launches");
  }

  for (const [index, { topic }] of (policy?.routes ?? []).entries()) {
    const refuse = (problem: string) => report("AUDIT_POLICY", `is not valid: routes[${index}].topic ${problem}`);
    if (launchTopics.some(({ arn }) => arn === topic.arn)) {
      refuse("must not be in LAUNCH_TOPIC_ARN: alerts would arrive as launches");
    }
    // Credentials are of one partition. https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
    if (alertTopic && partitionOf(topic.region) !== partitionOf(alertTopic.region)) {
      refuse("must be in the partition of ALERT_TOPIC_ARN: the function's credentials are not valid in another one");
    }
  }

  const auditRoleName = settings.AUDIT_ROLE_NAME ?? null;
  if (auditRoleName !== null && !isRoleName(auditRoleName)) {
    report("AUDIT_ROLE_NAME", ROLE_NAME_SHAPE);
  }
  const auditRestarts = readSwitch("AUDIT_RESTARTS", settings, report);
  const resolvedAlerts = readSwitch("RESOLVED_ALERTS", settings, report);
  const logLevel = LOG_LEVELS.find((level) => level === (settings.LOG_LEVEL ?? "info").toLowerCase());
  if (logLevel === undefined) report("LOG_LEVEL", `must be one of ${LOG_LEVELS.join(", ")}`);

  if (problems.length > 0 || !alertTopic || !policy || !logLevel) return { problems };
  if (graceSeconds === null || auditRestarts === null || resolvedAlerts === null) return { problems };
  return {
    config: {
      region,
      account: ownAccount,
      credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) },
      endpoint: endpoint ?? null,
      alertTopic,
      launchTopics,
      functionUrl: functionUrl ?? null,
      policy,
      graceSeconds,
      auditRoleName,
      signingCert,
      auditRestarts,
      resolvedAlerts,
      logLevel,
    },
  };
}

type Report = (key: Key, problem: string) => null;

const TOPIC_SHAPE = "the ARN of an SNS topic, arn:aws:sns:<region>:<account>:<name>";

function readPolicySettings(settings: Settings, report: Report): Policy | null {
  if (settings.AUDIT_POLICY === undefined) {
    const reading = policyOfTags(settings.REQUIRED_TAGS ?? DEFAULT_REQUIRED_TAGS);
    return "policy" in reading
      ? reading.policy
      : report(
          "REQUIRED_TAGS",
          `must be a comma-separated list of tags: ${reading.problems.map(sayProblem).join("; ")}`,
        );
  }
  if (settings.REQUIRED_TAGS !== undefined) {
    report("REQUIRED_TAGS", "is set together with AUDIT_POLICY: remove one of them");
  }
  const reading = parsePolicy(settings.AUDIT_POLICY);
  if ("policy" in reading) return reading.policy;
  for (const problem of reading.problems) report("AUDIT_POLICY", `is not a policy: ${sayProblem(problem)}`);
  return null;
}

function readSwitch(key: Key, settings: Settings, report: Report): boolean | null {
  const isOn = SWITCH.get((settings[key] ?? "off").toLowerCase());
  return isOn ?? report(key, "must be on or off (true or false, 1 or 0)");
}

function readGrace(text: string | undefined, report: Report): number | null {
  if (text === undefined) return DEFAULT_GRACE_SECONDS;
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (seconds <= MAX_GRACE_SECONDS) return seconds;
  return report("GRACE_SECONDS", `must be a whole number of seconds from 0 to ${MAX_GRACE_SECONDS}`);
}

/** Accepts line breaks, and `\n` in their place, because a secrets file has the PEM on one line. */
function readSigningCert(pem: string | undefined, report: Report): SigningCertificate | null {
  if (pem === undefined) return null;
  try {
    return readCertificate(pem.replaceAll("\\n", "\n"));
  } catch {
    return report(
      "SNS_SIGNING_CERT",
      "must be an X.509 certificate in PEM format with an RSA key of at least 2048 bits",
    );
  }
}

function readLaunchTopics(text: string | undefined, alertTopic: TopicArn | null, report: Report): readonly TopicArn[] {
  if (text === undefined) return alertTopic ? [besideTopic(alertTopic, DEFAULT_LAUNCH_TOPIC)] : [];
  const topics = text.split(",").map((arn) => parseTopicArn(arn.trim()));
  const valid = topics.filter((topic) => topic !== null);
  if (valid.length < topics.length)
    report("LAUNCH_TOPIC_ARN", `must be ${TOPIC_SHAPE}, or a comma-separated list of them`);
  return valid;
}

/** Returns the URL; null if there is none; undefined if it is not a URL with one of the protocols. */
function readUrl(text: string | undefined, protocols: readonly string[]): string | null | undefined {
  if (text === undefined) return null;
  if (!URL.canParse(text)) return undefined;
  return protocols.includes(new URL(text).protocol) ? text : undefined;
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}
