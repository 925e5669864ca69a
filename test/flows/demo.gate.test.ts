import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { GetTopicAttributesCommand, PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { eventsToTopic, missingStatements } from "../../src/cli/setup/statements.ts";
import { readConfig } from "../../src/config.ts";

/** `npm start -- --keep` in an environment whose settings the demo must ignore. */

const ROOT = join(import.meta.dirname, "../..");
const SHELL = {
  REQUIRED_TAGS: "owner",
  AUDIT_POLICY: "{}",
  LAUNCH_TOPIC_ARN: "none",
  GRACE_SECONDS: "3000",
  AUDIT_ROLE_NAME: "nobody",
  AWS_REGION: "eu-west-1",
  AWS_PROFILE: "nobody",
  AWS_ENDPOINT_URL: "http://127.0.0.1:1",
  AWS_USE_FIPS_ENDPOINT: "true",
};

let demo: ChildProcess;
let shown = "";
beforeAll(async () => {
  const args = ["--import", "tsx", "--disable-warning=Warning", "src/local/demo/main.ts", "--keep"];
  demo = spawn(process.execPath, args, { cwd: ROOT, env: { ...process.env, ...SHELL, NO_COLOR: "1" } });
  demo.stdout?.setEncoding("utf8").on("data", (text) => {
    shown += text;
  });
  demo.stderr?.setEncoding("utf8").on("data", (text) => {
    shown += text;
  });
  await showing("The embedded AWS is at");
}, 90_000);
afterAll(() => void demo.kill("SIGKILL"));

const showing = (text: string) => vi.waitFor(() => expect(shown).toContain(text), { timeout: 80_000, interval: 100 });
const file = (name: string) => new RegExp(`\\S+/${name}`).exec(shown)?.[0] ?? "";
const settings = () => parseEnv(readFileSync(file("settings.env"), "utf8"));

describe("npm start -- --keep", () => {
  it("passes all its scenarios, whatever the environment", () => {
    const [, result = ""] = shown.split("Results");
    expect(result.match(/✓/g)).toHaveLength(7);
    expect(result).not.toContain("✗");
  });

  it("writes valid settings, each on one line, and a log that doctor can read", () => {
    expect(readConfig(settings())).toHaveProperty("config");
    expect(readFileSync(file("settings.env"), "utf8")).toMatch(
      /^SNS_SIGNING_CERT="-----BEGIN CERTIFICATE-----\\n.*"$/m,
    );
    const outcomes = readFileSync(file("function.log"), "utf8").trimEnd().split("\n");
    expect(outcomes.map((line) => JSON.parse(line).outcome)).toContain("violating");
  });

  it("writes a report of the instances that run at the end", () => {
    expect(shown).toMatch(/\(ec2-audit report\): \d+ instances, \d+ compliant, \d+ findings\.\n {2}\S+report\.html/);
  });

  it("fits eighty columns", () => {
    const [, help = ""] = shown.split("The demo keeps running");
    expect(help.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  it("shows any message to the alert topic as an e-mail from AWS, without control characters", async () => {
    const { AWS_ENDPOINT_URL = "", ALERT_TOPIC_ARN } = settings();
    const credentials = { accessKeyId: "local", secretAccessKey: "local" };
    const sns = new SNSClient({ region: "us-east-1", endpoint: AWS_ENDPOINT_URL, credentials });
    await sns.send(new PublishCommand({ TopicArn: ALERT_TOPIC_ARN, Message: "hello \u001b[31mred" }));
    await showing("AWS Notification Message");
    await showing("hello \\u001b[31mred");
    expect(shown).not.toContain("undefined");
  });

  it("allows EventBridge to publish in the launch topic's policy, as AWS requires", async () => {
    const { AWS_ENDPOINT_URL: endpoint = "", ALERT_TOPIC_ARN = "" } = settings();
    const credentials = { accessKeyId: "local", secretAccessKey: "local" };
    const sns = new SNSClient({ region: "us-east-1", endpoint, credentials });
    const TopicArn = ALERT_TOPIC_ARN.replace("ec2_audit_alert", "ec2_launches_check");
    const { Attributes } = await sns.send(new GetTopicAttributesCommand({ TopicArn }));
    expect(missingStatements(Attributes?.Policy, [eventsToTopic({ launchTopicArn: TopicArn })])).toEqual([]);
  });

  it("restarts the function when its settings are saved", async () => {
    appendFileSync(file("settings.env"), "GRACE_SECONDS=5\n");
    await showing("its configuration is valid");
    appendFileSync(file("settings.env"), "LOG_LEVEL=loud\n");
    await showing("its configuration is not valid: see its log");
  });

  it("removes its files when it ends", async () => {
    const log = file("function.log");
    demo.kill("SIGINT");
    await vi.waitFor(() => expect(existsSync(log)).toBe(false), { timeout: 10_000 });
  });
});
