import { createServer } from "node:http";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterEach, describe, expect, it } from "vitest";
import { createClients } from "../../src/aws/clients.ts";
import { isDenied } from "../../src/aws/denied.ts";
import { type EmbeddedAws, startEmbeddedAws } from "../../src/local/aws/index.ts";
import { configOf } from "../support/config.ts";
import { serveOnLoopback } from "../support/loopback.ts";

const ACCOUNTS = Array.from({ length: 45 }, (_, index) => String(123456789012 + index));
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function embedded(managementAccount?: string): Promise<EmbeddedAws> {
  const aws = await startEmbeddedAws({
    organization: { id: "o-abcdefghij", accounts: ACCOUNTS, ...(managementAccount && { managementAccount }) },
  });
  closing.push(() => aws.close());
  return aws;
}

const clientsOf = (endpoint: string) => createClients(configOf({ AWS_ENDPOINT_URL: endpoint }), Date.now);

describe("a service with AWS's JSON protocol", () => {
  it("sends a message to a queue, whatever its text", async () => {
    const aws = await embedded();
    const credentials = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "secret" };
    const sqs = new SQSClient({ region: "us-east-1", endpoint: aws.endpoint, credentials });
    const { QueueUrl } = await sqs.send(
      new CreateQueueCommand({ QueueName: "launches", Attributes: { DelaySeconds: "900" } }),
    );
    const MessageBody = JSON.stringify({ text: 'é\u2028\u0000 "quoted" 日本' });
    await clientsOf(aws.endpoint).sqs("us-east-1")("SendMessage", { QueueUrl, MessageBody, DelaySeconds: 0 });
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    expect(Messages.map(({ Body }) => Body)).toEqual([MessageBody]);
  });

  it("returns the output of a call", async () => {
    const aws = await embedded();
    const { Accounts, NextToken } = await clientsOf(aws.endpoint).organizations()("ListAccounts", {});
    expect(Accounts).toHaveLength(20);
    expect(NextToken).toEqual(expect.any(String));
  });

  it("throws AWS's error, by whose name the code decides", async () => {
    const aws = await embedded("123456789013");
    const error = await clientsOf(aws.endpoint)
      .organizations()("ListAccounts", {})
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: "AccessDeniedException", message: expect.stringContaining("permissions") });
    expect(isDenied(error)).toBe(true);
  });

  it.each([
    [200, "<html>a proxy</html>"],
    [503, ""],
    [500, '{"__type":7}'],
  ])("throws an error for a response that is not AWS's: %s %s", async (statusCode, body) => {
    const server = createServer((_, response) => response.writeHead(statusCode).end(body));
    const { url, close } = await serveOnLoopback(server);
    closing.push(close);
    await expect(clientsOf(url).sqs("us-east-1")("SendMessage", {})).rejects.toThrow("SendMessage");
  });

  it("throws the error of a connection that fails", async () => {
    await expect(clientsOf("http://127.0.0.1:9").sqs("us-east-1")("SendMessage", {})).rejects.toThrow("ECONNREFUSED");
  });
});
