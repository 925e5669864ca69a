import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateTopicCommand, SetTopicAttributesCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, GetQueueUrlCommand, SetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { mockClient } from "aws-sdk-client-mock";
import { describe, expect, it } from "vitest";
import { topicKeyOf } from "../../../src/cli/setup/topic-key.ts";
import { byHand } from "../by-hand.ts";
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
  startFunction,
  useEmptyAws,
  useSharedAws,
} from "../installed.ts";

const KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555";

describe("ec2-audit setup creates nothing", () => {
  useSharedAws();

  it("with --dry-run, which prints the changes", async () => {
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

  it("with --show-policy, which prints the least privileges of the function's user", async () => {
    const { out } = await run("setup --show-policy --alert-topic alerts --audit-role ec2-audit-read");
    expect(JSON.parse(out)).toEqual({
      Version: "2012-10-17",
      Statement: [
        { Effect: "Allow", Action: ["ec2:DescribeTags", "ec2:DescribeInstances"], Resource: "*" },
        { Effect: "Allow", Action: "sns:Publish", Resource: "arn:aws:sns:us-east-1:123456789012:alerts" },
        { Effect: "Allow", Action: ["sns:Subscribe", "sns:ConfirmSubscription"], Resource: LAUNCH_TOPIC },
        { Effect: "Allow", Action: "sts:AssumeRole", Resource: "arn:aws:iam::*:role/ec2-audit-read" },
      ],
    });
    expect((await everything()).topics).toEqual([]);
  });

  it("with --show-policy --policy, which prints the EC2 actions that the policy needs, and no others", async () => {
    const policy = join(mkdtempSync(join(tmpdir(), "policy-")), "policy.json");
    writeFileSync(
      policy,
      '{"rules": [{"rule": "key-pair", "none": true}, {"rule": "required-tags", "tags": ["name"]}]}',
    );
    const { out } = await run(`setup --show-policy --policy ${policy}`);
    expect(JSON.parse(out).Statement[0]).toEqual({ Effect: "Allow", Action: ["ec2:DescribeInstances"], Resource: "*" });
  });

  it("with --show-policy --sweep, which also allows a sweep: of all rules, regions and accounts, continued by the launch topic", async () => {
    const policy = join(mkdtempSync(join(tmpdir(), "policy-")), "policy.json");
    const rules = [
      { rule: "key-pair", none: true },
      { rule: "security-groups", closed: [22], mode: "report" },
    ];
    writeFileSync(policy, JSON.stringify({ rules }));
    const { out } = await run(`setup --show-policy --sweep --audit-role ec2-audit-read --policy ${policy}`);
    const actions = ["DescribeTags", "DescribeInstances", "DescribeSecurityGroups", "DescribeRegions"];
    expect(JSON.parse(out).Statement).toEqual([
      { Effect: "Allow", Action: actions.map((action) => `ec2:${action}`), Resource: "*" },
      { Effect: "Allow", Action: "sns:Publish", Resource: [ALERT_TOPIC, LAUNCH_TOPIC] },
      { Effect: "Allow", Action: ["sns:Subscribe", "sns:ConfirmSubscription"], Resource: LAUNCH_TOPIC },
      { Effect: "Allow", Action: "organizations:ListAccounts", Resource: "*" },
      { Effect: "Allow", Action: "sts:AssumeRole", Resource: "arn:aws:iam::*:role/ec2-audit-read" },
    ]);
  });

  it("with --show-policy --policy, which allows publishing to the topics of the policy's routes, and their keys", async () => {
    const policy = join(mkdtempSync(join(tmpdir(), "policy-")), "policy.json");
    const [near, other] = ["arn:aws:sns:eu-west-1:123456789012:team", "arn:aws:sns:us-east-1:210987654321:central"];
    const rules = [{ rule: "required-tags", tags: ["name"] }];
    const routes = [near, other, near].map((topic) => ({ topic }));
    writeFileSync(policy, JSON.stringify({ rules, routes }));
    const { code, out } = await run(`setup --show-policy --policy ${policy}`);
    expect([code, JSON.parse(out).Statement[1]]).toEqual([
      0,
      { Effect: "Allow", Action: "sns:Publish", Resource: [ALERT_TOPIC, near, other] },
    ]);
  });

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
    ["--policy policy.json", "--policy requires --show-policy"],
    ["--sweep", "--sweep requires --show-policy"],
    ["--show-policy --policy missing.json", "missing.json does not exist"],
    ["--alert-topic a.fifo --email ann@example.com", "a FIFO topic sends no e-mail"],
    ["--tag owner", "--tag must have the form Key=Value"],
    ["--tag =x", "--tag must have the form Key=Value"],
    ["--tag aws:owner=x", "AWS does not accept the tag"],
    [`--tag ${"k".repeat(129)}=x`, "AWS does not accept the tag"],
    [`--tag k=${"v".repeat(257)}`, "AWS does not accept the tag"],
    ["--tag owner=a;b", "AWS does not accept the tag"],
    ["--tag ec2-audit=mine", "--tag cannot set ec2-audit"],
    ["--tag owner=a --tag owner=b", "--tag gives owner twice"],
  ])("with %s, which it rejects before it calls AWS", async (options, message) => {
    const from = aws.calls.length;
    const { code, err } = await run(`setup ${options}`);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
    expect(aws.calls.slice(from).filter(({ action }) => action !== "GetCallerIdentity")).toEqual([]);
  });

  it("with an http:// URL unless AWS is an emulator", async () => {
    const { code, err } = await run("setup --url http://example.com/", { env: { AWS_ENDPOINT_URL: "" } });
    expect([code, err]).toEqual([2, expect.stringContaining("--url must be an https:// URL")]);
  });

  it("if SQS still reserves the queue's name after a deletion, and prints how long to wait", async () => {
    // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html
    const mock = mockClient(SQSClient);
    const refusal = (name: string) => Object.assign(new Error("no"), { name });
    mock.on(GetQueueUrlCommand).rejects(refusal("QueueDoesNotExist"));
    mock.on(CreateQueueCommand).rejects(refusal("QueueDeletedRecently"));
    const { code, err } = await run("setup").finally(() => mock.restore());
    expect(code).toBe(2);
    expect(err).toContain("a queue named ec2_launches_check_dead was deleted less than a minute ago");
    expect(err).toContain("Run setup again in a minute");
  });
});

