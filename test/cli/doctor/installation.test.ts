import {
  DeleteRuleCommand,
  DisableRuleCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from "@aws-sdk/client-eventbridge";
import { DescribeKeyCommand, type KeyState, KMSClient } from "@aws-sdk/client-kms";
import {
  CreateTopicCommand,
  DeleteTopicCommand,
  SetSubscriptionAttributesCommand,
  SetTopicAttributesCommand,
  SubscribeCommand,
  UnsubscribeCommand,
} from "@aws-sdk/client-sns";
import {
  DeleteQueueCommand,
  GetQueueUrlCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
} from "@aws-sdk/client-sqs";
import { beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../../../src/local/free-port.ts";
import { awsError, mockClients } from "../../support/aws.ts";
import { launches, rule } from "../by-hand.ts";
import {
  ALERT_TOPIC,
  aws,
  click,
  DEAD_LETTERS,
  events,
  LAUNCH_TOPIC,
  run,
  sns,
  sqs,
  startFunction,
  subscriptions,
} from "../installed.ts";
import { runCommand } from "../run.ts";
import { deny, diagnosis, doctor, FUNCTION_USER, settings, setUp, url, useInstallation } from "./installed.ts";

/** The doctor's checks of the resources in AWS and of the running function. */

useInstallation("test");

const kms = mockClients(KMSClient);
beforeEach(() => kms.reset());
const keyOf = (Arn: string, KeyState: KeyState) => ({ KeyMetadata: { KeyId: "", Arn, KeyState } });

const queueUrl = async () =>
  (await sqs.send(new GetQueueUrlCommand({ QueueName: "ec2_launches_check_dead" }))).QueueUrl;
const subscriptionOf = async (endpoint: string, topic = LAUNCH_TOPIC) =>
  (await subscriptions(topic)).find(({ Endpoint }) => Endpoint === endpoint)?.SubscriptionArn;
const setTopic = (TopicArn: string, AttributeName: string, AttributeValue: string) =>
  sns.send(new SetTopicAttributesCommand({ TopicArn, AttributeName, AttributeValue }));
const subscribe = (TopicArn: string, Protocol: string, Endpoint: string) =>
  sns.send(new SubscribeCommand({ TopicArn, Protocol, Endpoint }));
const unsubscribe = async (endpoint: string, topic?: string) =>
  sns.send(new UnsubscribeCommand({ SubscriptionArn: await subscriptionOf(endpoint, topic) }));

async function setSubscription(endpoint: string, topic: string, attributes: Readonly<Record<string, string>>) {
  const SubscriptionArn = await subscriptionOf(endpoint, topic);
  for (const [AttributeName, AttributeValue] of Object.entries(attributes)) {
    await sns.send(new SetSubscriptionAttributesCommand({ SubscriptionArn, AttributeName, AttributeValue }));
  }
  return SubscriptionArn;
}

describe("the doctor's check of the resources of setup", () => {
  it("reports each difference, and messages in the dead-letter queue", async () => {
    await setTopic(LAUNCH_TOPIC, "Policy", JSON.stringify({ Version: "2012-10-17", Statement: [] }));
    await setTopic(LAUNCH_TOPIC, "KmsMasterKeyId", "alias/aws/sns");
    const QueueUrl = await queueUrl();
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { MessageRetentionPeriod: "345600" } }));
    for (const MessageBody of ["1", "2"]) await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    await events.send(
      new PutRuleCommand({ Name: "ec2_launches", EventPattern: '{"source":["aws.s3"]}', State: "DISABLED" }),
    );
    await events.send(
      new PutTargetsCommand({ Rule: "ec2_launches", Targets: [{ Id: "launch-topic", Arn: LAUNCH_TOPIC }] }),
    );
    const healthyRetryPolicy = { numRetries: 3, minDelayTarget: 20, maxDelayTarget: 20 };
    await setSubscription(url, LAUNCH_TOPIC, {
      RawMessageDelivery: "true",
      DeliveryPolicy: JSON.stringify({ healthyRetryPolicy }),
      FilterPolicy: '{"kind":["test"]}',
    });
    setUp({ GRACE_SECONDS: "61" });
    expect(await diagnosis()).toEqual([
      1,
      "wrong: topics and policies: dead-letter queue ec2_launches_check_dead: MessageRetentionPeriod: 345600 → 1209600",
      "wrong: topics and policies: launch topic ec2_launches_check: policy: EventBridge may not publish → may publish",
      "wrong: topics and policies: key of the launch topic: the AWS managed key does not allow EventBridge to use it: no launch reaches the topic",
      "wrong: rules and targets: rule ec2_launches: state: DISABLED → ENABLED",
      expect.stringContaining('wrong: rules and targets: rule ec2_launches: pattern: {"source":["aws.s3"]} → '),
      `wrong: rules and targets: rule ec2_launches: target launch-topic: dead-letter queue none → ${DEAD_LETTERS}`,
      "wrong: topics and policies: dead-letter queue: 2 launches were not delivered or audited",
      expect.stringContaining(`wrong: subscription: ${url}: delivery policy: {"numRetries":3`),
      `wrong: subscription: ${url}: RawMessageDelivery: true (deliveries have no signature) → false`,
      expect.stringContaining(`warning: subscription: ${url}: It has a filter policy`),
      "wrong: grace: retries outlast GRACE_SECONDS: SNS retries for 60 s, the grace is 61 s: no alert is sent for a launch without its tags",
    ]);
    const { out } = await doctor();
    const commands = out.split("\n").filter((line) => line.includes("aws sqs "));
    expect(commands).toEqual([
      expect.stringMatching(/To see them: aws sqs receive-message .* --region us-east-1$/),
      expect.stringMatching(/Fix the cause, .*aws sqs purge-queue .* --region us-east-1$/),
    ]);
  });

  it("reports each missing resource, with the command that creates it", async () => {
    await sqs.send(new DeleteQueueCommand({ QueueUrl: await queueUrl() }));
    for (const TopicArn of [LAUNCH_TOPIC, ALERT_TOPIC]) await sns.send(new DeleteTopicCommand({ TopicArn }));
    await events.send(new RemoveTargetsCommand({ Rule: "ec2_launches", Ids: ["launch-topic"] }));
    const { code, out } = await doctor();
    expect(code).toBe(1);
    const setup = "ec2-audit setup --region us-east-1";
    for (const [check, fix] of [
      ["dead-letter queue ec2_launches_check_dead: does not exist", setup],
      ["launch topic ec2_launches_check: does not exist", setup],
      [`rule ec2_launches: target: none → ${LAUNCH_TOPIC}`, setup],
      [
        `alert topic ec2_audit_alert: ${ALERT_TOPIC} does not exist`,
        `Check the name in ALERT_TOPIC_ARN. To create the topic: ${setup}`,
      ],
      [
        "function: the launch topic has no HTTP subscription: no launch is audited",
        `${setup} --url <the function's URL>`,
      ],
    ]) {
      expect(out).toContain(`✗ ${check}\n      ${fix}\n`);
    }
  });

  it("reports a resource that it may not read, without a failed check", async () => {
    deny("sns:GetTopicAttributes", LAUNCH_TOPIC);
    deny("events:ListRuleNamesByTarget");
    expect(await diagnosis()).toEqual([
      0,
      expect.stringContaining("unknown: rules and targets: rules of other names: AWS does not allow this"),
      expect.stringContaining("unknown: topics and policies: launch topic ec2_launches_check: AWS does not allow this"),
    ]);
  });

  it("checks the rules of --cloudtrail and --tag-changes if they exist, and skips them if they are disabled", async () => {
    await run("setup --cloudtrail --tag-changes");
    expect(await diagnosis()).toEqual([0]);
    const names = ["ec2_launches-cloudtrail", "ec2_launches-tag-changes", "ec2_launches-terminated"];
    for (const Rule of names) await events.send(new RemoveTargetsCommand({ Rule, Ids: ["launch-topic"] }));
    const findings = names.map((name) => `wrong: rules and targets: rule ${name}: target: none → ${LAUNCH_TOPIC}`);
    expect(await diagnosis()).toEqual([1, ...findings]);
    for (const Name of names) await events.send(new DisableRuleCommand({ Name }));
    const { code, out } = await doctor();
    expect(code).toBe(0);
    for (const name of names) expect(out).toContain(`– rule ${name}: disabled`);
  });
});

