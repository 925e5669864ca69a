import { arn } from "./arns.ts";
import type { ApiCall } from "./calls.ts";
import type { AwsError } from "./errors.ts";
import { deniedError } from "./faults.ts";
import { text } from "./params.ts";
import { fits } from "./resource-policy.ts";
import type { Caller } from "./service.ts";

/** A denied action. `*` and `?` are wildcards in each field. */
interface Denial {
  /** `sns:Publish` */
  readonly action: string;
  readonly resource: string;
  /** The ARN of a user, of a role or of a role's session. */
  readonly principal: string;
  /** Whether a statement denies it; otherwise no statement allows it. */
  readonly explicit: boolean;
}

/** IAM's decision, as SimulatePrincipalPolicy returns it. */
export type Decision = "allowed" | "implicitDeny" | "explicitDeny";

/** The denied actions. By default every caller may call every action. */
export interface Authorization {
  /** Denies an action, by default on every resource and to every caller. Returns a function that removes the denial. */
  deny(action: string, resource?: string, more?: { principal?: string; explicit?: boolean }): () => void;
  /** Returns the decision. @param principals the ARNs of the caller: a session has that of its role too */
  decide(principals: readonly string[], action: string, resource: string): Decision;
  /** Returns the error for a call without permission. */
  refusal(call: ApiCall, caller: Caller): AwsError | undefined;
}

/** Returns an authorization without denials. */
export function createAuthorization(): Authorization {
  const denials = new Set<Denial>();

  function decide(principals: readonly string[], action: string, resource: string): Decision {
    const found = [...denials].filter(
      (denial) =>
        fits(denial.action.toLowerCase(), action.toLowerCase()) &&
        fits(denial.resource, resource) &&
        principals.some((principal) => fits(denial.principal, principal)),
    );
    if (found.length === 0) return "allowed";
    return found.some(({ explicit }) => explicit) ? "explicitDeny" : "implicitDeny";
  }

  return {
    deny: (action, resource = "*", { principal = "*", explicit = false } = {}) => {
      const denial = { action, resource, principal, explicit };
      denials.add(denial);
      return () => denials.delete(denial);
    },
    decide,
    refusal: (call, caller) => {
      // Nobody needs a permission for that one: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
      if (!caller.signed || call.action === "GetCallerIdentity") return undefined;
      const [action, resource] = [permissionOf(call), resourceOf(call)];
      const decision = decide(principalsOf(caller), action, resource);
      if (decision === "allowed") return undefined;
      const shown = SHOWN[call.service]?.(action) ?? action;
      const on = resource === "*" ? "" : ` on resource: ${resource}`;
      const because =
        decision === "explicitDeny"
          ? "with an explicit deny in an identity-based policy"
          : `because no identity-based policy allows the ${shown} action`;
      return deniedError(call.service, `User: ${caller.arn} is not authorized to perform: ${shown}${on} ${because}`);
    },
  };
}

/** SNS and SQS write the action in their own formats. */
const SHOWN: Readonly<Record<string, (action: string) => string>> = {
  sns: (action) => action.replace("sns", "SNS"),
  sqs: (action) => action.toLowerCase(),
};

function principalsOf({ arn: own, account, region, role }: Caller): string[] {
  return role === undefined ? [own] : [own, arn("iam", region, account, `role/${role.name}`, "global")];
}

/** Returns the permission for a call: for a batch, that of its entries. */
function permissionOf({ service, action }: ApiCall): string {
  return `${service}:${service === "sns" || service === "sqs" ? action.replace(/Batch$/, "") : action}`;
}

/**
 * Returns the resource of a call for policies; `*` for calls without a single resource.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
 */
function resourceOf({ service, action, account, region, params }: ApiCall): string {
  const given = (...names: readonly string[]) => names.map((name) => text(params, name)).find((value) => value);
  const made = (name: string | undefined, resource: (name: string) => string) =>
    name === undefined ? undefined : arn(service, region, account, resource(name));
  switch (service) {
    case "sns":
      return given("TopicArn", "TargetArn", "ResourceArn") ?? made(given("Name"), (name) => name) ?? "*";
    case "sqs":
      return made(given("QueueName", "QueueUrl")?.split("/").at(-1), (name) => name) ?? "*";
    case "events":
      if (action === "PutEvents" || action === "PutPermission")
        return arn(service, region, account, "event-bus/default");
      return given("ResourceARN") ?? made(given("Rule", "Name"), (name) => `rule/${name}`) ?? "*";
    default:
      return given("RoleArn", "PolicySourceArn") ?? "*";
  }
}
