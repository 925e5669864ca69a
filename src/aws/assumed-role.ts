import { type EC2Client, EC2ServiceException } from "@aws-sdk/client-ec2";
import { AssumeRoleCommand, type STSClient } from "@aws-sdk/client-sts";
import type { Credentials } from "../config.ts";

/** How long before they expire assumed credentials are renewed, in milliseconds. */
const RENEW_BEFORE_MS = 5 * 60_000;

/** How long credentials that replaced refused ones are kept at least, in milliseconds, even if AWS refuses them too. */
const REFUSED_MS = 60_000;

/** Without an expiration, the SDK would keep the first credentials forever. */
type Assumed = Credentials & { readonly expiration: Date };

/** A role in another account, and the credentials that it gave last. */
export interface AssumedRole {
  /** The credentials, kept until shortly before they expire. Rejects with STS's error, or when it gave none. */
  credentials(): Promise<Assumed>;
  /**
   * Drops credentials that AWS refused, by their access key id, so that the role is assumed again. Returns whether a call can
   * be retried with others: false when credentials of this role were dropped less than a minute ago.
   */
  drop(accessKeyId: string): boolean;
}

/** Makes the role of an ARN; it is assumed when its credentials are first asked for. `now` is in milliseconds since 1970. */
export function createAssumedRole(sts: STSClient, roleArn: string, now: () => number): AssumedRole {
  let kept: { credentials: Promise<Assumed>; accessKeyId: string | null; renewAt: number } | null = null;
  let droppedAt = Number.NEGATIVE_INFINITY;

  const assume = async (): Promise<Assumed> => {
    const { Credentials: given } = await sts.send(
      new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: "ec2-audit" }),
    );
    if (!given?.AccessKeyId || !given.SecretAccessKey || !given.SessionToken) {
      throw new Error("AssumeRole was answered without credentials");
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
 * The error codes with which EC2 may refuse the credentials themselves. A revoked session gets UnauthorizedOperation, because
 * its role then has a policy that denies everything to older sessions. A missing permission gives the same code, and then
 * costs one AssumeRole a minute.
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

/** Makes a client repeat a call once, with new credentials of the role, when EC2 refuses the old ones. Returns the client. */
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
        // The SDK keeps the credentials too.
        await config.credentials({ forceRefresh: true });
        return next(call);
      }
    },
    { step: "initialize", name: "renewRefusedCredentials" },
  );
  return client;
}
