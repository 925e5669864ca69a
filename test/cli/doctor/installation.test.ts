import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { PutRuleCommand, PutTargetsCommand, RemoveTargetsCommand } from "@aws-sdk/client-eventbridge";
import {
  DeleteTopicCommand,
  SetSubscriptionAttributesCommand,
  SetTopicAttributesCommand,
  SubscribeCommand,
  UnsubscribeCommand,
} from "@aws-sdk/client-sns";
import { GetQueueUrlCommand, SendMessageCommand, SetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { generate } from "selfsigned";
import { afterEach, describe, expect, it, vi } from "vitest";
import { freePort } from "../../../src/local/free-port.ts";
import {
  ALERT_TOPIC,
  aws,
  click,
  DEAD_LETTERS,
  events,
  LAUNCH_TOPIC,
  ruleAndTargets,
  run,
  sns,
  sqs,
  startFunction,
  subscriptions,
  useEmptyAws,
} from "../installed.ts";
import { diagnosis, doctor, FUNCTION_USER, settings, setUp, url, useInstallation } from "./installed.ts";

/** What is around the function in AWS, and the function itself, each broken in one way. */

useEmptyAws();
useInstallation();

const queueUrl = async () =>
  (await sqs.send(new GetQueueUrlCommand({ QueueName: "ec2_launches_check_dead" }))).QueueUrl;
const subscriptionTo = async (endpoint: string, topic = LAUNCH_TOPIC) =>
  (await subscriptions(topic)).find(({ Endpoint }) => Endpoint === endpoint)?.SubscriptionArn;

describe("the doctor on topics and policies", () => {
  it("sees that EventBridge may not publish to the launch topic", async () => {
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [] });
    const change = { TopicArn: LAUNCH_TOPIC, AttributeName: "Policy", AttributeValue: Policy };
    await sns.send(new SetTopicAttributesCommand(change));
    expect(await diagnosis()).toEqual([
      1,
      "wrong: topics and policies: launch topic ec2_launches_check: policy: EventBridge may not publish → may publish",
    ]);
  });

  it("does not take a launch topic for right whose key may shut EventBridge out", async () => {
    const change = { TopicArn: LAUNCH_TOPIC, AttributeName: "KmsMasterKeyId", AttributeValue: "alias/aws/sns" };
    await sns.send(new SetTopicAttributesCommand(change));
    expect(await diagnosis()).toEqual([
      0,
      expect.stringContaining(
        "unknown: topics and policies: launch topic ec2_launches_check: It is encrypted with alias/aws/sns",
      ),
    ]);
  });

  it("does not speak of an e-mail to a tool that has not confirmed, nor shows what is secret in its URL", async () => {
    const at = `http://user:pass-word@127.0.0.1:${await freePort()}/hook`;
    await sns.send(new SubscribeCommand({ TopicArn: ALERT_TOPIC, Protocol: "http", Endpoint: `${at}?token=t0ken` }));
    const { code, out } = await doctor();
    expect(code).toBe(0);
    expect(out).toMatch(/1 subscriber; http:\/\/127\.0\.0\.1:\d+\/hook\?… has not confirmed its subscription\n/);
    expect(out).not.toMatch(/pass-word|t0ken|SNS's e-mail/);
  });

  it("sees that the launch topic is not there, and which command makes it", async () => {
    await sns.send(new DeleteTopicCommand({ TopicArn: LAUNCH_TOPIC }));
    const { code, out } = await doctor("--region us-east-1");
    expect(code).toBe(1);
    expect(out).toContain(
      "✗ launch topic ec2_launches_check: is not there\n      ec2-audit setup --region us-east-1\n",
    );
  });

  it("sees that the alert topic is not there", async () => {
    await sns.send(new DeleteTopicCommand({ TopicArn: ALERT_TOPIC }));
    expect(await diagnosis()).toEqual([
      1,
      `wrong: topics and policies: alert topic ec2_audit_alert: ${ALERT_TOPIC} is not there`,
    ]);
  });

  it("looks for the alert topic in its own region", async () => {
    const elsewhere = ALERT_TOPIC.replace("us-east-1", "eu-west-1");
    setUp({ ...settings, ALERT_TOPIC_ARN: elsewhere, LAUNCH_TOPIC_ARN: LAUNCH_TOPIC });
    expect(await diagnosis()).toEqual([
      1,
      `wrong: topics and policies: alert topic ec2_audit_alert: ${elsewhere} is not there`,
    ]);
    expect((await doctor()).out).toContain("Else make it: ec2-audit setup --region eu-west-1\n");
    const asked = aws.calls.filter(({ params }) => params.TopicArn === elsewhere).map(({ region }) => region);
    expect(new Set(asked)).toEqual(new Set(["eu-west-1"]));
  });

  it("asks whether an alert topic of another name is meant, and says which command makes it", async () => {
    setUp({ ...settings, ALERT_TOPIC_ARN: ALERT_TOPIC.replace("ec2_audit_alert", "alerts") });
    const { out } = await doctor("", { env: { AWS_REGION: "eu-west-1" } });
    expect(out).toContain(
      "Is the name in ALERT_TOPIC_ARN right? Else make it: ec2-audit setup --region us-east-1 --alert-topic alerts\n",
    );
  });

  it("sees a dead-letter queue that keeps less long than it should", async () => {
    const change = { QueueUrl: await queueUrl(), Attributes: { MessageRetentionPeriod: "345600" } };
    await sqs.send(new SetQueueAttributesCommand(change));
    expect(await diagnosis()).toEqual([
      1,
      "wrong: topics and policies: dead-letter queue ec2_launches_check_dead: MessageRetentionPeriod: 345600 → 1209600",
    ]);
  });

  it("counts the dead letters that wait, and says what to do with them", async () => {
    await sqs.send(new SendMessageCommand({ QueueUrl: await queueUrl(), MessageBody: "{}" }));
    await sqs.send(new SendMessageCommand({ QueueUrl: await queueUrl(), MessageBody: "{}" }));
    const { code, out } = await doctor();
    expect(code).toBe(1);
    expect(out).toContain(
      "✗ dead letters: 2 launches were not delivered or audited\n      See them: aws sqs receive-message",
    );
    const commands = out.split("\n").filter((line) => line.includes("aws sqs "));
    expect(commands).toEqual(commands.map(() => expect.stringContaining(" --region us-east-1")));
    expect(commands).toHaveLength(2);
  });

  it("proposes a queue as subscriber of a FIFO alert topic, which sends no e-mail", async () => {
    await run("setup --alert-topic alerts.fifo");
    const alerts = "arn:aws:sns:us-east-1:123456789012:alerts.fifo";
    setUp({ ...settings, ALERT_TOPIC_ARN: alerts });
    expect((await doctor()).out).toContain(
      `✗ who is told: nobody is told of alerts\n      aws sns subscribe --region us-east-1 --topic-arn ${alerts} --protocol sqs `,
    );
  });

  it("sees that nobody is told of alerts", async () => {
    const SubscriptionArn = await subscriptionTo("team@example.com", ALERT_TOPIC);
    await sns.send(new UnsubscribeCommand({ SubscriptionArn }));
    const { code, out } = await doctor();
    expect(code).toBe(1);
    expect(out).toContain(
      "✗ who is told: nobody is told of alerts\n      ec2-audit setup --region us-east-1 --email you@example.com",
    );
  });

  it("warns of a filter policy that no alert may match, and says how to change it", async () => {
    const Endpoint = DEAD_LETTERS;
    await sns.send(new SubscribeCommand({ TopicArn: ALERT_TOPIC, Protocol: "sqs", Endpoint }));
    const set = async (endpoint: string, AttributeName: string, AttributeValue: string) => {
      const SubscriptionArn = await subscriptionTo(endpoint, ALERT_TOPIC);
      await sns.send(new SetSubscriptionAttributesCommand({ SubscriptionArn, AttributeName, AttributeValue }));
      return SubscriptionArn;
    };
    const queueArn = await set(Endpoint, "FilterPolicy", '{"severity":["high"]}');
    const { code, out } = await doctor();
    expect(code).toBe(0);
    expect(out).toContain(`! filter policy of ${Endpoint}: it filters by message attributes`);
    expect(out).toContain(
      `aws sns set-subscription-attributes --subscription-arn ${queueArn} --attribute-name FilterPolicyScope --attribute-value MessageBody`,
    );
    await set(Endpoint, "FilterPolicyScope", "MessageBody");
    expect(await diagnosis()).toEqual([0]);
    await set("team@example.com", "FilterPolicyScope", "MessageBody");
    await set("team@example.com", "FilterPolicy", '{"severity":["high"]}');
    expect(await diagnosis()).toEqual([
      0,
      "warning: topics and policies: filter policy of team@example.com: it filters by the body, which is not JSON for this protocol, so it matches no alert",
    ]);
  });

  it("sees that the function may not use the key of an encrypted alert topic", async () => {
    const key = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555";
    const encrypt = (AttributeValue: string) =>
      sns.send(
        new SetTopicAttributesCommand({ TopicArn: ALERT_TOPIC, AttributeName: "KmsMasterKeyId", AttributeValue }),
      );
    await encrypt(key);
    expect(await diagnosis()).toEqual([0]);
    aws.deny("kms:GenerateDataKey", key, { principal: FUNCTION_USER });
    const told = `the function's policies do not allow kms:GenerateDataKey on ${key}, as IAM simulates them`;
    for (const named of [key, "11111111-2222-3333-4444-555555555555"]) {
      await encrypt(named);
      expect(await diagnosis()).toEqual([1, `wrong: permissions: key of the alert topic: ${told}`]);
    }
    await encrypt("alias/alerts");
    expect(await diagnosis()).toEqual([
      0,
      "unknown: permissions: key of the alert topic: the topic names it by alias/alerts, and IAM cannot simulate an alias",
    ]);
    await encrypt("alias/aws/sns");
    expect(await diagnosis()).toEqual([0]);
  });

  it("names who has not clicked yet: alone that is wrong, beside others a warning", async () => {
    await run("setup --email new@example.com");
    const waits = "new@example.com waits for the click on the link in SNS's e-mail";
    expect(await diagnosis()).toEqual([0, `warning: topics and policies: who is told: 1 subscriber; ${waits}`]);
    const SubscriptionArn = await subscriptionTo("team@example.com", ALERT_TOPIC);
    await sns.send(new UnsubscribeCommand({ SubscriptionArn }));
    expect(await diagnosis()).toEqual([
      1,
      `wrong: topics and policies: who is told: nobody is told of alerts: ${waits}`,
    ]);
    await click("new@example.com");
    expect(await diagnosis()).toEqual([0]);
  });

  it("names all who have not clicked yet, and for each how to have another e-mail", async () => {
    await run("setup --email new@example.com --email newer@example.com");
    const { out } = await doctor();
    expect(out).toContain("1 subscriber; new@example.com, newer@example.com wait for the click");
    for (const address of ["new@example.com", "newer@example.com"]) {
      expect(out).toContain(`--notification-endpoint ${address} --region us-east-1\n`);
    }
  });

  it("says what it may not look at, and that is not wrong", async () => {
    aws.deny("sns:GetTopicAttributes", LAUNCH_TOPIC);
    const [code, ...found] = await diagnosis();
    expect([code, found.length]).toEqual([0, 1]);
    expect(found[0]).toContain(
      "unknown: topics and policies: launch topic ec2_launches_check: AWS does not allow this",
    );
  });
});

