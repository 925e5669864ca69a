import alertSchema from "../../alerts/alert.schema.json" with { type: "json" };
import digestSchema from "../../fleet/digest.schema.json" with { type: "json" };
import { SEVERITIES } from "../../policy/rule.ts";
import { isObject, parseJson, quote } from "../../util/json.ts";

/** What a part of a message can be: one of these values, an object or a list of objects with these fields, or anything (null). */
type Shape = Set<unknown> | Fields | null;
export interface Fields {
  readonly [field: string]: Shape;
}

/** The fields that rules add to a finding. */
export const RULE_FIELDS: Fields = fields(
  ...["missing", "blank", "notAllowed", "misspelled", "prohibited", "prohibitedValue", "secret", "tagCount"],
  ...["ports", "sources", "groups", "wrongGroups", "missingGroups", "vpc", "subnet", "zone", "defaultVpc"],
  ...["httpTokens", "httpPutResponseHopLimit", "publicIpv4", "ipv6", "unencrypted", "wrongKey"],
);

const finding = fieldsOf(alertSchema.$defs.finding, alertSchema.$defs);
const status = new Set<unknown>(alertSchema.properties.status.enum);
const severity = new Set<unknown>(SEVERITIES);

export const ALERT: Fields = { ...fieldsOf(alertSchema, alertSchema.$defs), findings: { ...finding, ...RULE_FIELDS } };
export const DIGEST: Fields = fieldsOf(digestSchema, digestSchema.$defs);
export const CHAT: Fields = {
  ...fields("version", "source", "id"),
  content: fields("textType", "title", "description", "nextSteps", "keywords"),
  metadata: {
    ...fields("threadId", "summary", "eventType", "relatedResources"),
    additionalContext: { ...fields("account", "region", "alertId"), severity, status },
  },
};
/** The message attributes of a chat notification. */
export const CHAT_ATTRIBUTES: Fields = { ...fields("account", "region", "rules"), severity, status };

function fields(...names: readonly string[]): Fields {
  return Object.fromEntries(names.map((name) => [name, null]));
}

function fieldsOf({ properties }: { readonly properties: object }, defs: Readonly<Record<string, unknown>>): Fields {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, shapeOf(schema, defs)]));
}

/** Returns the shape that a JSON Schema describes; null where it says more than a shape can. */
function shapeOf(schema: unknown, defs: Readonly<Record<string, unknown>>): Shape {
  if (!isObject(schema)) return null;
  const { $ref, items, properties, additionalProperties } = schema;
  if (typeof $ref === "string") return shapeOf(defs[$ref.replace("#/$defs/", "")], defs);
  if ("const" in schema) return new Set([schema.const]);
  if (Array.isArray(schema.enum)) return new Set(schema.enum);
  if (items !== undefined) return shapeOf(items, defs);
  return isObject(properties) && additionalProperties === false ? fieldsOf({ properties }, defs) : null;
}

/**
 * Returns the quoted path of a field whose condition no message meets, for the first kind of message; null if a message may match.
 * Judges fields and values. A condition with an operator, such as `prefix`, counts as met if the field exists.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
 */
export function unmetIn(filterPolicy: string, messages: readonly Fields[]): string | null {
  const policy = parseJson(filterPolicy);
  if (!isObject(policy)) return null;
  const unmet = messages.map((message) => unmetPath(policy, message));
  const [first = null] = unmet;
  return first === null || unmet.includes(null) ? null : quote(first);
}

function unmetPath(policy: Readonly<Record<string, unknown>>, message: Fields): string | null {
  for (const [field, demand] of Object.entries(policy)) {
    if (field === "$or") continue;
    if (!Object.hasOwn(message, field)) {
      // The only condition that an absent field meets. https://docs.aws.amazon.com/sns/latest/dg/attribute-key-matching.html
      if (!JSON.stringify(demand).includes('{"exists":false}')) return field;
      continue;
    }
    const shape = message[field] ?? null;
    if (shape instanceof Set) {
      if (Array.isArray(demand) && !demand.some((each) => isObject(each) || shape.has(each))) return field;
    } else if (shape !== null && isObject(demand)) {
      const nested = unmetPath(demand, shape);
      if (nested !== null) return `${field}.${nested}`;
    }
  }
  return null;
}
