import type { IncomingMessage, ServerResponse } from "node:http";
import { DescribeTagsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";

/**
 * The baseline: the simplest audit with the SDK. It keeps one client for each service, verifies nothing, and has no grace,
 * no confirmation by DescribeInstances and no log.
 */
interface Context {
  secrets: Record<string, string>;
}

let clients: { ec2: EC2Client; sns: SNSClient } | null = null;

function open({ secrets }: Context) {
  const settings = {
    region: secrets.AWS_REGION ?? "",
    endpoint: secrets.AWS_ENDPOINT_URL ?? "",
    credentials: {
      accessKeyId: secrets.AWS_ACCESS_KEY_ID ?? "",
      secretAccessKey: secrets.AWS_SECRET_ACCESS_KEY ?? "",
    },
  };
  clients ??= { ec2: new EC2Client(settings), sns: new SNSClient(settings) };
  return clients;
}

async function audit(context: Context, body: string): Promise<void> {
  const { ec2, sns } = open(context);
  const event = JSON.parse(JSON.parse(body).Message);
  const id = event.detail["instance-id"];
  const { Tags = [] } = await ec2.send(new DescribeTagsCommand({ Filters: [{ Name: "resource-id", Values: [id] }] }));
  const missing = ["name", "service"].filter((key) => !Tags.some((tag) => tag.Key?.toLowerCase() === key && tag.Value));
  if (missing.length === 0) return;
  await sns.send(
    new PublishCommand({
      TopicArn: context.secrets.ALERT_TOPIC_ARN,
      Subject: "Tagging rules violation",
      Message: `${id}: missing ${missing.join(", ")}`,
    }),
  );
}

export default function plain(context: Context, request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    audit(context, Buffer.concat(chunks).toString("utf8")).then(
      () => response.writeHead(200).end("{}"),
      () => response.writeHead(500).end("{}"),
    );
  });
}
