import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { EC2Client } from "@aws-sdk/client-ec2";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { IAMClient } from "@aws-sdk/client-iam";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { S3Client } from "@aws-sdk/client-s3";
import { SNSClient } from "@aws-sdk/client-sns";
import { SQSClient } from "@aws-sdk/client-sqs";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { isRegion } from "../aws/regions.ts";
import type { Cli, CommonOptions } from "./cli.ts";
import { CliError } from "./cli-error.ts";
import { chooseCredentials, PROFILES_HINT } from "./credentials.ts";
import { NOT_AWS } from "./explain.ts";

/** Who the operator is, as AWS says. */
export interface Identity {
  readonly account: string;
  readonly arn: string;
}

/** AWS in one region, with the operator's own credentials. */
export interface Aws {
  readonly region: string;
  /** What the credentials are, such as "the profile ops". */
  readonly credentials: string;
  readonly ec2: EC2Client;
  readonly sns: SNSClient;
  readonly sqs: SQSClient;
  readonly events: EventBridgeClient;
  readonly sts: STSClient;
  readonly iam: IAMClient;
  readonly lambda: LambdaClient;
  readonly cloudformation: CloudFormationClient;
  readonly s3: S3Client;
  /** Asks once, and throws what AWS or the credential chain throws. */
  identity(): Promise<Identity>;
}

/**
 * The clients for a region. All have the same credentials, from one provider: `chooseCredentials` says which. The region is
 * that of `--region`, AWS_REGION, AWS_DEFAULT_REGION or the profile, the first there is. The endpoint is AWS's own, or that
 * of AWS_ENDPOINT_URL. A variable of AWS that is empty counts as not set, and is removed from the environment.
 * @throws CliError when there is no region, or no such name of one, no such profile, or an endpoint that is not a URL
 */
export async function connect(cli: Cli, options: CommonOptions): Promise<Aws> {
  for (const [name, value] of Object.entries(cli.env)) {
    if (name.startsWith("AWS_") && value === "") delete cli.env[name];
  }
  checkEndpoints(cli.env);
  const chosen = await chooseCredentials(cli.env, options.profile);
  const named = options.region || cli.env.AWS_REGION || cli.env.AWS_DEFAULT_REGION;
  const settings = {
    ...(named && { region: named }),
    ...(options.profile && { profile: options.profile }),
    // A new operator's first mistake is not to be answered after minutes.
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 20_000, throwOnRequestTimeout: true },
  };
  // The provider warns of keys next to a profile, but the choice has already been made.
  const sts = new STSClient({ ...settings, ...chosen.settings, logger: SILENT });
  const region = await regionOf(sts, chosen.profile ?? cli.env.AWS_PROFILE);
  if (!isRegion(region)) {
    throw new CliError(`"${region}" is not the name of an AWS region, such as us-east-1`, REGION_HINT);
  }
  const shared = { ...settings, credentials: sts.config.credentials };
  let identity: Promise<Identity> | undefined;
  return {
    region,
    credentials: chosen.name,
    sts,
    ec2: new EC2Client(shared),
    sns: new SNSClient(shared),
    sqs: new SQSClient(shared),
    events: new EventBridgeClient(shared),
    iam: new IAMClient(shared),
    lambda: new LambdaClient(shared),
    cloudformation: new CloudFormationClient(shared),
    s3: new S3Client(shared),
    identity: () => {
      identity ??= askIdentity(sts, chosen.profile);
      return identity;
    },
  };
}

const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

const REGION_HINT = "Give --region us-east-1 (say), or set AWS_REGION.";

/** AWS_ENDPOINT_URL, and those of one service, such as AWS_ENDPOINT_URL_SNS: the SDK itself fails without naming them. */
function checkEndpoints(env: NodeJS.ProcessEnv): void {
  for (const [name, url] of Object.entries(env)) {
    if (!/^AWS_ENDPOINT_URL(?:_|$)/.test(name) || !url) continue;
    const isUrl = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
    if (!isUrl) throw new CliError(`${name} is not a URL`, "Such as http://127.0.0.1:4566.");
  }
}

/** The SDK looks into the profile when nobody has named a region. */
async function regionOf(sts: STSClient, profile: string | undefined): Promise<string> {
  try {
    return await sts.config.region();
  } catch (error) {
    if (error instanceof Error && /region is missing/i.test(error.message)) {
      if (!profile) throw new CliError("no region is named", REGION_HINT);
      throw new CliError(
        `no region is named, nor is one found for the profile ${profile}`,
        `${REGION_HINT} ${PROFILES_HINT}`,
      );
    }
    throw error;
  }
}

async function askIdentity(sts: STSClient, profile: string | null): Promise<Identity> {
  try {
    const { Account, Arn } = await sts.send(new GetCallerIdentityCommand({}));
    return { account: answered(Account), arn: answered(Arn) };
  } catch (error) {
    // The chain says the same of a profile that is not there and of one that has no credentials.
    if (profile && error instanceof Error && /could not (?:load|resolve) credentials/i.test(error.message)) {
      throw new CliError(
        `no AWS credentials were found for the profile ${profile}`,
        `${PROFILES_HINT} If it is one of them: aws sso login, or aws configure, with --profile ${profile}.`,
      );
    }
    throw error;
  }
}

/**
 * What AWS always gives in an answer. A page of some other server can be read as an answer with nothing in it.
 * @throws CliError when it is not there
 */
export function answered<T>(member: T | undefined): T {
  if (member !== undefined) return member;
  throw new CliError(NOT_AWS.message, NOT_AWS.hint);
}
