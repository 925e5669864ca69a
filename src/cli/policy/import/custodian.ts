import { literal } from "../../../policy/matcher.ts";
import { isObject, quote } from "../../../util/json.ts";
import {
  type Atom,
  clausesOf,
  conditionOf,
  type Expression,
  joined,
  type Literal,
  literalsOf,
  matchesText,
  NOT_BLANK,
  type TagAtom,
} from "./custodian-expression.ts";
import { DEFAULT_MARK, expressionsOf, type FilterRemarks, noteOppositeFilters } from "./custodian-filters.ts";
import {
  type ConditionDocument,
  type ImportedRule,
  named,
  type Path,
  type Remarks,
  type RuleDocument,
  ruleId,
} from "./imported.ts";

/** Cloud Custodian's policies in a document. */
interface CustodianDocument {
  readonly policies: readonly unknown[];
  /** The path of the list; null for one policy, which is the document. */
  readonly path: Path | null;
  /** Lists of filters that belong to no policy. */
  readonly loose: readonly { readonly filters: readonly unknown[]; readonly path: Path }[];
}

/** Returns what imports Cloud Custodian policies from a document; undefined if it has none. https://cloudcustodian.io/docs/quickstart/policyStructure.html */
export function findCustodianPolicies(value: unknown): ((remarks: Remarks) => ImportedRule[]) | undefined {
  const found = find(value);
  return found && ((remarks) => rulesOf(found, remarks));
}

function find(value: unknown): CustodianDocument | undefined {
  if (Array.isArray(value)) {
    if (value.some(isPolicy)) return { policies: value, path: [], loose: [] };
    return areFilters(value) ? { policies: [], path: [], loose: [{ filters: value, path: [] }] } : undefined;
  }
  if (!isObject(value)) return undefined;
  const vars = isObject(value.vars) ? Object.entries(value.vars) : [];
  const loose = vars.flatMap(([name, filters]) => (areFilters(filters) ? [{ filters, path: ["vars", name] }] : []));
  if (Array.isArray(value.policies)) return { policies: value.policies, path: ["policies"], loose };
  if (isPolicy(value)) return { policies: [value], path: null, loose };
  if (areFilters(value.filters)) loose.push({ filters: value.filters, path: ["filters"] });
  return loose.length > 0 ? { policies: [], path: [], loose } : undefined;
}

function isPolicy(value: unknown): boolean {
  return (
    isObject(value) &&
    typeof value.resource === "string" &&
    ("filters" in value || "name" in value || "actions" in value)
  );
}

function areFilters(value: unknown): value is readonly unknown[] {
  const isFilter = (filter: unknown) =>
    isObject(filter) &&
    Object.keys(filter).some(
      (key) => /^(?:tag:.*|or|and|not)$/.test(key) || (key === "type" && typeof filter.type === "string"),
    );
  return Array.isArray(value) && value.length > 0 && value.some(isFilter);
}

function rulesOf({ policies, path, loose }: CustodianDocument, remarks: Remarks): ImportedRule[] {
  const bookkeeping = new Set(policies.flatMap(marksOf));
  const used = new Set<unknown>(
    policies.flatMap((policy) => [...listsIn(isObject(policy) ? policy.filters : undefined, 0)]),
  );
  const rules: ImportedRule[] = [];
  const names = new Map<string, string>();
  policies.forEach((policy, index) => {
    const at = path === null ? [] : [...path, index];
    const what = named("policy", isObject(policy) ? policy.name : undefined);
    const before = remarks.notes.length;
    for (const rule of rulesOfPolicy(policy, at, what, bookkeeping, remarks)) {
      const same = names.get(demandOf(rule));
      if (same === undefined) {
        names.set(demandOf(rule), what);
        rules.push({ path: at, what, document: rule });
      } else {
        remarks.notes.length = before;
        remarks.note(at, what, `it has the same demand as ${same}, so it adds no rule`);
      }
    }
  });
  for (const { filters, path: at } of loose) {
    if (!used.has(filters)) listLoose(filters, at, bookkeeping, remarks);
  }
  return rules;
}

