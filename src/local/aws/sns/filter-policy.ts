import { compilePattern, type Document, PatternError } from "../patterns.ts";
import type { MessageAttribute } from "../sqs/queue.ts";
import { invalidParameter } from "./errors.ts";

/** Says whether a message passes, from its attributes and from the text that this subscription would get. */
export type Filter = (attributes: Document, message: string) => boolean;

/** https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html */
const MAX_KEYS = 5;

/**
 * Compiles the filter of a subscription from its attributes FilterPolicy and FilterPolicyScope. Without a policy, or with
 * an empty one, everything passes. @throws AwsError InvalidParameter
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

/** The attributes of a message as a filter policy sees them: numbers as numbers, a String.Array as its elements. */
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
