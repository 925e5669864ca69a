import { hash } from "node:crypto";
import type { Instance } from "../facts/instances.ts";
import { SEVERITIES } from "../policy/rule.ts";
import { hideSecret } from "../policy/secrets.ts";
import { groupBy } from "../util/group-by.ts";
import { oneLine } from "../util/text.ts";
import {
  type Finding,
  isResolved,
  type Judged,
  type Resolved,
  type Status,
  type Unjudged,
  type UnjudgedRule,
} from "./finding.ts";
import { headlineOf } from "./headline.ts";
import { instancePage, nameOf } from "./instance-names.ts";
import { resolvedHeadlineOf, resolvedTextOf } from "./resolved-text.ts";
import { textOf } from "./text.ts";

/** One message for the alert topic. */
export interface Alert {
  /** Identifies the findings, launchers and occasions. Subscribers and FIFO topics recognise a duplicate alert by it. */
  readonly id: string;
  /** All of one status. */
  readonly findings: readonly (Finding | Resolved)[];
  /** Severity or status, problem, region and account; ASCII, under 100 characters. https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
  readonly subject: string;
  /** The text of the e-mail. */
  readonly text: string;
  /** The document for programs. */
  readonly document: AlertDocument;
  /** JSON for `MessageStructure: json`: the texts for `email` and `sms`, and the document for every other protocol. */
  readonly message: string;
  readonly attributes: Readonly<Record<string, { DataType: "String" | "String.Array"; StringValue: string }>>;
  /** The message group for FIFO topics, which keep the order of the alerts of an account and region. */
  readonly group: string;
}

/** The value of the document's `schema`, and the `$id` of `alert.schema.json`. */
export const ALERT_SCHEMA = "urn:ec2-audit:alert:1";

/** The largest SNS message, in bytes, including its attributes.
 * https://docs.aws.amazon.com/general/latest/gr/sns.html#limits_sns */
const MAX_BYTES = 256 * 1024;

/**
 * Returns the alerts for findings: one for each account, region and status, so that a burst of launches is one message; more only where
 * the SNS limit of 256 KiB requires it. Takes the time now in milliseconds since 1970, and the rules that could not be judged:
 * they are stated in an alert of their account and region, but cause none.
 */
export function alertsFor(
  findings: readonly (Finding | Resolved)[],
  now: number,
  unjudged: readonly Unjudged[] = [],
): Alert[] {
  const placeOf = ({ account, region }: Pick<Judged, "account" | "region">) => `${account} ${region}`;
  const unjudgedIn = groupBy(unjudged, placeOf);
  const cleaned = clean(findings);
  const violating = cleaned.filter((finding): finding is Finding => !isResolved(finding));
  const resolved = cleaned.filter(isResolved);
  return [
    ...[...groupBy(violating, placeOf)].flatMap(([place, own]) => {
      const rules = unjudgedRules(unjudgedIn.get(place) ?? []);
      return compose<Finding>(byInstance(own), rules, { status: "violating", now, textsOf: violatingTexts });
    }),
    ...[...groupBy(resolved, placeOf).values()].flatMap((own) =>
      compose<Resolved>(byInstance(own), [], { status: "resolved", now, textsOf: resolvedTexts }),
    ),
  ];
}

/** How alerts of one status are written. */
interface Writing<F> {
  readonly status: Status;
  readonly now: number;
  textsOf(findings: readonly [F, ...F[]], unjudged: readonly UnjudgedRule[]): Texts;
}

interface Texts {
  readonly subject: string;
  readonly sms: string;
  readonly text: string;
}

const violatingTexts: Writing<Finding>["textsOf"] = (findings, unjudged) => ({
  ...headlineOf(findings),
  text: textOf(findings, unjudged),
});

const resolvedTexts: Writing<Resolved>["textsOf"] = (findings) => ({
  ...resolvedHeadlineOf(findings),
  text: resolvedTextOf(findings),
});

