import { literal } from "../../../policy/matcher.ts";
import { isObject } from "../../../util/json.ts";
import type { Expression } from "./custodian-expression.ts";
import { matchesText, NOT_BLANK } from "./custodian-expression.ts";
import { containing, fromGlob, fromRegex, normalized } from "./custodian-patterns.ts";
import type { Path, RuleDocument } from "./imported.ts";

/** A statement about a filter. */
export interface FilterRemark {
  readonly path: Path;
  readonly filter: unknown;
  readonly why: string;
}

/** What the conversion of filters reports. */
export interface FilterRemarks {
  /** The filters that have no counterpart. */
  readonly problems: FilterRemark[];
  readonly notes: FilterRemark[];
  /** The tags in which Cloud Custodian keeps its own state. */
  readonly bookkeeping: ReadonlySet<string>;
  /** Set when a filter was left out, because it is about that state. */
  hasBookkeeping: boolean;
}

/** The expression of a filter; `none` for one that was left out; undefined for one without a counterpart. */
type Filtered = Expression | "none" | undefined;

/** Deeper filters are not converted: a condition has 8 levels. */
const MAX_DEPTH = 20;

/** The tag of `mark-for-op` and `marked-for-op` without `tag`. https://cloudcustodian.io/docs/aws/resources/aws-common-filters.html */
export const DEFAULT_MARK = "maid_status";

/**
 * Returns the expressions of a list of filters, all of which must match. Filters without a counterpart are in `remarks.problems`;
 * the result is undefined if the others alone would match other instances.
 */
export function expressionsOf(
  filters: readonly unknown[],
  path: Path,
  remarks: FilterRemarks,
): readonly Expression[] | undefined {
  return partsOf(filters, path, remarks, { isReported: true, depth: 0 }, false);
}

/** Where a filter stands. */
interface Position {
  /** Whether an instance is reported that it matches; under a "not", one that it does not match. */
  readonly isReported: boolean;
  readonly depth: number;
}

/** Converts filters. With `allowsGaps`, those without a counterpart can be left out: then only fewer instances are reported. */
function partsOf(
  filters: readonly unknown[],
  path: Path,
  remarks: FilterRemarks,
  position: Position,
  allowsGaps: boolean,
): readonly Expression[] | undefined {
  const parts = filters.map((each, index) => filterOf(each, [...path, index], remarks, position));
  const isIncomplete = parts.includes(undefined);
  if (isIncomplete && (!allowsGaps || parts.every((each) => each === undefined))) return undefined;
  return parts.filter((each) => each !== undefined && each !== "none");
}

function filterOf(filter: unknown, path: Path, remarks: FilterRemarks, position: Position): Filtered {
  const problem = (why: string): undefined => {
    remarks.problems.push({ path, filter, why });
  };
  if (position.depth > MAX_DEPTH) return problem("it is nested too deeply");
  if (typeof filter === "string") return typedFilter(filter, { type: filter }, path, remarks);
  if (!isObject(filter)) return problem("it must be an object, or the name of a filter type");
  const [[key, value] = ["", undefined], ...others] = Object.entries(filter);
  if (others.length === 0 && key !== "type") {
    if (key !== "or" && key !== "and" && key !== "not") return valueFilter({ key, value }, filter, path, remarks);
    if (!Array.isArray(value) || value.length === 0) return problem(`"${key}" must have a list of filters`);
    return groupOf(key, value, [...path, key], remarks, position);
  }
  if (typeof filter.type !== "string") return problem('it must have a "type", or only one key');
  return typedFilter(filter.type, filter, path, remarks);
}

function groupOf(
  operator: "or" | "and" | "not",
  filters: readonly unknown[],
  path: Path,
  remarks: FilterRemarks,
  { isReported, depth }: Position,
): Filtered {
  const inner = { isReported: operator === "not" ? !isReported : isReported, depth: depth + 1 };
  const parts = partsOf(filters, path, remarks, inner, inner.isReported === (operator === "or"));
  if (operator === "or") noteOppositeFilters(filters, path, remarks);
  if (parts === undefined) return undefined;
  if (parts.length === 0) return "none";
  return operator === "or" ? { any: parts } : operator === "and" ? { all: parts } : { not: { all: parts } };
}

