import { CreateTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import { startEmbeddedAws, systemClock } from "../../src/local/aws/index.ts";
import { RULE_KINDS } from "../../src/policy/rules/index.ts";
import { FOUR_SECRETS } from "../support/config.ts";
import { runInstances } from "../support/events.ts";
import { sqsEvent } from "../support/lambda.ts";
import { onLambda } from "../support/test-stack.ts";

const LAUNCHES = 200;

/** The EC2 operations for launches of one account and region. */
export interface Operations {
  readonly launches: number;
  readonly ours: number;
  /** With a call for each fact of each instance. */
  readonly oneByOne: number;
}

/**
 * Counts the EC2 operations for 200 launches of one account and region, with each rule kind in force: its example, and the
 * default VPC, which is a fact of its own. Throws Error when the launches are not settled.
 */
export async function countOperations(): Promise<Operations> {
  const aws = await startEmbeddedAws({ clock: systemClock({ speed: 100 }) });
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = FOUR_SECRETS;
  const sns = new SNSClient({
    ...{ region: "us-east-1", endpoint: aws.endpoint, credentials: { accessKeyId, secretAccessKey } },
  });
  await sns.send(new CreateTopicCommand({ Name: "ec2_audit_alert" }));
  // Rules about a running instance are not judged before, and their facts are not complete.
  const ids = aws.launch({ count: LAUNCHES });
  await new Promise((done) => setTimeout(done, 200));
  const rules = [...RULE_KINDS.map(({ example }) => example.rule), { rule: "network", id: "vpc", defaultVpc: false }];
  const stack = onLambda({
    ...FOUR_SECRETS,
    AWS_ENDPOINT_URL: aws.endpoint,
    AUDIT_POLICY: JSON.stringify({ rules }),
  });
  const result = await stack.invoke(sqsEvent(JSON.stringify(runInstances({ ids }))));
  if (JSON.stringify(result) !== '{"batchItemFailures":[]}') throw new Error(stack.lines.join("\n"));
  const ours = aws.calls.filter(({ action }) => action.startsWith("Describe")).length;
  await aws.close();
  return { launches: LAUNCHES, ours, oneByOne: LAUNCHES * 5 };
}
