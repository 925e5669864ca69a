import { PutRuleCommand } from "@aws-sdk/client-eventbridge";
import {
  GetTopicAttributesCommand,
  ListSubscriptionsByTopicCommand,
  SetTopicAttributesCommand,
  SNSClient,
} from "@aws-sdk/client-sns";
import { mockClient } from "aws-sdk-client-mock";
import { describe, expect, it } from "vitest";
import {
  ALERT_TOPIC,
  aws,
  changesOf,
  click,
  DEAD_LETTERS,
  events,
  everything,
  LAUNCH_TOPIC,
  listen,
  queueAttributes,
  received,
  ruleAndTargets,
  run,
  sns,
  subscriptions,
  topicAttributes,
  useEmptyAws,
  useSharedAws,
} from "../installed.ts";
import type { Ran } from "../run.ts";

describe("ec2-audit setup in an account without resources", () => {
  let ran: Ran;
  useSharedAws(async () => {
    ran = await run("setup");
  });

  it("creates the topics, the rule and the dead-letter queue, and prints the next steps", async () => {
    const { code, out } = ran;
    expect(code).toBe(0);
    expect(await everything()).toEqual({
      topics: ["ec2_audit_alert", "ec2_launches_check"],
      queues: ["ec2_launches_check_dead"],
      rules: ["ec2_launches"],
    });
    expect(out).toContain("EC2 audit in us-east-1, account 123456789012:");
    expect(out).toContain("+ dead-letter queue  ec2_launches_check_dead  created");
    expect(out).toContain(`ALERT_TOPIC_ARN=${ALERT_TOPIC}`);
    expect(out).not.toContain("LAUNCH_TOPIC_ARN");
    expect(out).toContain("Alerts have no recipients yet: ec2-audit setup --email");
    const user = /aws iam ([\w-]+) --user-name ec2-audit/g;
    expect([...out.matchAll(user)].map(([, call]) => call)).toEqual([
      "create-user",
      "put-user-policy",
      "create-access-key",
    ]);
  });

  it("creates a rule that matches only pending instances", async () => {
    expect(await ruleAndTargets()).toEqual({
      State: "ENABLED",
      pattern: {
        source: ["aws.ec2"],
        "detail-type": ["EC2 Instance State-change Notification"],
        detail: { state: ["pending"] },
      },
      Description: "EC2 audit: state changes, to the topic ec2_launches_check",
      Targets: [{ Id: "launch-topic", Arn: LAUNCH_TOPIC, DeadLetterConfig: { Arn: DEAD_LETTERS } }],
    });
  });

  it("allows EventBridge to publish, without a condition on the rule or account, which EventBridge does not send", async () => {
    expect(JSON.parse((await topicAttributes()).Policy ?? "").Statement).toEqual([
      {
        Sid: "Ec2AuditEvents",
        Effect: "Allow",
        Principal: { Service: "events.amazonaws.com" },
        Action: "sns:Publish",
        Resource: LAUNCH_TOPIC,
      },
    ]);
  });

  it("keeps undelivered messages for 14 days, only from its own rules and topic", async () => {
    const { MessageRetentionPeriod, Policy = "" } = await queueAttributes();
    expect(MessageRetentionPeriod).toBe("1209600");
    const rules = [
      "ec2_launches",
      "ec2_launches-cloudtrail",
      "ec2_launches-tag-changes",
      "ec2_launches-terminated",
    ].map((name) => `arn:aws:events:us-east-1:123456789012:rule/${name}`);
    const statement = (Service: string, source: string | string[]) =>
      expect.objectContaining({
        Principal: { Service },
        Action: "sqs:SendMessage",
        Resource: DEAD_LETTERS,
        Condition: { ArnEquals: { "aws:SourceArn": source } },
      });
    expect(JSON.parse(Policy).Statement).toEqual([
      statement("events.amazonaws.com", rules),
      statement("sns.amazonaws.com", LAUNCH_TOPIC),
    ]);
  });

  it("delivers a launch to the launch topic, which signs with SHA-256", async () => {
    expect(await topicAttributes()).toMatchObject({ SignatureVersion: "2" });
    await listen("listener", LAUNCH_TOPIC);
    const [id] = aws.launch({ count: 1 });
    expect((await received("listener")).map(({ detail }) => detail)).toEqual([{ "instance-id": id, state: "pending" }]);
  });

  it("keeps a launch that EventBridge cannot publish in the dead-letter queue", async () => {
    const noPolicy = { TopicArn: LAUNCH_TOPIC, AttributeName: "Policy", AttributeValue: "" };
    await sns.send(new SetTopicAttributesCommand(noPolicy));
    aws.launch({ count: 1 });
    expect((await run("setup --dry-run")).out).toContain("It contains 1 undelivered message.");
  });
});

