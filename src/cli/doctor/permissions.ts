import { createClients } from "../../aws/clients.ts";
import { partitionOf } from "../../aws/regions.ts";
import type { Config } from "../../config.ts";
import { ec2Facts } from "../../facts/facts.ts";
import type { Reads } from "../../facts/pages.ts";
import type { Aws, Identity } from "../aws.ts";
import { explain } from "../explain.ts";
import { type Check, reporter } from "./check.ts";
import { type Asked, simulate } from "./simulation.ts";

const { ok, unknown, warning, wrong, attempt } = reporter("permissions");

/** An instance that nobody has: asked for by filter, it is no error. */
export const NOBODY = "i-00000000000000000";

/** What no function needs that reads tags. Whoever may do these has more than this one's policy. */
const DANGEROUS = ["ec2:TerminateInstances", "ec2:RunInstances", "iam:CreateUser"];

/** What is asked. */
export interface Permissions {
  readonly config: Config;
  /** The function's principal, by its own keys. */
  readonly identity: Identity;
  /** Other accounts that are to be read by AUDIT_ROLE_NAME. */
  readonly members: readonly string[];
  readonly now: () => number;
}

/**
 * Whether the function may do what it has to: what reads, by the calls themselves with its own keys; what writes, by asking
 * IAM with the operator's. A simulation knows the principal's own policies and boundary, and neither those of the topics nor
 * the conditions of an organisation's policies.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html
 */
export async function checkPermissions(aws: Aws, asked: Permissions): Promise<readonly Check[]> {
  return [...(await checkReads(asked)), ...(await checkMembers(asked)), ...(await checkBySimulation(aws, asked))];
}

async function checkReads({ config, now }: Permissions): Promise<readonly Check[]> {
  const clients = createClients(config, now);
  const regions = [...new Set(config.launchTopics.map(({ region }) => region))];
  const checks = regions.map(async (region) => {
    const facts = ec2Facts(clients.ec2(null, region));
    return [
      judgeRead(`ec2:DescribeTags in ${region}`, await facts.tags([NOBODY])),
      judgeRead(`ec2:DescribeInstances in ${region}`, await facts.instances([NOBODY])),
    ];
  });
  return (await Promise.all(checks)).flat();
}

/** With the function's keys, by the role that it assumes: as in an audit of that account. */
async function checkMembers({ config, members, now }: Permissions): Promise<readonly Check[]> {
  const clients = createClients(config, now);
  const checks = members.map(async (account) => {
    const name = `account ${account}`;
    if (config.auditRoleName === null) {
      return wrong(name, "AUDIT_ROLE_NAME is not set, so no other account is audited", "Set it in the settings.");
    }
    const reads = await ec2Facts(clients.ec2(account, config.region)).tags([NOBODY]);
    const told = `the role ${config.auditRoleName} there, and ec2:DescribeTags with it`;
    const mend = `Is the role there, does it trust the function's user, and may the user assume it? deploy/member.yaml makes it.`;
    return judgeRead(name, reads, told, mend);
  });
  return Promise.all(checks);
}

function judgeRead(name: string, reads: Reads<unknown>, told = "asked with the function's keys", mend = ALLOW): Check {
  const read = reads.get(NOBODY);
  if (read === undefined || "value" in read) return ok(name, told);
  const { message, hint = "" } = explain(read.error);
  const isRefusal = read.error instanceof Error && /Denied|Unauthorized|Authorization/.test(read.error.name);
  return isRefusal ? wrong(name, message, mend) : unknown(name, message, hint);
}

const ALLOW = 'Allow it to the function\'s user: README.md, "Deploying to webtask", has the whole policy.';

async function checkBySimulation(aws: Aws, { config, identity }: Permissions): Promise<readonly Check[]> {
  const { auditRoleName, alertTopic, launchTopics, functionUrl } = config;
  const role = `arn:${partitionOf(config.region).name}:iam::${identity.account}:role/${auditRoleName}`;
  const needs: readonly Asked[] = [
    { action: "sns:Publish", resource: alertTopic.arn },
    ...launchTopics.flatMap(({ arn }) => [
      { action: "sns:ConfirmSubscription", resource: arn },
      ...(functionUrl === null ? [] : [{ action: "sns:Subscribe", resource: arn }]),
    ]),
    ...(auditRoleName === null ? [] : [{ action: "sts:AssumeRole", resource: role }]),
  ];
  return attempt("by IAM's simulation", async () => {
    const answer = await simulate(aws, identity, [...needs, ...DANGEROUS.map((action) => ({ action, resource: "*" }))]);
    if ("absent" in answer) return unknown("by IAM's simulation", answer.absent, "Whose are the function's keys?");
    if ("unknown" in answer) return unknown("by IAM's simulation", answer.unknown, answer.mend);
    const allowed = (one: Asked) =>
      answer.allowed.some((each) => each.action === one.action && each.resource === one.resource);
    const excess = DANGEROUS.filter((action) => allowed({ action, resource: "*" }));
    return [
      ...needs.map((need) => judgeNeed(need, allowed(need))),
      excess.length === 0
        ? ok("nothing more", `${DANGEROUS.join(", ")} are not allowed, as it should be`)
        : warning(
            "nothing more",
            `${excess.join(", ")} are allowed, and not needed`,
            "Take away what ec2-audit setup --show-policy (with --audit-role, for AUDIT_ROLE_NAME) does not print.",
          ),
    ];
  });
}

function judgeNeed({ action, resource }: Asked, isAllowed: boolean): Check {
  const name = `${action} on ${resource}`;
  if (isAllowed) return ok(name, "allowed, as IAM simulates it");
  if (action === "sts:AssumeRole") {
    const told = "IAM's simulation does not allow it for a role of any account; it may for those of some";
    return unknown(name, told, "Try one of them: ec2-audit doctor --account 111122223333.");
  }
  return wrong(name, "its IAM policies do not allow it, as IAM simulates them", ALLOW);
}
