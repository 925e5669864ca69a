import { type EC2Client, EC2ServiceException } from "@aws-sdk/client-ec2";
import { AssumeRoleCommand, type STSClient } from "@aws-sdk/client-sts";
import type { Credentials } from "./credentials.ts";

/** Assumed credentials are renewed this long before they expire, in milliseconds. */
const RENEW_BEFORE_MS = 5 * 60_000;

/** Credentials that replaced refused ones are kept for at least this long, in milliseconds, even if AWS refuses them too. */
const REFUSED_MS = 60_000;

/** The expiration is required: without it, the SDK would keep the first credentials forever. */
type Assumed = Credentials & { readonly expiration: Date };

/** A role in another account, with its latest credentials. */
export interface AssumedRole {
  /** Returns the credentials, cached until shortly before they expire. Rejects with STS's error, and when STS returns none. */
  credentials(): Promise<Assumed>;
  /**
   * Drops refused credentials, given their access key id, so that the role is assumed again. Returns whether to retry the call
   * with new ones: false if credentials of this role were dropped less than a minute ago.
   */
  drop(accessKeyId: string): boolean;
}

/** Creates the role with an ARN. It is assumed on the first call of `credentials`. `now` is in milliseconds since 1970. */
export function createAssumedRole(sts: STSClient, roleArn: string, now: () => number): AssumedRole {
  let kept: { credentials: Promise<Assumed>; accessKeyId: string | null; renewAt: number } | null = null;
  let droppedAt = Number.NEGATIVE_INFINITY;

  const assume = async (): Promise<Assumed> => {
    const { Credentials: given } = await sts.send(
      new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: "ec2-audit" }),
    );
    if (!given?.AccessKeyId || !given.SecretAccessKey || !given.SessionToken) {
      throw new Error("AssumeRole returned no credentials");
    }
    const expiration = given.Expiration ?? new Date(now());
    if (kept) {
      kept.accessKeyId = given.AccessKeyId;
      kept.renewAt = expiration.getTime() - RENEW_BEFORE_MS;
    }
    return {
      accessKeyId: given.AccessKeyId,
      secretAccessKey: given.SecretAccessKey,
      sessionToken: given.SessionToken,
      expiration,
    };
  };

  return {
    async credentials() {
      if (kept === null || now() >= kept.renewAt) {
        kept = { credentials: assume(), accessKeyId: null, renewAt: Number.POSITIVE_INFINITY };
      }
      try {
        return await kept.credentials;
      } catch (error) {
        kept = null;
        throw error;
      }
    },
    drop(accessKeyId) {
      if (kept?.accessKeyId !== accessKeyId) return true;
      if (now() - droppedAt < REFUSED_MS) return false;
      droppedAt = now();
      kept = null;
      return true;
    },
  };
}

/**
 * The error codes that can mean that EC2 refused the credentials themselves. A revoked session gets UnauthorizedOperation,
 * because its role then has a policy that denies everything to older sessions. A missing permission gives the same code, at
 * the cost of one AssumeRole a minute.
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
 */
const REFUSALS: ReadonlySet<string> = new Set([
  "AuthFailure",
  "ExpiredToken",
  "InvalidClientTokenId",
  "RequestExpired",
  "UnauthorizedOperation",
  "UnrecognizedClientException",
]);

/** Makes the client retry a call once, with new credentials of the role, when EC2 refuses the old ones. Returns the client. */
export function renewing(client: EC2Client, role: AssumedRole): EC2Client {
  const { config, middlewareStack } = client;
  middlewareStack.add(
    (next) => async (call) => {
      const { accessKeyId } = await config.credentials();
      try {
        return await next(call);
      } catch (error) {
        const isRefusal = error instanceof EC2ServiceException && REFUSALS.has(error.name);
        if (!isRefusal || !role.drop(accessKeyId)) throw error;
        // The SDK caches the credentials too.
        await config.credentials({ forceRefresh: true });
        return next(call);
      }
    },
    { step: "initialize", name: "renewRefusedCredentials" },
  );
  return client;
}
