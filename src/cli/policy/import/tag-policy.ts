import { literal } from "../../../policy/matcher.ts";
import { isObject, parseJson } from "../../../util/json.ts";
import type { ImportedRule, Path, Remarks, RuleDocument } from "./imported.ts";

/** An entry of the rule kind `required-tags`. */
interface TagEntry {
  readonly key: string;
  readonly values?: readonly string[];
  readonly allowBlank?: true;
  readonly caseSensitive?: false;
  readonly ifPresent?: true;
}

/** The number of tags that one rule can have. */
const MAX_TAGS = 50;

const ASK_FOR_EFFECTIVE =
  "the result depends on the parent policies: import the effective policy instead (aws organizations describe-effective-policy --policy-type TAG_POLICY, or --effective)";

/**
 * Returns the rules of a tag policy, as a policy with operators or as an effective policy. Takes the value of `tags`, and its path.
 * A tag of a tag policy is not required: only `report_required_tag_for` requires one. `enforced_for` names where AWS blocks tags,
 * and does not narrow what is judged.
 * https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_example-tag-policies.html
 */
export function rulesOfTagPolicy(
  tags: Readonly<Record<string, unknown>>,
  path: Path,
  remarks: Remarks,
): ImportedRule[] {
  const required: TagEntry[] = [];
  const prohibited: string[] = [];
  for (const [policyKey, value] of Object.entries(tags)) {
    if (policyKey === CHILD_OPERATORS) continue;
    const at = [...path, policyKey];
    const tag = readTag(policyKey, value, at, remarks);
    if (tag === undefined) continue;
    if (tag === "prohibited") prohibited.push(policyKey);
    else required.push(tag);
  }
  const rules: RuleDocument[] = [];
  for (let from = 0; from < required.length; from += MAX_TAGS) {
    rules.push({ rule: "required-tags", caseSensitive: true, tags: required.slice(from, from + MAX_TAGS) });
  }
  if (prohibited.length > 0) rules.push({ rule: "prohibited-tags", keys: prohibited.map(literal) });
  return rules.map((document) => ({ path, what: "tag policy", document }));
}

/** States the operators that child policies may use. It says nothing about a resource, and may stand at any level. */
const CHILD_OPERATORS = "@@operators_allowed_for_child_policies";

const SETTINGS = ["tag_key", "tag_value", "enforced_for", "report_required_tag_for", CHILD_OPERATORS];

/** Returns the entry of one tag; undefined if it is not imported. */
function readTag(policyKey: string, value: unknown, path: Path, remarks: Remarks): TagEntry | "prohibited" | undefined {
  const what = `tag ${JSON.stringify(policyKey)}`;
  if (!isObject(value)) {
    remarks.skip(path, what, "it must be an object with tag_key, tag_value and so on");
    return undefined;
  }
  for (const name of Object.keys(value)) {
    if (SETTINGS.includes(name)) continue;
    remarks.skip([...path, name], `${what}: ${name}`, "tag policies have no such setting");
  }
  const read = (name: string) => readSetting(value[name], [...path, name], `${what}: ${name}`, remarks);
  const [tagKey, tagValue, requiredFor] = [read("tag_key"), read("tag_value"), read("report_required_tag_for")];
  // Read for its mistakes only.
  read("enforced_for");
  const inherited = Object.entries({
    tag_key: tagKey,
    tag_value: tagValue,
    report_required_tag_for: requiredFor,
  }).filter(([, setting]) => setting === "inherited");
  if (inherited.length > 0) {
    const names = inherited.map(([name]) => name).join(" and ");
    remarks.skip(
      path,
      what,
      `${names} has @@append or @@remove, which change what a parent policy says, so ${ASK_FOR_EFFECTIVE}`,
    );
    return undefined;
  }
  const key = keyOf(policyKey, tagKey, path, what, remarks);
  const values = textsOf(tagValue, [...path, "tag_value"], `${what}: tag_value`, remarks);
  const types = textsOf(requiredFor, [...path, "report_required_tag_for"], `${what}: report_required_tag_for`, remarks);
  if (key === undefined || values === "invalid" || types === "invalid") return undefined;
  const isRequired = types?.some((type) => INSTANCES.test(type)) ?? false;
  if (values?.length === 0) {
    if (!isRequired) return "prohibited";
    remarks.skip(path, what, "no value is allowed for the tag, and the tag is required: no instance can comply");
    return undefined;
  }
  if (values?.some((text) => text.split("*").length > 2)) {
    remarks.note([...path, "tag_value"], what, 'each "*" is taken as a wildcard, but AWS accepts only one in a value');
  }
  const anyCase = isRequired && tagKey === undefined;
  if (anyCase) {
    remarks.note(path, what, "the tag is required in any case of its key, because the policy has no tag_key");
  } else if (key !== policyKey && tagKey === undefined) {
    remarks.note(
      path,
      what,
      `without tag_key, AWS takes the key in lower case: ${JSON.stringify(key)}; if this policy is a child of one with a tag_key, import the effective policy instead`,
    );
  }
  const anyValue = values === undefined || values.some((text) => /^\*+$/.test(text));
  return {
    key: anyCase ? policyKey : key,
    ...(!anyValue && { values: values.map(valueMatcher) }),
    ...((anyValue || values.includes("")) && { allowBlank: true }),
    ...(anyCase && { caseSensitive: false }),
    ...(!isRequired && { ifPresent: true }),
  };
}