describe("the doctor's check of the rules for resolved alerts", () => {
  const warned = (sent: string) => `! resolved alerts: RESOLVED_ALERTS is on, but no rule sends ${sent}, so such`;

  it("warns while setup's rules are missing or disabled, with the command that creates them", async () => {
    setUp({ RESOLVED_ALERTS: "on" });
    const { code, out } = await doctor();
    expect(code).toBe(0);
    expect(out).toContain(warned("tag changes and terminations"));
    expect(out).toMatch(/resolves no alert\n +ec2-audit setup.* --tag-changes\n/);
    await run("setup --tag-changes");
    expect((await doctor()).out).not.toContain("resolved alerts");
    await events.send(new DisableRuleCommand({ Name: "ec2_launches-terminated" }));
    expect((await doctor()).out).toContain(warned("terminations"));
  });
});

describe("the doctor's check of the alert topic", () => {
  it("reads the topic in its own region", async () => {
    const topic = "arn:aws:sns:eu-west-1:123456789012:alerts";
    setUp({ ALERT_TOPIC_ARN: topic, LAUNCH_TOPIC_ARN: LAUNCH_TOPIC });
    const { out } = await doctor();
    expect(out).toContain(`✗ alert topic alerts: ${topic} does not exist\n`);
    expect(out).toContain("To create the topic: ec2-audit setup --region eu-west-1 --alert-topic alerts\n");
    const calls = aws.calls.filter(({ params }) => params.TopicArn === topic);
    expect(new Set(calls.map(({ region }) => region))).toEqual(new Set(["eu-west-1"]));
  });

  it("reports that alerts have no recipient, with the command that subscribes one", async () => {
    await unsubscribe("team@example.com", ALERT_TOPIC);
    expect((await doctor()).out).toContain(
      "✗ alert recipients: alerts have no recipient\n      ec2-audit setup --region us-east-1 --email you@example.com",
    );
    await run("setup --alert-topic alerts.fifo");
    const topic = "arn:aws:sns:us-east-1:123456789012:alerts.fifo";
    setUp({ ALERT_TOPIC_ARN: topic });
    expect((await doctor()).out).toContain(
      `✗ alert recipients: alerts have no recipient\n      aws sns subscribe --region us-east-1 --topic-arn ${topic} --protocol sqs `,
    );
  });

  it("warns about unconfirmed recipients, without the secrets in their URLs", async () => {
    await run("setup --email new@example.com --email newer@example.com");
    const endpoint = `http://user:pass-word@127.0.0.1:${await freePort()}/hook?token=t0ken`;
    await subscribe(ALERT_TOPIC, "http", endpoint);
    const { code, out } = await doctor();
    expect(code).toBe(0);
    expect(out).toMatch(
      /! alert recipients: 1 subscriber; new@example.com, newer@example.com must click the link in SNS's e-mail; http:\/\/127\.0\.0\.1:\d+\/hook\?… must confirm the subscription\n/,
    );
    expect(out).not.toMatch(/pass-word|t0ken/);
    for (const address of ["new@example.com", "newer@example.com"]) {
      expect(out).toContain(`--notification-endpoint ${address} --region us-east-1\n`);
    }
  });

  it("fails if no recipient has confirmed", async () => {
    await run("setup --email new@example.com");
    await unsubscribe("team@example.com", ALERT_TOPIC);
    expect(await diagnosis()).toEqual([
      1,
      `wrong: topics and policies: alert recipients: alerts have no recipient; new@example.com must click the link in SNS's e-mail`,
    ]);
    await click("new@example.com");
    expect(await diagnosis()).toEqual([0]);
  });

  it("warns about a filter policy that may match no alert, with the command that changes it", async () => {
    await subscribe(ALERT_TOPIC, "sqs", DEAD_LETTERS);
    const FilterPolicy = '{"severity":["high"]}';
    const queue = await setSubscription(DEAD_LETTERS, ALERT_TOPIC, { FilterPolicy });
    const byBody = { FilterPolicyScope: "MessageBody", FilterPolicy };
    await setSubscription("team@example.com", ALERT_TOPIC, byBody);
    const { code, out } = await doctor();
    expect(code).toBe(0);
    expect(out).toContain(`! filter policy of ${DEAD_LETTERS}: it filters by message attributes`);
    expect(out).toContain(
      `--subscription-arn ${queue} --attribute-name FilterPolicyScope --attribute-value MessageBody`,
    );
    expect(out).toContain("! filter policy of team@example.com: it filters by the body, which is not JSON");
    await setSubscription(DEAD_LETTERS, ALERT_TOPIC, byBody);
    expect((await doctor()).out).not.toContain(`filter policy of ${DEAD_LETTERS}`);
  });

  it.each([
    ['{"severity":["urgent"]}', "severity"],
    ['{"team":["payments"]}', "team"],
    ['{"status":["violating"],"schema":["urn:ec2-audit:digest:1"]}', "schema"],
  ])("warns of a filter by the body that no message meets: %s", async (FilterPolicy, field) => {
    await subscribe(ALERT_TOPIC, "sqs", DEAD_LETTERS);
    await setSubscription(DEAD_LETTERS, ALERT_TOPIC, { FilterPolicyScope: "MessageBody", FilterPolicy });
    expect((await doctor()).out).toContain(
      `! filter policy of ${DEAD_LETTERS}: no alert and no digest meets its condition on "${field}"`,
    );
  });

  it.each([
    '{"severity":["high","urgent"]}',
    '{"schema":["urn:ec2-audit:digest:1"]}',
    '{"account":[{"prefix":"12"}],"team":[{"exists":false}]}',
  ])("accepts a filter by the body that a message may meet: %s", async (FilterPolicy) => {
    await subscribe(ALERT_TOPIC, "sqs", DEAD_LETTERS);
    await setSubscription(DEAD_LETTERS, ALERT_TOPIC, { FilterPolicyScope: "MessageBody", FilterPolicy });
    expect((await doctor()).out).not.toContain(`filter policy of ${DEAD_LETTERS}`);
  });

  it("checks whether the function may use the topic's key", async () => {
    const id = "11111111-2222-3333-4444-555555555555";
    const key = `arn:aws:kms:us-east-1:123456789012:key/${id}`;
    kms
      .on(DescribeKeyCommand, { KeyId: key })
      .resolves(keyOf(key, "Enabled"))
      .on(DescribeKeyCommand, { KeyId: "arn:aws:kms:us-east-1:123456789012:alias/alerts" })
      .resolves(keyOf(key, "Updating"));
    await setTopic(ALERT_TOPIC, "KmsMasterKeyId", key);
    expect(await diagnosis()).toEqual([0]);
    deny("kms:GenerateDataKey", key, { principal: FUNCTION_USER });
    const check = "permissions: key of the alert topic";
    const cases: [keyId: string, code: number, ...findings: string[]][] = [
      [id, 1, `wrong: ${check}: IAM's simulator denies the function kms:GenerateDataKey on ${key}`],
      ["alias/alerts", 1, `wrong: ${check}: IAM's simulator denies the function kms:GenerateDataKey on ${key}`],
      ["alias/aws/sns", 0],
    ];
    for (const [keyId, ...expected] of cases) {
      await setTopic(ALERT_TOPIC, "KmsMasterKeyId", keyId);
      expect(await diagnosis()).toEqual(expected);
    }
  });

  it.each([
    ["Disabled", "aws kms enable-key --key-id KEY --region us-east-1"],
    ["PendingDeletion", "aws kms cancel-key-deletion --key-id KEY --region us-east-1"],
    ["PendingImport", "https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html"],
  ] as const)("reports a key in the state %s, with the fix", async (state, fix) => {
    const key = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555";
    kms.on(DescribeKeyCommand).resolves(keyOf(key, state));
    await setTopic(ALERT_TOPIC, "KmsMasterKeyId", key);
    await setTopic(LAUNCH_TOPIC, "KmsMasterKeyId", key);
    const wrong = `${key} is ${state}: SNS accepts no message to the topic`;
    expect(await diagnosis()).toEqual([
      1,
      `wrong: topics and policies: key of the alert topic: ${wrong}`,
      `wrong: topics and policies: key of the launch topic: ${wrong}`,
      expect.stringContaining("unknown: topics and policies: key of the launch topic: the policy of"),
    ]);
    expect((await doctor()).out).toContain(fix.replace("KEY", key));
  });

  it("still checks the use of a key whose state it may not read", async () => {
    const key = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555";
    kms.on(DescribeKeyCommand).rejects(awsError("AccessDeniedException", "not authorized"));
    deny("kms:Decrypt", key, { principal: FUNCTION_USER });
    await setTopic(ALERT_TOPIC, "KmsMasterKeyId", key);
    const check = "permissions: key of the alert topic";
    expect(await diagnosis()).toEqual([
      1,
      expect.stringContaining(`unknown: ${check}: the state of the key is not known: AWS does not allow this`),
      `wrong: ${check}: IAM's simulator denies the function kms:Decrypt on ${key}`,
    ]);
    await setTopic(ALERT_TOPIC, "KmsMasterKeyId", "alias/alerts");
    expect(await diagnosis()).toEqual([0, expect.stringContaining(`unknown: ${check}: the state of the key`)]);
  });
});

