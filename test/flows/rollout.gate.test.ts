import { rmSync } from "node:fs";
import { DisableRuleCommand, ListTargetsByRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { SubscribeCommand } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SetQueueAttributesCommand,
} from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSigningIdentity, type SigningIdentity } from "../../src/local/aws/certificate.ts";
import { clientsAt, everything } from "../cli/installed.ts";
import { operatorAt, type Ran, runCommand } from "../cli/run.ts";
import { findMotoServer, motoTarget, type Target } from "../local/targets.ts";
import { loadBuilt, post, serve } from "../support/hosts.ts";
import { launchEnvelope } from "../support/launch.ts";
import type { Served } from "../support/loopback.ts";
import {
  ALERT_TOPIC,
  folderWith,
  launchUntagged,
  NOTHING,
  settingsAt,
  subscriptionsAt,
  useSilentLog,
} from "./rollout.ts";

useSilentLog();

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
        rules: ["ec2_launches", "ec2_launches-tag-changes", "ec2_launches-terminated"],
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
