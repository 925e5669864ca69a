import { createHash } from "node:crypto";
import type { Finding } from "./auditor.ts";
import { partitionOf } from "./regions.ts";
import { SEVERITIES, type Severity } from "./rules/rule.ts";

/** One message for the alert topic, ready to publish. */
export interface Alert {
  /** The same for the same findings: what subscribers, and FIFO topics, tell a repeated alert by. */
  readonly id: string;
  readonly findings: readonly Finding[];
  /** ASCII, under 100 characters. https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
  readonly subject: string;
  /** The text for each protocol, as JSON, for `MessageStructure: json`. */
  readonly message: string;
  readonly attributes: Readonly<Record<string, { DataType: "String" | "String.Array"; StringValue: string }>>;
  /** For FIFO topics: alerts of one account and region keep their order. */
  readonly group: string;
}

/** The value of the document's `schema`, and the `$id` of `alert.schema.json`. */
export const ALERT_SCHEMA = "urn:ec2-audit:alert:1";

/** What SNS takes as one message, in bytes, attributes and all.
 * https://docs.aws.amazon.com/general/latest/gr/sns.html#limits_sns */
const MAX_BYTES = 256 * 1024;

/** Longer text messages are sent in parts. https://docs.aws.amazon.com/sns/latest/dg/sms_publish-to-phone.html */
const MAX_SMS_BYTES = 140;

/** The protocols that programs listen on. `default` and `email` are for people. */
const DOCUMENT_PROTOCOLS = ["sqs", "lambda", "http", "https", "firehose"] as const;

/**
 * Makes the alerts for some findings: one for each account, region and launcher, more only where SNS's limit of 256 KiB
 * asks for it, so that a burst of launches is one message. Takes the time now in milliseconds since 1970.
 */
export function alertsFor(findings: readonly Finding[], now: number): Alert[] {
  const groups = new Map<string, Map<string, Finding>>();
  for (const finding of findings) {
    const key = JSON.stringify([finding.account, finding.region, finding.launchedBy]);
    const group = groups.get(key) ?? new Map<string, Finding>();
    groups.set(key, group.set(finding.id, finding));
  }
  return [...groups.values()].flatMap((group) => compose([...group.values()].sort(inOrder), now));
}

/** A fixed order, so that the parts of a split message are the same each time. */
function inOrder(a: Finding, b: Finding): number {
  return a.instance.instanceId.localeCompare(b.instance.instanceId) || a.id.localeCompare(b.id);
}

/** One alert for all the findings, or halves of them until each fits. */
function compose(findings: readonly Finding[], now: number): Alert[] {
  const [first] = findings;
  if (first === undefined) return [];
  const alert = composeOne(first, findings, now);
  if (findings.length === 1 || bytesOf(alert) <= MAX_BYTES) return [alert];
  const middle = Math.ceil(findings.length / 2);
  return [...compose(findings.slice(0, middle), now), ...compose(findings.slice(middle), now)];
}

/** Takes the first finding apart from all: account, region and launcher are the same in each. */
function composeOne(first: Finding, findings: readonly Finding[], now: number): Alert {
  const { account, region } = first;
  const ids = findings.map((finding) => finding.id).sort();
  const id = createHash("sha256").update(ids.join()).digest("hex").slice(0, 32);
  const rules = [...new Set(findings.map((finding) => finding.ruleId))];
  const severity = worst(findings);
  const headline = headlineOf(findings, rules, region);
  const document = JSON.stringify({
    schema: ALERT_SCHEMA,
    id,
    status: "violating",
    account,
    region,
    time: new Date(now).toISOString(),
    launchedBy: first.launchedBy,
    severity,
    findings: findings.map(documentOf),
  });
  const text = textOf(first, findings, headline, now);
  const message: Record<string, string> = { default: text, email: text, sms: smsOf(first, findings, headline) };
  for (const protocol of DOCUMENT_PROTOCOLS) message[protocol] = document;
  return {
    id,
    findings,
    subject: `[ACTION-REQUIRED] EC2 audit: ${headline} (${account})`.slice(0, 99),
    message: JSON.stringify(message),
    attributes: {
      account: { DataType: "String", StringValue: account },
      region: { DataType: "String", StringValue: region },
      rules: { DataType: "String.Array", StringValue: JSON.stringify(rules) },
      severity: { DataType: "String", StringValue: severity },
      status: { DataType: "String", StringValue: "violating" },
    },
    group: `${account}-${region}`,
  };
}