describe("the doctor on rules and targets", () => {
  const rule = "rules and targets: rule ec2_launches";
  async function disable(Name: string): Promise<void> {
    const { pattern } = await ruleAndTargets(Name);
    await events.send(new PutRuleCommand({ Name, EventPattern: JSON.stringify(pattern), State: "DISABLED" }));
  }

  it("sees a rule that is disabled", async () => {
    await disable("ec2_launches");
    expect(await diagnosis()).toEqual([1, `wrong: ${rule}: state: DISABLED → ENABLED`]);
  });

  it("sees a rule that matches something else", async () => {
    await events.send(new PutRuleCommand({ Name: "ec2_launches", EventPattern: '{"source":["aws.s3"]}' }));
    const [code, ...found] = await diagnosis();
    expect([code, found.length]).toEqual([1, 1]);
    expect(found[0]).toContain(`wrong: ${rule}: pattern: {"source":["aws.s3"]} → `);
  });

  it("sees a rule without its target", async () => {
    await events.send(new RemoveTargetsCommand({ Rule: "ec2_launches", Ids: ["launch-topic"] }));
    expect(await diagnosis()).toEqual([1, `wrong: ${rule}: target: none → ${LAUNCH_TOPIC}`]);
  });

  it("sees a target without the dead-letter queue", async () => {
    const Targets = [{ Id: "launch-topic", Arn: LAUNCH_TOPIC }];
    await events.send(new PutTargetsCommand({ Rule: "ec2_launches", Targets }));
    expect(await diagnosis()).toEqual([
      1,
      `wrong: ${rule}: target launch-topic: dead-letter queue none → ${DEAD_LETTERS}`,
    ]);
  });

  it.each(["cloudtrail", "tag-changes"])(
    "looks at the rule of --%s too, where there is one, and leaves out one that is switched off",
    async (kind) => {
      const Name = `ec2_launches-${kind}`;
      await run(`setup --${kind}`);
      expect(await diagnosis()).toEqual([0]);
      await events.send(new RemoveTargetsCommand({ Rule: Name, Ids: ["launch-topic"] }));
      expect(await diagnosis()).toEqual([1, `wrong: rules and targets: rule ${Name}: target: none → ${LAUNCH_TOPIC}`]);
      await disable(Name);
      expect(await diagnosis()).toEqual([0]);
      expect((await doctor()).out).toContain(`– rule ${Name}: is switched off`);
    },
  );
});

