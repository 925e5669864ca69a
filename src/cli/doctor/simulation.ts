import {
  type EvaluationResult,
  GetRoleCommand,
  NoSuchEntityException,
  paginateSimulatePrincipalPolicy,
} from "@aws-sdk/client-iam";
import type { Aws, Identity } from "../aws.ts";
import { explain } from "../explain.ts";

/** An action on a resource; "*" for one that knows no resource. */
export interface Asked {
  readonly action: string;
  readonly resource: string;
}

/** Which of the things asked are allowed; that there is no such principal; or why that is not known and what to do. */
export type Simulated =
  | { readonly allowed: readonly Asked[] }
  | { readonly absent: string }
  | { readonly unknown: string; readonly mend: string };

/**
 * Asks IAM, with the operator's credentials, what a principal may do. Throws nothing: where IAM does not say (not allowed
 * to the operator, not there in an emulator), it says that.
 */
export async function simulate(aws: Aws, identity: Identity, asked: readonly Asked[]): Promise<Simulated> {
  const operator = await aws.identity();
  if (operator.account !== identity.account) {
    return {
      unknown: `${identity.arn} is of another account than your credentials`,
      mend: "Name a profile of its account with --profile.",
    };
  }
  try {
    const PolicySourceArn = await sourceOf(aws, identity.arn);
    if (PolicySourceArn === null) {
      return {
        unknown: `IAM simulates users and roles only, and not ${identity.arn}`,
        mend: "Give the function a user of its own.",
      };
    }
    // All actions on one resource are one call; a call asks for every action on every resource.
    const resources = [...new Set(asked.map(({ resource }) => resource))];
    const answers = resources.map(async (resource) => {
      const ActionNames = asked.filter((each) => each.resource === resource).map(({ action }) => action);
      const input = { PolicySourceArn, ActionNames, ...(resource !== "*" && { ResourceArns: [resource] }) };
      const results: EvaluationResult[] = [];
      for await (const { EvaluationResults } of paginateSimulatePrincipalPolicy({ client: aws.iam }, input)) {
        if (!EvaluationResults) throw new Error("SimulatePrincipalPolicy was answered by something that is not IAM");
        results.push(...EvaluationResults);
      }
      return results
        .filter(({ EvalDecision }) => EvalDecision === "allowed")
        .map(({ EvalActionName = "" }) => ({
          action: EvalActionName,
          resource,
        }));
    });
    return { allowed: (await Promise.all(answers)).flat() };
  } catch (error) {
    if (error instanceof NoSuchEntityException) return { absent: `IAM knows no ${identity.arn}` };
    return { unknown: explain(error).message, mend: MEND };
  }
}

const MEND = "Have iam:SimulatePrincipalPolicy (and iam:GetRole, for a role) allowed to you. An emulator may lack it.";

/** The user or role behind a principal; a session is its role, whose path only IAM knows. Null for the root and federated users. */
async function sourceOf({ iam }: Aws, arn: string): Promise<string | null> {
  if (/^arn:[\w-]+:iam::\d+:(?:user|role)\//.test(arn)) return arn;
  const RoleName = /^arn:[\w-]+:sts::\d+:assumed-role\/([^/]+)\//.exec(arn)?.[1];
  if (RoleName === undefined) return null;
  return (await iam.send(new GetRoleCommand({ RoleName }))).Role?.Arn ?? null;
}
