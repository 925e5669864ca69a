import { arn, hex, parseArn } from "./arns.ts";
import type { Clock } from "./clock.ts";
import { AwsError } from "./errors.ts";
import { integer, type Params, text } from "./params.ts";
import type { Caller, QueryService, XmlFields } from "./service.ts";

/** A session of an assumed role. */
export interface Session {
  readonly account: string;
  readonly arn: string;
  readonly userId: string;
  readonly role: { readonly name: string; readonly id: string; readonly session: string };
  /** ms epoch */
  readonly expiresAt: number;
}

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
const SESSION_NAME = /^[\w+=,.@-]{2,64}$/;
const [MIN_SECONDS, MAX_SECONDS, DEFAULT_SECONDS] = [900, 43_200, 3_600];

/**
 * Returns STS: GetCallerIdentity and AssumeRole. Every role in every account can be assumed. `sessions` holds the sessions by
 * access key id, for the other services.
 */
export function createSts(clock: Clock, sessions: Map<string, Session>): QueryService {
  function assumeRole(params: Params, caller: Caller): XmlFields {
    const [roleArn = "", session = ""] = [text(params, "RoleArn"), text(params, "RoleSessionName")];
    const parsed = parseArn(roleArn);
    const seconds = integer(params, "DurationSeconds") ?? DEFAULT_SECONDS;
    if (parsed?.service !== "iam" || !/^\d{12}$/.test(parsed.account) || !/^role\/.+/.test(parsed.resource)) {
      throw new AwsError("ValidationError", `${roleArn} is invalid`);
    }
    if (!SESSION_NAME.test(session)) {
      throw constraint(session, "roleSessionName", "Member must satisfy regular expression pattern: [\\w+=,.@-]*");
    }
    if (!(seconds >= MIN_SECONDS && seconds <= MAX_SECONDS)) {
      const bound =
        seconds < MIN_SECONDS ? `greater than or equal to ${MIN_SECONDS}` : `less than or equal to ${MAX_SECONDS}`;
      throw constraint(String(seconds), "durationSeconds", `Member must have value ${bound}`);
    }
    for (const [key, each] of sessions) if (each.expiresAt + KEEP_EXPIRED_MS < clock.now()) sessions.delete(key);
    const role = { name: roleArn.split("/").at(-1) ?? "", id: `AROA${hex(17).toUpperCase()}`, session };
    const expiresAt = Math.floor(clock.now() / 1000) * 1000 + seconds * 1000;
    const accessKeyId = `ASIA${hex(16).toUpperCase()}`;
    const sessionArn = arn("sts", caller.region, parsed.account, `assumed-role/${role.name}/${session}`, "global");
    sessions.set(accessKeyId, {
      account: parsed.account,
      arn: sessionArn,
      userId: `${role.id}:${session}`,
      role,
      expiresAt,
    });
    return {
      Credentials: {
        AccessKeyId: accessKeyId,
        SecretAccessKey: hex(40),
        SessionToken: Buffer.from(hex(200)).toString("base64"),
        Expiration: new Date(expiresAt).toISOString(),
      },
      AssumedRoleUser: { AssumedRoleId: `${role.id}:${session}`, Arn: sessionArn },
      PackedPolicySize: 6,
    };
  }

  return {
    protocol: "query",
    namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
    actions: {
      AssumeRole: assumeRole,
      GetCallerIdentity: (_params, caller) => ({ Arn: caller.arn, UserId: caller.userId, Account: caller.account }),
    },
  };
}

/** How long an expired session is kept, in ms: its error differs from that of an unknown session. */
const KEEP_EXPIRED_MS = 3_600_000;

function constraint(value: string, field: string, rule: string): AwsError {
  return new AwsError(
    "ValidationError",
    `1 validation error detected: Value '${value}' at '${field}' failed to satisfy constraint: ${rule}`,
  );
}
