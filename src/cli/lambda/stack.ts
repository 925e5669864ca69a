import { CloudFormationServiceException, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import type { Aws } from "../aws.ts";
import { CliError } from "../cli-error.ts";
import { type Tags, tagsIn } from "../tags.ts";
import { isOurs, type Parameters } from "./parameters.ts";

/** A CloudFormation stack. */
export interface Stack {
  /** Such as CREATE_COMPLETE. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html */
  readonly status: string;
  readonly parameters: Parameters;
  readonly outputs: Readonly<Record<string, string>>;
  readonly tags: Tags;
}

/** Returns the stack with that name; null when it does not exist. */
export async function readStack({ cloudformation }: Aws, name: string): Promise<Stack | null> {
  try {
    const { Stacks = [] } = await cloudformation.send(new DescribeStacksCommand({ StackName: name }));
    const [stack] = Stacks;
    if (stack === undefined) return null;
    const parameters = (stack.Parameters ?? []).map(({ ParameterKey = "", ParameterValue = "" }) => [
      ParameterKey,
      ParameterValue,
    ]);
    const outputs = (stack.Outputs ?? []).map(({ OutputKey = "", OutputValue = "" }) => [OutputKey, OutputValue]);
    return {
      status: stack.StackStatus ?? "",
      parameters: Object.fromEntries(parameters),
      outputs: Object.fromEntries(outputs),
      tags: tagsIn(stack.Tags),
    };
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/**
 * Returns whether the error means that the stack does not exist. CloudFormation has no code for that, but for a valid name it
 * is the only ValidationError. The SDK's own waiter (waitForStackExists) relies on the same.
 */
function isMissing(error: unknown): boolean {
  return error instanceof CloudFormationServiceException && error.name === "ValidationError";
}

/** Returns the command that cancels the stack's operation; null when AWS cannot cancel it. Takes `regionFlags`.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CancelUpdateStack.html */
export function cancelCommand(status: string, stack: string, flags: string): string | null {
  return status === "UPDATE_IN_PROGRESS"
    ? `aws cloudformation cancel-update-stack --stack-name ${stack}${flags}`
    : null;
}

/** Returns the hint for a stack with an operation in progress. Takes `regionFlags`. */
export function waitHint(status: string, stack: string, flags: string): string {
  const command = cancelCommand(status, stack, flags);
  return command === null ? "Wait until it ends." : `Wait until it ends, or cancel it: ${command}`;
}

/**
 * Throws CliError for a stack that cannot be deployed to now, and for a stack of another template, because an update would
 * remove every resource that our template does not have. Takes null for a stack that does not exist, and `regionFlags`.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
 */
export function checkStack(name: string, stack: Stack | null, flags: string): void {
  if (stack === null || stack.status === "REVIEW_IN_PROGRESS") return;
  const { status, parameters } = stack;
  if (status.endsWith("_IN_PROGRESS")) {
    throw new CliError(`an operation on the stack ${name} is in progress (${status})`, waitHint(status, name, flags));
  }
  if (!isOurs(parameters)) {
    throw new CliError(
      `the stack ${name} was not created from deploy/template.yaml: an update would remove all its resources`,
      "Name another stack with --stack.",
    );
  }
  if (firstDeploymentFailed(status)) {
    throw new CliError(`the first deployment of the stack ${name} failed (${status})`, deleteHint(name, flags));
  }
  if (status === "UPDATE_ROLLBACK_FAILED") {
    throw new CliError(
      `CloudFormation could not roll back the stack ${name} after a failed deployment (${status})`,
      `Finish the rollback first: aws cloudformation continue-update-rollback --stack-name ${name}${flags}`,
    );
  }
}

/** Returns whether the status is that of a stack whose first deployment failed. */
export function firstDeploymentFailed(status: string): boolean {
  return /^(?:ROLLBACK_|CREATE_FAILED$|DELETE_FAILED$)/.test(status);
}

/** Returns the hint for a stack whose first deployment failed. Takes `regionFlags`. */
export function deleteHint(name: string, flags: string): string {
  return `Delete the stack, then deploy again: aws cloudformation delete-stack --stack-name ${name}${flags}`;
}
