import {
  DisableRuleCommand,
  EnableRuleCommand,
  ListTagsForResourceCommand as ListRuleTagsCommand,
  PutRuleCommand,
  PutTargetsCommand,
} from "@aws-sdk/client-eventbridge";
import {
  ConfirmSubscriptionCommand,
  CreateTopicCommand,
  ListTagsForResourceCommand,
  SubscribeCommand,
  TagResourceCommand,
} from "@aws-sdk/client-sns";
import { CreateQueueCommand } from "@aws-sdk/client-sqs";
import { describe, expect, it } from "vitest";
import { startSubscriber } from "../../local/subscriber.ts";
import { byHand, rule } from "../by-hand.ts";
import {
  ALERT_TOPIC,
  aws,
  changesOf,
  click,
  DEAD_LETTERS,
  events,
  everything,
  LAUNCH_TOPIC,
  ruleAndTargets,
  run,
  sns,
  sqs,
  startFunction,
  subscriptionAttributes,
  subscriptions,
  useEmptyAws,
} from "../installed.ts";

useEmptyAws();

describe("ec2-audit teardown keeps resources that existed before setup", () => {
  it("without what setup added to them, and prints why", async () => {
    await sns.send(new CreateTopicCommand({ Name: "ec2_launches_check" }));
    await sns.send(new CreateTopicCommand({ Name: "ec2_audit_alert" }));
    await sqs.send(new CreateQueueCommand({ QueueName: "ec2_launches_check_dead" }));
    await events.send(new PutRuleCommand({ Name: "ec2_launches", EventPattern: '{"source":["aws.ec2"]}' }));
    const { url } = await startFunction();
    const another = await startFunction();
    await run(`setup --url ${url}`);
    await sns.send(new SubscribeCommand({ TopicArn: LAUNCH_TOPIC, Protocol: "http", Endpoint: another.url }));
    await aws.idle();
    // No server listens on this port: the subscription stays pending.
    await sns.send(new SubscribeCommand({ TopicArn: LAUNCH_TOPIC, Protocol: "http", Endpoint: "http://127.0.0.1:9/" }));
    await aws.idle();
    const before = await everything();

    const { out } = await run("teardown --yes");
    expect(out).toContain("- target                 launch-topic of the rule ec2_launches");
    expect(out).toContain(`- function subscription  ${url}`);
    expect(out.match(/kept: not created by setup: it does not have the tag ec2-audit=setup/g)).toHaveLength(4);
    expect(await everything()).toEqual(before);
    expect((await ruleAndTargets()).Targets).toEqual([]);
    expect((await subscriptions(LAUNCH_TOPIC)).map(({ Endpoint }) => Endpoint)).toEqual([
      another.url,
      "http://127.0.0.1:9/",
    ]);
    expect((await run("teardown --yes")).out).toContain("setup created nothing in us-east-1");
  });

  it("and an HTTP subscription to alerts, even if it uses setup's dead-letter queue", async () => {
    await sns.send(new CreateTopicCommand({ Name: "ec2_audit_alert" }));
    await sqs.send(new CreateQueueCommand({ QueueName: "ec2_launches_check_dead" }));
    await run("setup");
    const pager = await startSubscriber(200);
    const Attributes = { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: DEAD_LETTERS }) };
    const request = { TopicArn: ALERT_TOPIC, Protocol: "http", Endpoint: pager.url, Attributes };
    await sns.send(new SubscribeCommand(request));
    await aws.idle();
    await sns.send(new ConfirmSubscriptionCommand({ TopicArn: ALERT_TOPIC, Token: pager.last().Token }));
    const { out } = await run("teardown --yes");
    await pager.close();
    expect(out).toContain("Removed.");
    expect(out).not.toMatch(/function subscription|SQS reserves the name/);
    expect((await subscriptions(ALERT_TOPIC)).map(({ SubscriptionArn }) => SubscriptionArn)).toEqual([
      expect.stringMatching(/^arn:/),
    ]);
  });

  it("and a rule's target that setup did not create", async () => {
    await sns.send(new CreateTopicCommand({ Name: "ec2_launches_check" }));
    await events.send(new PutRuleCommand({ Name: "ec2_launches", EventPattern: '{"source":["aws.ec2"]}' }));
    await events.send(new PutTargetsCommand({ Rule: "ec2_launches", Targets: [{ Id: "sns", Arn: LAUNCH_TOPIC }] }));
    await run("setup");
    const { out } = await run("teardown --yes");
    expect(out).not.toContain("- target");
    expect((await ruleAndTargets()).Targets).toMatchObject([{ Id: "sns" }]);
    expect((await everything()).topics).toEqual(["ec2_launches_check"]);
  });
});

