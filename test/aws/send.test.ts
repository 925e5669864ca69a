import { createServer } from "node:http";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createClients } from "../../src/aws/clients.ts";
import { createSend, type Send } from "../../src/aws/send.ts";
import { type EmbeddedAws, startEmbeddedAws } from "../../src/local/aws/index.ts";
import { configOf } from "../support/config.ts";
import { serveOnLoopback } from "../support/loopback.ts";

const ACCOUNT = "123456789012";
let aws: EmbeddedAws;
let sqs: SQSClient;
let send: Send;

const sendTo = (endpoint: string) =>
  createSend(createClients(configOf({ AWS_ENDPOINT_URL: endpoint }), Date.now), endpoint);

beforeEach(async () => {
  aws = await startEmbeddedAws({});
  const credentials = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "secret" };
  sqs = new SQSClient({ region: "us-east-1", endpoint: aws.endpoint, credentials });
  send = sendTo(aws.endpoint);
});
afterEach(() => aws.close());

async function createQueue(
  QueueName: string,
  Attributes: Record<string, string> = {},
): Promise<() => Promise<string[]>> {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
  return async () => {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
    return Messages.map(({ Body = "" }) => Body);
  };
}

describe("a text", () => {
  it("is in a queue at once, although the queue delays its messages", async () => {
    const received = await createQueue("launches", { DelaySeconds: "900" });
    await send(`arn:aws:sqs:us-east-1:${ACCOUNT}:launches`, "text");
    expect(await received()).toEqual(["text"]);
  });

  it("is in a FIFO queue once, however often it is sent", async () => {
    const received = await createQueue("launches.fifo", { FifoQueue: "true" });
    for (const text of ["one", "one", "two"]) await send(`arn:aws:sqs:us-east-1:${ACCOUNT}:launches.fifo`, text);
    expect(await received()).toEqual(["one", "two"]);
  });

  it("is published to a topic", async () => {
    const received = await createQueue("launches");
    const { endpoint } = aws;
    const sns = new SNSClient({ region: "us-east-1", endpoint, credentials: sqs.config.credentials });
    const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "ec2_launches_check" }));
    const Endpoint = `arn:aws:sqs:us-east-1:${ACCOUNT}:launches`;
    await sns.send(
      new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint, Attributes: { RawMessageDelivery: "true" } }),
    );
    await send(TopicArn, "text");
    await aws.idle();
    expect(await received()).toEqual(["text"]);
  });

  it("is not sent if the queue or topic does not exist", async () => {
    await expect(send(`arn:aws:sqs:us-east-1:${ACCOUNT}:gone`, "text")).rejects.toThrow();
    await expect(send(`arn:aws:sns:us-east-1:${ACCOUNT}:gone`, "text")).rejects.toThrow();
  });

  it.each([
    "arn:aws:lambda:us-east-1:123456789012:function:audit",
    "arn:aws:sqs:us-east-1.evil.example:123456789012:launches",
    "arn:aws:sqs:cn-north-1:123456789012:launches",
    "arn:aws:sqs:us-east-1:123456789012:../other",
    "",
  ])("is not sent to %j, which is neither a queue nor a topic", async (arn) => {
    const before = aws.calls.length;
    await expect(send(arn, "text")).rejects.toThrow("only to an SNS topic or an SQS queue");
    expect(aws.calls).toHaveLength(before);
  });

  it("counts as not sent if the response is not AWS's", async () => {
    const { url, close } = await serveOnLoopback(createServer((_, response) => response.end("{}")));
    await expect(sendTo(url)(`arn:aws:sqs:us-east-1:${ACCOUNT}:launches`, "text")).rejects.toThrow(
      "not from SNS or SQS",
    );
    await close();
  });
});
