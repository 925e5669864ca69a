import { literal } from "../../../policy/matcher.ts";
import { isObject } from "../../../util/json.ts";
import { type Resolved, resolverOf } from "./cloudformation.ts";
import { readParameters } from "./config-parameters.ts";
import {
  type ConditionDocument,
  type ImportedRule,
  type LeafDocument,
  named,
  type Path,
  type Remarks,
  ruleId,
} from "./imported.ts";
import { MANAGED_RULES, type ManagedRule, TAGGED, TAGS_WITH_VALUES } from "./managed-rules.ts";
import { findTagPolicy, rulesOfTagPolicy } from "./tag-policy.ts";

/** An AWS Config rule of any shape. */
interface ConfigRule {
  readonly path: Path;
  readonly name: unknown;
  readonly owner: unknown;
  readonly identifier: unknown;
  readonly parameters: unknown;
  readonly parametersAt: Path;
  readonly scope: unknown;
  readonly excludedAccounts?: unknown;
  readonly resolve: (value: unknown) => Resolved;
}

const asIs = (value: unknown): Resolved => ({ value });

/** Returns what imports AWS Config rules from a document; undefined if it has none. */
export function findConfigRules(value: unknown): ((remarks: Remarks) => ImportedRule[]) | undefined {
  if (Array.isArray(value)) return value.some(isConfigRule) ? (remarks) => rulesOfList(value, [], remarks) : undefined;
  if (!isObject(value)) return undefined;
  for (const name of ["ConfigRules", "OrganizationConfigRules"]) {
    const list = value[name];
    if (Array.isArray(list)) return (remarks) => rulesOfList(list, [name], remarks);
  }
  if (isObject(value.ConfigRule)) return (remarks) => rulesOfOne(value.ConfigRule, ["ConfigRule"], remarks);
  if (isObject(value.Resources)) return (remarks) => rulesOfTemplate(value, ["Resources"], remarks);
  if (Object.values(value).some(isConfigResource)) return (remarks) => rulesOfTemplate(value, [], remarks);
  if (isConfigRule(value)) return (remarks) => rulesOfOne(value, [], remarks);
  const bare = rulesByParameters(value);
  return (
    bare && ((remarks) => convert(bare, { path: [], parameters: value, parametersAt: [], resolve: asIs }, remarks))
  );
}

/** Returns whether a value is a resource of a template. The documentation of AWS shows resources without the template. */
function isConfigResource(value: unknown): boolean {
  return isObject(value) && typeof value.Type === "string" && value.Type.startsWith("AWS::Config::");
}

function isConfigRule(value: unknown): boolean {
  return (
    isObject(value) &&
    ((isObject(value.Source) && "Owner" in value.Source) ||
      isObject(value.OrganizationManagedRuleMetadata) ||
      isObject(value.OrganizationCustomRuleMetadata) ||
      isObject(value.OrganizationCustomPolicyRuleMetadata) ||
      typeof value.ConfigRuleName === "string")
  );
}

function rulesOfList(list: readonly unknown[], path: Path, remarks: Remarks): ImportedRule[] {
  return list.flatMap((each, index) => rulesOfOne(each, [...path, index], remarks));
}

function rulesOfOne(value: unknown, path: Path, remarks: Remarks): ImportedRule[] {
  if (isObject(value)) return ruleOf(normalised(value, path, asIs), value, remarks);
  remarks.skip(path, "AWS Config rule", "it must be an object");
  return [];
}

/** Takes a template, and the path of its resources, which in a fragment are the template itself. */
function rulesOfTemplate(template: Readonly<Record<string, unknown>>, at: Path, remarks: Remarks): ImportedRule[] {
  const resolve = resolverOf(template);
  const resources = isObject(template.Resources) ? template.Resources : template;
  return Object.entries(resources).flatMap(([logicalId, resource]) => {
    const path = [...at, logicalId];
    const { Type: type, Properties: properties = {}, Condition: condition } = isObject(resource) ? resource : {};
    const what = `resource ${JSON.stringify(logicalId)}${typeof type === "string" ? ` (${type})` : ""}`;
    if (condition !== undefined) {
      const holds = resolve({ Condition: condition });
      if ("unresolved" in holds || holds.value !== true) {
        remarks.skip(
          path,
          what,
          `its Condition ${"unresolved" in holds ? "is not known" : "does not hold with the template's defaults"}`,
        );
        return [];
      }
    }
    if (isObject(properties)) {
      if (type === "AWS::Config::ConfigRule" || type === "AWS::Config::OrganizationConfigRule") {
        const rule = normalised(properties, [...path, "Properties"], resolve);
        return ruleOf({ ...rule, name: rule.name ?? logicalId }, properties, remarks);
      }
      const tagPolicy =
        type === "AWS::Organizations::Policy" && properties.Type === "TAG_POLICY"
          ? findTagPolicy(properties.Content, [...path, "Properties", "Content"])
          : undefined;
      if (typeof tagPolicy === "object") return rulesOfTagPolicy(tagPolicy.tags, tagPolicy.path, remarks);
    }
    remarks.skip(path, what, WHY_NOT[String(type)] ?? "it is not an AWS Config rule");
    return [];
  });
}

