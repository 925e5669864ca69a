import { compilePattern, type Document, PatternError } from "../patterns.ts";
import type { MessageAttribute } from "../sqs/queue.ts";
import { invalidParameter } from "./errors.ts";

/** Returns whether a message matches, by its attributes and the text for this subscription. */
export type Filter = (attributes: Document, message: string) => boolean;

/** https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html */
const MAX_KEYS = 5;

/**
 * Compiles the filter of a subscription from its attributes FilterPolicy and FilterPolicyScope. Without a policy, and with
 * an empty one, every message matches. @throws AwsError InvalidParameter
 */
export function compileFilter(policy: string | undefined, scope: string | undefined): Filter {
  if (scope !== undefined && scope !== "MessageAttributes" && scope !== "MessageBody") {
    throw invalidParameter(
      `FilterPolicyScope: Invalid value [${scope}]. Please use either MessageBody or MessageAttributes`,
    );
  }
  if (policy === undefined || policy === "") return () => true;
  const document = parseObject(policy);
  if (document === undefined) throw invalidParameter("FilterPolicy: failed to parse JSON.");
  if (Object.keys(document).length > MAX_KEYS)
    throw invalidParameter("FilterPolicy: Filter policy can not have more than 5 keys");
  const inBody = scope === "MessageBody";
  if (!inBody && Object.values(document).some((value) => !Array.isArray(value))) {
    throw invalidParameter("FilterPolicy: Filter policy scope MessageAttributes does not support nested filter policy");
  }
  try {
    const matches = compilePattern(document);
    return (attributes, message) => {
      if (!inBody) return matches(attributes);
      const body = parseObject(message);
      return body !== undefined && matches(body);
    };
  } catch (error) {
    throw error instanceof PatternError ? invalidParameter(`FilterPolicy: ${error.message}`) : error;
  }
}

/** Returns the attributes of a message for a filter policy: numbers as numbers, a String.Array as its elements. */
export function filterDocument(attributes: ReadonlyMap<string, MessageAttribute>): Document {
  return Object.fromEntries(
    [...attributes]
      .filter(([, { type }]) => !type.startsWith("Binary"))
      .map(([name, { type, value }]): [string, unknown] => {
        if (type.startsWith("String.Array")) return [name, JSON.parse(value)];
        return [name, type.startsWith("Number") ? Number(value) : value];
      }),
  );
}

function parseObject(json: string): Document | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
