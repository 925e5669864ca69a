import {
  DescribeRuleCommand,
  EventBridgeClient,
  ListTagsForResourceCommand,
  ListTargetsByRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from "@aws-sdk/client-eventbridge";
import { SetTopicAttributesCommand } from "@aws-sdk/client-sns";
import {
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueueTagsCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { mockClient } from "aws-sdk-client-mock";
import { describe, expect, it } from "vitest";
import {
  ALERT_TOPIC,
  aws,
  changesOf,
  click,
  events,
  everything,
  LAUNCH_TOPIC,
  listen,
  received,
  run,
  sns,
  startFunction,
  useEmptyAws,
  useSharedAws,
} from "../installed.ts";

const NOTHING = { topics: [], queues: [], rules: [] };

describe("ec2-audit teardown", () => {
  useEmptyAws();

  it("removes the resources that setup created, and then has nothing to remove", async () => {
    const { url } = await startFunction();
    await run(`setup --tag-changes --email ann@example.com --url ${url}`);
    const calls = await changesOf(async () => {
      const { code, out, asked } = await run("teardown --yes");
      expect([code, asked]).toEqual([0, []]);
      expect(out).toContain("Removed.");
      expect(out).toContain("wt rm ec2-audit");
    });
    expect(calls, "a resource before those it refers to").toEqual([
      "RemoveTargets",
      "DeleteRule",
      "RemoveTargets",
      "DeleteRule",
      "RemoveTargets",
      "DeleteRule",
      "DeleteTopic",
      "DeleteTopic",
      "DeleteQueue",
    ]);
    expect(await everything()).toEqual(NOTHING);
    const { code, out } = await run("teardown");
    expect([code, out]).toEqual([0, "setup created nothing in us-east-1 (123456789012)."]);
  });

  it("continues after an interruption", async () => {
    await run("setup");
    aws.faults.add({ action: "DeleteTopic", kind: "error", times: 3 });
    const failed = await run("teardown --yes");
    expect([failed.code, failed.err]).toEqual([2, expect.stringContaining("error: AWS failed: InternalError")]);
    expect(failed.err).toMatch(/Run the command again to continue\.$/);
    expect((await everything()).rules).toEqual([]);
    expect((await run("teardown --yes")).code).toBe(0);
    expect(await everything()).toEqual(NOTHING);
  });

  it("uses the same names as setup", async () => {
    const names = "--launch-topic launches --alert-topic alerts --rule watch --dead-letter-queue dead";
    await run(`setup ${names} --cloudtrail`);
    expect((await run("teardown --yes")).out).toContain("setup created nothing in us-east-1");
    await run(`teardown --yes ${names}`);
    expect(await everything()).toEqual(NOTHING);
  });
});

describe("ec2-audit teardown, if AWS changes after the list,", () => {
  useSharedAws();

  it("ignores a queue that SQS still shows for a minute after its deletion", async () => {
    const mock = mockClient(SQSClient);
    mock.on(GetQueueUrlCommand).resolves({ QueueUrl: "https://sqs.us-east-1.amazonaws.com/123456789012/dead" });
    mock.on(GetQueueAttributesCommand).resolves({ Attributes: {} });
    mock.on(ListQueueTagsCommand).resolves({ Tags: { "ec2-audit": "setup" } });
    mock.on(DeleteQueueCommand).rejects(Object.assign(new Error("no"), { name: "QueueDoesNotExist" }));
    const { code, out } = await run("teardown --yes").finally(() => mock.restore());
    expect([code, out]).toEqual([0, expect.stringContaining("SQS reserves the name of a deleted queue for a minute")]);
  });

  it("fails when EventBridge does not remove a target, although it returns 200", async () => {
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

describe("ec2-audit teardown, on one installation,", () => {
  useSharedAws(() => run("setup"));

  it("lists the resources and asks, and changes nothing when the operator declines", async () => {
    const before = await everything();
    const { code, out, asked } = await run("teardown", { answer: false });
    expect([code, asked]).toEqual([1, ["Remove these 4 resources?"]]);
    expect(out).toContain("- dead-letter queue  ec2_launches_check_dead");
    expect(out).toContain("Nothing was removed.");
    expect(await everything()).toEqual(before);
  });

  it("changes nothing without a terminal for the confirmation", async () => {
    const before = await everything();
    const { code, err } = await run("teardown");
    expect([code, err]).toEqual([2, expect.stringContaining("--yes")]);
    expect(await everything()).toEqual(before);
  });

  it("lists the resources and changes nothing with --dry-run, also as JSON", async () => {
    const changes = await changesOf(async () => {
      const { code, out } = await run("teardown --dry-run");
      expect([code, out]).toEqual([0, expect.stringContaining("Nothing was removed: this was a dry run.")]);
      expect(out).toContain("- rule               ec2_launches");
      expect(await fates("teardown --json --dry-run")).toEqual(["dry run", ...ALL]);
    });
    expect(changes).toEqual([]);
  });

  it("prints its progress before AWS responds", async () => {
    aws.faults.add({ action: "GetCallerIdentity", kind: "deny", times: 1 });
    expect((await run("teardown")).err).toMatch(/^Checking the resources in us-east-1\nerror:/);
  });

  it("names in the question the endpoints that receive no more messages, and the messages that are lost", async () => {
    const { url } = await startFunction();
    await run(`setup --email ann@example.com --email bob@example.com --url ${url}`);
    await click("ann@example.com");
    await listen("archive", ALERT_TOPIC);
    const Arn = "arn:aws:sns:us-east-1:123456789012:other";
    await events.send(new PutTargetsCommand({ Rule: "ec2_launches", Targets: [{ Id: "other", Arn }] }));
    const noPolicy = { TopicArn: LAUNCH_TOPIC, AttributeName: "Policy", AttributeValue: "" };
    await sns.send(new SetTopicAttributesCommand(noPolicy));
    aws.launch({ count: 3 });
    // A message in flight is lost with the others.
    await received("ec2_launches_check_dead", 1);
    const [question = ""] = (await run("teardown", { answer: false })).asked;
    expect(question).toMatch(/^Remove these 4 resources\? Consequences:\n- /);
    expect(question).toContain(
      "ann@example.com (email), arn:aws:sqs:us-east-1:123456789012:archive (sqs) will no longer receive alerts",
    );
    expect(question).toContain(`${url} (http) will no longer receive launches`);
    expect(question).not.toContain("bob@example.com");
    expect(question).toContain(`${Arn} will no longer receive events from the rule ec2_launches`);
    expect(question).toContain(
      "3 undelivered messages in ec2_launches_check_dead will be lost: launches that were not audited",
    );
  });

  it("removes the resources when the operator confirms, and prints only one JSON document on stdout with --json", async () => {
    expect(await fates("teardown --json", true)).toEqual(["removed", ...ALL]);
    expect(await everything()).toEqual({ ...NOTHING, queues: ["archive"] });
    expect(await fates("teardown --json")).toEqual(["nothing to remove"]);
  });

  const ALL = ["rule: remove", "launch topic: remove", "alert topic: remove", "dead-letter queue: remove"];

  async function fates(line: string, answer?: boolean): Promise<readonly string[]> {
    const { ending, resources } = JSON.parse((await run(line, answer === undefined ? {} : { answer })).out);
    return [ending, ...resources.map(({ kind, fate }: { kind: string; fate: string }) => `${kind}: ${fate}`)];
  }
});
