import {
  type EvaluationResult,
  GetRoleCommand,
  NoSuchEntityException,
  paginateSimulatePrincipalPolicy,
} from "@aws-sdk/client-iam";
import type { Aws, Identity } from "../aws.ts";
import { CliError } from "../cli-error.ts";
import { explain, NOT_AWS } from "../explain.ts";

/** An action on a resource; the resource is "*" where the action supports no other. */
export interface Access {
  readonly action: string;
  readonly resource: string;
}

/** The denied accesses; or the message that the principal does not exist; or why the result is not known, and the fix. */
export type Simulated =
  | { readonly denied: readonly Access[] }
  | { readonly absent: string }
  | { readonly unknown: string; readonly fix: string };

/**
 * Returns which of these accesses of a principal IAM's simulator denies; the members are those of `accesses`. Uses the
 * operator's credentials. The result is unknown if the operator may not simulate or an emulator cannot. Throws only if AWS does
 * not return the operator's identity.
 */
export async function simulate(aws: Aws, identity: Identity, accesses: readonly Access[]): Promise<Simulated> {
  const operator = await aws.identity();
  if (operator.account !== identity.account) {
    return {
      unknown: `${identity.arn} belongs to another account than your credentials`,
      fix: "Name a profile of its account with --profile.",
    };
  }
  try {
    const PolicySourceArn = await sourceOf(aws, identity.arn);
    if (PolicySourceArn === null) {
      return {
        unknown: `IAM simulates only users and roles, not ${identity.arn}`,
        fix: "Create a user for the function.",
      };
    }
    // One call per resource, because a call simulates each of its actions on each of its resources.
    const resources = [...new Set(accesses.map(({ resource }) => resource))];
    const denied = resources.map(async (resource) => {
      const own = accesses.filter((each) => each.resource === resource);
      const ActionNames = own.map(({ action }) => action);
      const input = { PolicySourceArn, ActionNames, ...(resource !== "*" && { ResourceArns: [resource] }) };
      const results: EvaluationResult[] = [];
      for await (const { EvaluationResults } of paginateSimulatePrincipalPolicy({ client: aws.iam }, input)) {
        if (!EvaluationResults) throw new CliError(NOT_AWS.message, NOT_AWS.hint);
        results.push(...EvaluationResults);
      }
      const allowed = results.filter(({ EvalDecision }) => EvalDecision === "allowed");
      return own.filter(({ action }) => !allowed.some(({ EvalActionName }) => EvalActionName === action));
    });
    return { denied: (await Promise.all(denied)).flat() };
  } catch (error) {
    if (error instanceof NoSuchEntityException) return { absent: `${identity.arn} does not exist in IAM` };
    return { unknown: explain(error).message, fix: FIX };
  }
}

const FIX =
  "Ask for permission to call iam:SimulatePrincipalPolicy (for a role, also iam:GetRole). An emulator may not support it.";

/**
 * Returns the ARN of the user or role behind a principal; null for the root user and federated users. For a session it reads
 * the role, because the session's ARN does not contain the role's path.
 */
async function sourceOf({ iam }: Aws, arn: string): Promise<string | null> {
  if (/^arn:[\w-]+:iam::\d+:(?:user|role)\//.test(arn)) return arn;
  const RoleName = /^arn:[\w-]+:sts::\d+:assumed-role\/([^/]+)\//.exec(arn)?.[1];
  if (RoleName === undefined) return null;
  return (await iam.send(new GetRoleCommand({ RoleName }))).Role?.Arn ?? null;
}
