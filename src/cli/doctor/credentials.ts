import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import type { Settings } from "../../config.ts";
import { type Aws, answered, type Identity } from "../aws.ts";
import { explain } from "../explain.ts";
import { type Check, type Group, reporter } from "./check.ts";

const { ok, skipped, unknown, warning, wrong } = reporter("credentials");

/** The names of the checks. */
const OPERATOR = "your credentials";
const FUNCTION = "function credentials";

/** The principal of the function's credentials; null if it is not known. */
export interface FunctionIdentity {
  readonly identity: Identity | null;
  readonly check: Check;
}

/** The groups that need the operator's credentials. */
export const NEEDS_OPERATOR: readonly Group[] = [
  "permissions",
  "topics and policies",
  "rules and targets",
  "subscription",
  "grace",
];

/** Returns the operator's identity, or a failed check with the reason when AWS does not return it. */
export async function identifyOperator(aws: Aws): Promise<{ readonly operator: Identity } | { readonly check: Check }> {
  try {
    return { operator: await aws.identity() };
  } catch (error) {
    const { message, hint = "Check AWS_ENDPOINT_URL." } = explain(error);
    return { check: wrong(OPERATOR, message, hint) };
  }
}

/** Returns an unknown check for each of these groups, because AWS could not be called. */
export function unchecked(groups: readonly Group[]): readonly Check[] {
  return groups.map((group) => reporter(group).unknown("all", "AWS could not be called", "See credentials, above."));
}

/** Checks whether the operator's credentials belong to the account of the topics. */
export function checkOperator({ account, arn }: Identity, topics: readonly { readonly account: string }[]): Check {
  const others = [...new Set(topics.map((topic) => topic.account))].filter((other) => other !== account);
  if (others.length === 0) return ok(OPERATOR, `${arn}, in account ${account}`);
  const message = `${arn} belongs to account ${account}, and the topics to ${others.join(" and ")}`;
  return wrong(
    OPERATOR,
    message,
    "Name a profile of that account with --profile, or correct the ARNs in the settings.",
  );
}

/** The accounts that the function works with. */
interface Uses {
  /** The accounts of the launch topics, where launches are expected. */
  readonly launchAccounts: readonly string[];
  /** The account of the alert topic; null if it is not known. */
  readonly alertAccount: string | null;
  /** Whether the function assumes a role in other accounts. */
  readonly assumesRole: boolean;
}

/** Checks whether AWS accepts the function's own credentials, and whether they belong to the right account. */
export async function checkFunction(
  settings: Settings,
  region: string,
  operator: Identity,
  uses: Uses,
): Promise<FunctionIdentity> {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_ENDPOINT_URL } = settings;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) {
    return { identity: null, check: skipped(FUNCTION, "the settings have no complete credentials") };
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
    const identity = { account: answered(Account), arn: answered(Arn) };
    return { identity, check: judge(identity, operator, uses, AWS_SESSION_TOKEN !== undefined) };
  } catch (error) {
    const { message } = explain(error);
    const isRefusal =
      error instanceof Error && /Token|Signature|AuthFailure|UnrecognizedClient|AccessKey|Expired/.test(error.name);
    if (!isRefusal) {
      return { identity: null, check: unknown(FUNCTION, message, "Check AWS_ENDPOINT_URL in the settings.") };
    }
    const fix = "Create a new access key for the function's user, put it into the settings, and deploy again.";
    return { identity: null, check: wrong(FUNCTION, message, fix) };
  } finally {
    sts.destroy();
  }
}

function judge(identity: Identity, operator: Identity, uses: Uses, temporary: boolean): Check {
  const { account, arn } = identity;
  const { launchAccounts, alertAccount, assumesRole } = uses;
  if (launchAccounts.length > 0 && !launchAccounts.includes(account) && !assumesRole) {
    const message = `${arn} belongs to account ${account}, and the launch topic to ${launchAccounts.join(" and ")}: the function cannot audit launches there`;
    return wrong(FUNCTION, message, "Use credentials of that account, or set AUDIT_ROLE_NAME to a role in it.");
  }
  if (alertAccount !== null && account !== alertAccount) {
    const message = `${arn} belongs to account ${account}, and the alert topic to ${alertAccount}`;
    return warning(FUNCTION, message, "The alert topic's policy must allow it sns:Publish.");
  }
  if (arn.endsWith(":root"))
    return warning(FUNCTION, `${arn} is the account's root user, which may do everything`, OWN_USER);
  if (arn === operator.arn)
    return warning(FUNCTION, `${arn} is your own user: the function has all your permissions`, OWN_USER);
  if (temporary) {
    return warning(FUNCTION, `${arn}, with temporary credentials: the function stops when they expire`, OWN_USER);
  }
  return ok(FUNCTION, `${arn}, in account ${account}`);
}

const OWN_USER =
  "Create a user for the function, with the policy that ec2-audit setup --show-policy prints, and use that user's credentials.";