/** Notes a tag that is reported both when it is absent and when it has a value: a list of good values, with `in` for `not-in`. */
export function noteOppositeFilters(filters: readonly unknown[], path: Path, remarks: FilterRemarks): void {
  const absent = new Set(
    filters.flatMap((filter) =>
      isObject(filter)
        ? Object.entries(filter).flatMap(([key, value]) => (value === "absent" || value === "empty" ? [key] : []))
        : [],
    ),
  );
  filters.forEach((filter, index) => {
    if (!isObject(filter) || filter.op !== "in" || typeof filter.key !== "string" || !absent.has(filter.key)) return;
    const why = `"op: in" reports the instances whose tag IS one of these values, and another filter those without the tag; if these are the good values, "not-in" was meant`;
    remarks.notes.push({ path: [...path, index], filter, why });
  });
}

/** Converts a filter with a type. */
function typedFilter(
  type: string,
  filter: Readonly<Record<string, unknown>>,
  path: Path,
  remarks: FilterRemarks,
): Filtered {
  const problem = (why: string): undefined => {
    remarks.problems.push({ path, filter, why });
  };
  const { type: _, ...settings } = filter;
  const unknown = (known: readonly string[]) => Object.keys(settings).find((key) => !known.includes(key));
  switch (type) {
    case "value":
      return valueFilter(settings, filter, path, remarks);
    case "marked-for-op":
      remarks.hasBookkeeping = true;
      return "none";
    case "tag-count":
      return tagCount(settings, filter, path, remarks);
    case "default-vpc":
      return { rule: { rule: "network", defaultVpc: false } };
    case "image-age": {
      const { days, op = "greater-than" } = settings;
      const isOlder = ["gt", "greater-than", "ge", "gte"].includes(String(op));
      if (!isOlder || typeof days !== "number" || !Number.isInteger(days) || days < 1 || unknown(["days", "op"])) {
        return problem("only images older than a whole number of days have a counterpart");
      }
      return { rule: { rule: "image", maxAgeDays: days } };
    }
    case "ebs":
      if (
        settings.key === "Encrypted" &&
        settings.value === false &&
        !unknown(["key", "value", "op"]) &&
        isEqual(settings.op)
      ) {
        return { rule: { rule: "encrypted-volumes" } };
      }
      return problem('of the filter "ebs", only "key: Encrypted, value: false" has a counterpart');
    case "image":
      return ofRelated(
        settings,
        filter,
        path,
        remarks,
        { Name: "imageName", OwnerId: "imageOwner", ImageOwnerAlias: "imageOwner", ImageId: "image" },
        { Public: [true, { rule: "image", public: false }] },
      );
    case "image-metadata":
      return ofRelated(
        settings,
        filter,
        path,
        remarks,
        { Name: "imageName", OwnerId: "imageOwner", ImageOwnerAlias: "imageOwner" },
        {
          IsPublic: [true, { rule: "image", public: false }],
          ImageAllowed: [false, { rule: "image", allowedAmis: true }],
          State: ["deregistered", { rule: "image", deregistered: false }],
        },
      );
    case "subnet":
      return ofRelated(settings, filter, path, remarks, { SubnetId: "subnet", VpcId: "vpc" }, {});
    case "vpc":
      return ofRelated(settings, filter, path, remarks, { VpcId: "vpc" }, {});
    case "security-group":
      return securityGroup(settings, filter, path, remarks);
    case "event":
      return problem("filters on the event have no counterpart: EC2 audit judges the instance");
    default:
      return problem(`the filter type ${JSON.stringify(type)} has no counterpart`);
  }
}

/** A filter on an image, a subnet or a VPC: a value that a condition names, or one that a rule judges. */
function ofRelated(
  settings: Readonly<Record<string, unknown>>,
  filter: Readonly<Record<string, unknown>>,
  path: Path,
  remarks: FilterRemarks,
  leaves: Readonly<Record<string, string>>,
  rules: Readonly<Record<string, readonly [value: unknown, rule: RuleDocument]>>,
): Filtered {
  const { key } = settings;
  if (typeof key === "string" && Object.hasOwn(leaves, key)) {
    return valueFilter(settings, filter, path, remarks, leaves);
  }
  const [value, rule] = typeof key === "string" && Object.hasOwn(rules, key) ? (rules[key] ?? []) : [];
  if (rule !== undefined && settings.value === value && isEqual(settings.op) && Object.keys(settings).length <= 3)
    return { rule };
  remarks.problems.push({ path, filter, why: "this property has no counterpart" });
  return undefined;
}