const WHY_NOT: Readonly<Record<string, string>> = {
  "AWS::Config::RemediationConfiguration":
    "it is a remediation: what is done to resources that violate a rule, not a demand",
  "AWS::Config::ConformancePack": "import its template as a file of its own",
  "AWS::Config::OrganizationConformancePack": "import its template as a file of its own",
};

/** Returns a rule of an account or of an organization in one shape. */
function normalised(rule: Readonly<Record<string, unknown>>, path: Path, resolve: ConfigRule["resolve"]): ConfigRule {
  const plain = (value: unknown) => {
    const resolved = resolve(value);
    return "unresolved" in resolved ? undefined : resolved.value;
  };
  const metadata = rule.OrganizationManagedRuleMetadata;
  if (isObject(metadata)) {
    const { ResourceTypesScope, ResourceIdScope, TagKeyScope, TagValueScope } = metadata;
    return {
      path,
      name: plain(rule.OrganizationConfigRuleName),
      owner: "AWS",
      identifier: plain(metadata.RuleIdentifier),
      parameters: metadata.InputParameters,
      parametersAt: [...path, "OrganizationManagedRuleMetadata", "InputParameters"],
      scope: {
        ComplianceResourceTypes: ResourceTypesScope,
        ComplianceResourceId: ResourceIdScope,
        TagKey: TagKeyScope,
        TagValue: TagValueScope,
      },
      excludedAccounts: rule.ExcludedAccounts,
      resolve,
    };
  }
  const source = isObject(rule.Source) ? rule.Source : {};
  return {
    path,
    name: plain(rule.ConfigRuleName ?? rule.OrganizationConfigRuleName),
    owner: plain(source.Owner),
    identifier: plain(source.SourceIdentifier),
    parameters: rule.InputParameters,
    parametersAt: [...path, "InputParameters"],
    scope: rule.Scope,
    resolve,
  };
}

function ruleOf(rule: ConfigRule, document: Readonly<Record<string, unknown>>, remarks: Remarks): ImportedRule[] {
  const { path, name, owner, identifier } = rule;
  const what = `${named("AWS Config rule", name)}${typeof identifier === "string" ? ` (${identifier})` : ""}`;
  const skip = (why: string) => {
    remarks.skip(path, what, why);
    return [];
  };
  const state = document.ConfigRuleState;
  if (typeof state === "string" && state.startsWith("DELETING")) return skip("AWS Config is deleting it");
  if (owner !== "AWS") {
    const custom = parameterNames(rule.parameters).some((each) => TAGS_WITH_VALUES.parameters.test(each));
    if (!custom) {
      return skip("it is a custom rule: its code says what it demands; write a rule with the same demand");
    }
    remarks.note(
      path,
      what,
      "it is a custom rule; its parameters are read as those of ec2_require_tags_with_valid_values",
    );
    return convert(TAGS_WITH_VALUES, { ...rule, what }, remarks);
  }
  if (typeof identifier !== "string") return skip("its Source has no SourceIdentifier");
  const managed = Object.hasOwn(MANAGED_RULES, identifier) ? MANAGED_RULES[identifier] : taggedRule(identifier);
  if (managed === undefined) return skip(WHY_NO_RULE[identifier] ?? "no rule kind has its meaning for EC2 instances");
  return convert(managed, { ...rule, what }, remarks);
}

function taggedRule(identifier: string): ManagedRule | undefined {
  return /^(?:EC2_INSTANCES?_TAGGED|TAGGED_EC2_INSTANCES?)$/.test(identifier) ? TAGGED : undefined;
}

const WHY_NO_RULE: Readonly<Record<string, string>> = {
  APPROVED_AMIS_BY_TAG: "the tags of images are not read; use the rule kind image with ids, owners or names",
  VPC_DEFAULT_SECURITY_GROUP_CLOSED:
    'it judges the default security group itself; to keep instances out of it, use the rule kind security-groups with "notAttached": ["default"]',
};

/** The managed rule that has all these parameters. */
function rulesByParameters(parameters: Readonly<Record<string, unknown>>): ManagedRule | undefined {
  const names = Object.keys(parameters);
  if (names.length === 0) return undefined;
  return [...Object.values(MANAGED_RULES), TAGS_WITH_VALUES, TAGGED].find((rule) =>
    names.every((name) => rule.parameters.test(name)),
  );
}