describe("the doctor's check of the topics of routes", () => {
  const topic = "arn:aws:sns:us-east-1:123456789012:oncall";
  const AUDIT_POLICY = (change: object = {}) =>
    JSON.stringify({
      rules: [{ rule: "required-tags", tags: ["name", "service"] }],
      routes: [
        { topic, ...change },
        { topic: ALERT_TOPIC, severity: "high" },
      ],
    });

  it("reports a topic that does not exist, that may not be published to, or that has no recipient", async () => {
    setUp({ AUDIT_POLICY: AUDIT_POLICY() });
    const { out } = await doctor();
    expect(out).toContain(`✗ topic oncall of a route: ${topic} does not exist\n`);
    expect(out).toContain("create the topic: aws sns create-topic --name oncall --region us-east-1\n");
    await sns.send(new CreateTopicCommand({ Name: "oncall" }));
    deny("sns:Publish", topic, { principal: FUNCTION_USER });
    expect(await diagnosis()).toEqual([
      1,
      `wrong: permissions: sns:Publish on ${topic}: IAM's simulator denies it`,
      "wrong: topics and policies: recipients of oncall: alerts have no recipient",
    ]);
    expect((await doctor()).out).toContain(`aws sns subscribe --topic-arn ${topic} --protocol email`);
  });

  it("says in which account a topic of another account must be created", async () => {
    setUp({ AUDIT_POLICY: AUDIT_POLICY({ topic: "arn:aws:sns:eu-west-1:999999999999:oncall.fifo" }) });
    expect((await doctor()).out).toContain(
      "create the topic with credentials of its account, 999999999999: aws sns create-topic --name oncall.fifo --attributes FifoTopic=true --region eu-west-1\n",
    );
  });

  it("accepts a topic with a confirmed recipient, and warns of a filter by attributes for alerts only", async () => {
    await sns.send(new CreateTopicCommand({ Name: "oncall" }));
    await subscribe(topic, "sqs", DEAD_LETTERS);
    await setSubscription(DEAD_LETTERS, topic, { FilterPolicy: '{"severity":["high"]}' });
    setUp({ AUDIT_POLICY: AUDIT_POLICY({ format: "chat" }) });
    expect(await diagnosis()).toEqual([0]);
    await setSubscription(DEAD_LETTERS, topic, { FilterPolicy: '{"severity":["HIGH"]}' });
    expect(await diagnosis()).toEqual([
      0,
      `warning: topics and policies: filter policy of ${DEAD_LETTERS}: no chat notification meets its condition on "severity", so it matches nothing`,
    ]);
    setUp({ AUDIT_POLICY: AUDIT_POLICY() });
    const [code, ...findings] = await diagnosis();
    expect([code, findings]).toEqual([0, [expect.stringContaining(`filter policy of ${DEAD_LETTERS}`)]]);
  });

  it("warns of a filter for digests, which go to the alert topic only", async () => {
    await sns.send(new CreateTopicCommand({ Name: "oncall" }));
    await subscribe(topic, "sqs", DEAD_LETTERS);
    const FilterPolicy = '{"schema":["urn:ec2-audit:digest:1"]}';
    await setSubscription(DEAD_LETTERS, topic, { FilterPolicyScope: "MessageBody", FilterPolicy });
    setUp({ AUDIT_POLICY: AUDIT_POLICY() });
    expect(await diagnosis()).toEqual([
      0,
      `warning: topics and policies: filter policy of ${DEAD_LETTERS}: no alert meets its condition on "schema", so it matches nothing`,
    ]);
  });

  it("accepts a filter by attributes on an alert topic that a route also gives chat notifications", async () => {
    await subscribe(ALERT_TOPIC, "sqs", DEAD_LETTERS);
    await setSubscription(DEAD_LETTERS, ALERT_TOPIC, { FilterPolicy: '{"severity":["high"]}' });
    setUp({ AUDIT_POLICY: AUDIT_POLICY({ topic: ALERT_TOPIC, format: "chat" }) });
    expect(await diagnosis()).toEqual([0]);
  });
});

