import type { Credentials } from "./aws/credentials.ts";
import { isRegion } from "./aws/regions.ts";
import { readCertificate, type SigningCertificate } from "./aws/signing-certificate.ts";
import { besideTopic, parseTopicArn, type TopicArn } from "./aws/topic-arn.ts";
import { type Policy, parsePolicy, policyOfTags } from "./policy/policy.ts";
import { LOG_LEVELS, type LogLevel } from "./util/note.ts";

/** Every key of the configuration, whether it comes as a webtask secret or as an environment variable. */
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
  "LOG_LEVEL",
] as const;
export type Key = (typeof KEYS)[number];

/** The keys' values as they were given; a key that was not given, or is blank, is not in it. */
export type Settings = Readonly<Partial<Record<Key, string>>>;

/** The configuration, valid as a whole. */
export interface Config {
  readonly region: string;
  /** The account of the credentials, where the engine reports it; null where STS must be asked. */
  readonly account: string | null;
  readonly credentials: Credentials;
  /** The endpoint of an emulator; null for AWS's own. */
  readonly endpoint: string | null;
  readonly alertTopic: TopicArn;
  /** The topics whose deliveries are accepted; at least one. */
  readonly launchTopics: readonly TopicArn[];
  /** Our own public URL, to subscribe; null when somebody else subscribes us. */
  readonly functionUrl: string | null;
  readonly policy: Policy;
  readonly graceSeconds: number;
  /** The role to assume in other accounts; null when only our own is audited. */
  readonly auditRoleName: string | null;
  /** The certificate to verify deliveries with; null to fetch the one that a delivery names. */
  readonly signingCert: SigningCertificate | null;
  /** Whether a stopped instance that starts again is audited as if it were launched. */
  readonly auditRestarts: boolean;
  readonly logLevel: LogLevel;
}

/** What is wrong with one key: a sentence about the value's shape and the fix, never the value itself. */
export interface Problem {
  readonly key: Key;
  readonly problem: string;
}

/** The configuration, or everything that is wrong with it. */
export type ConfigReading = { readonly config: Config } | { readonly problems: readonly Problem[] };

/**
 * The longest grace, in seconds. A launch must still be looked at after its grace. SNS retries a delivery for 3,600 s at
 * most, and the delivery policy that we subscribe with makes its last attempt after 3,540 s, if SNS keeps to its delays
 * exactly. It adds jitter to them, of an amount that AWS does not publish: 540 s, more than a seventh, are left for it.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
 */
export const MAX_GRACE_SECONDS = 3_000;

/** What turns a key on or off, in lower case. */
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
 * Puts webtask secrets over environment variables, key by key. Credentials are taken together, from where the access key
 * id is: a session token or a secret key from elsewhere belongs to another key, and would spoil this one.
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
 * Validates all settings together: the configuration, or every problem at once. Takes the account of the function's
 * credentials where the engine reports it.
 */