/** Instances with a security group that has a name, an id or a tag. */
function securityGroup(
  { operator = "or", ...settings }: Readonly<Record<string, unknown>>,
  filter: Readonly<Record<string, unknown>>,
  path: Path,
  remarks: FilterRemarks,
): Filtered {
  const problem = (why: string): undefined => {
    remarks.problems.push({ path, filter, why });
  };
  const { key } = settings;
  const tag = typeof key === "string" && key.startsWith("tag:") ? key.slice("tag:".length) : undefined;
  if (operator !== "or" || (key !== "GroupName" && key !== "GroupId" && tag === undefined)) {
    return problem('only groups with a "GroupName", a "GroupId" or a tag have a counterpart');
  }
  const groups = valueFilter(settings, filter, path, remarks, { GroupName: "name", GroupId: "id" });
  if (groups === undefined || groups === "none") return groups;
  if (!("values" in groups) || groups.values === undefined) {
    return problem("only groups that have a value have a counterpart, not those that lack one");
  }
  const notAttached = tag === undefined ? groups.values : [{ tag: literal(tag), in: groups.values }];
  return { rule: { rule: "security-groups", notAttached } };
}

/** Counts tags; by default, 10 or more match. Tags that begin with `aws:` do not count. */
function tagCount(
  { count = 10, op = "gte", ...others }: Readonly<Record<string, unknown>>,
  filter: Readonly<Record<string, unknown>>,
  path: Path,
  remarks: FilterRemarks,
): Filtered {
  const problem = (why: string): undefined => {
    remarks.problems.push({ path, filter, why });
  };
  if (typeof count !== "number" || !Number.isInteger(count) || Object.keys(others).length > 0) {
    return problem('"count" must be a whole number');
  }
  const isGreater = op === "gt" || op === "greater-than";
  if (!isGreater && op !== "ge" && op !== "gte") return problem("only an upper limit of tags has a counterpart");
  const max = isGreater ? count : count - 1;
  if (max < 0 || max > 50) return problem("an instance has 0 to 50 tags");
  const why = `it reports instances with ${max + 1} tags or more, although Cloud Custodian's documentation describes the opposite`;
  remarks.notes.push({ path, filter, why });
  return { rule: { rule: "tag-limit", max } };
}

/** The values of an instance that conditions name, by the key of a value filter. Each instance has those of the second list. */
const OPTIONAL_LEAVES: Readonly<Record<string, string>> = {
  KeyName: "keyPair",
  IamInstanceProfile: "instanceProfile",
  "IamInstanceProfile.Arn": "instanceProfile",
  "Operator.Principal": "managedBy",
  VpcId: "vpc",
  SubnetId: "subnet",
};
const LEAVES: Readonly<Record<string, string>> = {
  ...OPTIONAL_LEAVES,
  "State.Name": "state",
  InstanceType: "instanceType",
  ImageId: "image",
  "Placement.AvailabilityZone": "zone",
  "Placement.Tenancy": "tenancy",
  Architecture: "architecture",
  PlatformDetails: "platform",
};

/** Settings of a value filter that change the value, or where it comes from. */
const CHANGES_VALUE = ["value_from", "value_path", "value_regex", "default", "tag_key_transforms"];