describe("the doctor's check of the subscription", () => {
  it("reports that the launch topic calls another URL", async () => {
    const [code, ...findings] = await diagnosis("--url http://127.0.0.1:9/");
    expect(code).toBe(1);
    expect(findings).toContain(
      `wrong: subscription: http://127.0.0.1:9/: is not subscribed to the launch topic: no launch is audited; subscribed: ${url}`,
    );
  });

  it("reports an unconfirmed subscription of the function, with the fix for a wrong URL", async () => {
    await subscribe(LAUNCH_TOPIC, "http", "http://127.0.0.1:9/");
    const { code, out } = await doctor("--url http://127.0.0.1:9/");
    expect(code).toBe(1);
    expect(out).toContain(
      "✗ http://127.0.0.1:9/: subscribed, but not confirmed yet\n      If this URL is wrong, do nothing: SNS deletes an unconfirmed subscription within days. If it is right: ec2-audit setup --region us-east-1 --url http://127.0.0.1:9/\n",
    );
    const [withoutUrl, ...findings] = await diagnosis();
    expect(withoutUrl).toBe(0);
    expect(findings).toEqual(["warning: subscription: http://127.0.0.1:9/: also subscribed, not confirmed yet"]);
  });

  it("reports a missing dead-letter queue, such as when the function subscribed itself", async () => {
    await unsubscribe(url);
    settings.FUNCTION_URL = url;
    setUp();
    await fetch(url);
    await aws.idle();
    expect(await diagnosis()).toEqual([1, `wrong: subscription: ${url}: dead-letter queue: none → ${DEAD_LETTERS}`]);
  });

  it("warns once about several functions, and checks each", async () => {
    const other = await startFunction();
    await run(`setup --url ${other.url}`);
    await aws.idle();
    expect(await diagnosis(`--url ${url}`)).toEqual([
      0,
      `warning: subscription: function: ${other.url} is also subscribed: if more than one is a function, each alert arrives twice`,
    ]);
    const { out } = await doctor();
    expect(out.match(/arrives twice/g)).toHaveLength(1);
    for (const each of [url, other.url]) {
      expect(out).toContain(`✓ retries outlast GRACE_SECONDS (${each}): `);
      expect(out).toContain(
        `aws sns unsubscribe --subscription-arn ${await subscriptionOf(each)} --region us-east-1\n`,
      );
    }
  });

  it("accepts retries that last exactly as long as the grace", async () => {
    const healthyRetryPolicy = { numRetries: 3, minDelayTarget: 20, maxDelayTarget: 20 };
    await setSubscription(url, LAUNCH_TOPIC, { DeliveryPolicy: JSON.stringify({ healthyRetryPolicy }) });
    setUp({ GRACE_SECONDS: "60" });
    expect((await doctor()).out).toContain("✓ retries outlast GRACE_SECONDS: SNS retries for 60 s, the grace is 60 s");
  });

  it("reports settings that the running function rejects, and its failure to subscribe itself", async () => {
    settings.GRACE_SECONDS = "soon";
    const message = "GRACE_SECONDS must be a whole number of seconds from 0 to 3000";
    expect(await diagnosis()).toEqual([1, `wrong: function: configured: ${message}`]);
    settings.GRACE_SECONDS = "45";
    settings.FUNCTION_URL = url;
    deny("sns:Subscribe", LAUNCH_TOPIC);
    expect(await diagnosis()).toContain("wrong: function: subscribed: failed: AuthorizationErrorException");
  });
});