/** A finding as it stands in the document for programs. */
function documentOf({ id, dedupKey, rule, ruleId, severity, violation, instance, region }: Finding) {
  const { tags, instanceId, ...rest } = instance;
  return {
    id,
    dedupKey,
    instanceId,
    rule,
    ruleId,
    severity,
    message: violation.message,
    ...violation.details,
    name: nameOf(tags),
    ...rest,
    consoleUrl: consoleUrl(instanceId, region),
  };
}

function headlineOf(findings: readonly Finding[], rules: readonly string[], region: string): string {
  const instances = new Set(findings.map((finding) => finding.instance.instanceId)).size;
  const who = instances === 1 ? "1 instance breaks" : `${instances} instances break`;
  return `${who} ${rules.length === 1 ? rules[0] : `${rules.length} rules`} in ${region}`;
}

function textOf(first: Finding, findings: readonly Finding[], headline: string, now: number): string {
  const { account, region, launchedBy } = first;
  const byInstance = new Map<string, Finding[]>();
  for (const finding of findings) {
    const { instanceId } = finding.instance;
    byInstance.set(instanceId, [...(byInstance.get(instanceId) ?? []), finding]);
  }
  const lines = [
    `EC2 audit: ${headline}.`,
    "",
    `Account      ${account}`,
    `Region       ${region}`,
    `Launched by  ${launchedBy === null ? "not known from this event" : oneLine(launchedBy)}`,
    `Found at     ${new Date(now).toISOString()}`,
    "",
    "What is wrong, and what to do:",
  ];
  for (const [instanceId, ofInstance] of byInstance) {
    lines.push("", `  ${instanceId}${about(ofInstance)}`);
    for (const { violation, ruleId, severity } of ofInstance) {
      lines.push(`    ${ruleId} (${severity}): ${oneLine(violation.message)}`);
      lines.push(...violation.remedy(instanceId, region).map((line) => `    ${oneLine(line)}`));
    }
    lines.push(`    ${consoleUrl(instanceId, region)}`);
  }
  lines.push("", "An instance that should not be there: terminate it.");
  return lines.join("\n");
}

/** What helps a reader to recognise the instance, in brackets. */
function about([first]: readonly Finding[]): string {
  if (first === undefined) return "";
  const { tags, instanceType, availabilityZone, imageId, keyName, launchTime } = first.instance;
  const name = nameOf(tags);
  const parts = [
    name && `"${oneLine(name)}"`,
    instanceType,
    availabilityZone,
    imageId,
    keyName && `key ${oneLine(keyName)}`,
    launchTime && `launched ${launchTime}`,
  ].filter(Boolean);
  return parts.length > 0 ? ` (${parts.join(", ")})` : "";
}

function smsOf(first: Finding, findings: readonly Finding[], headline: string): string {
  const only = findings.length === 1;
  const what = only ? `${first.instance.instanceId} in ${first.region}: ${first.violation.message}` : headline;
  return cutBytes(`EC2 audit ${first.account}: ${oneLine(what)}`, MAX_SMS_BYTES);
}

/** Cuts text to a number of UTF-8 bytes, between characters, with dots to show it. */
function cutBytes(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  let cut = "";
  let left = bytes - 3;
  for (const character of text) {
    left -= Buffer.byteLength(character);
    if (left < 0) break;
    cut += character;
  }
  return `${cut}...`;
}

function nameOf(tags: Finding["instance"]["tags"]): string | null {
  return tags.get("Name") || tags.get("name") || null;
}

function consoleUrl(instanceId: string, region: string): string {
  return `https://${partitionOf(region).consoleHost}/ec2/home?region=${region}#InstanceDetails:instanceId=${instanceId}`;
}

/** Foreign text in a message for people: no line breaks, control or bidirectional characters to forge lines with. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, " ");
}

function worst(findings: readonly Finding[]): Severity {
  return SEVERITIES.findLast((severity) => findings.some((finding) => finding.severity === severity)) ?? "low";
}

/** The size that SNS counts: the message, the subject, and each attribute's name, type and value. */
function bytesOf({ message, subject, attributes }: Alert): number {
  const texts = [message, subject];
  for (const [name, { DataType, StringValue }] of Object.entries(attributes)) texts.push(name, DataType, StringValue);
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}
