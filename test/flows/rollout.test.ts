import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EC2Client, RunInstancesCommand } from "@aws-sdk/client-ec2";
import { DisableRuleCommand, ListTargetsByRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import {
  ConfirmSubscriptionCommand,
  ListSubscriptionsCommand,
  SubscribeCommand,
  type Subscription,
} from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SetQueueAttributesCommand,
} from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createSigningIdentity, type SigningIdentity } from "../../src/local/aws/certificate.ts";
import { type EmbeddedAws, startEmbeddedAws } from "../../src/local/aws/index.ts";
import { clientsAt, everything } from "../cli/installed.ts";
import { operatorAt, type Ran, runCommand } from "../cli/run.ts";
import { findMotoServer, motoTarget, type Target } from "../local/targets.ts";
import { loadBuilt, post, serve } from "../support/hosts.ts";
import { launchEnvelope } from "../support/launch.ts";
import type { Served } from "../support/loopback.ts";

/**
 * A complete rollout with the command line, in steps that depend on each other: from an empty account to an alert, and back to
 * an empty account. The function is the built file.
 */

const NOTHING = { topics: [], queues: [], rules: [] };
const ALERT_TOPIC = "arn:aws:sns:us-east-1:123456789012:ec2_audit_alert";

/** The function's settings. Without a grace, it audits a launch at the first delivery. */
function settingsAt(endpoint: string, certificate: string): Record<string, string> {
  return {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "function",
    AWS_SECRET_ACCESS_KEY: "function-secret",
    ALERT_TOPIC_ARN: ALERT_TOPIC,
    AWS_ENDPOINT_URL: endpoint,
    SNS_SIGNING_CERT: certificate,
    GRACE_SECONDS: "0",
  };
}

