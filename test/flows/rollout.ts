import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EC2Client, RunInstancesCommand } from "@aws-sdk/client-ec2";
import { ListSubscriptionsCommand, type Subscription } from "@aws-sdk/client-sns";
import { afterAll, beforeAll, vi } from "vitest";
import { clientsAt } from "../cli/installed.ts";

/**
 * A complete rollout with the command line, in steps that depend on each other: from an empty account to an alert, and back to
 * an empty account. The function is the built file.
 */

/** What an account without an installation has. */
export const NOTHING = { topics: [], queues: [], rules: [] };
export const ALERT_TOPIC = "arn:aws:sns:us-east-1:123456789012:ec2_audit_alert";

/** The function's settings. Without a grace, it audits a launch at the first delivery. */
export function settingsAt(endpoint: string, certificate: string): Record<string, string> {
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
export function folderWith(settings: Readonly<Record<string, string>>): string {
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
export async function launchUntagged(endpoint: string): Promise<string> {
  const { Instances = [] } = await ec2At(endpoint).send(
    new RunInstancesCommand({ ImageId: "ami-12c6146b", MinCount: 1, MaxCount: 1 }),
  );
  return Instances[0]?.InstanceId ?? "";
}

/** Returns every subscription. */
export async function subscriptionsAt(endpoint: string): Promise<Subscription[]> {
  const { Subscriptions = [] } = await clientsAt(endpoint).sns.send(new ListSubscriptionsCommand({}));
  return Subscriptions;
}

/** Silences stdout for the test file, because the function writes its log there. */
export function useSilentLog(): void {
  beforeAll(() => void vi.spyOn(process.stdout, "write").mockReturnValue(true));
  afterAll(() => void vi.restoreAllMocks());
}