describe("the doctor on the subscription", () => {
  async function change(AttributeName: string, AttributeValue: string): Promise<void> {
    const SubscriptionArn = await subscriptionTo(url);
    await sns.send(new SetSubscriptionAttributesCommand({ SubscriptionArn, AttributeName, AttributeValue }));
  }

  it("sees that no function is called", async () => {
    await sns.send(new UnsubscribeCommand({ SubscriptionArn: await subscriptionTo(url) }));
    expect(await diagnosis()).toEqual([
      1,
      "wrong: subscription: function: the launch topic calls no function: no launch is audited",
    ]);
  });

  it("sees that another URL is called than the function's", async () => {
    const [code, ...found] = await diagnosis("--url http://127.0.0.1:9/");
    expect(code).toBe(1);
    expect(found).toContain(
      `wrong: subscription: http://127.0.0.1:9/: is not subscribed to the launch topic: no launch is audited; subscribed are ${url}`,
    );
  });

  it("sees a subscription that the function has not confirmed", async () => {
    const other = await startFunction();
    other.settings.LAUNCH_TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:other";
    await sns.send(new SubscribeCommand({ TopicArn: LAUNCH_TOPIC, Protocol: "http", Endpoint: other.url }));
    await aws.idle();
    const [code, ...found] = await diagnosis(`--url ${other.url}`);
    expect(code).toBe(1);
    expect(found).toContain(`wrong: subscription: ${other.url}: subscribed, and has not confirmed yet`);
    const { out } = await doctor(`--url ${other.url}`);
    expect(out).toContain(
      `If this URL is wrong, do nothing: SNS drops an unconfirmed subscription by itself within days. If it is right: ec2-audit setup --region us-east-1 --url ${other.url}\n`,
    );
    expect(out).not.toContain("alerted twice");
  });

  it("sees raw delivery, which carries no signature", async () => {
    await change("RawMessageDelivery", "true");
    expect(await diagnosis()).toEqual([
      1,
      `wrong: subscription: ${url}: RawMessageDelivery: true (deliveries have no signature) → false`,
    ]);
  });

  it("sees a subscription without the dead-letter queue", async () => {
    await sns.send(new UnsubscribeCommand({ SubscriptionArn: await subscriptionTo(url) }));
    setUp({ ...settings, FUNCTION_URL: url });
    settings.FUNCTION_URL = url;
    await fetch(url);
    await aws.idle();
    expect(await diagnosis()).toEqual([1, `wrong: subscription: ${url}: dead-letter queue: none → ${DEAD_LETTERS}`]);
  });

  it("warns of a URL that has not confirmed beside the function that has, and finds nothing wrong", async () => {
    await sns.send(new SubscribeCommand({ TopicArn: LAUNCH_TOPIC, Protocol: "http", Endpoint: "http://127.0.0.1:9/" }));
    const [code, ...found] = await diagnosis();
    expect(code).toBe(0);
    expect(found).toContain("warning: subscription: http://127.0.0.1:9/: subscribed too, and has not confirmed yet");
  });

  it("warns of a filter policy, which keeps launches from the function", async () => {
    await change("FilterPolicy", '{"kind":["test"]}');
    const [code, ...found] = await diagnosis();
    expect(code).toBe(0);
    expect(found).toContainEqual(expect.stringContaining(`warning: subscription: ${url}: It has a filter policy`));
  });

  it("warns of another function that is called too", async () => {
    const other = await startFunction();
    await run(`setup --url ${other.url}`);
    const [code, ...found] = await diagnosis(`--url ${url}`);
    expect(code).toBe(0);
    expect(found).toEqual([
      `warning: subscription: function: ${other.url} is subscribed beside it: if more than one is a function, launches are alerted twice`,
    ]);
  });

  it("warns once of several functions that are called, and says which is which", async () => {
    const other = await startFunction();
    await run(`setup --url ${other.url}`);
    await aws.idle();
    const { code, out } = await doctor();
    expect(code).toBe(0);
    expect(out.match(/alerted twice/g)).toHaveLength(1);
    for (const each of [url, other.url]) {
      expect(out).toContain(`✓ SNS outlasts GRACE_SECONDS (${each}): `);
      expect(out).toContain(
        `aws sns unsubscribe --subscription-arn ${await subscriptionTo(each)} --region us-east-1\n`,
      );
    }
  });

  it("sees that SNS calls again for less long than the grace", async () => {
    const healthyRetryPolicy = { numRetries: 3, minDelayTarget: 20, maxDelayTarget: 20 };
    await change("DeliveryPolicy", JSON.stringify({ healthyRetryPolicy }));
    setUp({ ...settings, GRACE_SECONDS: "61" });
    const short = (await diagnosis()).slice(1).filter((line) => String(line).includes(": grace:"));
    expect(short).toEqual([
      "wrong: grace: SNS outlasts GRACE_SECONDS: SNS calls again for 60 s, and the grace is 61 s: a launch without its tags is never alerted",
    ]);
    setUp({ ...settings, GRACE_SECONDS: "60" });
    expect((await diagnosis()).filter((line) => String(line).includes(": grace:"))).toEqual([]);
  });
});