describe("ec2-audit setup with names and rules", () => {
  useEmptyAws();

  it("accepts other names, and repeats them in the settings and commands", async () => {
    const names = "--launch-topic launches --alert-topic alerts.fifo --rule watch --dead-letter-queue dead";
    const { code, out } = await run(`setup ${names} --tag-changes`);
    expect(code).toBe(0);
    expect(await everything()).toEqual({
      topics: ["alerts.fifo", "launches"],
      queues: ["dead"],
      rules: ["watch", "watch-tag-changes", "watch-terminated"],
    });
    expect(out).toContain("LAUNCH_TOPIC_ARN=arn:aws:sns:us-east-1:123456789012:launches");
    expect(out).toContain("when a violation ends: RESOLVED_ALERTS=on\n");
    expect(out).toContain(`ec2-audit setup ${names} --show-policy`);
  });

  it("suggests a queue for a FIFO alert topic, which sends no e-mail", async () => {
    const { out } = await run("setup --alert-topic alerts.fifo");
    const { FifoTopic } = await topicAttributes("arn:aws:sns:us-east-1:123456789012:alerts.fifo");
    expect(FifoTopic).toBe("true");
    expect(out).toContain("Alerts have no recipients yet: aws sns subscribe --region us-east-1 --topic-arn");
    expect(out).not.toContain("--email");
  });

  it("adds a rule for CloudTrail's calls with --cloudtrail, and keeps it without", async () => {
    await run("setup --cloudtrail");
    expect((await everything()).rules).toEqual(["ec2_launches", "ec2_launches-cloudtrail"]);
    expect((await ruleAndTargets("ec2_launches-cloudtrail")).pattern).toEqual({
      source: ["aws.ec2"],
      "detail-type": ["AWS API Call via CloudTrail"],
      detail: { eventSource: ["ec2.amazonaws.com"], eventName: ["RunInstances"] },
    });
    expect((await run("setup")).out).toContain("nothing to change");
  });

  it("leaves rules that are not requested, and prints how to disable those of an earlier setup", async () => {
    await run("setup --tag-changes");
    await events.send(new PutRuleCommand({ Name: "ec2_launches-cloudtrail", EventPattern: '{"source":["x"]}' }));
    const { out } = await run("setup");
    expect(out).toMatch(/- rule +ec2_launches-tag-changes +not requested, unchanged\n/);
    expect(out).toContain("aws events disable-rule --region us-east-1 --name ec2_launches-tag-changes");
    expect(out).toMatch(/- rule +ec2_launches-cloudtrail +not requested, unchanged, existed before setup/);
    expect(out).not.toContain("disable-rule --region us-east-1 --name ec2_launches-cloudtrail");
    const EventPattern = JSON.stringify((await ruleAndTargets("ec2_launches-tag-changes")).pattern);
    await events.send(new PutRuleCommand({ Name: "ec2_launches-tag-changes", EventPattern, State: "DISABLED" }));
    expect((await run("setup")).out).toContain("It is disabled.");
    expect((await ruleAndTargets("ec2_launches-tag-changes")).State).toBe("DISABLED");
  });
});

describe("ec2-audit setup --email", () => {
  useEmptyAws();

  it("subscribes each address once, and prints which have not confirmed", async () => {
    const first = await run("setup --email ann@example.com --email Bob@example.com --email ANN@example.com");
    expect(aws.mails.map(({ to, type }) => [to, type])).toEqual([
      ["ann@example.com", "SubscriptionConfirmation"],
      ["Bob@example.com", "SubscriptionConfirmation"],
    ]);
    expect(first.out).toContain("The address receives alerts after someone opens the link");
    expect(first.out).not.toContain("Alerts have no recipients");
    await click("ann@example.com");
    const again = await run("setup --email ann@example.com --email BOB@example.com");
    expect(aws.mails).toHaveLength(2);
    expect(again.out.match(/Not confirmed: someone must open the link/g)).toHaveLength(1);
    expect(again.out).toContain(
      `aws sns subscribe --region us-east-1 --topic-arn ${ALERT_TOPIC} --protocol email --notification-endpoint BOB@`,
    );
    expect(again.out).toContain("nothing to change");
    expect((await subscriptions(ALERT_TOPIC)).map(({ SubscriptionArn = "" }) => SubscriptionArn.slice(0, 7))).toEqual([
      "arn:aws",
      "Pending",
    ]);
  });

  it("subscribes an address again whose deleted subscription SNS still shows", async () => {
    // The embedded AWS does not show deleted subscriptions.
    const mock = mockClient(SNSClient);
    mock.on(GetTopicAttributesCommand).rejects(Object.assign(new Error("no"), { name: "NotFoundException" }));
    const Subscriptions = [{ SubscriptionArn: "Deleted", Protocol: "email", Endpoint: "ann@example.com" }];
    mock.on(ListSubscriptionsByTopicCommand).resolves({ Subscriptions });
    const { out } = await run("setup --dry-run --email ann@example.com").finally(() => mock.restore());
    expect(out).toMatch(/\+ e-mail subscription +ann@example.com +would be created/);
  });
});

describe("ec2-audit setup, run again", () => {
  useEmptyAws();

  it("changes nothing if everything is correct", async () => {
    const line = "setup --tag-changes --email ann@example.com";
    await run(line);
    const changes = await changesOf(async () => {
      expect((await run(line)).out).toContain("There is nothing to change.");
    });
    expect(changes).toEqual([]);
  });

  it.each([
    ["CreateQueue", 0],
    ["CreateTopic", 1],
    ["PutTargets", 0],
    ["Subscribe", 0],
  ])("continues after an interruption at %s, after %i calls", async (action, skip) => {
    // The SDK tries three times.
    aws.faults.add({ action, kind: "error", skip, times: 3 });
    const failed = await run("setup --email ann@example.com");
    expect([failed.code, failed.err]).toEqual([2, expect.stringContaining("error: AWS failed: Internal")]);
    const isFirst = action === "CreateQueue";
    expect(failed.err.endsWith("The completed steps are kept. Run the command again to continue.")).toBe(!isFirst);
    expect((await run("setup --email ann@example.com")).code).toBe(0);
    expect((await everything()).rules).toEqual(["ec2_launches"]);
    expect((await ruleAndTargets()).Targets).toHaveLength(1);
    expect(aws.mails).toHaveLength(1);
  });
});