/** The maximum number of rules that an alert states as not judged, so that its findings fit into the message. The log has all. */
const MAX_UNJUDGED = 20;

/** Returns each rule once, with the first of its reasons: a reason can name a resource of one instance. */
function unjudgedRules(unjudged: readonly Unjudged[]): UnjudgedRule[] {
  const rules = [...groupBy(unjudged, ({ ruleId }) => ruleId).values()].slice(0, MAX_UNJUDGED);
  return rules.flatMap((own) =>
    own.slice(0, 1).map(({ ruleId, because }) => ({
      ruleId,
      because: oneLine(because),
      instances: new Set(own.map(({ instanceId }) => instanceId)).size,
    })),
  );
}

/** Removes duplicate findings, and characters that could forge a line from their texts. */
function clean<F extends Finding | Resolved>(findings: readonly F[]): F[] {
  const instances = new Map<Instance, Instance>();
  const cleaned = new Map<string, F>();
  for (const finding of findings) {
    const instance = instances.get(finding.instance) ?? cleanInstance(finding.instance);
    instances.set(finding.instance, instance);
    const { launchedBy } = finding;
    cleaned.set(finding.id, {
      ...finding,
      ...cleanTexts(finding),
      launchedBy: launchedBy && oneLine(launchedBy),
      instance,
    });
  }
  return [...cleaned.values()];
}

function cleanTexts(
  finding: Finding | Resolved,
): Pick<Finding, "violation"> | Pick<Resolved, "because" | "changedTags"> {
  if (isResolved(finding)) {
    const { because, changedTags } = finding;
    return { because: oneLine(because), changedTags: changedTags === "all" ? "all" : changedTags.map(oneLine) };
  }
  const { violation } = finding;
  const details = Object.entries(violation.details).map(([name, texts]) => [name, texts.map(oneLine)] as const);
  const summary = (instances: number) => oneLine(violation.summary(instances));
  const action = (affected: string) => oneLine(violation.action(affected));
  const message = oneLine(violation.message);
  return { violation: { ...violation, message, summary, action, details: Object.fromEntries(details) } };
}

function cleanInstance(instance: Instance): Instance {
  const texts = Object.entries(instance).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return {
    ...instance,
    ...Object.fromEntries(texts.map(([name, text]) => [name, oneLine(text)])),
    tags: new Map([...instance.tags].map(([key, value]) => [oneLine(key), oneLine(hideSecret(value))])),
  };
}

/**
 * Groups findings by instance. Instances and their findings have a fixed order, the most severe first, so that a message is
 * split the same way each time.
 */
function byInstance<F extends Judged>(findings: F[]): F[][] {
  return [...groupBy(findings.sort(inOrder), ({ instance }) => instance.instanceId).values()];
}

