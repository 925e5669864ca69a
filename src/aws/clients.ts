import { EC2Client } from "@aws-sdk/client-ec2";
import { SNSClient } from "@aws-sdk/client-sns";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import type { NodeHttpHandler } from "@smithy/node-http-handler";
import { createAssumedRole, renewing } from "./assumed-role.ts";
import type { Credentials } from "./credentials.ts";
import { createJsonService, type JsonService } from "./json-service.ts";
import { isAccountId, type Partition, partitionOf } from "./regions.ts";
import { createSigner } from "./signer.ts";
import { CALL_LIMITS, createTransport } from "./transport.ts";

/** The settings that all clients share. */
export interface ClientSettings {
  /** The region of STS. */
  readonly region: string;
  readonly credentials: Credentials;
  /** The endpoint of an emulator; null for AWS. */
  readonly endpoint: string | null;
  /** The role to assume in other accounts; null if there is none. */
  readonly auditRoleName: string | null;
}

/** The AWS clients of one configuration. */
export interface Clients {
  /** Returns the client for a region. With an account, it assumes the audit role there; null is the function's own account. */
  ec2(account: string | null, region: string): EC2Client;
  sns(region: string): SNSClient;
  /** Returns the caller of SQS in a region. */
  sqs(region: string): JsonService;
  /** Returns the caller of Organizations, whose endpoint is in one region of the partition. */
  organizations(): JsonService;
  /**
   * Returns the account of the function's credentials, which needs no permission. Throws the SDK's error, and an Error for a
   * response that is not from STS.
   * https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
   */
  ownAccount(): Promise<string>;
}

/** How calls are made. */
export interface Calling {
  readonly requestHandler: NodeHttpHandler;
  readonly maxAttempts: number;
}

/** One retry, for a connection that the server closed. Any others are up to the engine, which calls the function again. */
const MAX_ATTEMPTS = 2;

/** An organisation has many accounts and regions, and a client takes about 30 kB. The least recently used is evicted. */
const MAX_CLIENTS = 200;

/** Credentials take 1 kB, and a call of STS to replace, so those of a whole organisation are kept.
 * https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html */
const MAX_ROLES = 10_000;

/**
 * The region of the endpoint of Organizations in each partition.
 * https://docs.aws.amazon.com/organizations/latest/userguide/region-support.html
 */
const ORGANIZATIONS_REGION: Readonly<Record<Partition["name"], string>> = {
  aws: "us-east-1",
  "aws-cn": "cn-northwest-1",
  "aws-us-gov": "us-gov-west-1",
  "aws-eusc": "eusc-de-east-1",
};

/** Creates the clients of a configuration, each on its first use. `now` is in milliseconds since 1970. */
export function createClients(
  shared: ClientSettings,
  now: () => number,
  { requestHandler, maxAttempts }: Calling = {
    requestHandler: createTransport(now, CALL_LIMITS),
    maxAttempts: MAX_ATTEMPTS,
  },
): Clients {
  const ownCredentials = async () => shared.credentials;
  const settings = (service: string, region: string, credentials: () => Promise<Credentials>) => ({
    region,
    credentials,
    signer: createSigner(service, region, credentials),
    requestHandler,
    maxAttempts,
    // Builds the middleware chain once for each command instead of for each call, which takes a fifth of a call's time.
    cacheMiddleware: true,
    ...SETTLED,
    ...(shared.endpoint !== null && { endpoint: shared.endpoint }),
  });
  const ec2 = cached(MAX_CLIENTS, (key: string) => {
    const [account = "", region = ""] = key.split("/");
    if (account === "") return new EC2Client(settings("ec2", region, ownCredentials));
    const role = roles(account);
    const client: EC2Client = new EC2Client({
      ...settings("ec2", region, role.credentials),
      // The client's own copy of the credentials is the one that `renewing` replaces.
      signer: createSigner("ec2", region, () => client.config.credentials()),
    });
    return renewing(client, role);
  });
  const sns = cached(MAX_CLIENTS, (region: string) => new SNSClient(settings("sns", region, ownCredentials)));
  const sts = cached(MAX_CLIENTS, (region: string) => new STSClient(settings("sts", region, ownCredentials)));
  const roles = cached(MAX_ROLES, (account: string) =>
    createAssumedRole(
      sts(shared.region),
      `arn:${partitionOf(shared.region).name}:iam::${account}:role/${shared.auditRoleName}`,
      now,
    ),
  );
  const jsonService = (service: string, version: "1.0" | "1.1", target: string, region: string): JsonService =>
    createJsonService({
      ...{ service, version, target, region, now },
      endpoint: shared.endpoint ?? `https://${service}.${region}.${partitionOf(region).dnsSuffix}`,
      credentials: ownCredentials,
      handler: requestHandler,
    });
  return {
    ec2: (account, region) => ec2(`${account ?? ""}/${region}`),
    sns,
    sqs: (region) => jsonService("sqs", "1.0", "AmazonSQS", region),
    organizations() {
      const region = ORGANIZATIONS_REGION[partitionOf(shared.region).name];
      return jsonService("organizations", "1.1", "AWSOrganizationsV20161128", region);
    },
    async ownAccount() {
      const { Account } = await sts(shared.region).send(new GetCallerIdentityCommand({}));
      if (!Account || !isAccountId(Account)) {
        throw new Error("the response to GetCallerIdentity is not from STS");
      }
      return Account;
    },
  };
}

/** Settings that the SDK would otherwise read from its own environment variables and from files in the home directory. */
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

/** Returns a function that caches up to `max` results of `make`, and evicts the least recently used. */
function cached<T>(max: number, make: (key: string) => T): (key: string) => T {
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
    const value = make(key);
    made.set(key, value);
    return value;
  };
}
