import { isObject } from "../../util/json.ts";
import { arn, parseArn } from "./arns.ts";

/** A statement of a resource's policy, its lists as lists. */
export interface Statement {
  readonly Effect: "Allow" | "Deny";
  /** Services, accounts and ARNs; `*` for everyone. */
  readonly Principal: readonly string[];
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  /** The values by operator and key. */
  readonly Condition: readonly { operator: string; key: string; values: readonly string[] }[];
}

/** A call of an AWS service on a resource, and its source. */
export interface ServiceCall {
  /** `events.amazonaws.com`, `sns.amazonaws.com` */
  readonly service: string;
  /** `sns:Publish`, `sqs:SendMessage` */
  readonly action: string;
  readonly resource: string;
  /** The rule or topic that sends, and its account; undefined where AWS does not state it. */
  readonly sourceArn?: string;
  readonly sourceAccount?: string;
}

/** A call from another account on a resource. */
export interface AccountCall {
  readonly account: string;
  readonly action: string;
  readonly resource: string;
  /** The caller's organisation; undefined where AWS does not state it. */
  readonly organization?: string | undefined;
}

/**
 * Returns whether a resource is encrypted with the key that AWS manages for its service. No AWS service can send to it: the
 * policy of that key admits only principals of the account, and cannot be changed.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
 */
export function hasAwsManagedKey(attributes: ReadonlyMap<string, string>): boolean {
  return /(^|:)alias\/aws\//.test(attributes.get("KmsMasterKeyId") ?? "");
}

/** Returns the statements of a policy; undefined for text that is not a policy. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html */
export function statementsOf(policy: string): Statement[] | undefined {
  let document: unknown;
  try {
    document = JSON.parse(policy);
  } catch {
    return undefined;
  }
  if (!isObject(document) || document.Statement === undefined) return undefined;
  const statements = listOf(document.Statement);
  if (!statements.every(isObject)) return undefined;
  return statements.map((statement) => ({
    Effect: statement.Effect === "Deny" ? "Deny" : "Allow",
    Principal: principals(statement.Principal),
    Action: listOf(statement.Action).map(String),
    Resource: listOf(statement.Resource ?? "*").map(String),
    Condition: Object.entries(isObject(statement.Condition) ? statement.Condition : {}).flatMap(([operator, keys]) =>
      Object.entries(isObject(keys) ? keys : {}).map(([key, value]) => ({
        operator,
        key: key.toLowerCase(),
        values: listOf(value).map(String),
      })),
    ),
  }));
}

/**
 * Returns whether the policy of a resource allows a call of an AWS service. A service has no permissions of its own, so a
 * statement must allow the call, and none may deny it.
 * @throws RangeError for an unknown operator of a condition, because the result could differ from AWS's
 */
export function allowsService(policy: string | undefined, call: ServiceCall): boolean {
  // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html: these keys a service has.
  return allows(policy, call, [call.service], {
    "aws:sourcearn": call.sourceArn,
    "aws:sourceaccount": call.sourceAccount,
    "aws:securetransport": "true",
    "aws:principalisawsservice": "true",
    "aws:principalservicename": call.service,
  });
}

/**
 * Returns whether the policy of a resource allows a call from another account. That account's own policies are not checked.
 * @throws RangeError for an unknown operator of a condition
 */
export function allowsAccount(policy: string | undefined, call: AccountCall): boolean {
  const root = arn("iam", parseArn(call.resource)?.region ?? "", call.account, "root", "global");
  return allows(policy, call, [call.account, root], {
    "aws:principalaccount": call.account,
    "aws:principalorgid": call.organization,
    "aws:securetransport": "true",
    "aws:principalisawsservice": "false",
  });
}

/** The values for conditions, by key in lower case. */
type Context = Readonly<Record<string, string | undefined>>;

function allows(
  policy: string | undefined,
  call: { readonly action: string; readonly resource: string },
  names: readonly string[],
  context: Context,
): boolean {
  const about = (statementsOf(policy ?? "") ?? []).filter(
    ({ Principal, Action, Resource, Condition }) =>
      Principal.some((each) => each === "*" || names.includes(each)) &&
      Action.some((each) => fits(each.toLowerCase(), call.action.toLowerCase())) &&
      Resource.some((each) => fits(each, call.resource)) &&
      Condition.every(({ operator, key, values }) => holds(operator, context[key], values)),
  );
  return about.some(({ Effect }) => Effect === "Allow") && !about.some(({ Effect }) => Effect === "Deny");
}

/** Returns whether `value` matches a pattern with the wildcards `*` and `?`. */
export function fits(pattern: string, value: string): boolean {
  const source = pattern.replace(/[\s\S]/g, (char) => {
    if (char === "*") return "[\\s\\S]*";
    return char === "?" ? "[\\s\\S]" : char.replace(/[$()+./[\\\]^{|}-]/, "\\$&");
  });
  return new RegExp(`^${source}$`).test(value);
}

const TESTS: Readonly<Record<string, (wanted: string, value: string) => boolean>> = {
  StringEquals: (wanted, value) => wanted === value,
  StringEqualsIgnoreCase: (wanted, value) => wanted.toLowerCase() === value.toLowerCase(),
  StringLike: fits,
  // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html: the two ARN
  // operators behave alike, with wildcards too.
  ArnEquals: fits,
  ArnLike: fits,
  Bool: (wanted, value) => wanted.toLowerCase() === value,
};

function holds(written: string, value: string | undefined, wanted: readonly string[]): boolean {
  const [, base = "", ifExists] = /^(.+?)(IfExists)?$/.exec(written) ?? [];
  const operator = base.replace(/^(String|Arn)Not/, "$1");
  const test = TESTS[operator];
  if (test === undefined) throw new RangeError(`the embedded AWS does not know the condition operator ${written}`);
  const negated = operator !== base;
  if (value === undefined) return ifExists !== undefined || negated;
  return wanted.some((each) => test(each, value)) !== negated;
}

function principals(principal: unknown): string[] {
  if (principal === "*") return ["*"];
  return isObject(principal) ? Object.values(principal).flatMap(listOf).map(String) : [];
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [value];
}