describe("ec2-audit setup --show-policy with an encrypted alert topic", () => {
  useSharedAws(() => sns.send(new CreateTopicCommand({ Name: "ec2_audit_alert" })));
  const Allow = { Effect: "Allow", Action: ["kms:GenerateDataKey*", "kms:Decrypt"] };

  it.each([
    [KEY, { ...Allow, Resource: KEY }],
    [
      "alias/alerts",
      {
        ...Allow,
        Resource: "arn:aws:kms:us-east-1:123456789012:key/*",
        Condition: { "ForAnyValue:StringEquals": { "kms:ResourceAliases": "alias/alerts" } },
      },
    ],
  ])("allows the user to use the key %s", async (AttributeValue, statement) => {
    const change = { TopicArn: ALERT_TOPIC, AttributeName: "KmsMasterKeyId", AttributeValue };
    await sns.send(new SetTopicAttributesCommand(change));
    expect(JSON.parse((await run("setup --show-policy")).out).Statement.slice(3)).toEqual([statement]);
  });

  it("names a key by its ARN if the topic has its id, and needs no permission for the AWS managed key", () => {
    expect(topicKeyOf(ALERT_TOPIC, "11111111-2222-3333-4444-555555555555")).toEqual({ arn: KEY });
    expect(topicKeyOf(ALERT_TOPIC, "alias/aws/sns")).toBeNull();
  });
});

describe("ec2-audit setup", () => {
  useEmptyAws();

  it("prints only one JSON document on stdout with --json", async () => {
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
    const actions = first.resources.map(({ kind, action }: { kind: string; action: string }) => `${kind}: ${action}`);
    expect(actions).toEqual([
      "dead-letter queue: create",
      "launch topic: create",
      "alert topic: create",
      "rule: create",
    ]);
    const second = JSON.parse((await run("setup --json")).out);
    expect(new Set(second.resources.map(({ action }: { action: string }) => action))).toEqual(new Set(["nothing"]));
    expect(second.resources[0]).toMatchObject({ state: "correct", madeBySetup: true, differences: [] });
  });

  it("names the permission that the operator lacks, and continues when it is granted", async () => {
    const allow = aws.deny("events:PutRule");
    const { code, err } = await run("setup");
    expect([code, err]).toEqual([2, expect.stringContaining("events:PutRule")]);
    allow();
    expect((await run("setup")).code).toBe(0);
    expect((await everything()).rules).toEqual(["ec2_launches"]);
  });

  it("does not treat a resource that it may not read as one that does not exist", async () => {
    await sns.send(new CreateTopicCommand({ Name: "ec2_launches_check" }));
    aws.deny("sns:GetTopicAttributes");
    const changes = await changesOf(async () => {
      const { code, err } = await run("setup");
      expect([code, err]).toEqual([2, expect.stringContaining("GetTopicAttributes")]);
    });
    expect(changes).toEqual([]);
  });

  it("prints what the key policies of an encrypted topic and queue must allow", async () => {
    await run("setup");
    const change = { TopicArn: LAUNCH_TOPIC, AttributeName: "KmsMasterKeyId", AttributeValue: "alias/aws/sns" };
    await sns.send(new SetTopicAttributesCommand(change));
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: "ec2_launches_check_dead" }));
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { KmsMasterKeyId: "alias/ours" } }));
    const { out } = await run("setup");
    expect(out).toContain(
      "It is encrypted with alias/aws/sns: the key policy must allow events.amazonaws.com to use the key. An AWS managed key does not: use a customer managed key.\n",
    );
    expect(out).toContain(
      "encrypted with alias/ours: the key policy must allow events.amazonaws.com and sns.amazonaws.com to use the key.\n",
    );
    expect(out).toContain("nothing to change");
  });

  it("calls, like teardown, no action that its help does not list", async () => {
    const { url } = await startFunction();
    const install = `setup --tag-changes --email ann@example.com --url ${url}`;
    const lines = [install, `${install} --tag owner=platform`, "teardown --yes"];
    const rules = ["setup --disable-rule ec2-launches", "setup --adopt-rule ec2-launches"];
    const calledBy = { setup: new Set<string>(), teardown: new Set<string>() };
    const calls = async (line: string) => {
      const from = aws.calls.length;
      await run(line);
      const called = aws.calls.slice(from).filter(({ accessKeyId }) => accessKeyId === "operator");
      for (const { action } of called) calledBy[line.startsWith("setup") ? "setup" : "teardown"].add(action);
    };
    for (const line of lines) await calls(line);
    await byHand();
    for (const line of [...rules, ...lines]) await calls(line);
    for (const [command, called] of Object.entries(calledBy)) {
      const { code, out } = await run(`${command} --help`);
      expect([code, out]).toEqual([0, expect.stringContaining(`$ ec2-audit ${command} --dry-run`)]);
      expect([...called].filter((action) => !new RegExp(`\\b${action}\\b`).test(out))).toEqual([]);
    }
    expect([...calledBy.teardown]).toContain("Unsubscribe");
  });
});
