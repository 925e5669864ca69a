import { SetTopicAttributesCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, GetQueueUrlCommand, SetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { mockClient } from "aws-sdk-client-mock";
import { describe, expect, it } from "vitest";
import {
  ALERT_TOPIC,
  aws,
  changesOf,
  DEAD_LETTERS,
  everything,
  LAUNCH_TOPIC,
  run,
  sns,
  sqs,
  startDeafFunction,
  useEmptyAws,
} from "../installed.ts";

useEmptyAws();

describe("ec2-audit setup, asked about", () => {
  it("with --dry-run prints what it would do, and does none of it", async () => {
    const { url } = await startDeafFunction();
    const changes = await changesOf(async () => {
      const { code, out } = await run(`setup --dry-run --email ann@example.com --url ${url}`);
      expect(code).toBe(0);
      expect(out).toMatch(/\+ rule {19}ec2_launches {2,}would be created/);
      expect(out).toContain("Nothing was changed: this was a dry run.");
    });
    expect(changes).toEqual([]);
    expect(await everything()).toEqual({ topics: [], queues: [], rules: [] });
  });

  it("with --json prints one document, and nothing else on the standard output", async () => {
    const first = JSON.parse((await run("setup --json")).out);
    expect(first).toMatchObject({
      region: "us-east-1",
      account: "123456789012",
      launchTopicArn: LAUNCH_TOPIC,
      alertTopicArn: ALERT_TOPIC,
      deadLetterQueueArn: DEAD_LETTERS,
      dryRun: false,
      confirmed: null,
    });
    const actions = (document: { resources: { kind: string; action: string }[] }) =>
      document.resources.map(({ kind, action }) => `${kind}: ${action}`);
    expect(actions(first)).toEqual([
      "dead-letter queue: create",
      "launch topic: create",
      "alert topic: create",
      "rule: create",
    ]);
    const second = JSON.parse((await run("setup --json")).out);
    expect(new Set(second.resources.map(({ action }: { action: string }) => action))).toEqual(new Set(["nothing"]));
    expect(second.resources[0]).toMatchObject({ state: "correct", madeBySetup: true, differences: [] });
  });

  it("with --show-policy prints the least that the function's user needs, and does nothing", async () => {
    const { out } = await run("setup --show-policy --alert-topic alerts");
    expect(JSON.parse(out)).toEqual({
      Version: "2012-10-17",
      Statement: [
        { Effect: "Allow", Action: ["ec2:DescribeTags", "ec2:DescribeInstances"], Resource: "*" },
        { Effect: "Allow", Action: "sns:Publish", Resource: "arn:aws:sns:us-east-1:123456789012:alerts" },
        { Effect: "Allow", Action: ["sns:Subscribe", "sns:ConfirmSubscription"], Resource: LAUNCH_TOPIC },
      ],
    });
    expect((await everything()).topics).toEqual([]);
  });

  it("with --show-policy lets the user use the key of an encrypted alert topic, as the topic names it", async () => {
    await run("setup");
    const key = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555";
    const Allow = { Effect: "Allow", Action: ["kms:GenerateDataKey*", "kms:Decrypt"] };
    const withKey = async (AttributeValue: string) => {
      const change = { TopicArn: ALERT_TOPIC, AttributeName: "KmsMasterKeyId", AttributeValue };
      await sns.send(new SetTopicAttributesCommand(change));
      return JSON.parse((await run("setup --show-policy")).out).Statement.slice(3);
    };
    expect(await withKey(key)).toEqual([{ ...Allow, Resource: key }]);
    expect(await withKey("11111111-2222-3333-4444-555555555555")).toEqual([{ ...Allow, Resource: key }]);
    expect(await withKey("alias/alerts")).toEqual([
      {
        ...Allow,
        Resource: "arn:aws:kms:us-east-1:123456789012:key/*",
        Condition: { "ForAnyValue:StringEquals": { "kms:ResourceAliases": "alias/alerts" } },
      },
    ]);
    // Its policy lets in everybody of the account, and cannot be changed.
    expect(await withKey("alias/aws/sns")).toEqual([]);
  });

  it("with --audit-role, the policy also lets the user assume that role in other accounts", async () => {
    const { out } = await run("setup --show-policy --audit-role ec2-audit-read");
    expect(JSON.parse(out).Statement.at(-1)).toEqual({
      Effect: "Allow",
      Action: "sts:AssumeRole",
      Resource: "arn:aws:iam::*:role/ec2-audit-read",
    });
  });
});

describe("ec2-audit setup, used wrongly, says what is wrong before it asks AWS for anything", () => {
  it.each([
    ["--email ann", '"ann" is not an e-mail address'],
    ["--url https//x", "--url is not the URL of a function"],
    ["--url https://ann:pass-word@example.com/", "--url must not contain a user or a password"],
    ["--url ftp://example.com/", "--url is not the URL of a function"],
    ["--launch-topic a.fifo", "the launch topic cannot be a FIFO topic"],
    ["--launch-topic same --alert-topic same", "the launch topic and the alert topic must differ"],
    [`--alert-topic ${ALERT_TOPIC}`, "is not a valid name for the alert topic"],
    [`--rule ${"r".repeat(53)}`, "is not a valid name for the rule"],
    ["--dead-letter-queue dead.fifo", "is not a valid name for the dead-letter queue"],
    ["--show-policy --audit-role arn:aws:iam::123456789012:role/read", "--audit-role is not the name of an IAM role"],
    ["--skip-health-check", "--skip-health-check requires --url"],
    ["--audit-role ec2-audit-read", "--audit-role requires --show-policy"],
    ["--alert-topic a.fifo --email ann@example.com", "a FIFO topic sends no e-mail"],
  ])("%s", async (options, message) => {
    const { code, err } = await run(`setup ${options}`);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
    expect(aws.calls.filter(({ action }) => action !== "GetCallerIdentity")).toEqual([]);
  });

  it("an http:// URL where AWS is not an emulator", async () => {
    const { code, err } = await run("setup --url http://example.com/", { env: { AWS_ENDPOINT_URL: "" } });
    expect([code, err]).toEqual([2, expect.stringContaining("--url must be an https:// URL")]);
  });
});

it("names the queue, and the minute to wait, when one of its name has just been deleted", async () => {
  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html; the embedded AWS forgets at once.
  const mock = mockClient(SQSClient);
  const refusal = (name: string) => Object.assign(new Error("no"), { name });
  mock.on(GetQueueUrlCommand).rejects(refusal("QueueDoesNotExist"));
  mock.on(CreateQueueCommand).rejects(refusal("QueueDeletedRecently"));
  const { code, err } = await run("setup").finally(() => mock.restore());
  expect(code).toBe(2);
  expect(err).toContain("a queue named ec2_launches_check_dead was deleted less than a minute ago");
  expect(err).toContain("Run setup again in a minute");
});

it("names what AWS does not allow the operator, and is finished by one who may", async () => {
  const allow = aws.deny("events:PutRule");
  const { code, err } = await run("setup");
  expect([code, err]).toEqual([2, expect.stringContaining("AWS does not allow this")]);
  expect(err).toContain("events:PutRule");
  allow();
  expect((await run("setup")).code).toBe(0);
  expect((await everything()).rules).toEqual(["ec2_launches"]);
});

it("does not take what it may not read for what is not there", async () => {
  await run("setup");
  aws.deny("sns:GetTopicAttributes");
  const changes = await changesOf(async () => {
    const { code, err } = await run("setup");
    expect([code, err]).toEqual([2, expect.stringContaining("GetTopicAttributes")]);
  });
  expect(changes).toEqual([]);
});

it("needs no permission that its help does not name", async () => {
  const { url } = await startDeafFunction();
  await run(`setup --tag-changes --email ann@example.com --url ${url}`);
  await run(`setup --tag-changes --email ann@example.com --url ${url} --tag owner=platform`);
  const { out } = await run("setup --help");
  const called = new Set(aws.calls.filter(({ accessKeyId }) => accessKeyId === "operator").map(({ action }) => action));
  called.delete("GetCallerIdentity");
  expect([...called].filter((action) => !out.includes(action))).toEqual([]);
});

it("says of an encrypted topic that its key has to let EventBridge in", async () => {
  await run("setup");
  await sns.send(
    new SetTopicAttributesCommand({
      TopicArn: LAUNCH_TOPIC,
      AttributeName: "KmsMasterKeyId",
      AttributeValue: "alias/ours",
    }),
  );
  const { out } = await run("setup");
  expect(out).toContain(
    "It is encrypted with alias/ours: the key policy must allow events.amazonaws.com to use the key.",
  );
  expect(out).toContain("nothing to change");
});

it("says of a topic that AWS's own key encrypts that EventBridge is not let in, and of a queue who has to be", async () => {
  await run("setup");
  const AttributeValue = "alias/aws/sns";
  await sns.send(
    new SetTopicAttributesCommand({ TopicArn: LAUNCH_TOPIC, AttributeName: "KmsMasterKeyId", AttributeValue }),
  );
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: "ec2_launches_check_dead" }));
  await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { KmsMasterKeyId: "alias/ours" } }));
  const { out } = await run("setup");
  expect(out).toMatch(/alias\/aws\/sns: .* An AWS managed key does not: use a customer managed key\./);
  expect(out).toContain(
    "encrypted with alias/ours: the key policy must allow events.amazonaws.com and sns.amazonaws.com to use the key.\n",
  );
});

it("teaches by its help", async () => {
  const { code, out } = await run("setup --help");
  expect(code).toBe(0);
  expect(out).toContain("$ ec2-audit setup --dry-run");
  expect(out).toContain("(default: ec2_launches_check)");
});
