import {
  CreateTopicCommand,
  ListTagsForResourceCommand,
  SubscribeCommand,
  TagResourceCommand,
} from "@aws-sdk/client-sns";
import { CreateQueueCommand } from "@aws-sdk/client-sqs";
import { describe, expect, it } from "vitest";
import {
  ALERT_TOPIC,
  aws,
  changesOf,
  click,
  DEAD_LETTERS,
  LAUNCH_TOPIC,
  run,
  sns,
  sqs,
  startFunction,
  subscriptionAttributes,
  subscriptions,
  useEmptyAws,
} from "../installed.ts";

useEmptyAws();

const topic = (Name: string) => sns.send(new CreateTopicCommand({ Name }));
const subscribe = (TopicArn: string, Protocol: string, Endpoint: string) =>
  sns.send(new SubscribeCommand({ TopicArn, Protocol, Endpoint }));
const endpoints = async (arn: string) => (await subscriptions(arn)).map(({ Endpoint }) => Endpoint);
const tags = async (ResourceArn: string) =>
  (await sns.send(new ListTagsForResourceCommand({ ResourceArn }))).Tags?.map(({ Key }) => Key);

describe("ec2-audit teardown, and the function's subscription to a launch topic that was there before", () => {
  it("keeps one that was there before setup --url, and takes the removed queue from it", async () => {
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

  it("also keeps its dead-letter queue where the queue stays", async () => {
    await topic("ec2_launches_check");
    await sqs.send(new CreateQueueCommand({ QueueName: "ec2_launches_check_dead" }));
    const { url } = await startFunction();
    await subscribe(LAUNCH_TOPIC, "http", url);
    await aws.idle();
    await run(`setup --url ${url}`);
    await run("teardown --yes");
    expect(await subscriptionAttributes(url)).toMatchObject({ RedrivePolicy: expect.stringContaining(DEAD_LETTERS) });
  });

  it("removes one that setup made, by its record in a tag of the topic, and the tag", async () => {
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

  it("records nothing on a topic that setup made: its subscriptions go with it", async () => {
    const { url } = await startFunction();
    await run(`setup --email ann@example.com --url ${url}`);
    expect([await tags(LAUNCH_TOPIC), await tags(ALERT_TOPIC)]).toEqual([["ec2-audit"], ["ec2-audit"]]);
  });
});

describe("ec2-audit teardown, and e-mail subscriptions to an alert topic that was there before", () => {
  it("removes those that setup made, and keeps and counts the others", async () => {
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

  it("says that one which is not confirmed cannot be deleted, and removes it later if it was confirmed after all", async () => {
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

  it("prints with --json what is removed, restored, left, and waited for", async () => {
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

it("subscribes no address that it could not record, and says how to do it by hand", async () => {
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
