import { isObject } from "../../src/util/json.ts";
import type { PublishedFinding } from "./ledger.ts";
import { RULES, type RuleId } from "./policy.ts";

/**
 * Returns the findings of a message: of the document of an alert or of its `MessageStructure: json`, of a chat notification, or, for
 * any other text, the instances that it names. Throws Error for a rule that the policy does not have.
 */
export function findingsIn(text: string): PublishedFinding[] {
  const message = parse(text);
  if (!isObject(message)) {
    const ids = new Set(text.match(/\bi-[0-9a-f]{17}\b/g) ?? []);
    return [...ids].map((instanceId) => ({ instanceId, ruleId: "required-tags", status: "violating", dedupKey: null }));
  }
  if (typeof message.default === "string") return findingsIn(message.default);
  if (isObject(message.metadata)) return findingsInChat(message.metadata);
  const status = statusOf(message.status);
  return listOf(message.findings)
    .filter(isObject)
    .map(({ instanceId, ruleId, dedupKey }) => ({
      instanceId: String(instanceId),
      ruleId: ruleOf(ruleId),
      status,
      dedupKey: String(dedupKey),
    }));
}

/** Throws Error for a notification that may not name all of its instances. */
function findingsInChat({
  relatedResources,
  additionalContext,
}: Readonly<Record<string, unknown>>): PublishedFinding[] {
  const arns = listOf(relatedResources).map(String);
  if (arns.length >= 20) throw new Error("a chat notification may not name all of its instances");
  const status = statusOf(isObject(additionalContext) && additionalContext.status);
  return arns.map((arn) => ({
    instanceId: arn.slice(arn.lastIndexOf("/") + 1),
    ruleId: "cost-center",
    status,
    dedupKey: null,
  }));
}

function statusOf(status: unknown): PublishedFinding["status"] {
  return status === "resolved" ? "resolved" : "violating";
}

function ruleOf(ruleId: unknown): RuleId {
  const rule = RULES.find(({ id }) => id === ruleId);
  if (rule === undefined) throw new Error(`no rule has the id ${ruleId}`);
  return rule.id;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Returns the instances of a state change or a tag change; none for other texts. */
export function instancesInEvent(text: string): string[] {
  const event = parse(text);
  if (!isObject(event)) return [];
  const id = isObject(event.detail) ? event.detail["instance-id"] : undefined;
  if (typeof id === "string") return [id];
  return listOf(event.resources).flatMap((arn) => String(arn).match(/\bi-[0-9a-f]{17}$/) ?? []);
}

/** Returns the message of an SNS envelope; a text that is no envelope as it is. */
export function messageIn(body: string): string {
  const envelope = parse(body);
  return isObject(envelope) && typeof envelope.Message === "string" ? envelope.Message : body;
}

/** Parses JSON; returns undefined for other text. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