describe("the doctor's check of rules with other names", () => {
  async function withoutOwnRule(): Promise<void> {
    await events.send(new RemoveTargetsCommand({ Rule: "ec2_launches", Ids: ["launch-topic"] }));
    await events.send(new DeleteRuleCommand({ Name: "ec2_launches" }));
  }

  it("reports one that sends the same as setup's own rule, with both fixes", async () => {
    await rule("ec2-launches", launches("pending"));
    const { code, out } = await doctor();
    expect(code).toBe(1);
    expect(out).toContain("✗ rule ec2-launches: it sends launches (pending), so alerts are sent twice\n");
    expect(out).toContain("ec2-audit setup --region us-east-1 --disable-rule ec2-launches\n");
    expect(out).toContain("ec2-audit setup --region us-east-1 --adopt-rule ec2-launches\n");
    await run("setup --disable-rule ec2-launches");
    expect((await doctor()).out).toContain("– rule ec2-launches: disabled");
  });

  it("accepts one that setup uses instead of setup's own, with the dead-letter queue", async () => {
    await withoutOwnRule();
    await rule("ec2-launches", launches("pending"));
    expect(await diagnosis()).toEqual([
      1,
      expect.stringContaining("dead-letter queue ec2_launches_check_dead: policy: events.amazonaws.com may not send"),
      expect.stringContaining("wrong: rules and targets: rule ec2-launches: target sns: dead-letter queue none → "),
    ]);
    await run("setup");
    const { code, out } = await doctor();
    expect(code).toBe(0);
    expect(out).toContain("✓ rule ec2-launches: correct");
  });

  it("reports one that setup uses and that sends each launch twice as failed only", async () => {
    await withoutOwnRule();
    await rule("ec2-launches", launches("pending", "running"));
    await run("setup");
    const { code, out } = await doctor();
    expect(code).toBe(1);
    expect(out).toContain("✗ rule ec2-launches: it also sends launches (running), so alerts are sent twice");
    expect(out).not.toContain("✓ rule ec2-launches");
  });

  it("skips those that send nothing, no launches, or events that no other rule sends", async () => {
    await rule("buckets", { source: ["aws.s3"] });
    await rule("tags", { source: ["aws.tag"] });
    await rule("off", launches("pending"));
    await events.send(new DisableRuleCommand({ Name: "off" }));
    const before = aws.calls.length;
    const { code, out } = await doctor();
    expect(code).toBe(0);
    expect(out).toContain("– rule buckets: sends no launches of this account");
    expect(out).toContain("– rule tags: sends events that no other rule sends");
    expect(out).toContain("– rule off: disabled");
    // With such a rule, the doctor makes all its calls, except those for a session of a role and for an encrypted topic.
    const calls = aws.calls.slice(before).filter(({ accessKeyId }) => accessKeyId === "operator");
    const help = (await runCommand(["doctor", "--help"])).out;
    const listed = help.slice(help.indexOf("Required permissions"), help.indexOf("with --stack, also"));
    const actions = new Set(listed.match(/\b[A-Z][a-z]+[A-Z]\w+/g));
    expect(actions).toEqual(new Set(["GetRole", "DescribeKey", ...calls.map(({ action }) => action)]));
  });
});
