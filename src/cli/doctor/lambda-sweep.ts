import type { StackResource } from "@aws-sdk/client-cloudformation";
import { GetScheduleCommand } from "@aws-sdk/client-scheduler";
import type { Config } from "../../config.ts";
import { isObject, parseJson } from "../../util/json.ts";
import type { Aws, Identity } from "../aws.ts";
import { ifExists } from "../if-exists.ts";
import type { Stack } from "../lambda/stack.ts";
import { functionActions, launchActions } from "../policy-file.ts";
import { type Check, reporter } from "./check.ts";
import type { StackFixes } from "./lambda-rules.ts";
import { type Access, simulate } from "./simulation.ts";
import { hoursBetweenSweeps } from "./sweep-hours.ts";

const permissions = reporter("permissions");
const rules = reporter("rules and targets");

const SWEEP = "sweep";

/** A stack with a sweep, and who sends its messages. */
interface SweepingStack {
  readonly stack: Stack;
  readonly resources: readonly StackResource[];
  /** The ARN of the launch queue. */
  readonly queueArn: string;
  readonly functionRole: Identity;
  readonly config: Config | null;
}

/**
 * Checks that the stack's schedule starts the sweep, and that the function may make it: the schedule exists, is enabled, has the hours
 * between two sweeps, and its role may send to the queue; the function may send the message that continues a sweep, and read what a sweep reads.
 */
export async function checkSweep(aws: Aws, of: SweepingStack, fixes: StackFixes): Promise<readonly Check[]> {
  const { SweepSchedule } = of.stack.parameters;
  if (!SweepSchedule) {
    const why = SweepSchedule === "" ? "SweepSchedule is empty" : "the stack is of a template without a sweep";
    return [rules.skipped(SWEEP, why)];
  }
  const schedule = await rules.attempt(SWEEP, () => checkSchedule(aws, of, SweepSchedule, fixes));
  return [...schedule, ...(await checkFunctionRole(aws, of, fixes.drift))];
}

async function checkSchedule(
  aws: Aws,
  of: SweepingStack,
  expression: string,
  { drift, deploy }: StackFixes,
): Promise<readonly Check[]> {
  const Name = of.resources.find(({ ResourceType }) => ResourceType === "AWS::Scheduler::Schedule")?.PhysicalResourceId;
  const found = Name && (await ifExists(aws.scheduler.send(new GetScheduleCommand({ Name }))));
  if (!found) return [rules.warning(SWEEP, "its schedule does not exist any more: no digest is sent", drift)];
  const name = `schedule ${Name}`;
  const { Arn, RoleArn, DeadLetterConfig } = found.Target ?? {};
  const problems = [
    ...(found.State === "DISABLED" ? ["is disabled: no digest is sent"] : []),
    ...(Arn === of.queueArn ? [] : ["does not have the launch queue as its target: no digest is sent"]),
    ...(DeadLetterConfig?.Arn ? [] : ["its target has no dead-letter queue"]),
  ].map((message) => rules.warning(name, message, drift));
  const role = RoleArn ? await checkScheduleRole(aws, of, RoleArn, drift) : [];
  const timezone = found.ScheduleExpressionTimezone ?? "UTC";
  const ok = rules.ok(
    name,
    `enabled, ${found.ScheduleExpression ?? expression} (${timezone}), sends to the launch queue`,
  );
  const hours = checkHours(name, expression, of.stack.parameters.SweepDetail, deploy);
  return [...(problems.length > 0 ? problems : [ok]), ...hours, ...role];
}

/** Warns of a schedule that is not daily without the hours between two sweeps. `detail` is undefined for a template without it. */
function checkHours(name: string, expression: string, detail = "{}", deploy: string): readonly Check[] {
  const hours = hoursBetweenSweeps(expression);
  const settings = parseJson(detail);
  if (hours === null || !isObject(settings) || Object.hasOwn(settings, "hours")) return [];
  const message = `its sweeps are up to ${hours} hours apart, and SweepDetail has no "hours": instances count as new for 24 hours`;
  const value = JSON.stringify({ hours, ...settings }).replaceAll("'", "'\\''");
  return [rules.warning(name, message, `${deploy} --parameter SweepDetail='${value}'`)];
}

async function checkScheduleRole(
  aws: Aws,
  { queueArn, stack, functionRole }: SweepingStack,
  arn: string,
  drift: string,
): Promise<readonly Check[]> {
  const role = { account: functionRole.account, arn };
  return judge(aws, role, "role of the sweep's schedule", toSend(queueArn, stack), drift);
}

async function checkFunctionRole(
  aws: Aws,
  { queueArn, stack, functionRole, config }: SweepingStack,
  drift: string,
): Promise<readonly Check[]> {
  // The actions of a policy in the code are the parameter ReadActions, which the check of the role covers.
  const policy = config === null || stack.parameters.PolicyInCode ? null : config.policy;
  const atLaunches = policy === null ? [] : launchActions(policy);
  const reads = policy === null ? [] : functionActions(policy, true).filter((action) => !atLaunches.includes(action));
  const lists = stack.parameters.AuditRoleName ? ["organizations:ListAccounts"] : [];
  const required = [...[...reads, ...lists].map((action) => ({ action, resource: "*" })), ...toSend(queueArn, stack)];
  return judge(aws, functionRole, "function role for a sweep", required, drift);
}

/** Returns what a sender to the launch queue must be allowed.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html */
function toSend(queueArn: string, { parameters: { KmsKeyArn } }: Stack): readonly Access[] {
  return [
    { action: "sqs:SendMessage", resource: queueArn },
    ...(KmsKeyArn ? ["kms:GenerateDataKey", "kms:Decrypt"].map((action) => ({ action, resource: KmsKeyArn })) : []),
  ];
}

/** Warns of what a role may not do: without it no digest is sent, or it lacks accounts or regions. Launches are audited. */
async function judge(
  aws: Aws,
  role: Identity,
  name: string,
  required: readonly Access[],
  drift: string,
): Promise<readonly Check[]> {
  const { ok, warning, unknown } = permissions;
  const simulated = await simulate(aws, role, required);
  if ("absent" in simulated) return [warning(name, simulated.absent, drift)];
  if ("unknown" in simulated) return [unknown(name, simulated.unknown, simulated.fix)];
  const denied = simulated.denied.map(({ action, resource }) => `${action} on ${resource}`);
  if (denied.length === 0) return [ok(name, "IAM's simulator allows all required actions")];
  return [warning(name, `IAM's simulator denies ${denied.join(", ")}`, drift)];
}