describe("the doctor on the function", () => {
  const servers: Server[] = [];
  afterEach(() => {
    vi.restoreAllMocks();
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  async function listening(server: Server): Promise<number> {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  }
  const answering = async (listener: RequestListener) => `http://127.0.0.1:${await listening(createServer(listener))}/`;
  const document =
    (values: object): RequestListener =>
    (_, response) =>
      void response.end(
        JSON.stringify({ name: "ec2-audit", version: "1.0.0", configured: true, subscribed: "confirmed", ...values }),
      );
  /** What it says of the function at a URL. */
  const health = async (at: string) =>
    (await diagnosis(`--url ${at}`)).filter((line) => String(line).includes(": function:"));

  it("sees that nothing answers", async () => {
    const at = `http://127.0.0.1:${await freePort()}/`;
    expect(await health(at)).toEqual([`wrong: function: ${at}: nothing answers there`]);
  });

  it("does not ask a URL with a password in it, and does not show that", async () => {
    setUp({ ...settings, FUNCTION_URL: "http://user:pass-word@127.0.0.1:9/" });
    const { out } = await doctor();
    expect(out).toContain("? http://127.0.0.1:9/: its URL has a user and a password, which are not sent from here");
    expect(out).not.toContain("pass-word");
  });

  it("sees that it is no function of ours", async () => {
    const at = await answering((_, response) => void response.writeHead(404).end("<h1>Not found</h1>"));
    expect(await health(at)).toEqual([
      `wrong: function: ${at}: answers 404, and not with the health document of ec2-audit`,
    ]);
  });

  it("sees that it does not answer in time", async () => {
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    const asked = vi.spyOn(AbortSignal, "timeout").mockImplementation(() => timeout(20));
    const at = await answering(() => {});
    expect(await health(at)).toEqual([`wrong: function: ${at}: it did not answer within 10 s`]);
    expect(asked).toHaveBeenCalledWith(10_000);
  });

  it("sees a certificate that SNS does not trust", async () => {
    const { private: key, cert } = await generate([{ name: "commonName", value: "localhost" }]);
    const port = await listening(createTlsServer({ key, cert }, document({})));
    const at = `https://localhost:${port}/`;
    expect(await health(at)).toEqual([`wrong: function: ${at}: its certificate is not of a public authority`]);
  });

  it("sees that it does not take its secrets, and passes on which", async () => {
    settings.GRACE_SECONDS = "soon";
    settings.LOG_LEVEL = "loud";
    expect(await diagnosis()).toEqual([
      1,
      "wrong: function: configured: GRACE_SECONDS is not a whole number of seconds from 0 to 3000",
      "wrong: function: configured: LOG_LEVEL is not one of debug, info, warn, error",
    ]);
  });

  it("sees that it could not subscribe itself", async () => {
    aws.deny("sns:Subscribe", LAUNCH_TOPIC);
    settings.FUNCTION_URL = url;
    expect(await diagnosis()).toContain("wrong: function: subscribed: failed: AuthorizationErrorException");
  });

  it("warns of another version than this command's", async () => {
    const at = await answering(document({ version: "0.9.0" }));
    expect(await health(at)).toEqual(["warning: function: version: it is 0.9.0, and this command 1.0.0"]);
  });

  it("shows a stranger's answer on one line, with no control character in it", async () => {
    const hostile = "1.0\u001b[2J\u009b31m\u202e\n  ✓ all: well";
    const wrong = [{ key: hostile, problem: hostile }];
    const { out } = await doctor(`--url ${await answering(document({ version: hostile, subscribed: hostile }))}`);
    const { out: problems } = await doctor(
      `--url ${await answering(document({ configured: false, problems: wrong }))}`,
    );
    const shown = "1.0\\u001b[2J\\u009b31m\\u202e\\u000a  ✓ all: well";
    expect(out).toContain(`! version: it is ${shown}, and this command 1.0.0\n`);
    expect(out).toContain(`! subscribed: ${shown}\n`);
    expect(problems).toContain(`✗ configured: ${shown} ${shown}\n`);
  });

  it("warns while it waits for its confirmation", async () => {
    expect(await health(await answering(document({ subscribed: "pending" })))).toEqual([
      "warning: function: subscribed: pending",
    ]);
  });

  it("sees that it was unsubscribed", async () => {
    expect(await health(await answering(document({ subscribed: "unsubscribed" })))).toEqual([
      "wrong: function: subscribed: SNS has told it that it was unsubscribed",
    ]);
  });
});
