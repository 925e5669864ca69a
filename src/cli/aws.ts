import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { EC2Client } from "@aws-sdk/client-ec2";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { IAMClient } from "@aws-sdk/client-iam";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { SNSClient } from "@aws-sdk/client-sns";
import { SQSClient } from "@aws-sdk/client-sqs";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { isRegion } from "../regions.ts";
import { type Cli, CliError, type CommonOptions } from "./cli.ts";

/** Who the operator is, as AWS says. */
export interface Identity {
  readonly account: string;
  readonly arn: string;
}

/** AWS in one region, with the operator's own credentials. */
export interface Aws {
  readonly region: string;
  readonly ec2: EC2Client;
  readonly sns: SNSClient;
  readonly sqs: SQSClient;
  readonly events: EventBridgeClient;
  readonly sts: STSClient;
  readonly iam: IAMClient;
  readonly lambda: LambdaClient;
  readonly cloudformation: CloudFormationClient;
  /** Asks once, and throws what AWS or the credential chain throws. */
  identity(): Promise<Identity>;
}

/**
 * The clients for a region, with the credentials that the SDK's default chain finds (environment, profile, SSO, role), as
 * the AWS CLI does. The region is that of `--region`, AWS_REGION, AWS_DEFAULT_REGION or the profile, the first there is. The
 * endpoint is AWS's own, or that of AWS_ENDPOINT_URL.
 * @throws CliError when there is no region, or no such name of one
 */
export async function connect(cli: Cli, options: CommonOptions): Promise<Aws> {
  const named = options.region || cli.env.AWS_REGION || cli.env.AWS_DEFAULT_REGION;
  const settings = {
    ...(named && { region: named }),
    ...(options.profile && { profile: options.profile }),
    // A new operator's first mistake is not to be answered after minutes.
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 20_000, throwOnRequestTimeout: true },
  };
  const sts = new STSClient(settings);
  const region = await regionOf(sts);
  if (!isRegion(region)) {
    throw new CliError(`"${region}" is not the name of a region that is served here`, REGION_HINT);
  }
  let identity: Promise<Identity> | undefined;
  return {
    region,
    sts,
    ec2: new EC2Client(settings),
    sns: new SNSClient(settings),
    sqs: new SQSClient(settings),
    events: new EventBridgeClient(settings),
    iam: new IAMClient(settings),
    lambda: new LambdaClient(settings),
    cloudformation: new CloudFormationClient(settings),
    identity: () => {
      identity ??= askIdentity(sts);
      return identity;
    },
  };
}

const REGION_HINT = "Give --region us-east-1 (say), or set AWS_REGION.";

/** The SDK looks into the profile when nobody has named a region. */
async function regionOf(sts: STSClient): Promise<string> {
  try {
    return await sts.config.region();
  } catch (error) {
    if (error instanceof Error && /region is missing/i.test(error.message)) {
      throw new CliError("no region is named", REGION_HINT);
    }
    throw error;
  }
}

async function askIdentity(sts: STSClient): Promise<Identity> {
  const { Account, Arn } = await sts.send(new GetCallerIdentityCommand({}));
  if (!Account || !Arn)
    throw new CliError("GetCallerIdentity was answered by something that is not AWS", ENDPOINT_HINT);
  return { account: Account, arn: Arn };
}

const ENDPOINT_HINT = "Is AWS_ENDPOINT_URL right?";
