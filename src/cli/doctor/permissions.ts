import { createClients } from "../../aws/clients.ts";
import { partitionOf } from "../../aws/regions.ts";
import type { Config } from "../../config.ts";
import { ec2Facts } from "../../facts/facts.ts";
import type { Reads } from "../../facts/pages.ts";
import type { Aws, Identity } from "../aws.ts";
import { explain } from "../explain.ts";
import { type Check, reporter } from "./check.ts";
import { type Access, simulate } from "./simulation.ts";

const { ok, unknown, warning, wrong, attempt } = reporter("permissions");

/** An instance that does not exist. EC2 returns an empty result for it when it is given as a filter. */
export const NO_INSTANCE = "i-00000000000000000";

/** Actions that the function never needs. A principal that may call them has more than the function's policy. */
const EXCESS_ACTIONS = ["ec2:TerminateInstances", "ec2:RunInstances", "iam:CreateUser"];

/** What to check. */
export interface Permissions {
  readonly config: Config;
  /** The principal of the function's credentials. */
  readonly identity: Identity;
  /** Other accounts to read with AUDIT_ROLE_NAME. */
  readonly members: readonly string[];
  readonly now: () => number;
}

/**
 * Checks the function's permissions: to read, with real calls and the function's own credentials; to write, with IAM's
 * simulator and the operator's. The simulator sees the principal's own policies and boundary, but neither topic policies nor the conditions
 * in an organisation's policies.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html
 */
export async function checkPermissions(aws: Aws, permissions: Permissions): Promise<readonly Check[]> {
  return [
    ...(await checkReads(permissions)),
    ...(await checkMembers(permissions)),
    ...(await checkBySimulation(aws, permissions)),
  ];
}

async function checkReads({ config, now }: Permissions): Promise<readonly Check[]> {
  const clients = createClients(config, now);
  const regions = [...new Set(config.launchTopics.map(({ region }) => region))];
  const checks = regions.map(async (region) => {
    const facts = ec2Facts(clients.ec2(null, region));
    return [
      judgeRead(`ec2:DescribeTags in ${region}`, await facts.tags([NO_INSTANCE])),
      judgeRead(`ec2:DescribeInstances in ${region}`, await facts.instances([NO_INSTANCE])),
    ];
  });
  return (await Promise.all(checks)).flat();
}

/** Reads tags in the other accounts as an audit does: with the function's credentials, which assume the role. */
async function checkMembers({ config, members, now }: Permissions): Promise<readonly Check[]> {
  const clients = createClients(config, now);
  const checks = members.map(async (account) => {
    const name = `account ${account}`;
    if (config.auditRoleName === null) {
      return wrong(
        name,
        "AUDIT_ROLE_NAME is not set, so the function audits no other account",
        "Set it in the settings.",
      );
    }
    const reads = await ec2Facts(clients.ec2(account, config.region)).tags([NO_INSTANCE]);
    const message = `the function may assume ${config.auditRoleName} and call ec2:DescribeTags`;
    const fix = `Check that the role exists and trusts the function's user, and that the user may assume it. deploy/member.yaml creates it.`;
    return judgeRead(name, reads, message, fix);
  });
  return Promise.all(checks);
}

function judgeRead(
  name: string,
  reads: Reads<unknown>,
  allowed = "the function's credentials allow it",
  fix = ALLOW,
): Check {
  const read = reads.get(NO_INSTANCE);
  if (read === undefined || "value" in read) return ok(name, allowed);
  const { message, hint = "" } = explain(read.error);
  const isRefusal = read.error instanceof Error && /Denied|Unauthorized|Authorization/.test(read.error.name);
  return isRefusal ? wrong(name, message, fix) : unknown(name, message, hint);
}

/** The fix for a missing permission of the function's user. */
export const ALLOW = "Allow it for the function's user: ec2-audit setup --show-policy prints the complete policy.";

/** The names of checks. */
const SIMULATION = "IAM policy simulator";
const EXCESS = "excess permissions";

async function checkBySimulation(aws: Aws, { config, identity }: Permissions): Promise<readonly Check[]> {
  const { auditRoleName, alertTopic, launchTopics, functionUrl } = config;
  const role = `arn:${partitionOf(config.region).name}:iam::${identity.account}:role/${auditRoleName}`;
  const required: readonly Access[] = [
    { action: "sns:Publish", resource: alertTopic.arn },
    ...launchTopics.flatMap(({ arn }) => [
      { action: "sns:ConfirmSubscription", resource: arn },
      ...(functionUrl === null ? [] : [{ action: "sns:Subscribe", resource: arn }]),
    ]),
    ...(auditRoleName === null ? [] : [{ action: "sts:AssumeRole", resource: role }]),
  ];
  return attempt(SIMULATION, async () => {
    const notNeeded = EXCESS_ACTIONS.map((action) => ({ action, resource: "*" }));
    const simulated = await simulate(aws, identity, [...required, ...notNeeded]);
    if ("absent" in simulated) return unknown(SIMULATION, simulated.absent, "Check the function's credentials.");
    if ("unknown" in simulated) return unknown(SIMULATION, simulated.unknown, simulated.fix);
    const isAllowed = (access: Access) => !simulated.denied.includes(access);
    const excess = notNeeded.filter(isAllowed);
    return [
      ...required.map((access) => judgeRequired(access, isAllowed(access))),
      excess.length === 0
        ? ok(EXCESS, `${EXCESS_ACTIONS.join(", ")} are not allowed`)
        : warning(
            EXCESS,
            `allowed, but not needed: ${excess.map(({ action }) => action).join(", ")}`,
            "Remove the permissions that ec2-audit setup --show-policy (for AUDIT_ROLE_NAME, with --audit-role) does not print.",
          ),
    ];
  });
}

/** The message of a permission that the simulator denies. */
export const DENIED = "IAM's simulator denies it";

function judgeRequired({ action, resource }: Access, isAllowed: boolean): Check {
  const name = `${action} on ${resource}`;
  if (isAllowed) return ok(name, "IAM's simulator allows it");
  if (action === "sts:AssumeRole") {
    const message = "IAM's simulator does not allow it for every account; it may be allowed for some";
    return unknown(name, message, "Check one of them: ec2-audit doctor --account 111122223333");
  }
  return wrong(name, DENIED, ALLOW);
}