/** Converts a value filter. `leaves` are the leaves of its keys. */
function valueFilter(
  settings: Readonly<Record<string, unknown>>,
  filter: Readonly<Record<string, unknown>>,
  path: Path,
  remarks: FilterRemarks,
  leaves: Readonly<Record<string, string>> = LEAVES,
): Filtered {
  const problem = (why: string): undefined => {
    remarks.problems.push({ path, filter, why });
  };
  const { key, op, value, value_type: valueType, ...others } = settings;
  const [other] = Object.keys(others);
  if (other !== undefined) {
    return problem(
      CHANGES_VALUE.includes(other)
        ? `${other} has no counterpart`
        : `value filters have no setting ${JSON.stringify(other)}`,
    );
  }
  if (valueType !== undefined && valueType !== "normalize") {
    return problem(
      `value_type ${String(valueType)} has no counterpart: a condition compares texts, not numbers and dates`,
    );
  }
  if (typeof key !== "string") return problem('it has no "key"');
  if (op !== undefined && (typeof op !== "string" || !OPERATORS.has(op))) {
    return problem(`the operator ${JSON.stringify(op)} has no counterpart`);
  }
  const tag = key.startsWith("tag:") ? key.slice("tag:".length) : undefined;
  if (tag !== undefined && remarks.bookkeeping.has(tag)) {
    remarks.hasBookkeeping = true;
    return "none";
  }
  const subject = tag === undefined ? subjectOf(key, leaves) : tagSubject(tag);
  if (subject === undefined) {
    if (leaves === LEAVES) {
      const special = specialFilter(key, op, value);
      if (special !== undefined) return special;
    }
    return problem(`${JSON.stringify(key)} is a property that no condition names`);
  }
  if (op === "ni" && Array.isArray(value) && value.includes(null)) {
    return problem('null in a list with "op: ni" stands for an absent value, which "op: not-in" has no word for');
  }
  const matched = matchedBy(OPERATORS.get(op ?? "eq") ?? "eq", value, valueType === "normalize", op !== undefined);
  if ("why" in matched) return problem(matched.why);
  if (matched.note !== undefined) remarks.notes.push({ path, filter, why: matched.note });
  const { test } = matched;
  const expression = typeof test === "string" ? subject[test] : subject.in(test);
  if (expression === undefined)
    return problem(`each instance has ${JSON.stringify(key)}, so the filter matches all or none`);
  if (expression === "unknown") return problem(`a condition compares names and ARNs of ${JSON.stringify(key)} alike`);
  return matched.negated ? { not: expression } : expression;
}

const ON_DEMAND = "on-demand";

/** What a value filter reads: its expressions when it is there, not blank, or one of several values. */
interface Subject {
  readonly present: Expression | undefined;
  readonly filled: Expression | undefined;
  in(matchers: readonly string[]): Expression | "unknown";
}

function tagSubject(tag: string): Subject {
  return { present: { tag }, filled: { tag, values: [NOT_BLANK] }, in: (values) => ({ tag, values }) };
}

function subjectOf(key: string, leaves: Readonly<Record<string, string>>): Subject | undefined {
  if (leaves === LEAVES && key === "InstanceLifecycle") {
    // EC2 reports no lifecycle for an On-Demand Instance.
    const present: Expression = { not: { leaf: "lifecycle", values: [ON_DEMAND] } };
    const among = (values: readonly string[]): Expression => {
      const leaf = { leaf: "lifecycle", values };
      return values.some((value) => matchesText(value, ON_DEMAND)) ? { all: [present, leaf] } : leaf;
    };
    return { present, filled: present, in: among };
  }
  if (leaves === LEAVES && key === "Platform") {
    const windows: Expression = { leaf: "platform", values: ["/windows.*/i"] };
    return {
      present: windows,
      filled: windows,
      in: (values) => (values.some((value) => /^windows$/i.test(value)) ? windows : "unknown"),
    };
  }
  if (leaves === LEAVES && key === "Tags") {
    const any: Expression = { tag: null };
    return { present: any, filled: any, in: () => "unknown" };
  }
  const leaf = Object.hasOwn(leaves, key) ? leaves[key] : undefined;
  if (leaf === undefined) return undefined;
  const present: Expression | undefined =
    leaves === LEAVES && !Object.hasOwn(OPTIONAL_LEAVES, key) ? undefined : { leaf, values: ["*"] };
  return {
    present,
    filled: present,
    in: (values) => {
      // The leaf compares the name of the profile too, and the filter only its ARN.
      const isSafe =
        leaf !== "instanceProfile" ||
        (key !== "IamInstanceProfile" && values.every((value) => /^(?:arn|\*)/.test(value)));
      return isSafe ? { leaf, values } : "unknown";
    },
  };
}

/** Properties that only a rule kind judges. */
function specialFilter(key: string, op: unknown, value: unknown): Expression | undefined {
  const negated = op === "ne" || op === "not-equal";
  if (
    key === "MetadataOptions.HttpTokens" &&
    ((isEqual(op) && value === "optional") || (negated && value === "required"))
  ) {
    return { rule: { rule: "imdsv2" } };
  }
  if (key === "PublicIpAddress" && isEqual(op) && (value === "present" || value === "not-null")) {
    return { rule: { rule: "public-ip" } };
  }
  return undefined;
}