const rulesThere = async () => (await everything()).rules;
const stateOf = async (name: string) => (await ruleAndTargets(name)).State;
const ruleTagsOf = async (name: string) => {
  const ResourceARN = `arn:aws:events:us-east-1:123456789012:rule/${name}`;
  return (await events.send(new ListRuleTagsCommand({ ResourceARN }))).Tags;
};

describe("ec2-audit teardown returns a rule with another name to its state before setup", () => {
  it("without the dead-letter queue, if setup adopted it", async () => {
    await byHand();
    const before = await ruleAndTargets("ec2-launches");
    await run("setup");
    const { out } = await run("teardown --yes");
    expect(out).toMatch(/~ rule +ec2-launches +kept, without the dead-letter queue, which is removed\n/);
    expect(await ruleAndTargets("ec2-launches")).toEqual(before);
    expect((await run("teardown")).out).toMatch(/= rule +ec2-launches +kept: not created by setup/);
  });

  it("enabled and without setup's tag, if setup disabled it", async () => {
    await byHand();
    const before = await ruleAndTargets("ec2-launches");
    await run("setup --disable-rule ec2-launches");
    expect((await run("setup")).out).toContain("It is disabled. teardown enables it again.");
    const { asked } = await run("teardown", { answer: true });
    expect(asked[0]).toMatch(/^Remove these 2 resources and restore the rest\?/);
    expect(await ruleAndTargets("ec2-launches")).toEqual(before);
    expect([await ruleTagsOf("ec2-launches"), await rulesThere()]).toEqual([[], ["ec2-launches"]]);
  });

  it("disabled, if setup enabled it", async () => {
    await byHand();
    await events.send(new DisableRuleCommand({ Name: "ec2-launches" }));
    await run("setup --adopt-rule ec2-launches");
    await run("teardown --yes");
    expect([await stateOf("ec2-launches"), await ruleTagsOf("ec2-launches")]).toEqual(["DISABLED", []]);
  });

  it("enabled, if setup disabled it and then adopted it", async () => {
    await byHand();
    await run("setup --disable-rule ec2-launches");
    await run("setup --adopt-rule ec2-launches");
    expect([await stateOf("ec2-launches"), await ruleTagsOf("ec2-launches")]).toEqual(["ENABLED", []]);
    await run("teardown --yes");
    expect([await stateOf("ec2-launches"), await rulesThere()]).toEqual(["ENABLED", ["ec2-launches"]]);
  });

  it("and names in the question a rule whose target is removed", async () => {
    await run("setup");
    await rule("by-hand", { source: ["shop"] });
    const { asked } = await run("teardown", { answer: true });
    expect(asked[0]).toContain("the rule by-hand is kept, and its target ec2_launches_check will not exist");
    expect(await rulesThere()).toEqual(["by-hand"]);
  });

  it("enabled, if someone enabled it since", async () => {
    await byHand();
    await run("setup --disable-rule ec2-launches");
    await events.send(new EnableRuleCommand({ Name: "ec2-launches" }));
    await run("teardown --yes");
    expect(await stateOf("ec2-launches")).toBe("ENABLED");
  });
});

const topic = (Name: string) => sns.send(new CreateTopicCommand({ Name }));
const subscribe = (TopicArn: string, Protocol: string, Endpoint: string) =>
  sns.send(new SubscribeCommand({ TopicArn, Protocol, Endpoint }));
const endpoints = async (arn: string) => (await subscriptions(arn)).map(({ Endpoint }) => Endpoint);
const tags = async (ResourceArn: string) =>
  (await sns.send(new ListTagsForResourceCommand({ ResourceArn }))).Tags?.map(({ Key }) => Key);

