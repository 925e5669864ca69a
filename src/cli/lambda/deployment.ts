import { createHash } from "node:crypto";
import type { Aws } from "../aws.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { onInterruption } from "../interruption.ts";
import type { Tags } from "../tags.ts";
import { type Artefact, zip } from "./artefact.ts";
import { type Bucket, createBucket, hasBucket, tagBucket, upload } from "./bucket.ts";
import { createChangeSet, discard, execute, type PlannedChange } from "./change-set.ts";
import type { Parameters } from "./parameters.ts";
import { cancelCommand, deleteHint, firstDeploymentFailed, type Stack } from "./stack.ts";
import { type Execution, failureLines, newestEvent, waitForEnd } from "./stack-events.ts";
import { withUploadedCode } from "./template.ts";

/** A requested deployment. */
export interface DeployRequest {
  readonly stack: string;
  readonly account: string;
  /** The stack as it is now; null when it does not exist. */
  readonly before: Stack | null;
  readonly artefact: Artefact;
  /** All parameters of the stack, Release included. */
  readonly parameters: Parameters;
  /** The tags to set. The stack's other tags stay. */
  readonly tags: Tags;
  /** Bucket for the code; null for the default bucket, which is created when it does not exist. */
  readonly bucket: string | null;
  /** Computes the changes without executing them. */
  readonly dryRun: boolean;
  /** `regionFlags`. */
  readonly flags: string;
}

/** The result of a deployment. */
export type DeployResult =
  | { readonly kind: "done" }
  | { readonly kind: "unchanged" }
  | { readonly kind: "planned"; readonly changes: readonly PlannedChange[] }
  /** A dry run without a bucket: it creates none, so it cannot create a change set. */
  | { readonly kind: "no-bucket"; readonly bucket: string };

/**
 * Uploads the code, creates a change set and executes it. Throws CliError when the bucket cannot be used or the deployment
 * fails.
 */
export async function deploy(cli: Cli, aws: Aws, request: DeployRequest): Promise<DeployResult> {
  const { stack, account, before, artefact, parameters, dryRun } = request;
  const bucket: Bucket = { name: request.bucket ?? `ec2-audit-${account}-${aws.region}`, account };
  if (!(await cli.terminal.busy(`Checking the bucket ${bucket.name}`, () => hasBucket(aws, bucket)))) {
    if (request.bucket !== null)
      throw new CliError(`the bucket ${bucket.name} does not exist`, "Without --bucket, the command creates one.");
    if (dryRun) return { kind: "no-bucket", bucket: bucket.name };
    await cli.terminal.busy(`Creating the bucket ${bucket.name}`, () => createBucket(aws, bucket));
  }
  const archive = zip(artefact);
  const key = `audit-${createHash("sha256").update(archive).digest("hex")}.zip`;
  await cli.terminal.busy(`Uploading the function to ${bucket.name}`, async () => {
    await upload(aws, bucket, key, archive);
    if (request.bucket === null && !dryRun && Object.keys(request.tags).length > 0)
      await tagBucket(aws, bucket, request.tags);
  });
  const template = withUploadedCode(artefact.template, { bucket: bucket.name, key });
  const tags = { ...before?.tags, ...request.tags };
  const set = await cli.terminal.busy("Creating a change set", () =>
    createChangeSet(cli, aws, { stack, template, parameters, tags }, before),
  );
  if (set.kind === "refused") {
    await discard(aws, set.id, stack, before);
    if (isUnchanged(request)) return dryRun ? { kind: "planned", changes: [] } : { kind: "unchanged" };
    throw new CliError(`CloudFormation refused the deployment of ${stack}: ${set.reason}`, "Nothing was changed.");
  }
  if (dryRun) {
    await discard(aws, set.id, stack, before);
    return { kind: "planned", changes: set.changes };
  }
  const execution = await executeAndWait(cli, aws, request, set.id, set.stackId);
  if (!["CREATE_COMPLETE", "UPDATE_COMPLETE"].includes(execution.status)) throw failure(request, execution);
  return { kind: "done" };
}

/**
 * Returns whether the stack already has this code, template, parameters and tags. CloudFormation refuses a change set without
 * changes, and only its text would tell that from other refusals.
 */
function isUnchanged({ before, parameters, tags }: DeployRequest): boolean {
  if (before === null || before.parameters.Release !== parameters.Release) return false;
  return Object.entries(tags).every(([key, value]) => before.tags[key] === value);
}

async function executeAndWait(
  cli: Cli,
  aws: Aws,
  request: DeployRequest,
  id: string,
  stackId: string,
): Promise<Execution> {
  const { stack, before, flags } = request;
  const last = await newestEvent(aws, stackId);
  const isUpdate = before !== null && before.status !== "REVIEW_IN_PROGRESS";
  const cancel = isUpdate
    ? cancelCommand("UPDATE_IN_PROGRESS", stack, flags)
    : `aws cloudformation delete-stack --stack-name ${stack}${flags}`;
  const report = () =>
    cli.terminal.err(`CloudFormation may continue the deployment. To follow it, and to cancel it:
  aws cloudformation describe-stack-events --stack-name ${stack}${flags}
  ${cancel}`);
  return onInterruption(report, () =>
    cli.terminal.busy("Deploying", async (say) => {
      await execute(aws, id);
      return waitForEnd(cli, aws, stackId, last, say).catch((error: unknown) => {
        report();
        throw error;
      });
    }),
  );
}

/** The first failures, which fit on a screen. */
const SHOWN_FAILURES = 5;

function failure({ stack, flags }: DeployRequest, { status, events }: Execution): CliError {
  const failed = failureLines(events);
  const more = failed.length > SHOWN_FAILURES ? [`and ${failed.length - SHOWN_FAILURES} more`] : [];
  const reasons = [...failed.slice(0, SHOWN_FAILURES), ...more].map((line) => `\n${line}`).join("");
  return new CliError(
    `the deployment of ${stack} failed (${status})${reasons && `:${reasons}`}`,
    firstDeploymentFailed(status)
      ? `Fix the first failure. ${deleteHint(stack, flags)}`
      : status === "DELETE_COMPLETE"
        ? "The stack was deleted in the meantime."
        : "CloudFormation restores the previous state. Fix the first failure, then deploy again.",
  );
}