/** Writes the function's settings to a new folder of the operator. */
function folderWith(settings: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "ec2-audit-rollout-"));
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value.trim().replaceAll(/\r?\n/g, "\\n")}\n`);
  writeFileSync(join(folder, ".env"), lines.join(""));
  return folder;
}

const ec2At = (endpoint: string) =>
  new EC2Client({
    region: "us-east-1",
    endpoint,
    credentials: { accessKeyId: "somebody", secretAccessKey: "else" },
  });

/** Launches an instance without tags. */
async function launchUntagged(endpoint: string): Promise<string> {
  const { Instances = [] } = await ec2At(endpoint).send(
    new RunInstancesCommand({ ImageId: "ami-12c6146b", MinCount: 1, MaxCount: 1 }),
  );
  return Instances[0]?.InstanceId ?? "";
}

async function subscriptionsAt(endpoint: string): Promise<Subscription[]> {
  const { Subscriptions = [] } = await clientsAt(endpoint).sns.send(new ListSubscriptionsCommand({}));
  return Subscriptions;
}

beforeAll(() => {
  // The function writes its log to stdout.
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
});
afterAll(() => {
  vi.restoreAllMocks();
});

describe("a rollout on the embedded AWS, with its policies checked", () => {
  let aws: EmbeddedAws;
  let served: Served;
  let folder: string;
  const run = (line: string): Promise<Ran> => runCommand(line.split(" "), { env: operatorAt(aws.endpoint), folder });

  beforeAll(async () => {
    aws = await startEmbeddedAws({ topicPolicies: "checked", queuePolicies: "checked" });
    const settings = settingsAt(aws.endpoint, aws.signingCert);
    folder = folderWith(settings);
    served = await serve(loadBuilt(), settings);
  });
  afterAll(async () => {
    await served.close();
    await aws.close();
    rmSync(folder, { recursive: true });
  });

  it("begins with setup in an empty account, and the team's confirmation", async () => {
    expect((await run("setup --email team@example.com")).code).toBe(0);
    const [mail] = aws.mails;
    const { sns } = clientsAt(aws.endpoint);
    await sns.send(new ConfirmSubscriptionCommand({ TopicArn: mail?.topicArn, Token: mail?.token }));
  });

  it("subscribes the function with setup --url", async () => {
    const { code, out } = await run(`setup --url ${served.url}`);
    expect([code, out]).toEqual([0, expect.stringContaining("The function has confirmed")]);
  });

  it("changes nothing when setup runs again", async () => {
    const { code, out } = await run(`setup --email team@example.com --url ${served.url}`);
    expect([code, out]).toEqual([0, expect.stringContaining("There is nothing to change.")]);
  });

  it("passes every check of doctor", async () => {
    const { code, out } = await run("doctor");
    expect([code, out]).toEqual([0, expect.stringContaining("0 failed")]);
  });

  it("sends the team an e-mail about an untagged launch, through EventBridge, SNS, the function and SNS", async () => {
    const id = await launchUntagged(aws.endpoint);
    await aws.idle();
    const [mail, ...more] = aws.mails.filter(({ type }) => type === "Notification");
    expect([mail?.to, more]).toEqual(["team@example.com", []]);
    expect(mail?.subject).toBe(`[MEDIUM] ${id} lacks tags name, service (us-east-1, 123456789012)`);
    expect(mail?.body).toContain(id);
  });

  it("ends with teardown, which leaves nothing behind", async () => {
    expect((await run("teardown --yes")).code).toBe(0);
    expect(await everything(clientsAt(aws.endpoint))).toEqual(NOTHING);
    expect(await subscriptionsAt(aws.endpoint)).toEqual([]);
    expect((await run("teardown")).out).toContain("setup created nothing in us-east-1");
  });
});

const moto = findMotoServer();

// moto sends no EC2 events, and confirms a subscription without calling the endpoint, so the test signs and delivers.
describe.skipIf(moto === undefined)(
  moto === undefined
    ? "a rollout on moto_server (skipped: it is not on the PATH)"
    : "a rollout on moto_server, with deliveries signed by the test",
  () => {
    let target: Target;
    let identity: SigningIdentity;
    let served: Served;
    let folder: string;
    const run = (line: string): Promise<Ran> =>
      runCommand(line.split(" "), { env: operatorAt(target.endpoint), folder });

    beforeAll(async () => {
      target = await motoTarget(moto ?? "");
      identity = await createSigningIdentity(Date.now());
      const settings = settingsAt(target.endpoint, identity.certificate);
      folder = folderWith(settings);
      served = await serve(loadBuilt(), settings);
    }, 60_000);
    afterAll(async () => {
      await served?.close();
      await target?.close();
      rmSync(folder, { recursive: true });
    });

    it("begins with setup in an empty account, which later repairs only what has changed", async () => {
      const line = `setup --email team@example.com --tag-changes --url ${served.url}`;
      expect((await run(line)).code).toBe(0);
      expect(await everything(clientsAt(target.endpoint))).toEqual({
        topics: ["ec2_audit_alert", "ec2_launches_check"],
        queues: ["ec2_launches_check_dead"],
        rules: ["ec2_launches", "ec2_launches-tag-changes"],
      });
      expect((await run(line)).out).toContain("There is nothing to change.");
      const { events, sqs } = clientsAt(target.endpoint);
      const Rule = "ec2_launches";
      await events.send(new DisableRuleCommand({ Name: Rule }));
      // The embedded AWS does not support inputs of targets.
      const { Targets: [whole] = [] } = await events.send(new ListTargetsByRuleCommand({ Rule }));
      await events.send(new PutTargetsCommand({ Rule, Targets: [{ Id: "", Arn: "", ...whole, Input: '{"a":1}' }] }));
      const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: "ec2_launches_check_dead" }));
      const Attributes = { SqsManagedSseEnabled: "false" };
      await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
      const { out } = await run(line);
      expect(out).toContain("state: DISABLED → ENABLED");
      expect(out).toContain("target launch-topic: Input → none");
      expect(out).toContain("SqsManagedSseEnabled: false → true");
      expect((await run(line)).out).toContain("There is nothing to change.");
      expect((await events.send(new ListTargetsByRuleCommand({ Rule }))).Targets).toEqual([whole]);
    });

    it("passes every check of doctor", async () => {
      const { code, out } = await run("doctor");
      expect([code, out]).toEqual([0, expect.stringContaining("0 failed")]);
    });

    it("sends an alert about an untagged launch", async () => {
      const { sns, sqs } = clientsAt(target.endpoint);
      const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "alerts" }));
      const Endpoint = "arn:aws:sqs:us-east-1:123456789012:alerts";
      await sns.send(new SubscribeCommand({ TopicArn: ALERT_TOPIC, Protocol: "sqs", Endpoint }));
      const id = await launchUntagged(target.endpoint);
      const now = Date.now();
      const envelope = identity.sign(launchEnvelope(id, { at: now, now }));
      expect((await post(served.url, JSON.stringify(envelope))).status).toBe(200);
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
      const alert = JSON.parse(JSON.parse(Messages[0]?.Body ?? "").Message);
      expect(alert).toMatchObject({ findings: [{ instanceId: id, missing: ["name", "service"] }] });
    });

    it("ends with teardown, which leaves nothing behind", async () => {
      expect((await run("teardown --yes")).code).toBe(0);
      expect(await everything(clientsAt(target.endpoint))).toEqual({ ...NOTHING, queues: ["alerts"] });
      expect(await subscriptionsAt(target.endpoint)).toEqual([]);
    });
  },
);
