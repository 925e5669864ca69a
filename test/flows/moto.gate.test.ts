import { readFileSync } from "node:fs";
import { EC2Client, RunInstancesCommand } from "@aws-sdk/client-ec2";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createSigningIdentity, type SigningIdentity } from "../../src/local/aws/certificate.ts";
import { findMotoServer, motoTarget, type Target } from "../local/targets.ts";
import { type CannedAws, startCannedAws } from "../support/canned-aws.ts";
import { loadBuilt, post, serve } from "../support/hosts.ts";
import { launchEnvelope } from "../support/launch.ts";
import type { Served } from "../support/loopback.ts";

/** The deployed file against an emulator of another project. */
const moto = findMotoServer();

describe.skipIf(moto === undefined)(
  moto === undefined
    ? "the built file against moto_server (skipped: it is not on the PATH)"
    : "the built file against moto_server",
  () => {
    let target: Target;
    /** Passes each call on to moto_server. */
    let proxy: CannedAws;
    let served: Served;
    let identity: SigningIdentity;
    let ec2: EC2Client;
    let sqs: SQSClient;
    let QueueUrl: string | undefined;

    beforeAll(async () => {
      vi.spyOn(process.stdout, "write").mockReturnValue(true);
      target = await motoTarget(moto ?? "");
      proxy = await startCannedAws(async ({ parameters }, { headers }) => {
        const { authorization = "" } = headers;
        const sent = { method: "POST", headers: { authorization }, body: parameters };
        return (await fetch(target.endpoint, sent)).text();
      });
      identity = await createSigningIdentity(Date.now());
      const credentials = { accessKeyId: "testing", secretAccessKey: "testing" };
      const settings = { region: "us-east-1", endpoint: target.endpoint, credentials };
      ec2 = new EC2Client(settings);
      sqs = new SQSClient(settings);
      const sns = new SNSClient(settings);
      const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: "ec2_audit_alert" }));
      ({ QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "alerts" })));
      const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }));
      await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: Attributes?.QueueArn }));
      served = await serve(loadBuilt(), {
        AWS_REGION: "us-east-1",
        AWS_ACCESS_KEY_ID: "testing",
        AWS_SECRET_ACCESS_KEY: "testing",
        ALERT_TOPIC_ARN: TopicArn ?? "",
        AWS_ENDPOINT_URL: proxy.url,
        SNS_SIGNING_CERT: identity.certificate,
      });
      // Its first run calls GetCallerIdentity.
      await fetch(served.url);
    }, 60_000);
    afterAll(async () => {
      await served?.close();
      await proxy?.close();
      await target?.close();
      vi.restoreAllMocks();
    });

    /** Launches an instance, and delivers its event as SNS does two minutes later. Returns the calls and alerts. */
    async function launchAndDeliver(tags: Readonly<Record<string, string>>) {
      const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
      const TagSpecifications = Tags.length > 0 ? [{ ResourceType: "instance" as const, Tags }] : [];
      const { Instances = [] } = await ec2.send(
        new RunInstancesCommand({ ImageId: "ami-12c6146b", MinCount: 1, MaxCount: 1, TagSpecifications }),
      );
      const instanceId = Instances[0]?.InstanceId ?? "";
      const now = Date.now();
      const from = proxy.calls.length;
      const envelope = identity.sign(launchEnvelope(instanceId, { at: now - 120_000, now }));
      const { status } = await post(served.url, JSON.stringify(envelope));
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 600 }),
      );
      const actions = proxy.calls.slice(from).map(({ action }) => action);
      return { instanceId, status, actions, messages: Messages };
    }

    const documentOf = ({ Body = "" }: Message) => JSON.parse(JSON.parse(Body).Message);

    it("sends one alert for an untagged launch, which matches the published schema", async () => {
      const { instanceId, status, actions, messages } = await launchAndDeliver({ Name: 'web <1> & "two"' });
      expect([status, messages.length]).toEqual([200, 1]);
      expect(actions).toEqual(["DescribeTags", "DescribeInstances", "Publish"]);
      const [alert] = messages.map(documentOf);
      const schema = JSON.parse(readFileSync(new URL("../../src/alerts/alert.schema.json", import.meta.url), "utf8"));
      const ajv = new Ajv2020();
      addFormats.default(ajv);
      expect(ajv.validate(schema, alert), ajv.errorsText()).toBe(true);
      expect(alert).toMatchObject({
        account: "123456789012",
        region: "us-east-1",
        findings: [{ instanceId, rule: "required-tags", missing: ["service"], name: 'web <1> & "two"' }],
      });
    });

    it("sends no alert for a tagged launch, and makes one DescribeTags call", async () => {
      const { status, actions, messages } = await launchAndDeliver({ Name: "web-1", service: "shop" });
      expect([status, actions, messages]).toEqual([200, ["DescribeTags"], []]);
    });
  },
);
