import {
  DescribeRuleCommand,
  EventBridgeClient,
  ListTagsForResourceCommand,
  ListTargetsByRuleCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from "@aws-sdk/client-eventbridge";
import {
  ConfirmSubscriptionCommand,
  CreateTopicCommand,
  SetTopicAttributesCommand,
  SubscribeCommand,
} from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueueTagsCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { mockClient } from "aws-sdk-client-mock";
import { describe, expect, it } from "vitest";
import { startSubscriber } from "../../local/subscriber.ts";
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
  received,
  ruleAndTargets,
  run,
  sns,
  sqs,
  startFunction,
  subscriptions,
  useEmptyAws,
} from "../installed.ts";

useEmptyAws();

const NOTHING = { topics: [], queues: [], rules: [] };

describe("ec2-audit teardown", () => {
  it("removes all that setup has made, with the subscriptions that nobody has confirmed", async () => {
    const { url } = await startFunction();
    await run(`setup --tag-changes --email ann@example.com --url ${url}`);
    const calls = await changesOf(async () => {
      const { code, out, asked } = await run("teardown --yes");
      expect([code, asked]).toEqual([0, []]);
      expect(out).toContain("Removed.");
      expect(out).toContain("wt rm ec2-audit");
    });
    expect(calls, "first what points to others").toEqual([
      "RemoveTargets",
      "DeleteRule",
      "RemoveTargets",
      "DeleteRule",
      "DeleteTopic",
      "DeleteTopic",
      "DeleteQueue",
    ]);
    expect(await everything()).toEqual(NOTHING);
  });

  it("has nothing to do the second time", async () => {
    await run("setup");
    await run("teardown --yes");
    const { code, out } = await run("teardown");
    expect([code, out]).toEqual([0, "setup created nothing in us-east-1 (123456789012)."]);
  });

  it("goes on where it was interrupted", async () => {
    await run("setup");
    aws.faults.add({ action: "DeleteTopic", kind: "error", times: 3 });
    const failed = await run("teardown --yes");
    expect([failed.code, failed.err]).toEqual([2, expect.stringContaining("error: AWS failed: InternalError")]);
    expect(failed.err).toMatch(/Run the command again to continue\.$/);
    expect((await everything()).rules).toEqual([]);
    expect((await run("teardown --yes")).code).toBe(0);
    expect(await everything()).toEqual(NOTHING);
  });

  it("goes by the names that setup was given", async () => {
    const names = "--launch-topic launches --alert-topic alerts --rule watch --dead-letter-queue dead";
    await run(`setup ${names} --cloudtrail`);
    expect((await run("teardown --yes")).out).toContain("setup created nothing in us-east-1");
    await run(`teardown --yes ${names}`);
    expect(await everything()).toEqual(NOTHING);
  });
});

describe("ec2-audit teardown, where AWS is not as it was listed", () => {
  it("passes over a queue that SQS goes on showing for a minute after it was deleted", async () => {
    const mock = mockClient(SQSClient);
    mock.on(GetQueueUrlCommand).resolves({ QueueUrl: "https://sqs.us-east-1.amazonaws.com/123456789012/dead" });
    mock.on(GetQueueAttributesCommand).resolves({ Attributes: {} });
    mock.on(ListQueueTagsCommand).resolves({ Tags: { "ec2-audit": "setup" } });
    mock.on(DeleteQueueCommand).rejects(Object.assign(new Error("no"), { name: "QueueDoesNotExist" }));
    const { code, out } = await run("teardown --yes").finally(() => mock.restore());
    expect([code, out]).toEqual([0, expect.stringContaining("SQS reserves the name of a deleted queue for a minute")]);
  });

  it("fails when EventBridge keeps the target of somebody else's rule, though it answers 200", async () => {
    const mock = mockClient(EventBridgeClient);
    mock.on(DescribeRuleCommand).resolves({ Name: "ec2_launches" });
    mock.on(ListTargetsByRuleCommand).resolves({ Targets: [{ Id: "launch-topic", Arn: LAUNCH_TOPIC }] });
    mock.on(ListTagsForResourceCommand).resolves({});
    const FailedEntries = [{ TargetId: "launch-topic", ErrorCode: "Busy", ErrorMessage: "try again" }];
    mock.on(RemoveTargetsCommand).resolves({ FailedEntryCount: 1, FailedEntries });
    const { code, err } = await run("teardown --yes").finally(() => mock.restore());
    expect([code, err]).toEqual([
      2,
      expect.stringContaining("did not remove a target of the rule ec2_launches: Busy try again"),
    ]);
  });
});

