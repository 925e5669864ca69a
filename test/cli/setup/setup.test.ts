import {
  GetTopicAttributesCommand,
  ListSubscriptionsByTopicCommand,
  ListTagsForResourceCommand,
  SetTopicAttributesCommand,
  SNSClient,
} from "@aws-sdk/client-sns";
import { mockClient } from "aws-sdk-client-mock";
import { describe, expect, it } from "vitest";
import {
  ALERT_TOPIC,
  aws,
  click,
  DEAD_LETTERS,
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
} from "../installed.ts";

useEmptyAws();

describe("ec2-audit setup, where nothing is", () => {
  it("makes the topics, the rule and the dead-letter queue, and says what comes next", async () => {
    const { code, out } = await run("setup");
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
    expect(out).toContain("ec2-audit deploy webtask");
    expect(out).toContain("ec2-audit setup --url");
    const user = /aws iam ([\w-]+) --user-name ec2-audit/g;
    expect([...out.matchAll(user)].map(([, call]) => call)).toEqual([
      "create-user",
      "put-user-policy",
      "create-access-key",
    ]);
  });

  it("has a launch arrive at the launch topic, which signs by SHA-256", async () => {
    await run("setup");
    expect(await topicAttributes()).toMatchObject({ SignatureVersion: "2" });
    await listen("listener", LAUNCH_TOPIC);
    const [id] = aws.launch({ count: 1 });
    expect((await received("listener")).map(({ detail }) => detail)).toEqual([{ "instance-id": id, state: "pending" }]);
  });

  it("has the rule match launches only, as they begin", async () => {
    await run("setup");
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

  it("puts no condition into the topic's policy, which EventBridge could not meet", async () => {
    await run("setup");
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

  it("keeps for 14 days what EventBridge and SNS cannot deliver, for these rules and this topic only", async () => {
    await run("setup");
    const { MessageRetentionPeriod, Policy = "" } = await queueAttributes();
    expect(MessageRetentionPeriod).toBe("1209600");
    const rules = ["ec2_launches", "ec2_launches-cloudtrail", "ec2_launches-tag-changes"].map(
      (name) => `arn:aws:events:us-east-1:123456789012:rule/${name}`,
    );
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

  it("keeps a launch that EventBridge may not publish in the dead-letter queue", async () => {
    await run("setup");
    await sns.send(
      new SetTopicAttributesCommand({ TopicArn: LAUNCH_TOPIC, AttributeName: "Policy", AttributeValue: "" }),
    );
    aws.launch({ count: 1 });
    expect(await queueAttributes()).toMatchObject({ ApproximateNumberOfMessages: "1" });
    expect((await run("setup --dry-run")).out).toContain("It contains 1 undelivered message.");
  });

  it("tags what it makes", async () => {
    await run("setup");
    const { Tags } = await sns.send(new ListTagsForResourceCommand({ ResourceArn: ALERT_TOPIC }));
    expect(Tags).toEqual([{ Key: "ec2-audit", Value: "setup" }]);
  });

  it("takes other names, and then tells the function's settings whole", async () => {
    const { code, out } = await run(
      "setup --launch-topic launches --alert-topic alerts --rule watch --dead-letter-queue dead --tag-changes",
    );
    expect(code).toBe(0);
    expect(await everything()).toEqual({
      topics: ["alerts", "launches"],
      queues: ["dead"],
      rules: ["watch", "watch-tag-changes"],
    });
    expect(out).toContain("LAUNCH_TOPIC_ARN=arn:aws:sns:us-east-1:123456789012:launches");
    expect(out).toContain(
      "ec2-audit setup --launch-topic launches --alert-topic alerts --rule watch --dead-letter-queue dead --show-policy",
    );
  });

  it("adds CloudTrail's calls when it is told so: they name who launched, and come too late to go by alone", async () => {
    await run("setup --cloudtrail");
    expect((await everything()).rules).toEqual(["ec2_launches", "ec2_launches-cloudtrail"]);
    expect((await ruleAndTargets("ec2_launches-cloudtrail")).pattern).toEqual({
      source: ["aws.ec2"],
      "detail-type": ["AWS API Call via CloudTrail"],
      detail: { eventSource: ["ec2.amazonaws.com"], eventName: ["RunInstances"] },
    });
    expect((await run("setup")).out).toContain("nothing to change");
  });

  it("makes an alert topic that is FIFO", async () => {
    expect((await run("setup --alert-topic alerts.fifo")).code).toBe(0);
    expect(await topicAttributes("arn:aws:sns:us-east-1:123456789012:alerts.fifo")).toMatchObject({
      FifoTopic: "true",
    });
  });
});

describe("ec2-audit setup, and people", () => {
  it("subscribes everybody who is named, once, and says that they have to click", async () => {
    const line = "setup --email ann@example.com --email Bob@example.com --email ANN@example.com";
    const { out } = await run(line);
    expect(aws.mails.map(({ to, type }) => [to, type])).toEqual([
      ["ann@example.com", "SubscriptionConfirmation"],
      ["Bob@example.com", "SubscriptionConfirmation"],
    ]);
    expect(out).toContain("The address receives alerts after someone opens the link");
    expect(out).not.toContain("Alerts have no recipients");
  });

  it("sends no second e-mail, and says who has not clicked", async () => {
    await run("setup --email ann@example.com --email bob@example.com");
    await click("ann@example.com");
    const { out } = await run("setup --email ann@example.com --email BOB@example.com");
    expect(aws.mails).toHaveLength(2);
    expect(out.match(/Not confirmed: someone must open the link/g)).toHaveLength(1);
    expect(out).toContain(
      `aws sns subscribe --region us-east-1 --topic-arn ${ALERT_TOPIC} --protocol email --notification-endpoint BOB@`,
    );
    expect(out).toContain("nothing to change");
    expect((await subscriptions(ALERT_TOPIC)).map(({ SubscriptionArn = "" }) => SubscriptionArn.slice(0, 7))).toEqual([
      "arn:aws",
      "Pending",
    ]);
  });

  it("subscribes somebody again whose subscription has ended, and is still shown", async () => {
    // SNS shows "Deleted" in place of its ARN for some time; the embedded AWS forgets at once.
    const mock = mockClient(SNSClient);
    mock.on(GetTopicAttributesCommand).rejects(Object.assign(new Error("no"), { name: "NotFoundException" }));
    const Subscriptions = [{ SubscriptionArn: "Deleted", Protocol: "email", Endpoint: "ann@example.com" }];
    mock.on(ListSubscriptionsByTopicCommand).resolves({ Subscriptions });
    const { out } = await run("setup --dry-run --email ann@example.com").finally(() => mock.restore());
    expect(out).toMatch(/\+ e-mail subscription +ann@example.com +would be created/);
  });

  it("warns when nobody is told of alerts", async () => {
    expect((await run("setup")).out).toContain("Alerts have no recipients yet: ec2-audit setup --email");
  });

  it("then names a queue for a FIFO topic, which sends no e-mail", async () => {
    const { out } = await run("setup --alert-topic alerts.fifo");
    expect(out).toContain("Alerts have no recipients yet: aws sns subscribe --region us-east-1 --topic-arn");
    expect(out).not.toContain("--email");
  });
});
