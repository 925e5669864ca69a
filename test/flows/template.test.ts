import { ConfirmSubscriptionCommand } from "@aws-sdk/client-sns";
import { SendMessageCommand, SetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type EmbeddedAws, startEmbeddedAws, VirtualClock } from "../../src/local/aws/index.ts";
import { MEMBER, statementsOf, TEMPLATE } from "../deploy/template.ts";
import { launchEvent } from "../support/launch.ts";
import { enforceRoles, functionCalls, makeStack, operatorIn, type Running, runFunction, type Stack } from "./stack.ts";

/**
 * What deploy/template.yaml makes, at work: its rules, its queues, their policies and the built file, called as its mapping
 * says and with no more permissions than its role has. Time is that of the test.
 */
const PLACE = { account: "123456789012", region: "us-east-1", stack: "ec2-audit" };
const TAGGED = { Name: "web", service: "shop" };
/** In seconds: the grace, and for how long the mapping gathers a batch. */
const [GRACE, WINDOW, VISIBILITY] = [45, 5, 185];

let aws: EmbeddedAws;
let clock: VirtualClock;
let stack: Stack;
let run: Running;

async function start(parameters: Readonly<Record<string, string>> = {}): Promise<void> {
  stack = await makeStack(aws, PLACE, TEMPLATE, { AlertEmail: "team@example.com", ...parameters });
  const [mail] = aws.mails;
  const { sns } = await operatorIn(aws, PLACE);
  await sns.send(new ConfirmSubscriptionCommand({ TopicArn: mail?.topicArn, Token: mail?.token }));
  const principalArn = stack.arn("FunctionRole");
  const statements = statementsOf(stack.resources.FunctionRole);
  enforceRoles(aws, { account: PLACE.account, principalArn, statements }, () => [], undefined);
  run = runFunction(aws, clock, stack);
}

