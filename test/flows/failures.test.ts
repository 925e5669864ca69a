/** Calls to AWS that fail over real HTTP. */
import { CreateTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type EmbeddedAws, type Fault, startEmbeddedAws } from "../../src/local/aws/index.ts";
import { stateChange } from "../support/events.ts";
import { messageId, sqsEvent } from "../support/lambda.ts";
import { notification, signed } from "../support/sns.ts";
import { HTTP_HOSTS, onLambda, SETTINGS } from "../support/test-stack.ts";

let aws: EmbeddedAws;
let settings: typeof SETTINGS;
let event: ReturnType<typeof stateChange>;

beforeEach(async () => {
  aws = await startEmbeddedAws();
  settings = { ...SETTINGS, AWS_ENDPOINT_URL: aws.endpoint };
  const credentials = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "secret" };
  const sns = new SNSClient({ region: "us-east-1", endpoint: aws.endpoint, credentials });
  await sns.send(new CreateTopicCommand({ Name: "ec2_audit_alert" }));
  const [id = ""] = aws.launch({ account: aws.accountId, region: "us-east-1", count: 1 });
  event = stateChange({ id });
});
afterEach(() => aws.close());

/** The ids of the Publish calls with status 200. */
const alertIds = () =>
  aws.calls
    .filter(({ action, status }) => action === "Publish" && status === 200)
    .map(({ params }) => JSON.parse(JSON.parse(String(params.Message)).default).id);

const KINDS: readonly Fault["kind"][] = ["deny", "throttle", "error", "html", "hangup"];

describe.each(["DescribeTags", "DescribeInstances", "Publish"])("a %s call", (action) => {
  it.each(KINDS.flatMap((kind) => HTTP_HOSTS.map((host) => ({ kind, ...host }))))(
    "that fails ($kind) makes the $host return 503, and the next delivery is alerted",
    async ({ kind, open }) => {
      const stack = open(settings);
      aws.faults.add({ action, kind });
      const delivery = signed(notification(event));
      expect(await stack.deliver(delivery)).toMatchObject({ status: 503, body: expect.stringContaining('"failed"') });
      const before = alertIds().length;
      aws.faults.clear();
      expect((await stack.deliver(delivery)).status).toBe(200);
      expect(alertIds().slice(before)).toHaveLength(1);
      // A Publish call may succeed without its response: the same alert is then sent again.
      expect(new Set(alertIds()).size).toBe(1);
    },
  );

  it.each(KINDS)("that fails (%s) makes SQS deliver the message again, and then it is alerted", async (kind) => {
    const stack = onLambda(settings);
    aws.faults.add({ action, kind });
    const batch = sqsEvent(JSON.stringify(event));
    expect(await stack.invoke(batch)).toEqual({ batchItemFailures: [{ itemIdentifier: messageId(0) }] });
    aws.faults.clear();
    expect(await stack.invoke(batch)).toEqual({ batchItemFailures: [] });
    expect(new Set(alertIds()).size).toBe(1);
  });
});