/** The operators that have a counterpart, by each of their names. https://cloudcustodian.io/docs/filters.html#comparison-operators */
const OPERATORS: ReadonlyMap<string, "eq" | "ne" | "in" | "not-in" | "contains" | "glob" | "regex" | "regex-case"> =
  new Map([
    ["eq", "eq"],
    ["equal", "eq"],
    ["ne", "ne"],
    ["not-equal", "ne"],
    ["in", "in"],
    ["ni", "not-in"],
    ["not-in", "not-in"],
    ["contains", "contains"],
    ["glob", "glob"],
    ["regex", "regex"],
    ["regex-case", "regex-case"],
  ] as const);

function isEqual(op: unknown): boolean {
  return op === undefined || op === "eq" || op === "equal";
}

/** What a value filter tests. */
type Matched =
  | { readonly test: "present" | "filled" | readonly string[]; readonly negated: boolean; readonly note?: string }
  | { readonly why: string };

type Operator = "eq" | "ne" | "in" | "not-in" | "contains" | "glob" | "regex" | "regex-case";

/** Cloud Custodian compares the special values before it applies the operator, so with "ne" they match every instance. */
function matchedBy(operator: Operator, value: unknown, isNormalized: boolean, hasOperator: boolean): Matched {
  const negated = operator === "ne" || operator === "not-in";
  if (value === "absent" || value === "present" || value === "empty" || value === "not-null") {
    if (operator === "eq") {
      if (isNormalized && (value === "empty" || value === "not-null")) {
        return {
          why: "value_type normalize takes away spaces, and no condition does so before it looks for a blank value",
        };
      }
      return {
        test: value === "absent" || value === "present" ? "present" : "filled",
        negated: value === "absent" || value === "empty",
      };
    }
    return operator === "ne"
      ? {
          why: `with "op: ne", the filter matches every instance: Cloud Custodian looks at "${value}" before the operator; the opposite of "${value}" is "${OPPOSITE[value]}"`,
        }
      : { why: `"${value}" with "op: ${operator}" has no counterpart` };
  }
  if (operator === "in" || operator === "not-in") return listed(value, negated, isNormalized);
  if (value === null && (operator === "eq" || operator === "ne"))
    return { test: "present", negated: operator === "eq" };
  if (typeof value !== "string") {
    if (Array.isArray(value) && !hasOperator)
      return { why: 'a list needs "op: in" or "op: not-in"; without an operator, no value equals it' };
    return { why: notText(value, operator === "ne") };
  }
  const converted =
    operator === "glob"
      ? fromGlob(value)
      : operator === "regex" || operator === "regex-case"
        ? fromRegex(value, operator === "regex-case")
        : operator === "contains"
          ? { matcher: containing(value) }
          : isNormalized
            ? normalized(value)
            : { matcher: literal(value) };
  if (isNormalized && operator !== "eq" && operator !== "ne")
    return { why: `value_type normalize with "op: ${operator}" has no counterpart` };
  return "why" in converted ? converted : { test: [converted.matcher], negated };
}

const OPPOSITE = { absent: "present", present: "absent", empty: "not-null", "not-null": "empty" } as const;

function listed(value: unknown, negated: boolean, isNormalized: boolean): Matched {
  if (!Array.isArray(value))
    return { why: "the value must be a list: in a text, Cloud Custodian looks for a part of it" };
  const texts = value.filter((each): each is string => typeof each === "string");
  const [other] = value.filter((each) => typeof each !== "string");
  if (texts.length === 0) return { why: value.length === 0 ? "the list is empty" : notText(other, negated) };
  const matchers: string[] = [];
  for (const each of texts) {
    const converted = isNormalized ? normalized(each) : { matcher: literal(each) };
    if ("why" in converted) return converted;
    matchers.push(converted.matcher);
  }
  const note = texts.length === value.length ? {} : { note: notText(other, negated) };
  return { test: [...new Set(matchers)], negated, ...note };
}

/** Says why a value that is not text equals no tag and no name. */
function notText(value: unknown, negated: boolean): string {
  const kind = typeof value === "boolean" ? "a boolean" : typeof value === "number" ? "a number" : "not text";
  const yaml =
    typeof value === "boolean"
      ? "; in YAML 1.1, which Cloud Custodian reads, an unquoted yes, no, on or off is one too"
      : "";
  const shown = typeof value === "object" ? "" : `${String(value)} is ${kind}, and `;
  return `${shown || "it is not text, and "}${negated ? "differs from every value" : "equals no value"} of an instance${yaml}; if text is meant, put it in quotes`;
}