beforeEach(async () => {
  clock = new VirtualClock(Date.parse("2026-11-23T03:00:00Z"));
  aws = await startEmbeddedAws({
    clock,
    cloudTrail: true,
    eventCopies: (event) => [event["detail-type"] === "AWS API Call via CloudTrail" ? 300_000 : 0],
    topicPolicies: "checked",
    queuePolicies: "checked",
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await aws.close();
});

const alerts = () => aws.mails.filter(({ type }) => type === "Notification");
/** Which of the instances each alert names. */
const alerted = (ids: readonly string[]) => alerts().map(({ body }) => ids.filter((id) => body.includes(id)));
const calls = () => functionCalls(aws).map(({ service, action }) => `${service}:${action}`);
const inQueue = async (queue: string) => (await stack.received(queue)).map(({ Body = "" }) => JSON.parse(Body));

describe("A launch, by the stack of deploy/template.yaml", () => {
  it("without tags is audited once, when its grace is over, and ends as one alert", async () => {
    await start();
    const [id = ""] = aws.launch({ count: 1 });
    await run.later(GRACE + WINDOW - 1);
    expect(calls()).toEqual([]);
    await run.later(1);
    expect(calls()).toEqual(["ec2:DescribeTags", "ec2:DescribeInstances", "sns:Publish"]);
    await run.later(3_600);
    expect(alerts()).toMatchObject([{ to: "team@example.com", body: expect.stringContaining(id) }]);
    expect(run.mapping.invocations).toBe(1);
    expect([await inQueue("LaunchQueue"), await inQueue("DeadLetterQueue"), await inQueue("UndeliveredQueue")]).toEqual(
      [[], [], []],
    );
  });

  it("with its tags is audited, and nobody is told", async () => {
    await start();
    aws.launch({ count: 1, tags: TAGGED });
    await run.later(3_600);
    expect(calls()).toEqual(["ec2:DescribeTags"]);
    expect(alerts()).toEqual([]);
  });

  it("whose tags come within the grace is one with its tags", async () => {
    await start();
    const ids = aws.launch({ count: 1 });
    await run.later(GRACE - 1);
    aws.tag(ids, TAGGED);
    await run.later(3_600);
    expect(run.mapping.invocations).toBe(1);
    expect(alerts()).toEqual([]);
  });

  it("whose tags come after the grace was alerted, and is once more for each change of tags with TagChanges", async () => {
    await start({ TagChanges: "true", GraceSeconds: "300" });
    const ids = aws.launch({ count: 1 });
    await run.later(300 + WINDOW);
    expect(alerted(ids)).toEqual([ids]);
    aws.tag(ids, { Name: "web" });
    await run.later(300 + WINDOW);
    expect(alerted(ids)).toEqual([ids, ids]);
    expect(alerts().at(-1)?.body).not.toMatch(/name, service/);
    aws.tag(ids, TAGGED);
    await run.later(3_600);
    expect(alerts()).toHaveLength(2);
  });

  it("of some is one alert", async () => {
    await start();
    const ids = aws.launch({ count: 20 });
    await run.later(3_600);
    expect(alerted(ids)).toEqual([ids]);
  });

  it("of a hundred instances is one batch, which asks EC2 once", async () => {
    await start();
    const ids = aws.launch({ count: 100 });
    await run.later(3_600);
    expect(run.mapping.invocations).toBe(1);
    expect(calls().filter((call) => call.startsWith("ec2:"))).toEqual(["ec2:DescribeTags", "ec2:DescribeInstances"]);
    expect(alerted(ids).flat().sort()).toEqual(ids.sort());
  });

  it("is alerted again with who launched it, with CloudTrail, when that tells of it minutes later", async () => {
    await start({ CloudTrail: "true" });
    const ids = aws.launch({ count: 1 });
    await run.later(3_600);
    expect(alerted(ids)).toEqual([ids, ids]);
    expect(alerts().map(({ body }) => body.includes("by user operator"))).toEqual([false, true]);
  });

  it("is judged by the tags that the parameter names", async () => {
    await start({ RequiredTags: "owner" });
    const ids = ["owner", "name"].flatMap((tag) => aws.launch({ count: 1, tags: { [tag]: "x" } }));
    await run.later(3_600);
    expect(alerted(ids)).toEqual([[ids[1]]]);
  });
});

describe("A launch elsewhere, by the stack of deploy/template.yaml without an organisation", () => {
  it("in another account is not audited, even if that account may send to the bus", async () => {
    await start();
    const CentralBusArn = stack.output("EventBusArn");
    const there = { account: "210987654321", region: "eu-west-1", stack: "ec2-audit-member" };
    await makeStack(aws, there, MEMBER, { CentralBusArn, CentralRoleArn: stack.output("FunctionRoleArn") });
    aws.launch({ ...there, count: 1 });
    await run.later(3_600);
    expect(run.mapping.invocations).toBe(0);
  });

  it("in another region of the account is audited with the function's own role", async () => {
    await start();
    await makeStack(aws, { ...PLACE, region: "eu-west-1", stack: "ec2-audit-member" }, MEMBER, {
      CentralBusArn: stack.output("EventBusArn"),
      CentralRoleArn: stack.output("FunctionRoleArn"),
    });
    const ids = aws.launch({ region: "eu-west-1", count: 1 });
    await run.later(3_600);
    expect(alerted(ids)).toEqual([ids]);
    expect(alerts()[0]?.subject).toContain("(eu-west-1, ");
  });
});

describe("When something fails in the stack of deploy/template.yaml", () => {
  /** Until the function that it gives is called. */
  function breakEc2(): () => void {
    let broken = true;
    aws.faults.add({ service: "ec2", action: "DescribeTags", kind: "error", when: () => broken });
    return () => {
      broken = false;
    };
  }

  it("EC2, for a while: the launch is alerted once, when it comes again after EC2 is well", async () => {
    await start();
    const mend = breakEc2();
    const ids = aws.launch({ count: 1 });
    await run.later(GRACE + VISIBILITY + 2 * WINDOW);
    expect(run.mapping.invocations).toBe(2);
    expect(alerts()).toEqual([]);
    mend();
    await run.later(VISIBILITY);
    expect(alerted(ids)).toEqual([ids]);
    await run.later(3_600);
    expect(run.mapping.invocations).toBe(3);
    expect(await inQueue("DeadLetterQueue")).toEqual([]);
  });

  it.each([
    ["10 receives", {}, 10],
    ["as many receives as the parameter says", { MaxReceiveCount: "3" }, 3],
  ])(
    "EC2, for good: after %s the launch is in the dead-letter queue, as it was sent",
    async (_many, given, receives) => {
      await start(given);
      breakEc2();
      const [id] = aws.launch({ count: 1 });
      await run.later(GRACE + (receives + 1) * (VISIBILITY + WINDOW));
      expect(run.mapping.invocations).toBe(receives);
      expect(await inQueue("DeadLetterQueue")).toMatchObject([{ source: "aws.ec2", detail: { "instance-id": id } }]);
      expect([await inQueue("LaunchQueue"), alerts()]).toEqual([[], []]);
    },
  );

  it("SNS: the launch is alerted when that is well again", async () => {
    await start();
    aws.faults.add({ service: "sns", action: "Publish", kind: "throttle", times: 2 });
    const ids = aws.launch({ count: 1 });
    await run.later(3_600);
    expect(alerted(ids)).toEqual([ids]);
    expect(run.mapping.invocations).toBe(2);
  });

  it("the queue's policy: the event is in the undelivered queue, which says why and for which rule", async () => {
    await start();
    const { sqs } = await operatorIn(aws, PLACE);
    const QueueUrl = stack.output("LaunchQueueUrl");
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy: "" } }));
    const [id] = aws.launch({ count: 1 });
    await run.later(3_600);
    expect(run.mapping.invocations).toBe(0);
    const [message, ...more] = await stack.received("UndeliveredQueue");
    expect([JSON.parse(message?.Body ?? ""), more]).toMatchObject([{ detail: { "instance-id": id } }, []]);
    expect(message?.MessageAttributes).toMatchObject({
      ERROR_CODE: { StringValue: "NO_PERMISSIONS" },
      RULE_ARN: { StringValue: stack.arn("LaunchRule") },
    });
  });

  it("one of two launches: the other is done with, and not alerted again", async () => {
    await start();
    const known = aws.launch({ count: 1 });
    const { sqs } = await operatorIn(aws, PLACE);
    // There is no AUDIT_ROLE_NAME for that account, so that it fails each time.
    const foreign = { ...launchEvent("i-0123456789abcdef0", clock.now()), account: "210987654321" };
    const QueueUrl = stack.output("LaunchQueueUrl");
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(foreign) }));
    await run.later(GRACE + 3 * (VISIBILITY + WINDOW));
    expect(run.mapping.invocations).toBeGreaterThan(2);
    expect(alerted(known)).toEqual([known]);
  });
});

describe("The role of deploy/template.yaml", () => {
  it("allows, of what it does not keep for Lambda itself, exactly what the function was seen to call", async () => {
    await start();
    aws.launch({ count: 1 });
    await run.later(3_600);
    const lambdaItself = /^(sqs|logs):/;
    const allowed = statementsOf(stack.resources.FunctionRole).flatMap(({ actions }) => actions);
    expect(new Set(calls())).toEqual(new Set(allowed.filter((action) => !lambdaItself.test(action))));
  });
});