describe("ec2-audit teardown asks", () => {
  it("once, when it has listed what it would remove, and removes it after a yes", async () => {
    await run("setup");
    const { out, asked } = await run("teardown", { answer: true });
    expect(asked).toEqual(["Remove these 4 resources?"]);
    expect(out).toContain("- dead-letter queue  ec2_launches_check_dead");
    expect(await everything()).toEqual(NOTHING);
  });

  it("and leaves all there is after a no", async () => {
    await run("setup");
    const before = await everything();
    const { code, out } = await run("teardown", { answer: false });
    expect([code, out]).toEqual([1, expect.stringContaining("Nothing was removed.")]);
    expect(await everything()).toEqual(before);
    expect((await run("teardown --help")).out).toContain("1 not confirmed");
  });

  it("and leaves all there is where there is nobody to answer", async () => {
    await run("setup");
    const before = await everything();
    const { code, err } = await run("teardown");
    expect([code, err]).toEqual([2, expect.stringContaining("--yes")]);
    expect(await everything()).toEqual(before);
  });

  it("saying who will no longer receive alerts, and that the function will no longer receive launches", async () => {
    const { url } = await startFunction();
    await run(`setup --email ann@example.com --email bob@example.com --url ${url}`);
    await click("ann@example.com");
    await listen("archive", ALERT_TOPIC);
    const { asked } = await run("teardown", { answer: false });
    expect(asked[0]).toContain(
      "ann@example.com (email), arn:aws:sqs:us-east-1:123456789012:archive (sqs) will no longer receive alerts",
    );
    expect(asked[0]).toContain(`${url} (http) will no longer receive launches`);
    expect(asked[0]).toMatch(/^Remove these 4 resources\? Consequences:\n- /);
    expect(asked[0]).not.toContain("bob@example.com");
  });

  it("saying how many dead letters would be lost", async () => {
    await run("setup");
    await sns.send(
      new SetTopicAttributesCommand({ TopicArn: LAUNCH_TOPIC, AttributeName: "Policy", AttributeValue: "" }),
    );
    aws.launch({ count: 3 });
    // One that somebody is just looking at is lost with the others.
    await received("ec2_launches_check_dead", 1);
    const { asked } = await run("teardown", { answer: false });
    expect(asked[0]).toContain(
      "3 undelivered messages in ec2_launches_check_dead will be lost: launches that were not audited",
    );
  });

  it("saying where else a rule of ours sends", async () => {
    await run("setup");
    const Arn = "arn:aws:sns:us-east-1:123456789012:other";
    await events.send(new PutTargetsCommand({ Rule: "ec2_launches", Targets: [{ Id: "other", Arn }] }));
    const { asked } = await run("teardown", { answer: true });
    expect(asked[0]).toContain(`${Arn} will no longer receive events from the rule ec2_launches`);
    expect((await everything()).rules).toEqual([]);
  });
});

describe("ec2-audit teardown, asked about", () => {
  it("with --dry-run lists, and changes nothing", async () => {
    await run("setup");
    const calls = await changesOf(async () => {
      const { code, out } = await run("teardown --dry-run");
      expect([code, out]).toEqual([0, expect.stringContaining("Nothing was removed: this was a dry run.")]);
      expect(out).toContain("- rule               ec2_launches");
    });
    expect(calls).toEqual([]);
  });

  it("with --json prints one document, and nothing else on the standard output", async () => {
    await run("setup");
    const fates = async (line: string) => {
      const { ending, resources } = JSON.parse((await run(line)).out);
      return [ending, ...resources.map(({ kind, fate }: { kind: string; fate: string }) => `${kind}: ${fate}`)];
    };
    const all = ["rule: remove", "launch topic: remove", "alert topic: remove", "dead-letter queue: remove"];
    expect(await fates("teardown --json --dry-run")).toEqual(["dry run", ...all]);
    expect(await fates("teardown --json --yes")).toEqual(["removed", ...all]);
    expect(await fates("teardown --json")).toEqual(["nothing to remove"]);
  });

  it("needs no permission that its help does not name", async () => {
    await sns.send(new CreateTopicCommand({ Name: "ec2_launches_check" }));
    const { url } = await startFunction();
    await run(`setup --url ${url}`);
    const { calls } = aws;
    const from = calls.length;
    await run("teardown --yes");
    const { out } = await run("teardown --help");
    const called = new Set(calls.slice(from).map(({ action }) => action));
    called.delete("GetCallerIdentity");
    expect([...called]).toContain("Unsubscribe");
    expect([...called].filter((action) => !new RegExp(`\\b${action}\\b`).test(out))).toEqual([]);
  });

  it("says what it is at, before AWS has answered", async () => {
    aws.faults.add({ action: "GetCallerIdentity", kind: "deny" });
    expect((await run("teardown")).err).toMatch(/^Checking the resources in us-east-1\nerror:/);
  });

  it("teaches by its help", async () => {
    const { code, out } = await run("teardown --help");
    expect([code, out]).toEqual([0, expect.stringContaining("$ ec2-audit teardown --dry-run")]);
  });
});

describe("ec2-audit teardown leaves what was there before setup, and says why", () => {
  it("topics, a queue and a rule, but not what setup has added to them", async () => {
    await sns.send(new CreateTopicCommand({ Name: "ec2_launches_check" }));
    await sns.send(new CreateTopicCommand({ Name: "ec2_audit_alert" }));
    await sqs.send(new CreateQueueCommand({ QueueName: "ec2_launches_check_dead" }));
    await events.send(new PutRuleCommand({ Name: "ec2_launches", EventPattern: '{"source":["aws.ec2"]}' }));
    const { url } = await startFunction();
    const another = await startFunction();
    await run(`setup --url ${url}`);
    await sns.send(new SubscribeCommand({ TopicArn: LAUNCH_TOPIC, Protocol: "http", Endpoint: another.url }));
    await aws.idle();
    // Nobody listens there: it stays pending.
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

  it("who gets alerts by HTTP, though with our dead-letter queue, and says nothing of queues that stay", async () => {
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

  it("the target that somebody else has given the rule", async () => {
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
