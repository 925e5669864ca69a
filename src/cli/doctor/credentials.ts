import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import type { Settings } from "../../config.ts";
import type { Aws, Identity } from "../aws.ts";
import { explain } from "../explain.ts";
import { type Check, type Group, reporter } from "./check.ts";

const { ok, skipped, unknown, warning, wrong } = reporter("credentials");

/** Who the function is to AWS; null when that is not known. */
export interface FunctionIdentity {
  readonly identity: Identity | null;
  readonly check: Check;
}

/** Groups of which nothing is known without the operator's credentials. */
export const NEEDS_OPERATOR: readonly Group[] = [
  "permissions",
  "topics and policies",
  "rules and targets",
  "subscription",
  "grace",
];

/** Asks AWS who the operator is; a check that says why nothing else can be asked where AWS does not tell. */
export async function askOperator(aws: Aws): Promise<{ readonly operator: Identity } | { readonly check: Check }> {
  try {
    return { operator: await aws.identity() };
  } catch (error) {
    const { message, hint = "Is AWS_ENDPOINT_URL right?" } = explain(error);
    return { check: wrong("yours", message, hint) };
  }
}

/** That nothing of these groups could be asked. */
export function unasked(groups: readonly Group[]): readonly Check[] {
  return groups.map((group) => reporter(group).unknown("all", "AWS could not be asked", "See credentials, above."));
}

/** Whether the operator sees the account that the topics are in. */
export function checkOperator({ account, arn }: Identity, topics: readonly { readonly account: string }[]): Check {
  const others = [...new Set(topics.map((topic) => topic.account))].filter((other) => other !== account);
  if (others.length === 0) return ok("yours", `${arn}, of account ${account}`);
  const told = `${arn} is of account ${account}, and the topics are of ${others.join(" and ")}`;
  return wrong("yours", told, "Name a profile of that account with --profile, or put the ARNs right in the settings.");
}

/** What the function's keys are used for. */
interface Uses {
  /** The accounts of the launch topics, where launches are expected. */
  readonly launchAccounts: readonly string[];
  /** The account of the alert topic; null where it is not known. */
  readonly alertAccount: string | null;
  /** Whether a role is assumed in other accounts. */
  readonly assumesRole: boolean;
}

/** Whether AWS knows the function's own keys, and whether they belong to an account in which they work. */
export async function checkFunction(
  settings: Settings,
  region: string,
  operator: Identity,
  uses: Uses,
): Promise<FunctionIdentity> {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_ENDPOINT_URL } = settings;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) {
    return { identity: null, check: skipped("the function's", "the settings have no whole pair of keys") };
  }
  const sts = new STSClient({
    region,
    credentials: {
      accessKeyId: AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      ...(AWS_SESSION_TOKEN && { sessionToken: AWS_SESSION_TOKEN }),
    },
    ...(AWS_ENDPOINT_URL && { endpoint: AWS_ENDPOINT_URL }),
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 20_000, throwOnRequestTimeout: true },
  });
  try {
    const { Account, Arn } = await sts.send(new GetCallerIdentityCommand({}));
    if (!Account || !Arn) throw new Error("GetCallerIdentity was answered by something that is not AWS");
    const identity = { account: Account, arn: Arn };
    return { identity, check: judge(identity, operator, uses, AWS_SESSION_TOKEN !== undefined) };
  } catch (error) {
    const { message } = explain(error);
    const isRefusal =
      error instanceof Error && /Token|Signature|AuthFailure|UnrecognizedClient|AccessKey|Expired/.test(error.name);
    if (!isRefusal)
      return {
        identity: null,
        check: unknown("the function's", message, "Is AWS_ENDPOINT_URL in the settings right?"),
      };
    const mend = "Make the function's user a new access key, put it into the settings, and deploy again.";
    return { identity: null, check: wrong("the function's", message, mend) };
  } finally {
    sts.destroy();
  }
}

function judge(identity: Identity, operator: Identity, uses: Uses, temporary: boolean): Check {
  const { account, arn } = identity;
  const { launchAccounts, alertAccount, assumesRole } = uses;
  const name = "the function's";
  if (launchAccounts.length > 0 && !launchAccounts.includes(account) && !assumesRole) {
    const told = `${arn} belongs to account ${account}, and the launch topic to ${launchAccounts.join(" and ")}: no launch there can be audited`;
    return wrong(name, told, "Use keys of that account, or set AUDIT_ROLE_NAME to a role there.");
  }
  if (alertAccount !== null && account !== alertAccount) {
    const told = `${arn} belongs to account ${account}, and the alert topic to ${alertAccount}`;
    return warning(name, told, "The alert topic's policy must allow it sns:Publish.");
  }
  if (arn.endsWith(":root")) return warning(name, `${arn} is the account's root, which may do everything`, OWN_USER);
  if (arn === operator.arn) return warning(name, `${arn} is yourself: what you may do, the function may do`, OWN_USER);
  if (temporary) {
    return warning(name, `${arn}, by temporary keys: the function stops when they expire`, OWN_USER);
  }
  return ok(name, `${arn}, of account ${account}`);
}

const OWN_USER = "Give the function a user of its own, with the policy in README.md, and that user's keys.";