describe("ec2-audit teardown, for the function's subscription to a launch topic that existed before", () => {
  it("keeps one that existed before setup --url, without the removed queue", async () => {
    await topic("ec2_launches_check");
    const { url } = await startFunction();
    await subscribe(LAUNCH_TOPIC, "http", url);
    await aws.idle();
    await run(`setup --url ${url}`);
    expect(await subscriptionAttributes(url)).toMatchObject({ RedrivePolicy: expect.stringContaining(DEAD_LETTERS) });
    const { out } = await run("teardown --yes");
    expect(out).toContain(`~ function subscription  ${url}`);
    expect(out).toContain("kept: not created by setup. Its dead-letter queue is removed");
    expect(await endpoints(LAUNCH_TOPIC)).toEqual([url]);
    expect(await subscriptionAttributes(url)).not.toHaveProperty("RedrivePolicy");
    expect((await run("teardown")).out).toContain("setup created nothing in us-east-1");
  });

  it("keeps its dead-letter queue if the queue is kept", async () => {
    await topic("ec2_launches_check");
    await sqs.send(new CreateQueueCommand({ QueueName: "ec2_launches_check_dead" }));
    const { url } = await startFunction();
    await subscribe(LAUNCH_TOPIC, "http", url);
    await aws.idle();
    await run(`setup --url ${url}`);
    await run("teardown --yes");
    expect(await subscriptionAttributes(url)).toMatchObject({ RedrivePolicy: expect.stringContaining(DEAD_LETTERS) });
  });

  it("removes one that setup recorded in a tag of the topic, and the tag", async () => {
    await topic("ec2_launches_check");
    await sns.send(new TagResourceCommand({ ResourceArn: LAUNCH_TOPIC, Tags: [{ Key: "owner", Value: "web" }] }));
    const { url } = await startFunction();
    await run(`setup --url ${url}`);
    await run(`setup --url ${url}`);
    expect(await tags(LAUNCH_TOPIC)).toEqual(["owner", "ec2-audit:subscriptions"]);
    const { asked } = await run("teardown", { answer: true });
    expect(asked[0]).toContain(`${url} will no longer receive launches from ec2_launches_check`);
    expect(await endpoints(LAUNCH_TOPIC)).toEqual([]);
    expect(await tags(LAUNCH_TOPIC)).toEqual(["owner"]);
  });

  it("needs no record on a topic that setup created", async () => {
    const { url } = await startFunction();
    await run(`setup --email ann@example.com --url ${url}`);
    expect([await tags(LAUNCH_TOPIC), await tags(ALERT_TOPIC)]).toEqual([["ec2-audit"], ["ec2-audit"]]);
  });
});

describe("ec2-audit teardown, for e-mail subscriptions to an alert topic that existed before", () => {
  it("removes those that setup created, and keeps and counts the others", async () => {
    await topic("ec2_audit_alert");
    await subscribe(ALERT_TOPIC, "email", "old@example.com");
    await click("old@example.com");
    await run("setup --email Ann@example.com --email old@example.com");
    await click("Ann@example.com");
    const { out, asked } = await run("teardown", { answer: true });
    expect(asked[0]).toContain("Ann@example.com will no longer receive alerts from ec2_audit_alert");
    expect(out).toContain(
      `It keeps 1 subscription that setup did not create: aws sns list-subscriptions-by-topic --topic-arn ${ALERT_TOPIC}`,
    );
    expect(await endpoints(ALERT_TOPIC)).toEqual(["old@example.com"]);
    expect(await tags(ALERT_TOPIC)).toEqual([]);
  });

  it("keeps an unconfirmed one, which cannot be deleted, and removes it after its confirmation", async () => {
    await topic("ec2_audit_alert");
    await run("setup --email ann@example.com");
    const { out } = await run("teardown --yes");
    expect(out).toMatch(
      /= e-mail subscription +ann@example\.com +kept: created by setup, but not confirmed: it cannot be deleted, and SNS/,
    );
    expect((await run("teardown --yes")).out).toContain("Nothing can be removed from us-east-1 (123456789012) yet");
    await click("ann@example.com");
    const changes = await changesOf(() => run("teardown --yes"));
    expect(changes).toEqual(["Unsubscribe", "UntagResource"]);
    expect(await endpoints(ALERT_TOPIC)).toEqual([]);
  });

  it("prints with --json what it removes, restores and leaves, and what must wait", async () => {
    await topic("ec2_launches_check");
    await topic("ec2_audit_alert");
    const { url } = await startFunction();
    await subscribe(LAUNCH_TOPIC, "http", url);
    await aws.idle();
    await run(`setup --email ann@example.com --email bob@example.com --url ${url}`);
    await click("ann@example.com");
    const { resources } = JSON.parse((await run("teardown --json --dry-run")).out);
    const fates = resources.map(({ kind, name, fate }: Record<string, string>) => `${kind} ${name}: ${fate}`);
    expect(fates).toEqual([
      "rule ec2_launches: remove",
      `function subscription ${url}: restore`,
      "launch topic ec2_launches_check: leave",
      "e-mail subscription ann@example.com: remove",
      "e-mail subscription bob@example.com: wait",
      "alert topic ec2_audit_alert: leave",
      "dead-letter queue ec2_launches_check_dead: remove",
    ]);
  });
});

it("setup subscribes no address that it cannot record, and prints the command to do so", async () => {
  await topic("ec2_audit_alert");
  const many = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => `--email a${from + index}@example.com`).join(" ");
  expect((await run(`setup ${many(0, 28)}`)).code).toBe(0);
  const { code, err } = await run(`setup ${many(28, 29)}`);
  expect([code, err]).toEqual([2, expect.stringContaining("cannot record more than 28 subscriptions of one topic")]);
  expect(err).toContain("a28@example.com is not subscribed");
  expect(await subscriptions(ALERT_TOPIC)).toHaveLength(28);
  const { Tags } = await sns.send(new ListTagsForResourceCommand({ ResourceArn: ALERT_TOPIC }));
  expect(Tags?.[0]?.Value).toMatch(/^[\w-]{8}(?: [\w-]{8}){27}$/);
});
