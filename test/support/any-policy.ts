import fc from "fast-check";
import { policySchema } from "../../src/policy/policy.ts";
import type { JsonSchema } from "../../src/policy/settings.ts";
import { isObject } from "../../src/util/json.ts";

/**
 * Generators of policies, derived from their JSON Schema: each kind of rule and each setting is in them as soon as it exists.
 */

/** Texts that a matcher can be, and some that it cannot. */
const MATCHERS = [
  "prod",
  "ops-*",
  "*.micro",
  "t3.?",
  "\\*",
  "/cc-\\d{4}/",
  "/prod|staging/i",
  "",
  "/x/g",
  "a\\",
  "/(/",
];

/** What tags, names and ids of the facts can be, so that rules often match. */
const WORDS = ["name", "Name", "env", "owner", "web", "my-key-pair", "us-east-1", "ami-0abcdef1234567890", "amazon"];

type Json = fc.JsonValue;
type Defs = Readonly<Record<string, JsonSchema>>;

const schema = policySchema();
const DEFS = (isObject(schema.$defs) ? schema.$defs : {}) as Defs;

/** Any value that a part of the schema allows. Conditions have up to `depth` levels. */
function valueFor(part: JsonSchema, depth: number): fc.Arbitrary<Json> {
  if (part.$ref === "#/$defs/matcher") return fc.oneof(fc.constantFrom(...MATCHERS), fc.constantFrom(...WORDS));
  if (part.$ref === "#/$defs/condition") return conditionOf(depth);
  if ("const" in part) return fc.constant(part.const as Json);
  if (Array.isArray(part.enum)) return fc.constantFrom(...(part.enum as Json[]));
  if (part.type === "object") return objectOf(part, depth);
  if (Array.isArray(part.anyOf)) return fc.oneof(...part.anyOf.map((each: JsonSchema) => valueFor(each, depth)));
  if (part.type === "array") {
    const { minItems, maxItems, items } = part as { minItems: number; maxItems?: number; items: JsonSchema };
    const most = Math.min(maxItems ?? minItems + 2, minItems + 2);
    return fc.array(valueFor(items, depth), { minLength: minItems, maxLength: most });
  }
  if (part.type === "boolean") return fc.boolean();
  if (part.type === "integer") {
    const { minimum, maximum } = part as { minimum: number; maximum: number };
    return fc.integer({ min: minimum, max: maximum });
  }
  if (part.format === "date") return fc.constantFrom("2027-03-31", "2020-02-29", "2021-11-11", "2021-11-12");
  if (typeof part.pattern === "string") {
    const allowed = new RegExp(part.pattern, "u");
    const words = WORDS.filter((word) => allowed.test(word));
    return fc.oneof(fc.stringMatching(allowed, { size: "-1" }), ...words.map((word) => fc.constant(word)));
  }
  if (part.type === "string") return fc.constantFrom(...WORDS);
  throw new Error(`the generator does not know ${JSON.stringify(part)}`);
}

function conditionOf(depth: number): fc.Arbitrary<Json> {
  const { anyOf } = DEFS.condition as { anyOf: readonly JsonSchema[] };
  const isLeaf = (each: JsonSchema) => !JSON.stringify(each).includes("#/$defs/condition");
  const leaves = anyOf.filter(isLeaf).map((each) => valueFor(each, depth));
  if (depth <= 1) return fc.oneof(...leaves);
  const inner = anyOf.filter((each) => !isLeaf(each)).map((each) => valueFor(each, depth - 1));
  return fc.oneof({ weight: 3, arbitrary: fc.oneof(...leaves) }, { weight: 1, arbitrary: fc.oneof(...inner) });
}

function objectOf(part: JsonSchema, depth: number): fc.Arbitrary<Json> {
  const {
    properties,
    required = [],
    anyOf = [],
  } = part as {
    properties: Readonly<Record<string, JsonSchema>>;
    required?: readonly string[];
    anyOf?: readonly { required: readonly string[] }[];
  };
  const fields = Object.fromEntries(Object.entries(properties).map(([key, each]) => [key, valueFor(each, depth)]));
  const demanded = anyOf.length === 0 ? [[]] : anyOf.map((each) => each.required);
  return fc.oneof(
    ...demanded.map((more) => {
      const requiredKeys = [...new Set([...required, ...more])];
      const others = Object.keys(fields).filter((key) => !requiredKeys.includes(key));
      // An object has few of the settings that it can have.
      return fc
        .subarray(others, { maxLength: Math.min(others.length, 3) })
        .chain((keys) =>
          fc.record(
            Object.fromEntries([...requiredKeys, ...keys].map((key) => [key, fields[key] ?? fc.constant(null)])),
          ),
        );
    }),
  );
}

/** Any rule of a kind that the schema allows. */
export const anyRule = valueFor(ruleSchema(), 2) as fc.Arbitrary<Record<string, Json>>;

function ruleSchema(): JsonSchema {
  const { rules } = schema.properties as { rules: { items: JsonSchema } };
  return rules.items;
}

/** Any policy that the schema allows. */
export const anyPolicy = valueFor(schema, 2);

/** Any policy that the schema allows, with changes that it may not allow. */
export const anyBrokenPolicy = fc
  .tuple(anyPolicy, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 4 }), anyJunk()), { minLength: 1, maxLength: 2 }))
  .map(([policy, changes]) => {
    const broken = structuredClone(policy);
    for (const [at, how, junk] of changes) change(broken, at, how, junk);
    return broken;
  });

function anyJunk(): fc.Arbitrary<Json> {
  return fc.oneof(
    fc.constantFrom<Json>(null, true, false, 0, 1, -1, 1.5, 1e9, "", " ", "x".repeat(3000), "2026-02-30", [], {}, [[]]),
    fc.constantFrom(...MATCHERS, ...WORDS),
    fc.jsonValue({ maxDepth: 2 }),
    conditionOf(2),
  );
}

/** Changes, removes, repeats or adds the value at some place. */
function change(policy: Json, at: number, how: number, junk: Json): void {
  const places = placesIn(policy);
  const place = places[at % Math.max(1, places.length)];
  if (place === undefined) return;
  const { holder, key } = place;
  if (Array.isArray(holder)) {
    const index = Number(key);
    if (how === 0) holder.splice(index, 1);
    else if (how === 1) holder.push(structuredClone(holder[index] ?? null));
    else holder[index] = junk;
  } else {
    const object = holder as Record<string, Json>;
    if (how === 0) delete object[key];
    else if (how === 1) object[`${key}s`] = junk;
    else object[key] = junk;
  }
}

function placesIn(value: Json): { holder: Json; key: string }[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [{ holder: value, key }, ...placesIn(inner as Json)]);
}
