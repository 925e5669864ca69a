import { arn } from "../arns.ts";
import { AwsError } from "../errors.ts";
import { type Params, structure, text } from "../params.ts";
import { statementsOf } from "../resource-policy.ts";
import type { Caller } from "../service.ts";
import { invalid } from "./errors.ts";

/**
 * PutPermission for a bus: a whole policy that replaces the present one, or one statement by its parts.
 * https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutPermission.html
 * @param policies the policies of the buses, by ARN
 * @throws AwsError ValidationException, PolicyLengthExceededException
 */
export function putPermission(policies: Map<string, string>, arnOfBus: string, params: Params, caller: Caller): object {
  const policy = text(params, "Policy") ?? withStatement(policies.get(arnOfBus), params, arnOfBus, caller);
  if (statementsOf(policy) === undefined) throw invalid("The policy is not valid.");
  if (policy.length > MAX_LENGTH) {
    throw new AwsError("PolicyLengthExceededException", "The event bus policy is too long.");
  }
  policies.set(arnOfBus, policy);
  return {};
}

/**
 * RemovePermission from a bus: one statement, or all.
 * https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_RemovePermission.html
 * @throws AwsError ResourceNotFoundException
 */
export function removePermission(policies: Map<string, string>, arnOfBus: string, params: Params): object {
  const all = statementsIn(policies.get(arnOfBus));
  const kept = text(params, "RemoveAllPermissions") === "true" ? [] : without(all, text(params, "StatementId"));
  if (kept.length === all.length) {
    throw new AwsError("ResourceNotFoundException", "EventBus does not have a policy with such a statement.");
  }
  if (kept.length === 0) policies.delete(arnOfBus);
  else policies.set(arnOfBus, JSON.stringify({ Version: "2012-10-17", Statement: kept }));
  return {};
}

interface Identified {
  readonly Sid?: string;
}

function statementsIn(policy: string | undefined): readonly Identified[] {
  const present: Identified | readonly Identified[] = JSON.parse(policy ?? '{"Statement":[]}').Statement;
  return [present].flat();
}

function without(statements: readonly Identified[], sid: string | undefined): readonly Identified[] {
  return statements.filter(({ Sid }) => Sid !== sid);
}

/** 10 KB, by the page of PutPermission. */
const MAX_LENGTH = 10_240;

function withStatement(policy: string | undefined, params: Params, arnOfBus: string, { region }: Caller): string {
  const [Sid, principal] = [text(params, "StatementId"), text(params, "Principal")];
  const Action = text(params, "Action") ?? "events:PutEvents";
  if (Sid === undefined || principal === undefined)
    throw invalid("StatementId and Principal, or Policy, are required.");
  if (principal !== "*" && !/^\d{12}$/.test(principal)) throw invalid("Parameter Principal is not valid.");
  const [Type, Key, Value] = ["Type", "Key", "Value"].map((name) => text(structure(params, "Condition"), name));
  const condition = Type && Key && Value ? { Condition: { [Type]: { [Key]: Value } } } : {};
  const Principal = principal === "*" ? "*" : { AWS: arn("iam", region, principal, "root", "global") };
  const added = { Sid, Effect: "Allow", Principal, Action, Resource: arnOfBus, ...condition };
  return JSON.stringify({ Version: "2012-10-17", Statement: [...without(statementsIn(policy), Sid), added] });
}
