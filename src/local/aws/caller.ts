import { arn } from "./arns.ts";
import { AwsError } from "./errors.ts";
import type { Caller } from "./service.ts";
import type { Session } from "./sts.ts";

/** The content of the Authorization header of a signed request. */
export interface Scope {
  readonly accessKeyId: string;
  readonly region: string;
  readonly service: string;
}

/**
 * Reads the credential scope of a Signature Version 4 `Authorization` header:
 * `AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, …`. Undefined for anything else. The signature
 * is not checked: the embedded AWS has no secrets to check it with.
 */
export function readScope(authorization: string | undefined): Scope | undefined {
  const match = /^AWS4-HMAC-SHA256 .*Credential=([^/,\s]+)\/\d{8}\/([^/]+)\/([^/]+)\/aws4_request/.exec(
    authorization ?? "",
  );
  if (match === null) return undefined;
  const [, accessKeyId = "", region = "", service = ""] = match;
  return { accessKeyId, region, service };
}

/**
 * Returns the caller. A key from AssumeRole is its session; any other belongs to a user of `accountId`, whose name
 * is the key itself, or `operator` if that looks like a real key. So a test can be `alice` with that as its key.
 * @throws AwsError when the session has expired
 */
export function identify(
  scope: Scope,
  sessions: ReadonlyMap<string, Session>,
  accountId: string,
  now: number,
): Omit<Caller, "userAgent" | "sourceIp"> {
  const { accessKeyId, region } = scope;
  const session = sessions.get(accessKeyId);
  if (session === undefined) {
    return userCaller(accessKeyId, accountId, region);
  }
  if (session.expiresAt <= now) throw expired(scope.service);
  return {
    account: session.account,
    region,
    arn: session.arn,
    userId: session.userId,
    role: session.role,
    accessKeyId,
    signed: true,
  };
}

/** Returns a user of the account, named by the access key id, or `operator` if that looks like a real one. */
export function userCaller(
  accessKeyId: string,
  account: string,
  region: string,
): Omit<Caller, "userAgent" | "sourceIp"> {
  const name = /^A[A-Z]{3}[A-Z0-9]{12,}$/.test(accessKeyId) ? "operator" : accessKeyId;
  return {
    account,
    region,
    arn: arn("iam", region, account, `user/${name}`, "global"),
    userId: "AIDAEMBEDDEDAWS000001",
    accessKeyId,
    signed: true,
  };
}

function expired(service: string): AwsError {
  if (service === "ec2") return new AwsError("RequestExpired", "Request has expired.", 400);
  const message = "The security token included in the request is expired";
  if (["sqs", "events", "organizations"].includes(service)) return new AwsError("ExpiredTokenException", message, 400);
  return new AwsError("ExpiredToken", message, 403);
}