function parameterNames(parameters: unknown): readonly string[] {
  if (typeof parameters === "string") return [...parameters.matchAll(/"(\w+)"\s*:/g)].map(([, name = ""]) => name);
  return isObject(parameters) ? Object.keys(parameters) : [];
}

type Convertible = Pick<ConfigRule, "path" | "parameters" | "parametersAt" | "resolve"> &
  Partial<Pick<ConfigRule, "name" | "scope" | "excludedAccounts">> & { readonly what?: string };

/** The name of parameters without a rule around them. */
const BARE = "the parameters";

function convert(managed: ManagedRule, rule: Convertible, remarks: Remarks): ImportedRule[] {
  const { path, name, what = BARE } = rule;
  const skip = (why: string) => {
    remarks.skip(path, what, why);
    return [];
  };
  const scope = readScope(managed, rule, remarks, what);
  if ("why" in scope) return skip(scope.why);
  const parameters = readParameters(rule.parameters, rule.parametersAt, rule.resolve, remarks);
  if (parameters === null) return skip("its InputParameters must be an object, or the JSON text of one");
  for (const each of parameters.names) {
    if (managed.parameters.test(each)) continue;
    remarks.skip([...parameters.path, each], `${what}: ${each}`, "the rule has no such parameter");
  }
  // The tags of a rule are independent of each other; other parameters change what the rule means.
  const isByTag = managed === MANAGED_RULES.REQUIRED_TAGS || managed === TAGS_WITH_VALUES;
  const unresolved = isByTag ? undefined : parameters.names.find((each) => parameters.unresolved(each) !== undefined);
  if (unresolved !== undefined) return skip(`${unresolved}: ${parameters.unresolved(unresolved)}`);
  const converted = managed.convert(parameters, remarks);
  if ("why" in converted) return skip(String(converted.why));
  const { rule: kind, when: own, ...settings } = converted;
  if (managed.differs !== undefined) remarks.note(path, what, managed.differs);
  const scopes = [...scope.when, ...(own ? [own as ConditionDocument] : [])];
  const [first, ...others] = scopes;
  const id = ruleId(name);
  const document = {
    rule: String(kind),
    ...(id !== undefined && { id }),
    ...(first !== undefined && { when: others.length === 0 ? first : { all: scopes } }),
    ...settings,
  };
  return [{ path, what, document }];
}

/** Returns the scope of a rule as conditions, or why no instance is in it. */
function readScope(
  managed: ManagedRule,
  { scope, path, resolve, excludedAccounts }: Convertible,
  remarks: Remarks,
  what: string,
): { readonly when: readonly ConditionDocument[] } | { readonly why: string } {
  const resolved = resolve(scope ?? {});
  if ("unresolved" in resolved) return { why: `its scope is not known: ${resolved.unresolved}` };
  const {
    ComplianceResourceTypes: types,
    ComplianceResourceId: id,
    TagKey: key,
    TagValue: value,
  } = isObject(resolved.value) ? resolved.value : {};
  if (Array.isArray(types) && types.length > 0 && !types.includes(managed.type)) {
    const judged = managed.type === "AWS::EC2::Instance" ? "EC2 instances" : managed.type;
    return { why: `it does not judge ${judged}: its scope is ${types.join(", ")}` };
  }
  if (managed.type === "AWS::EC2::Instance" && managed !== TAGS_WITH_VALUES) {
    const others = Array.isArray(types) ? types.filter((type) => type !== managed.type) : [];
    if (managed === MANAGED_RULES.REQUIRED_TAGS && what !== BARE && !Array.isArray(types)) {
      remarks.note(
        path,
        what,
        "it has no scope, so AWS Config judges every type of resource; the rule judges EC2 instances only",
      );
    }
    if (others.length > 0) remarks.note(path, what, `the rule judges EC2 instances only, and not ${others.join(", ")}`);
  }
  if (typeof id === "string" && id !== "") return { why: `its scope is only the resource ${id}` };
  const when: ConditionDocument[] = [];
  if (typeof key === "string" && key !== "") {
    if (managed.type !== "AWS::EC2::Instance")
      return { why: "its scope is by tags of the resource itself, which are not read" };
    const tag = literal(key);
    const leaf: LeafDocument =
      typeof value === "string" && value !== "" ? { tag, in: [literal(value)] } : { tag, present: true };
    when.push(leaf);
  }
  const accounts = resolve(excludedAccounts ?? []);
  if (!("unresolved" in accounts) && Array.isArray(accounts.value) && accounts.value.length > 0) {
    when.push({ not: { account: accounts.value.map((account) => literal(String(account))) } });
  } else if ("unresolved" in accounts) {
    remarks.skip([...path, "ExcludedAccounts"], `${what}: ExcludedAccounts`, accounts.unresolved);
  }
  return { when };
}