/** Returns the lists of filters in a list, itself included. An alias of YAML gives the same list again. */
function* listsIn(filters: unknown, depth: number): Generator<unknown> {
  if (!Array.isArray(filters) || depth > 20) return;
  yield filters;
  for (const filter of filters) {
    if (isObject(filter)) for (const group of [filter.or, filter.and, filter.not]) yield* listsIn(group, depth + 1);
  }
}

/** Returns the tags in which a policy keeps the state of its delayed actions. */
function marksOf(policy: unknown): string[] {
  if (!isObject(policy)) return [];
  const { actions, filters } = policy;
  const marks = [...(Array.isArray(actions) ? actions : []), ...flat(filters, 0)];
  return marks.flatMap((each) => {
    const { type, tag = DEFAULT_MARK } = isObject(each) ? each : { type: each, tag: undefined };
    return (type === "mark-for-op" || type === "marked-for-op") && typeof tag === "string" ? [tag] : [];
  });
}

function flat(filters: unknown, depth: number): unknown[] {
  return [...listsIn(filters, depth)].flatMap((list) => (Array.isArray(list) ? list : []));
}

/** Returns the text of a rule's demand: its kind, its scope and its settings. */
function demandOf({ id: _, message: __, tags, ...rule }: RuleDocument): string {
  const sorted = Array.isArray(tags) ? tags.map((tag) => JSON.stringify(tag)).sort() : tags;
  return JSON.stringify({ ...rule, tags: sorted });
}

/** Lists filters outside a policy, each with what is wrong with it. */
function listLoose(filters: readonly unknown[], path: Path, bookkeeping: ReadonlySet<string>, remarks: Remarks): void {
  const own: FilterRemarks = { problems: [], notes: [], bookkeeping, hasBookkeeping: false };
  noteOppositeFilters(filters, path, own);
  filters.forEach((filter, index) => {
    const before = own.problems.length;
    expressionsOf([filter], [...path, index], { ...own, bookkeeping: new Set() });
    const reasons = [...own.problems.slice(before), ...own.notes].flatMap((remark) =>
      remark.filter === filter ? [remark.why] : [],
    );
    const why = ["no policy uses it, so no resource is named that it is about", ...reasons].join("; ");
    remarks.skip([...path, index], `filter ${shown(filter)}`, why);
  });
}