function inOrder(a: Judged, b: Judged): number {
  const bySeverity = SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity);
  return (
    bySeverity ||
    compare(a.instance.instanceId, b.instance.instanceId) ||
    compare(a.ruleId, b.ruleId) ||
    compare(a.id, b.id)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Returns one alert for all instances if it fits into a message. Otherwise splits the instances into as many parts as their
 * size requires, repeatedly until each part fits. Splits the findings of one instance only if they do not fit.
 */
function compose<F extends Finding | Resolved>(
  instances: readonly F[][],
  unjudged: readonly UnjudgedRule[],
  writing: Writing<F>,
): Alert[] {
  const [first, ...others] = instances.flat().sort(inOrder);
  if (first === undefined) return [];
  const alert = composeOne([first, ...others], unjudged, writing);
  const bytes = bytesOf(alert);
  if (others.length === 0 || bytes <= MAX_BYTES) return [alert];
  const parts = instances.length > 1 ? instances : instances.flat().map((finding) => [finding]);
  const size = Math.ceil(parts.length / Math.ceil(bytes / MAX_BYTES));
  const starts = Array.from({ length: Math.ceil(parts.length / size) }, (_, index) => index * size);
  // Only the first part states the rules that could not be judged.
  return starts.flatMap((start) => compose(parts.slice(start, start + size), start === 0 ? unjudged : [], writing));
}

function composeOne<F extends Finding | Resolved>(
  findings: readonly [F, ...F[]],
  unjudged: readonly UnjudgedRule[],
  { status, now, textsOf }: Writing<F>,
): Alert {
  const document = documentOf(findings, unjudged, status, now);
  const { id, account, region, severity } = document;
  const rules = [...new Set(findings.map(({ ruleId }) => ruleId))];
  const { subject, sms, text } = textsOf(findings, unjudged);
  return {
    id,
    findings,
    subject,
    text,
    document,
    message: JSON.stringify({ default: JSON.stringify(document), email: text, sms }),
    attributes: {
      account: { DataType: "String", StringValue: account },
      region: { DataType: "String", StringValue: region },
      rules: { DataType: "String.Array", StringValue: JSON.stringify(rules) },
      severity: { DataType: "String", StringValue: severity },
      status: { DataType: "String", StringValue: status },
    },
    group: `${account}-${region}`,
  };
}

/** The alert for programs, as `alert.schema.json` describes it. */
export type AlertDocument = ReturnType<typeof documentOf>;

function documentOf(
  findings: readonly [Finding | Resolved, ...(Finding | Resolved)[]],
  unjudged: readonly UnjudgedRule[],
  status: Status,
  now: number,
) {
  const [{ account, region, severity, launchedBy }] = findings;
  const content = findings.map(({ id, launchedBy, occasion }) => JSON.stringify([id, launchedBy, occasion])).sort();
  return {
    schema: ALERT_SCHEMA,
    id: hash("sha256", content.join(), "hex").slice(0, 32),
    status,
    account,
    region,
    time: new Date(now).toISOString(),
    launchedBy: findings.every((finding) => finding.launchedBy === launchedBy) ? launchedBy : null,
    severity,
    consoleUrlPrefix: instancePage(region),
    findings: findings.map(findingDocumentOf),
    notJudged: unjudged.map(({ ruleId, because, instances }) => ({ ruleId, reason: because, instances })),
  } as const;
}

/**
 * Returns each finding as it stands in the document of an alert. Takes findings with distinct ids; those of one instance share its
 * `Instance`, which is cleaned once.
 */
export function findingDocuments(findings: readonly Finding[]): FindingDocument[] {
  return clean(findings).map(findingDocumentOf);
}

export type FindingDocument = ReturnType<typeof findingDocumentOf>;

function findingDocumentOf(finding: Finding | Resolved) {
  const { id, dedupKey, rule, ruleId, severity, link, instance, region, launchedBy, event } = finding;
  const { instanceId, tags, state, instanceType, imageId, keyName, availabilityZone, vpcId, subnetId } = instance;
  const { privateIp, publicIp, instanceProfile, launchTime, firstLaunchTime } = instance;
  return {
    id,
    dedupKey,
    instanceId,
    rule,
    ruleId,
    severity,
    message: isResolved(finding) ? finding.because : finding.violation.message,
    ...(!isResolved(finding) && finding.violation.details),
    remedy: isResolved(finding) ? [] : finding.violation.remedy([instanceId], region),
    link,
    launchedBy,
    event,
    name: nameOf(tags),
    tags: Object.fromEntries(tags),
    state,
    instanceType,
    imageId,
    keyName,
    availabilityZone,
    vpcId,
    subnetId,
    privateIp,
    publicIp,
    instanceProfile,
    launchTime,
    ...(firstLaunchTime !== launchTime && { firstLaunchTime }),
  };
}

/** Returns the size as SNS counts it: message, subject, and the name, type and value of each attribute. */
function bytesOf({ message, subject, attributes }: Alert): number {
  const texts = [message, subject];
  for (const [name, { DataType, StringValue }] of Object.entries(attributes)) texts.push(name, DataType, StringValue);
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}
