import { createRequire } from "node:module";
import type * as CloudFormation from "@aws-sdk/client-cloudformation";
import type * as Ec2 from "@aws-sdk/client-ec2";
import type * as EventBridge from "@aws-sdk/client-eventbridge";
import type * as Iam from "@aws-sdk/client-iam";
import type * as Kms from "@aws-sdk/client-kms";
import type * as Lambda from "@aws-sdk/client-lambda";
import type * as Organizations from "@aws-sdk/client-organizations";
import type * as S3 from "@aws-sdk/client-s3";
import type * as Scheduler from "@aws-sdk/client-scheduler";
import type * as Sns from "@aws-sdk/client-sns";
import type * as Sqs from "@aws-sdk/client-sqs";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { loadConfig, NODE_REGION_CONFIG_FILE_OPTIONS, NODE_REGION_CONFIG_OPTIONS } from "@smithy/core/config";
import { isRegion } from "../aws/regions.ts";
import type { Cli, CommonOptions } from "./cli.ts";
import { CliError } from "./cli-error.ts";
import { chooseCredentials, PROFILES_HINT } from "./credentials.ts";
import { NOT_AWS } from "./explain.ts";

const load = createRequire(import.meta.url);

/** The clients, each loaded when it is first used: loading all of them takes ten times as long as starting Node. */
const CLIENTS = {
  ec2: () => (load("@aws-sdk/client-ec2") as typeof Ec2).EC2Client,
  sns: () => (load("@aws-sdk/client-sns") as typeof Sns).SNSClient,
  sqs: () => (load("@aws-sdk/client-sqs") as typeof Sqs).SQSClient,
  events: () => (load("@aws-sdk/client-eventbridge") as typeof EventBridge).EventBridgeClient,
  iam: () => (load("@aws-sdk/client-iam") as typeof Iam).IAMClient,
  kms: () => (load("@aws-sdk/client-kms") as typeof Kms).KMSClient,
  lambda: () => (load("@aws-sdk/client-lambda") as typeof Lambda).LambdaClient,
  cloudformation: () => (load("@aws-sdk/client-cloudformation") as typeof CloudFormation).CloudFormationClient,
  organizations: () => (load("@aws-sdk/client-organizations") as typeof Organizations).OrganizationsClient,
  s3: () => (load("@aws-sdk/client-s3") as typeof S3).S3Client,
  scheduler: () => (load("@aws-sdk/client-scheduler") as typeof Scheduler).SchedulerClient,
};
type Clients = { readonly [Name in keyof typeof CLIENTS]: InstanceType<ReturnType<(typeof CLIENTS)[Name]>> };

/** The operator's identity, as STS returns it. */
export interface Identity {
  readonly account: string;
  readonly arn: string;
}

/** AWS in one region, with the operator's credentials. */
export interface Aws extends Clients {
  readonly region: string;
  /** Names the credentials, such as "the profile ops". */
  readonly credentials: string;
  readonly sts: STSClient;
  /** Calls STS once. Throws what AWS or the credential chain throws. */
  identity(): Promise<Identity>;
}

/**
 * Returns the clients for a region. All use the same credentials, which `chooseCredentials` chooses. The region is that of
 * `--region`, AWS_REGION, AWS_DEFAULT_REGION or the profile, in this order, else the `fallback`. The endpoint is AWS's own, or AWS_ENDPOINT_URL.
 * Removes empty AWS variables from the environment, so that they count as unset.
 * Throws CliError for a missing or invalid region, a profile that does not exist, or an endpoint that is not a URL.
 */
export async function connect(cli: Cli, options: CommonOptions, fallback = ""): Promise<Aws> {
  for (const [name, value] of Object.entries(cli.env)) {
    if (name.startsWith("AWS_") && value === "") delete cli.env[name];
  }
  checkEndpoints(cli.env);
  const { profile, settings, name: credentials } = await chooseCredentials(cli.env, options.profile);
  const region =
    options.region ||
    cli.env.AWS_REGION ||
    cli.env.AWS_DEFAULT_REGION ||
    (await regionOfProfile(options.profile)) ||
    fallback;
  checkRegion(region, profile ?? cli.env.AWS_PROFILE);
  const common = {
    region,
    ...(options.profile && { profile: options.profile }),
    // Fails within seconds if the network or the endpoint is wrong.
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 20_000, throwOnRequestTimeout: true },
  };
  // The SDK warns about credentials next to a profile, but `chooseCredentials` has already chosen.
  const sts = new STSClient({ ...common, ...settings, logger: SILENT });
  const shared = { ...common, credentials: sts.config.credentials };
  const clients = Object.entries(CLIENTS).map(([name, clientOf]) => [
    name,
    { get: once((): unknown => new (clientOf())(shared)) },
  ]);
  const identity = once(() => getIdentity(sts, profile));
  const base = { region, credentials, sts, identity };
  return Object.defineProperties(base, Object.fromEntries(clients)) as typeof base & Clients;
}

/** Returns a function that calls `make` the first time, and returns the same value every time. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

const REGION_HINT = "Give --region, such as --region us-east-1, or set AWS_REGION.";

/** Checks AWS_ENDPOINT_URL and the ones for a service, such as AWS_ENDPOINT_URL_SNS. The SDK's own error does not name them. */
function checkEndpoints(env: NodeJS.ProcessEnv): void {
  for (const [name, url] of Object.entries(env)) {
    if (!/^AWS_ENDPOINT_URL(?:_|$)/.test(name) || !url) continue;
    const isUrl = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
    if (!isUrl) throw new CliError(`${name} is not a URL`, "A URL is, for example, http://127.0.0.1:4566.");
  }
}

/** Returns the region of the profile (without one, of AWS_PROFILE or the default profile); "" if it has none. */
function regionOfProfile(profile: string | undefined): Promise<string> {
  const options = { ...NODE_REGION_CONFIG_FILE_OPTIONS, ...(profile && { profile }) };
  return loadConfig({ ...NODE_REGION_CONFIG_OPTIONS, default: "" }, options)();
}

function checkRegion(region: string, profile: string | undefined): void {
  if (isRegion(region)) return;
  if (region !== "") {
    throw new CliError(`"${region}" is not the name of an AWS region, such as us-east-1`, REGION_HINT);
  }
  if (!profile) throw new CliError("no region is set", REGION_HINT);
  throw new CliError(`no region is set, and the profile ${profile} has none`, `${REGION_HINT} ${PROFILES_HINT}`);
}

async function getIdentity(sts: STSClient, profile: string | null): Promise<Identity> {
  try {
    const { Account, Arn } = await sts.send(new GetCallerIdentityCommand({}));
    return { account: answered(Account), arn: answered(Arn) };
  } catch (error) {
    // The SDK throws the same error for a profile that does not exist and for one without credentials.
    if (profile && error instanceof Error && /could not (?:load|resolve) credentials/i.test(error.message)) {
      throw new CliError(
        `no AWS credentials were found for the profile ${profile}`,
        `${PROFILES_HINT} If it is listed, run aws sso login or aws configure with --profile ${profile}.`,
      );
    }
    throw error;
  }
}

/**
 * Returns a field that every AWS response has. The SDK reads some other server's page as a response without fields.
 * Throws CliError if the field is missing.
 */
export function answered<T>(member: T | undefined): T {
  if (member !== undefined) return member;
  throw new CliError(NOT_AWS.message, NOT_AWS.hint);
}
