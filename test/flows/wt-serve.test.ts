import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EC2Client, RunInstancesCommand } from "@aws-sdk/client-ec2";
import { CreateTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EmbeddedAws, startEmbeddedAws } from "../../src/local/aws/index.ts";
import { freePort } from "../../src/local/free-port.ts";
import { BUILT_FILE, post } from "../support/hosts.ts";
import { launchEnvelope } from "../support/launch.ts";

/**
 * The public wt-cli is large and old, so it is no dependency of this project. `WT_CLI` is the path of `wt` where it is
 * installed (`npm install --prefix /tmp/wt wt-cli`; `WT_CLI=/tmp/wt/node_modules/.bin/wt npm test`).
 */
const wt = process.env.WT_CLI;

describe.skipIf(wt === undefined)(
  wt === undefined ? "wt serve (skipped: WT_CLI is not set to the path of the public wt-cli)" : "wt serve",
  () => {
    let aws: EmbeddedAws;
    let server: ChildProcess;
    let url: string;
    const folder = mkdtempSync(join(tmpdir(), "ec2-audit-wt-"));

    beforeAll(async () => {
      aws = await startEmbeddedAws();
      const credentials = { accessKeyId: "local", secretAccessKey: "local" };
      const sns = new SNSClient({ region: "us-east-1", endpoint: aws.endpoint, credentials });
      await sns.send(new CreateTopicCommand({ Name: "ec2_audit_alert" }));
      const secretsFile = join(folder, "secrets.env");
      const secrets = {
        AWS_REGION: "us-east-1",
        AWS_ACCESS_KEY_ID: "local",
        AWS_SECRET_ACCESS_KEY: "local",
        ALERT_TOPIC_ARN: "arn:aws:sns:us-east-1:123456789012:ec2_audit_alert",
        AWS_ENDPOINT_URL: aws.endpoint,
        SNS_SIGNING_CERT: aws.signingCert.trim().replaceAll(/\r?\n/g, "\\n"),
      };
      const lines = Object.entries(secrets).map(([key, value]) => `${key}=${value}`);
      writeFileSync(secretsFile, lines.join("\n"));
      const port = await freePort();
      const args = ["serve", BUILT_FILE, "--secrets-file", secretsFile, "--port", `${port}`, "--hostname", "127.0.0.1"];
      server = spawn(wt ?? "", args, { env: { ...process.env, NODE_NO_WARNINGS: "1" } });
      for await (const chunk of server.stdout ?? []) if (String(chunk).includes("listening")) break;
      url = `http://127.0.0.1:${port}/`;
    }, 60_000);
    afterAll(async () => {
      server?.kill();
      if (server) await once(server, "exit");
      await aws?.close();
      rmSync(folder, { recursive: true });
    });

    it("accepts a signed delivery, and publishes to the emulator at AWS_ENDPOINT_URL", async () => {
      const credentials = { accessKeyId: "local", secretAccessKey: "local" };
      const ec2 = new EC2Client({ region: "us-east-1", endpoint: aws.endpoint, credentials });
      const { Instances = [] } = await ec2.send(
        new RunInstancesCommand({ ImageId: "ami-0abcdef1234567890", MinCount: 1, MaxCount: 1 }),
      );
      const now = Date.now();
      const envelope = launchEnvelope(Instances[0]?.InstanceId ?? "", { at: now - 120_000, now });
      const { status, body } = await post(url, JSON.stringify(aws.sign(envelope)));
      expect([status, body.outcome]).toEqual([200, "violating"]);
      expect(aws.callCounts.get("sns:Publish")).toBe(1);
    });
  },
);
