import { literal } from "../../policy/matcher.ts";
import { isObject } from "../../util/json.ts";
import { listOf } from "./contradiction.ts";

/** A rule of a valid policy, in JSON. */
export type JsonRule = Readonly<Record<string, unknown>>;

/** Settings that list allowed values, by kind, with the property that must have one of them. */
const ALLOWED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "instance-type": { allowed: "instanceType" },
  region: { allowed: "region" },
  "launched-by": { allowed: "launchedBy" },
  image: { ids: "image", names: "imageName" },
  network: { vpcs: "vpc", subnets: "subnet", zones: "zone" },
};

/** Kinds whose property may be missing, with that property. */
const WITH_NONE: Readonly<Record<string, string>> = { "key-pair": "keyPair", "instance-profile": "instanceProfile" };

const ANY = "*";

/** Returns a rule's demand as far as a condition states it: every instance that complies meets it. */
export function demandOf(rule: JsonRule): unknown {
  const kind = String(rule.rule);
  if (kind === "condition") return rule.require;
  if (kind === "required-tags") return { all: tagEntries(rule).map((entry) => tagDemand(entry, rule)) };
  if (kind === "prohibited-tags") {
    return all(listOf(rule.keys).map((key) => ({ tag: keyOf(key, rule), present: false })));
  }
  const property = WITH_NONE[kind];
  if (property !== undefined) {
    const isAllowed = rule.allowed === undefined ? [] : [{ [property]: rule.allowed }];
    return { any: [...isAllowed, ...(rule.none === true ? [{ not: { [property]: ANY } }] : [])] };
  }
  const properties = Object.entries(ALLOWED[kind] ?? {}).flatMap(([setting, leaf]) =>
    rule[setting] === undefined ? [] : [{ [leaf]: rule[setting] }],
  );
  const [leaf] = Object.values(ALLOWED[kind] ?? {});
  const forbidden = rule.forbidden === undefined || leaf === undefined ? [] : [{ not: { [leaf]: rule.forbidden } }];
  return all([...properties, ...forbidden]);
}

function all(conditions: readonly object[]): unknown {
  return conditions.length === 0 ? undefined : { all: conditions };
}

/** Returns the entries of `tags`: each a list of tags of which one is enough. */
function tagEntries({ tags }: JsonRule): readonly (readonly unknown[])[] {
  return [tags].flat().map((entry) => (isObject(entry) && Array.isArray(entry.anyOf) ? entry.anyOf : [entry]));
}

/** Returns the number of tags that an instance must have for a rule of the kind `required-tags`. */
export function requiredCount(rule: JsonRule): number {
  return tagEntries(rule).filter((entry) => !entry.some((tag) => isObject(tag) && tag.ifPresent === true)).length;
}

function tagDemand(entry: readonly unknown[], rule: JsonRule): object {
  return {
    any: entry.map((tag) => {
      const { key, values, allowBlank, ifPresent, caseSensitive } = isObject(tag) ? tag : { key: tag };
      const name = keyOf(literal(String(key)), { caseSensitive: caseSensitive ?? rule.caseSensitive });
      const valid = values === undefined ? [allowBlank === true ? ANY : "?*"] : listOf(values);
      const isValid = { tag: name, in: allowBlank === true ? [...valid, "", "/\\s+/"] : valid };
      return ifPresent === true ? { any: [isValid, { tag: name, present: false }] } : isValid;
    }),
  };
}

/** Returns a key in lower case if its case does not matter: `Name` and `name` then count as one tag. */
function keyOf(key: string, { caseSensitive }: { readonly caseSensitive?: unknown }): string {
  return caseSensitive === true || /^\/.*\/i?$/s.test(key) ? key : key.toLowerCase();
}
