import type { EC2Client } from "@aws-sdk/client-ec2";
import { createClients } from "../../aws/clients.ts";
import { isDenied } from "../../aws/denied.ts";
import { partitionOf } from "../../aws/regions.ts";
import type { Config } from "../../config.ts";
import { ec2Facts, type FactName } from "../../facts/facts.ts";
import { type Read, readOf } from "../../facts/pages.ts";
import { ACTIONS } from "../../facts/plan.ts";
import type { Aws, Identity } from "../aws.ts";
import { explain } from "../explain.ts";
import { launchFacts, routeTopics } from "../policy-file.ts";
import { type Check, reporter } from "./check.ts";
import { type Access, simulate } from "./simulation.ts";

const { ok, skipped, unknown, warning, wrong, attempt } = reporter("permissions");

/** An instance that does not exist. EC2 returns an empty result for it when it is given as a filter. */
export const NO_INSTANCE = "i-00000000000000000";
const NO_GROUP = "sg-00000000000000000";

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
    const reads = await readEach(config, clients.ec2(null, region));
    return reads.map(({ action, read }) => judgeRead(`${action} in ${region}`, read));
  });
  return (await Promise.all(checks)).flat();
}

/** Calls each EC2 action that the policy needs, for resources that do not exist. Returns the result of each. */
function readEach(
  { policy }: Config,
  ec2: Pick<EC2Client, "send">,
): Promise<{ readonly action: string; readonly read: Read<unknown> }[]> {
  const facts = ec2Facts(ec2);
  const calls: Readonly<Record<FactName, () => Promise<Read<unknown>>>> = {
    tags: async () => readOf(await facts.tags([NO_INSTANCE]), NO_INSTANCE),
    instance: async () => readOf(await facts.instances([NO_INSTANCE]), NO_INSTANCE),
    securityGroups: async () => readOf(await facts.securityGroups([NO_GROUP]), NO_GROUP),
    image: async () => readOf(await facts.images([NO_INSTANCE]), NO_INSTANCE),
    volumes: async () => readOf(await facts.volumes([NO_INSTANCE]), NO_INSTANCE),
    defaultVpc: () =>
      facts.defaultVpc().then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      ),
  };
  return Promise.all(launchFacts(policy).map(async (name) => ({ action: ACTIONS[name], read: await calls[name]() })));
}

/** Reads facts in the other accounts as an audit does: with the function's credentials, which assume the role. */
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
    const reads = await readEach(config, clients.ec2(account, config.region));
    const actions = reads.map(({ action }) => action).join(", ");
    const [failed] = reads.filter(({ read }) => "error" in read);
    if (failed === undefined) return ok(name, `the function may assume ${config.auditRoleName} and call ${actions}`);
    const fix = `Check that the role exists and trusts the function's user, that the user may assume it, and that it allows ${actions}. deploy/member.yaml creates it (parameter ReadActions).`;
    return judgeRead(name, failed.read, "", fix, `${failed.action}: `);
  });
  return Promise.all(checks);
}

function judgeRead(
  name: string,
  read: Read<unknown>,
  allowed = "the function's credentials allow it",
  fix = ALLOW,
  of = "",
): Check {
  if ("value" in read) return ok(name, allowed);
  const { message, hint = "" } = explain(read.error);
  return isDenied(read.error) ? wrong(name, `${of}${message}`, fix) : unknown(name, `${of}${message}`, hint);
}

/** The fix for a missing permission of the function's user. */
export const ALLOW = "Allow it for the function's user: ec2-audit setup --show-policy prints the complete policy.";

/** The names of checks. */
const SIMULATION = "IAM policy simulator";
const EXCESS = "excess permissions";

async function checkBySimulation(aws: Aws, { config, identity }: Permissions): Promise<readonly Check[]> {
  const { auditRoleName, alertTopic, launchTopics, functionUrl, policy } = config;
  const role = `arn:${partitionOf(config.region).name}:iam::${identity.account}:role/${auditRoleName}`;
  const required: readonly Access[] = [
    ...[...new Set([alertTopic.arn, ...routeTopics(policy)])].map((resource) => ({ action: "sns:Publish", resource })),
    ...launchTopics.flatMap(({ arn }) => [
      { action: "sns:ConfirmSubscription", resource: arn },
      ...(functionUrl === null ? [] : [{ action: "sns:Subscribe", resource: arn }]),
    ]),
    ...(auditRoleName === null ? [] : [{ action: "sts:AssumeRole", resource: role }]),
  ];
  // Nothing outside the function tells whether it sweeps.
  const forSweeps = launchTopics.map(({ arn }) => ({ action: "sns:Publish", resource: arn }));
  return attempt(SIMULATION, async () => {
    const notNeeded = EXCESS_ACTIONS.map((action) => ({ action, resource: "*" }));
    const simulated = await simulate(aws, identity, [...required, ...forSweeps, ...notNeeded]);
    if ("absent" in simulated) return unknown(SIMULATION, simulated.absent, "Check the function's credentials.");
    if ("unknown" in simulated) return unknown(SIMULATION, simulated.unknown, simulated.fix);
    const isAllowed = (access: Access) => !simulated.denied.includes(access);
    const excess = notNeeded.filter(isAllowed);
    return [
      ...required.map((access) => judgeRequired(access, isAllowed(access))),
      ...forSweeps.map((access) => judgeForSweeps(access, isAllowed(access))),
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

function judgeForSweeps({ action, resource }: Access, isAllowed: boolean): Check {
  const name = `${action} on ${resource}`;
  if (isAllowed) return ok(name, "IAM's simulator allows it, so a sweep can continue");
  return skipped(name, `${DENIED}; only a sweep needs it: ec2-audit setup --show-policy --sweep`);
}

function judgeRequired({ action, resource }: Access, isAllowed: boolean): Check {
  const name = `${action} on ${resource}`;
  if (isAllowed) return ok(name, "IAM's simulator allows it");
  if (action === "sts:AssumeRole") {
    const message = "IAM's simulator does not allow it for every account; it may be allowed for some";
    return unknown(name, message, "Check one of them: ec2-audit doctor --account 111122223333");
  }
  return wrong(name, DENIED, ALLOW);
}
