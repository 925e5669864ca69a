import { EC2Client } from "@aws-sdk/client-ec2";
import { SNSClient } from "@aws-sdk/client-sns";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import type { Config, Credentials } from "../config.ts";
import { createAssumedRole, renewing } from "./assumed-role.ts";
import { isAccountId, partitionOf } from "./regions.ts";
import { CALL_LIMITS, type CallLimits, createTransport } from "./transport.ts";

/** The AWS clients of one configuration. They live and die with it. */
export interface Clients {
  /**
   * The client for a region, in our own account when `account` is null; in another one with the role that is assumed there.
   */
  ec2(account: string | null, region: string): EC2Client;
  sns(region: string): SNSClient;
  /**
   * The account of our own credentials. It needs no permission. Throws what the call throws.
   * https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
   */
  ownAccount(): Promise<string>;
}

/** One retry for a connection that was closed under us; the engine that called us does the others. */
const MAX_ATTEMPTS = 2;

/** An organisation has many accounts and regions, and a client takes some thirty kilobytes; those not asked for for
 * longest make room. */
const MAX_CLIENTS = 200;

/** Credentials take one kilobyte, and a call of STS to have again: those of a whole organisation are kept.
 * https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html */
const MAX_ROLES = 10_000;

/** Makes clients for a valid configuration, each when it is first asked for. `now` is in milliseconds since 1970. */
export function createClients(config: Config, now: () => number, limits: CallLimits = CALL_LIMITS): Clients {
  const requestHandler = createTransport(now, limits);
  const settings = (region: string, credentials: Credentials | (() => Promise<Credentials>)) => ({
    region,
    credentials,
    requestHandler,
    maxAttempts: MAX_ATTEMPTS,
    // Each command's chain of middleware is put together once, and not for each call: a fifth of a call's time.
    cacheMiddleware: true,
    ...SETTLED,
    ...(config.endpoint !== null && { endpoint: config.endpoint }),
  });
  const ec2 = remember(MAX_CLIENTS, (key: string) => {
    const [account = "", region = ""] = key.split("/");
    if (account === "") return new EC2Client(settings(region, config.credentials));
    const role = roles(account);
    return renewing(new EC2Client(settings(region, role.credentials)), role);
  });
  const sns = remember(MAX_CLIENTS, (region: string) => new SNSClient(settings(region, config.credentials)));
  const sts = remember(MAX_CLIENTS, (region: string) => new STSClient(settings(region, config.credentials)));
  const roles = remember(MAX_ROLES, (account: string) =>
    createAssumedRole(
      sts(config.region),
      `arn:${partitionOf(config.region).name}:iam::${account}:role/${config.auditRoleName}`,
      now,
    ),
  );
  return {
    ec2: (account, region) => ec2(`${account ?? ""}/${region}`),
    sns,
    async ownAccount() {
      const { Account } = await sts(config.region).send(new GetCallerIdentityCommand({}));
      if (!Account || !isAccountId(Account)) {
        throw new Error("GetCallerIdentity was answered by something that is not STS");
      }
      return Account;
    },
  };
}

/**
 * What the SDK would look for in environment variables of its own, and in the files of a home directory, when it is not
 * told: this function goes by its own configuration alone.
 */
const SETTLED = {
  ignoreConfiguredEndpointUrls: true,
  useDualstackEndpoint: false,
  useFipsEndpoint: false,
  retryMode: "standard",
  defaultsMode: "standard",
  authSchemePreference: [] as string[],
  sigv4aSigningRegionSet: [] as string[],
  disableClockSkewCorrection: false,
  userAgentAppId: "ec2-audit",
} as const;

/** A function that makes each thing once, and over `max` of them forgets the one not asked for for longest. */
function remember<T>(max: number, make: (key: string) => T): (key: string) => T {
  const made = new Map<string, T>();
  return (key) => {
    const known = made.get(key);
    if (known !== undefined) {
      made.delete(key);
      made.set(key, known);
      return known;
    }
    const [oldest] = made.keys();
    if (made.size >= max && oldest !== undefined) made.delete(oldest);
    const thing = make(key);
    made.set(key, thing);
    return thing;
  };
}