function shown(filter: unknown): string {
  const text = JSON.stringify(filter) ?? "";
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/** Actions that report an instance or act against it: a policy with one of them is a check. */
const CHECKS = [
  "notify",
  "webhook",
  "post-finding",
  "post-item",
  "put-metric",
  "invoke-lambda",
  "invoke-sfn",
  "mark-for-op",
  "stop",
  "terminate",
];

/** Actions that undo what a check did, or begin work on an instance. */
const UNDOES = ["unmark", "untag", "remove-tag", "start", "resume"];

/** The settings of a policy that do not change which instances are reported. */
const IGNORED = [
  "name",
  "resource",
  "filters",
  "actions",
  "mode",
  "description",
  "comment",
  "comments",
  "metadata",
  "tags",
  "source",
  "title",
  "max-resources",
  "max-resources-percent",
];

/** Returns the rules of one policy. */
function rulesOfPolicy(
  policy: unknown,
  path: Path,
  what: string,
  bookkeeping: ReadonlySet<string>,
  remarks: Remarks,
): RuleDocument[] {
  const skip = (why: string): RuleDocument[] => {
    remarks.skip(path, what, why);
    return [];
  };
  if (!isObject(policy)) return skip("it must be an object");
  const { resource, filters = [], actions = [] } = policy;
  if (resource !== "ec2" && resource !== "aws.ec2") {
    return skip(
      typeof resource === "string" ? `its resource is ${quote(resource)}, not EC2 instances` : 'it has no "resource"',
    );
  }
  if (!Array.isArray(filters) || !Array.isArray(actions)) return skip('"filters" and "actions" must be lists');
  const purpose = noCheck(actions);
  if (purpose === "undoes") {
    return skip("its actions undo a mark, or begin work on the instances, so it reports no violation");
  }
  if (filters.length === 0) return skip("it has no filters: it reports every instance");
  const own: FilterRemarks = { problems: [], notes: [], bookkeeping, hasBookkeeping: false };
  const expressions = expressionsOf(filters, [...path, "filters"], own);
  const settings = Object.keys(policy).filter((key) => !IGNORED.includes(key));
  const scope = scopeOf(policy, settings);
  const rules =
    expressions === undefined || typeof scope === "string" ? undefined : rulesOfExpressions(expressions, scope, policy);
  if (purpose === "changes" || (expressions !== undefined && isSchedule(actions, expressions))) {
    return skip(whyNoCheck(actions, rules ?? []));
  }
  const isImported = rules !== undefined && rules.length > 0;
  for (const { path: at, filter, why } of own.problems) {
    const fate = isImported ? "the policy is imported without it" : "the policy is not imported";
    remarks.skip(at, `${what}, filter ${shown(filter)}`, `${why}; ${fate}`);
  }
  if (typeof scope === "string") return skip(scope);
  if (expressions === undefined) return [];
  if (rules === undefined)
    return skip('its filters combine a property that only a rule kind judges with others by "or" or "not"');
  if (rules.length === 0) {
    return skip(
      own.hasBookkeeping
        ? "its filters are only about the tags of its own delayed actions"
        : "it selects instances by their state only, which is no demand",
    );
  }
  for (const { path: at, filter, why } of own.notes) remarks.note(at, `${what}, filter ${shown(filter)}`, why);
  if (own.hasBookkeeping) {
    remarks.note(
      path,
      what,
      "marked-for-op, and filters on the tags of delayed actions, are left out: they say when Cloud Custodian acts, not what it demands",
    );
  }
  const lacking = expressions.filter((each) => "not" in each && isLack(each));
  if (lacking.length > 1) {
    remarks.note(
      path,
      what,
      'its filters are joined by "and": only an instance that lacks all of these tags violates it; to require each of them, put the filters into an "or"',
    );
  }
  return rules;
}

/**
 * Returns what the actions of a policy do, if it is not a check: `undoes` for those that undo what a check did, `changes` for
 * those that only change instances.
 */
function noCheck(actions: readonly unknown[]): "undoes" | "changes" | undefined {
  const types = actions.map((action) => (isObject(action) ? action.type : action));
  if (types.some((type) => UNDOES.some((each) => each === type))) return "undoes";
  return types.length === 0 || types.some((type) => CHECKS.some((each) => each === type)) ? undefined : "changes";
}

/** Says that a person must decide, with the rules that have the literal meaning. */
function whyNoCheck(actions: readonly unknown[], rules: readonly RuleDocument[]): string {
  const types = actions.map((action) => quote(String(isObject(action) ? action.type : action)));
  const why = `its actions (${types.join(", ")}) change instances and report none; whether it is a rule, only you can say`;
  const literally = rules.map((rule) => JSON.stringify(rule)).join(", ");
  return literally === "" || literally.length > MAX_SHOWN ? why : `${why}; as a rule, it would be ${literally}`;
}

/** The longest rules that a reason shows, in characters. */
const MAX_SHOWN = 500;

/** Returns whether a policy does no more than stop the instances that carry a tag. */
function isSchedule(actions: readonly unknown[], expressions: readonly Expression[]): boolean {
  const isStop = (action: unknown) => action === "stop" || (isObject(action) && action.type === "stop");
  const literals = split(expressions).demand.flatMap((each) => literalsOf(each));
  return (
    actions.length > 0 && actions.every(isStop) && literals.every(({ atom, negated }) => !negated && "tag" in atom)
  );
}

/** Returns the scope that a policy has beside its filters, or why it is not known. */
function scopeOf(
  policy: Readonly<Record<string, unknown>>,
  settings: readonly string[],
): readonly ConditionDocument[] | string {
  const scope: ConditionDocument[] = [];
  for (const name of settings) {
    const value = policy[name];
    if (name === "region" && typeof value === "string") scope.push({ region: [literal(value)] });
    else if (name === "query" && Array.isArray(value)) {
      const states = value.map((each) =>
        isObject(each) && Object.keys(each).length === 1 ? each["instance-state-name"] : undefined,
      );
      const texts = states.flat().filter((state): state is string => typeof state === "string");
      if (states.includes(undefined) || texts.length === 0)
        return '"query" has a part other than "instance-state-name"';
      scope.push({ state: texts.map(literal) });
    } else return `it has ${quote(name)}, which limits when or where it applies, and has no counterpart`;
  }
  return scope;
}

/** Returns the rules that are violated when all expressions are true; undefined if no rules have this meaning. */
function rulesOfExpressions(
  expressions: readonly Expression[],
  outer: readonly ConditionDocument[],
  policy: Readonly<Record<string, unknown>>,
): RuleDocument[] | undefined {
  const { scope, demand } = split(expressions);
  if (demand.length === 0) return [];
  const scopes = scope.map(conditionOf);
  if (scopes.includes(undefined)) return undefined;
  const all = [...outer, ...scopes.filter((each) => each !== undefined)];
  const when = all.length === 0 ? {} : { when: joined("all", all) };
  const id = ruleId(policy.name);
  const base = { ...(id !== undefined && { id }), ...when };
  const clauses = clausesOf({ all: demand }, true);
  if (clauses === undefined) {
    const reported = conditionOf({ all: demand });
    return reported && [{ rule: "condition", ...base, require: { not: reported }, message: messageOf(policy) }];
  }
  const tags: TagEntry[] = [];
  const prohibited: string[] = [];
  const rules: RuleDocument[] = [];
  const rest: ConditionDocument[] = [];
  for (const clause of clauses) {
    const entry = entryOf(clause);
    const [only] = clause.length === 1 ? clause : [];
    const rule = only && kindOf(only);
    if (entry !== undefined) tags.push(entry);
    else if (only?.negated && "tag" in only.atom && only.atom.tag !== null && only.atom.values === undefined) {
      prohibited.push(literal(only.atom.tag));
    } else if (rule !== undefined) rules.push({ ...rule, ...base });
    else {
      const parts = clause.map(({ atom, negated }) => conditionOf(negated ? { not: atom } : atom));
      if (parts.includes(undefined)) return undefined;
      rest.push(
        joined(
          "any",
          parts.filter((part) => part !== undefined),
        ),
      );
    }
  }
  return [
    ...(tags.length > 0 ? [{ rule: "required-tags", ...base, caseSensitive: true, tags: withoutWeaker(tags) }] : []),
    ...(prohibited.length > 0
      ? [{ rule: "prohibited-tags", ...base, caseSensitive: true, keys: [...new Set(prohibited)] }]
      : []),
    ...rules.map(({ rule, ...settings }) => ({ rule, ...settings })),
    ...(rest.length > 0
      ? [{ rule: "condition", ...base, require: joined("all", rest), message: messageOf(policy) }]
      : []),
  ];
}

/**
 * Splits the filters of a policy into its scope and what it reports. The state, and tags that AWS sets, are scope. If a filter
 * reports what is missing or what is not allowed, those that only select what is there are scope too: in "Env is prod, Owner is
 * absent", instances with `Env=prod` are judged.
 */
function split(expressions: readonly Expression[]): {
  readonly scope: readonly Expression[];
  readonly demand: readonly Expression[];
} {
  const isState = (each: Expression) => literalsOf(each).every(({ atom }) => "leaf" in atom && atom.leaf === "state");
  const isAboutAws = (each: Expression) => literalsOf(each).every(({ atom }) => isOfAws(atom));
  const states = expressions.filter(isState);
  const others = expressions.filter((each) => !isState(each));
  const own = others.filter((each) => !isAboutAws(each));
  // A policy with nothing else demands the tag, such as that of the stack.
  if (own.length === 0) return { scope: states, demand: others };
  const scope = [...states, ...others.filter(isAboutAws)];
  const selects = (each: Expression) => literalsOf(each).every(({ atom, negated }) => !negated && !("rule" in atom));
  const reports = own.filter((each) => !selects(each));
  return reports.length === 0 ? { scope, demand: own } : { scope: [...scope, ...own.filter(selects)], demand: reports };
}

/** Returns whether an atom is about a tag that AWS sets. */
function isOfAws(atom: Atom): boolean {
  return "tag" in atom && atom.tag !== null && atom.tag.startsWith("aws:");
}

/** Returns whether an expression is true only when tags are missing, or have none of the values. */
function isLack(expression: Expression): boolean {
  return literalsOf(expression).every(({ atom, negated }) => negated && "tag" in atom && !isOfAws(atom));
}

/** An entry of the rule kind `required-tags`. */
type TagEntry = TagDocument | { readonly anyOf: readonly TagDocument[] };

interface TagDocument {
  readonly key: string;
  readonly values?: readonly string[];
  readonly allowBlank?: true;
}

/** The number of tags of which one can be enough. */
const MAX_ANY_OF = 10;

/** Returns the entry that demands one of these tags; undefined if a literal is about anything else. */
function entryOf(clause: readonly Literal[]): TagEntry | undefined {
  const tags = clause.flatMap(({ atom, negated }) => (!negated && "tag" in atom ? (tagOf(atom) ?? []) : []));
  const [first] = tags;
  if (first === undefined || tags.length < clause.length || tags.length > MAX_ANY_OF) return undefined;
  return tags.length === 1 ? first : { anyOf: tags };
}

function tagOf({ tag: key, values }: TagAtom): TagDocument | undefined {
  if (key === null) return undefined;
  if (values === undefined) return { key, allowBlank: true };
  if (values.length === 1 && values[0] === NOT_BLANK) return { key };
  // The rule judges a blank value apart.
  return values.some((value) => matchesText(value, "")) ? undefined : { key, values };
}

/** Leaves out each tag of which another entry demands more. */
function withoutWeaker(entries: readonly TagEntry[]): readonly TagEntry[] {
  const strength = (entry: TagDocument) => (entry.values ? 2 : entry.allowBlank ? 0 : 1);
  const texts = new Set<string>();
  return entries.filter((entry) => {
    const text = JSON.stringify(entry);
    if (texts.has(text)) return false;
    texts.add(text);
    return (
      "anyOf" in entry ||
      !entries.some((other) => !("anyOf" in other) && other.key === entry.key && strength(other) > strength(entry))
    );
  });
}

/** Returns the rule that demands one literal, without its scope; undefined if only a condition can. */
function kindOf({ atom, negated }: Literal): RuleDocument | undefined {
  if ("rule" in atom) return negated ? atom.rule : undefined;
  if (!("leaf" in atom)) return undefined;
  const { leaf, values } = atom;
  const isAny = values.includes("*");
  if (negated) {
    if (leaf === "keyPair" && isAny) return { rule: "key-pair", none: true };
    if (leaf === "instanceType") return { rule: "instance-type", forbidden: values };
    return undefined;
  }
  switch (leaf) {
    case "keyPair":
      return { rule: "key-pair", allowed: values };
    case "instanceType":
      return { rule: "instance-type", allowed: values };
    case "instanceProfile":
      return isAny ? { rule: "instance-profile" } : { rule: "instance-profile", allowed: values };
    case "vpc":
    case "subnet":
    case "zone":
      return { rule: "network", [`${leaf}s`]: values };
    case "image":
      return { rule: "image", ids: values };
    case "imageOwner":
      return { rule: "image", owners: values };
    case "imageName":
      return { rule: "image", names: values };
    default:
      return undefined;
  }
}

/** The longest message of a rule of the kind `condition`, in characters. */
const MAX_MESSAGE = 200;

/** Returns the message of a condition: the name of the policy and its description. */
function messageOf({ name, description, comment, comments }: Readonly<Record<string, unknown>>): string {
  const words = [description, comment, comments].find((each) => typeof each === "string" && each.trim() !== "");
  const matches = `the instance matches the Cloud Custodian ${named("policy", name)}`;
  const text = typeof words === "string" ? `${matches}: ${words.trim().replaceAll(/\s+/g, " ")}` : matches;
  const characters = [...text];
  return characters.length > MAX_MESSAGE ? `${characters.slice(0, MAX_MESSAGE - 1).join("")}…` : text;
}
