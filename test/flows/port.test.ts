import { readFileSync } from "node:fs";
import { DescribeInstancesCommand, DescribeTagsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { ConfirmSubscriptionCommand, PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import cases from "../../audit.js-to-ts/cases.json" with { type: "json" };
import { createSigningIdentity, type SigningIdentity } from "../../src/local/aws/certificate.ts";
import { fetchedCertificates } from "../../src/sns/certificate.ts";
import { mockClients } from "../support/aws.ts";
import { FOUR_SECRETS } from "../support/config.ts";
import { stateChange } from "../support/events.ts";
import { callWebtask, type Settings } from "../support/hosts.ts";
import { fromSource } from "../support/test-stack.ts";

interface Case {
  readonly name: string;
  readonly delivery: {
    readonly state?: string;
    readonly ageSeconds?: number;
    readonly type?: string;
    readonly forged?: boolean;
    readonly body?: string;
    readonly message?: string;
  };
  readonly instance: { readonly state: string; readonly tags: Readonly<Record<string, string>> } | null;
  readonly fault?: string;
  readonly without?: string;
  readonly then: Did;
  readonly now: Did & { readonly status: number; readonly outcome: string };
  readonly why: string;
}

interface Did {
  readonly status: number | string;
  readonly calls: readonly string[];
  readonly alerts: number;
}

const NOW = Date.parse("2026-11-23T09:00:00Z");
const INSTANCE = "i-0123456789abcdef0";
const TOPIC = "arn:aws:sns:us-east-1:123456789012:ec2_launches_check";

const ec2 = mockClients(EC2Client);
const sns = mockClients(SNSClient);
let identity: SigningIdentity;

beforeAll(async () => {
  identity = await createSigningIdentity(NOW);
});
beforeEach(() => {
  ec2.reset();
  sns.reset();
});

function launchEvent(state: string, ageSeconds: number): string {
  return JSON.stringify(stateChange({ id: INSTANCE, state, time: new Date(NOW - ageSeconds * 1000).toISOString() }));
}

function bodyOf({ delivery }: Case): string {
  if (delivery.body !== undefined) return delivery.body;
  const Type = delivery.type ?? "Notification";
  const envelope = {
    Type,
    MessageId: "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
    TopicArn: TOPIC,
    Message: delivery.message ?? launchEvent(delivery.state ?? "", delivery.ageSeconds ?? 0),
    Timestamp: new Date(NOW).toISOString(),
    ...(Type !== "Notification" && { Token: "2336412f37fb687f", SubscribeURL: "https://sns.us-east-1.amazonaws.com/" }),
  };
  const signed = identity.sign(envelope);
  return JSON.stringify(delivery.forged ? { ...signed, MessageId: "another" } : signed);
}

function prepareAws({ instance, fault }: Case): void {
  const tags = Object.entries(instance?.tags ?? {}).map(([Key, Value]) => ({ Key, Value }));
  const described = { InstanceId: INSTANCE, State: { Name: instance?.state as "running" }, Tags: tags };
  ec2.on(DescribeTagsCommand).resolves({ Tags: tags.map((tag) => ({ ResourceId: INSTANCE, ...tag })) });
  ec2.on(DescribeInstancesCommand).resolves({ Reservations: instance ? [{ Instances: [described] }] : [] });
  sns.on(PublishCommand).resolves({ MessageId: "1" });
  sns.on(ConfirmSubscriptionCommand).resolves({ SubscriptionArn: `${TOPIC}:1` });
  const throttled = new Error("Rate exceeded");
  if (fault === "DescribeTags") ec2.on(DescribeTagsCommand).rejects(throttled);
  if (fault === "Publish") sns.on(PublishCommand).rejects(throttled);
}

/** The names of the calls in order, EC2's before SNS's. */
function callsMade(): string[] {
  const commands = [...ec2.calls(), ...sns.calls()].map(({ args: [command] }) => command.constructor.name);
  return commands.map((name) => name.replace(/Command$/, ""));
}

function deliver(body: string, secrets: Settings) {
  const now = () => NOW;
  const certificates = fetchedCertificates(async () => identity.certificate, now);
  const headers = { "content-type": "text/plain; charset=UTF-8" };
  return callWebtask(fromSource({}, { now, write: () => {}, certificates }), secrets, { headers, body });
}

describe("the function responds as the record of the port states", () => {
  it.each(cases as readonly Case[])("$name", async (port) => {
    prepareAws(port);
    const secrets = Object.entries(FOUR_SECRETS).filter(([key]) => key !== port.without);
    const { status, body } = await deliver(bodyOf(port), Object.fromEntries(secrets));
    expect({ status, outcome: JSON.parse(body).outcome, calls: callsMade() }).toEqual({
      status: port.now.status,
      outcome: port.now.outcome,
      calls: port.now.calls,
    });
    const published = await Promise.allSettled(sns.commandCalls(PublishCommand).map((call) => call.returnValue));
    expect(published.filter(({ status }) => status === "fulfilled")).toHaveLength(port.now.alerts);
  });
});

describe("the README of the record", () => {
  const did = ({ status, calls, ...rest }: Did & { outcome?: string }) =>
    `${[status, rest.outcome].filter(Boolean).join(" ")}, ${calls.length > 0 ? calls.join(" + ") : "no call"}`;

  it.each(cases as readonly Case[])("has a row for: $name", (port) => {
    const readme = readFileSync(new URL("../../audit.js-to-ts/README.md", import.meta.url), "utf8");
    expect(readme).toContain(`| ${port.name} | ${did(port.then)} | ${did(port.now)} | ${port.why} |\n`);
  });
});