/** The names under which `report_required_tag_for` requires a tag on instances. */
const INSTANCES = /^(?:ec2:(?:instance|ALL_SUPPORTED|\*)|\*|ALL_SUPPORTED)$/i;

/** A setting of a tag: its value; undefined if it is not set; `inherited` if it depends on the parent policies. */
type TagSetting = { readonly value: unknown } | "inherited" | undefined;

function readSetting(value: unknown, path: Path, what: string, remarks: Remarks): TagSetting {
  if (!isObject(value)) return value === undefined ? undefined : { value };
  for (const name of Object.keys(value)) {
    if (["@@assign", "@@append", "@@remove", CHILD_OPERATORS].includes(name)) continue;
    remarks.skip([...path, name], `${what}: ${name}`, misplaced(name));
  }
  if ("@@append" in value || "@@remove" in value) return "inherited";
  return "@@assign" in value ? { value: value["@@assign"] } : undefined;
}

function misplaced(name: string): string {
  return SETTINGS.includes(name)
    ? `it is in the wrong place: ${name} is a setting of the tag, and belongs beside the others`
    : "tag policies have no such operator";
}

function keyOf(policyKey: string, tagKey: TagSetting, path: Path, what: string, remarks: Remarks): string | undefined {
  if (tagKey === undefined || tagKey === "inherited") return policyKey.toLowerCase();
  const { value: key } = tagKey;
  if (typeof key === "string" && key.toLowerCase() === policyKey.toLowerCase()) return key;
  const problem = `it must be the key ${JSON.stringify(policyKey)} in some case`;
  remarks.skip([...path, "tag_key"], what, problem);
  return undefined;
}

/** Returns the texts of a setting; undefined if it is not set. */
function textsOf(
  setting: TagSetting,
  path: Path,
  what: string,
  remarks: Remarks,
): readonly string[] | "invalid" | undefined {
  if (setting === undefined || setting === "inherited") return undefined;
  const values: readonly unknown[] = Array.isArray(setting.value) ? setting.value : [setting.value];
  const texts = values.flatMap((value) =>
    typeof value === "string" || typeof value === "number" ? [String(value)] : [],
  );
  if (texts.length === values.length) return texts;
  remarks.skip(path, what, `it must be a list of texts; the tag is not imported`);
  return "invalid";
}

/** Returns the matcher of a value, in which only `*` is a wildcard. */
function valueMatcher(value: string): string {
  const text = value.split("*").map(literal).join("*");
  // Between two slashes it would be a regular expression.
  return value.includes("*") && text.startsWith("/") ? `\\${text}` : text;
}

/** A tag policy in a document: the value of its `tags` and the path to it. `account` is that of an effective policy. */
export interface FoundTagPolicy {
  readonly tags: Readonly<Record<string, unknown>>;
  readonly path: Path;
  readonly account: string | undefined;
}

/**
 * Finds a tag policy as the console shows it (`{"tags": …}`), or as the AWS CLI prints it: by `describe-effective-policy`
 * (`EffectivePolicy.PolicyContent`) and `describe-policy` (`Policy.Content`), which have it as JSON text. Returns a string, the
 * type, for a policy of another type, and undefined for anything else.
 */
export function findTagPolicy(value: unknown, path: Path = []): FoundTagPolicy | string | undefined {
  const document = typeof value === "string" ? parseJson(value) : value;
  if (!isObject(document)) return undefined;
  if (isObject(document.tags)) return { tags: document.tags, path: [...path, "tags"], account: undefined };
  const { PolicySummary: summary, PolicyType: type = isObject(summary) ? summary.Type : undefined } = document;
  if (typeof type === "string" && type !== "TAG_POLICY") return type;
  for (const name of ["EffectivePolicy", "Policy", "PolicyContent", "Content"]) {
    const found = document[name] === undefined ? undefined : findTagPolicy(document[name], [...path, name]);
    if (found === undefined || typeof found === "string") {
      if (found !== undefined) return found;
      continue;
    }
    const { TargetId: account } = document;
    return typeof account === "string" && name === "PolicyContent" ? { ...found, account } : found;
  }
  return undefined;
}
