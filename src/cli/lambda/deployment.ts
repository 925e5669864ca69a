import { createHash } from "node:crypto";
import type { Aws } from "../aws.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { onInterruption } from "../interruption.ts";
import type { Tags } from "../tags.ts";
import { type Artefact, zip } from "./artefact.ts";
import { type Bucket, hasBucket, makeBucket, tagBucket, upload } from "./bucket.ts";
import { discard, execute, makeChangeSet, type PlannedChange } from "./change-set.ts";
import type { Parameters } from "./parameters.ts";
import {
  cancelCommand,
  type Ended,
  failures,
  newestEvent,
  removeFirst,
  type Stack,
  untilEnded,
  wasNeverMade,
} from "./stack.ts";
import { withUploadedCode } from "./template.ts";

/** What to deploy, and where. */
export interface Order {
  readonly stack: string;
  readonly account: string;
  /** The stack as it is; null when there is none. */
  readonly before: Stack | null;
  readonly artefact: Artefact;
  /** All parameters of the stack, with its Release. */
  readonly parameters: Parameters;
  /** The tags to set. Other tags of the stack stay. */
  readonly tags: Tags;
  /** Where the code is uploaded to; null for the account's own bucket, which is made when it is not there. */
  readonly bucket: string | null;
  /** Only asks what would change. */
  readonly dryRun: boolean;
  /** The flags of the AWS CLI for commands that are shown. */
  readonly flags: string;
}

/** What came of it. */
export type Deployed =
  | { readonly kind: "done" }
  | { readonly kind: "unchanged" }
  | { readonly kind: "planned"; readonly changes: readonly PlannedChange[] }
  /** A dry run that makes no bucket, and so cannot ask CloudFormation. */
  | { readonly kind: "no-bucket"; readonly bucket: string };

/**
 * Uploads the code, has CloudFormation work out the changes, and executes them.
 * @throws CliError when the bucket cannot be used, or the deployment fails
 */
export async function deploy(cli: Cli, aws: Aws, order: Order): Promise<Deployed> {
  const { stack, account, before, artefact, parameters, dryRun } = order;
  const bucket: Bucket = { name: order.bucket ?? `ec2-audit-${account}-${aws.region}`, account };
  if (!(await cli.terminal.busy(`Looking at the bucket ${bucket.name}`, () => hasBucket(aws, bucket)))) {
    if (order.bucket !== null) throw new CliError(`there is no bucket ${bucket.name}`, "Without --bucket one is made.");
    if (dryRun) return { kind: "no-bucket", bucket: bucket.name };
    await cli.terminal.busy(`Making the bucket ${bucket.name}`, () => makeBucket(aws, bucket));
  }
  const archive = zip(artefact);
  const key = `audit-${createHash("sha256").update(archive).digest("hex")}.zip`;
  await cli.terminal.busy(`Uploading the function to ${bucket.name}`, async () => {
    await upload(aws, bucket, key, archive);
    if (order.bucket === null && !dryRun && Object.keys(order.tags).length > 0)
      await tagBucket(aws, bucket, order.tags);
  });
  const template = withUploadedCode(artefact.template, { bucket: bucket.name, key });
  const tags = { ...before?.tags, ...order.tags };
  const set = await cli.terminal.busy("Asking CloudFormation for the changes", () =>
    makeChangeSet(cli, aws, { stack, template, parameters, tags }, before),
  );
  if (set.kind === "refused") {
    await discard(aws, set.id, stack, before);
    if (isAsItWas(order)) return dryRun ? { kind: "planned", changes: [] } : { kind: "unchanged" };
    throw new CliError(`the deployment of ${stack} was refused: ${set.reason}`, "Nothing was changed.");
  }
  if (dryRun) {
    await discard(aws, set.id, stack, before);
    return { kind: "planned", changes: set.changes };
  }
  const ended = await carryOut(cli, aws, order, set.id, set.stackId);
  if (!["CREATE_COMPLETE", "UPDATE_COMPLETE"].includes(ended.status)) throw failure(order, ended);
  return { kind: "done" };
}

/**
 * Whether the stack was deployed with this code, template, parameters and tags. A change set without changes fails, and only
 * its text distinguishes that from other failures.
 */
function isAsItWas({ before, parameters, tags }: Order): boolean {
  if (before === null || before.parameters.Release !== parameters.Release) return false;
  return Object.entries(tags).every(([key, value]) => before.tags[key] === value);
}

async function carryOut(cli: Cli, aws: Aws, order: Order, id: string, stackId: string): Promise<Ended> {
  const { stack, before, flags } = order;
  const last = await newestEvent(aws, stackId);
  const isUpdate = before !== null && before.status !== "REVIEW_IN_PROGRESS";
  const callOff = isUpdate
    ? cancelCommand("UPDATE_IN_PROGRESS", stack, flags)
    : `aws cloudformation delete-stack --stack-name ${stack}${flags}`;
  const tell = () =>
    cli.terminal.err(`CloudFormation may continue the deployment. To follow it, and to cancel it:
  aws cloudformation describe-stack-events --stack-name ${stack}${flags}
  ${callOff}`);
  return onInterruption(tell, () =>
    cli.terminal.busy("Deploying", async (say) => {
      await execute(aws, id);
      return untilEnded(cli, aws, stackId, last, say).catch((error: unknown) => {
        tell();
        throw error;
      });
    }),
  );
}

/** Enough for a screen: what failed first is usually the cause. */
const SHOWN_FAILURES = 5;

function failure({ stack, flags }: Order, { status, events }: Ended): CliError {
  const failed = failures(events);
  const more = failed.length > SHOWN_FAILURES ? [`and ${failed.length - SHOWN_FAILURES} more`] : [];
  const reasons = [...failed.slice(0, SHOWN_FAILURES), ...more].map((line) => `\n${line}`).join("");
  return new CliError(
    `the deployment of ${stack} failed (${status})${reasons && `:${reasons}`}`,
    wasNeverMade(status)
      ? `Fix the first of these. ${removeFirst(stack, flags)}`
      : status === "DELETE_COMPLETE"
        ? "The stack was deleted in the meantime."
        : "CloudFormation restores what was there before. Fix the first of these, then deploy again.",
  );
}