export function readConfig(settings: Settings, ownAccount: string | null = null): ConfigReading {
  const problems: Problem[] = [];
  const report = (key: Key, problem: string): null => {
    problems.push({ key, problem });
    return null;
  };
  const required = (key: Key): string => settings[key] ?? report(key, "is missing") ?? "";

  const region = required("AWS_REGION");
  if (region && !isRegion(region))
    report("AWS_REGION", 'is not the name of a region that is served here, such as "us-east-1"');
  const accessKeyId = required("AWS_ACCESS_KEY_ID");
  const secretAccessKey = required("AWS_SECRET_ACCESS_KEY");
  const sessionToken = settings.AWS_SESSION_TOKEN;

  const alertTopicText = required("ALERT_TOPIC_ARN");
  const alertTopic = parseTopicArn(alertTopicText);
  if (alertTopicText && !alertTopic) report("ALERT_TOPIC_ARN", `is not ${TOPIC_SHAPE}`);

  const endpoint = readUrl(settings.AWS_ENDPOINT_URL, ["http:", "https:"]);
  if (endpoint === undefined) report("AWS_ENDPOINT_URL", "is not an http:// or https:// URL");
  const functionUrl = readUrl(settings.FUNCTION_URL, endpoint ? ["http:", "https:"] : ["https:"]);
  if (functionUrl === undefined) report("FUNCTION_URL", "is not an https:// URL (http:// goes with AWS_ENDPOINT_URL)");

  const policy = readPolicySettings(settings, report);
  const graceSeconds = readGrace(settings.GRACE_SECONDS, report);
  const signingCert = readSigningCert(settings.SNS_SIGNING_CERT, report);
  const launchTopics = readLaunchTopics(settings.LAUNCH_TOPIC_ARN, alertTopic, report);

  if (alertTopic && launchTopics.some(({ arn }) => arn === alertTopic.arn)) {
    report("LAUNCH_TOPIC_ARN", "holds the topic of ALERT_TOPIC_ARN: alerts would come back as launches");
  }

  const auditRoleName = settings.AUDIT_ROLE_NAME ?? null;
  if (auditRoleName !== null && !/^(?:[\w+=,.@-]+\/)*[\w+=,.@-]{1,64}$/.test(auditRoleName)) {
    report("AUDIT_ROLE_NAME", "is not the name of an IAM role (a name, or path/name; not an ARN)");
  }
  const auditRestarts = SWITCH.get((settings.AUDIT_RESTARTS ?? "off").toLowerCase());
  if (auditRestarts === undefined) report("AUDIT_RESTARTS", "is not on or off (true or false, 1 or 0)");
  const logLevel = LOG_LEVELS.find((level) => level === (settings.LOG_LEVEL ?? "info").toLowerCase());
  if (logLevel === undefined) report("LOG_LEVEL", `is not one of ${LOG_LEVELS.join(", ")}`);

  if (problems.length > 0 || !alertTopic || !policy || !logLevel) return { problems };
  if (graceSeconds === null || auditRestarts === undefined) return { problems };
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
      logLevel,
    },
  };
}

type Report = (key: Key, problem: string) => null;

const TOPIC_SHAPE = "the ARN of an SNS topic, arn:aws:sns:<region>:<account>:<name>";

function readPolicySettings(settings: Settings, report: Report): Policy | null {
  if (settings.AUDIT_POLICY !== undefined && settings.REQUIRED_TAGS !== undefined) {
    return report("REQUIRED_TAGS", "is set beside AUDIT_POLICY, which says it all: remove one of them");
  }
  if (settings.AUDIT_POLICY === undefined) {
    const reading = policyOfTags(settings.REQUIRED_TAGS ?? DEFAULT_REQUIRED_TAGS);
    return "policy" in reading
      ? reading.policy
      : report("REQUIRED_TAGS", `is not a list of tag keys with commas between: ${reading.problems.join("; ")}`);
  }
  const reading = parsePolicy(settings.AUDIT_POLICY);
  if ("policy" in reading) return reading.policy;
  for (const problem of reading.problems) report("AUDIT_POLICY", `is not a policy: ${problem}`);
  return null;
}

function readGrace(text: string | undefined, report: Report): number | null {
  if (text === undefined) return DEFAULT_GRACE_SECONDS;
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (seconds <= MAX_GRACE_SECONDS) return seconds;
  return report("GRACE_SECONDS", `is not a whole number of seconds from 0 to ${MAX_GRACE_SECONDS}`);
}

/** A secrets file holds a PEM on one line, with `\n` written out; both forms are taken. */
function readSigningCert(pem: string | undefined, report: Report): SigningCertificate | null {
  if (pem === undefined) return null;
  try {
    return readCertificate(pem.replaceAll("\\n", "\n"));
  } catch {
    return report(
      "SNS_SIGNING_CERT",
      "is not an X.509 certificate, in PEM form, with an RSA key of at least 2048 bits",
    );
  }
}

function readLaunchTopics(text: string | undefined, alertTopic: TopicArn | null, report: Report): readonly TopicArn[] {
  if (text === undefined) return alertTopic ? [besideTopic(alertTopic, DEFAULT_LAUNCH_TOPIC)] : [];
  const topics = text.split(",").map((arn) => parseTopicArn(arn.trim()));
  const valid = topics.filter((topic) => topic !== null);
  if (valid.length < topics.length) report("LAUNCH_TOPIC_ARN", `is not ${TOPIC_SHAPE}, or several with commas between`);
  return valid;
}

/** The URL as text; null when none is given; undefined when it is not a URL of one of the protocols. */
function readUrl(text: string | undefined, protocols: readonly string[]): string | null | undefined {
  if (text === undefined) return null;
  if (!URL.canParse(text)) return undefined;
  return protocols.includes(new URL(text).protocol) ? text : undefined;
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}
