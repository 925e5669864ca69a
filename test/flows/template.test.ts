import { ConfirmSubscriptionCommand, CreateTopicCommand } from "@aws-sdk/client-sns";
import { SendMessageCommand, SetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type EmbeddedAws, startEmbeddedAws, VirtualClock } from "../../src/local/aws/index.ts";
import { MEMBER, statementsOf, TEMPLATE } from "../deploy/template.ts";
import { launchEvent } from "../support/launch.ts";
import {
  enforceRoles,
  functionCalls,
  makeStack,
  operatorIn,
  type Running,
  runFunction,
  type Stack,
  startSweep,
} from "./stack.ts";

/**
 * The resources of deploy/template.yaml in operation: its rules, queues and policies, and the built file, called by its event
 * source mapping with exactly the permissions of its role. The test controls the clock.
 */
const PLACE = { account: "123456789012", region: "us-east-1", stack: "ec2-audit" };
const TAGGED = { Name: "web", service: "shop" };
/** In seconds: the grace, the batching window, and the visibility timeout. */
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
/** The instances that each alert names. */
const alerted = (ids: readonly string[]) => alerts().map(({ body }) => ids.filter((id) => body.includes(id)));
const calls = () => functionCalls(aws).map(({ service, action }) => `${service}:${action}`);
const inQueue = async (queue: string) => (await stack.received(queue)).map(({ Body = "" }) => JSON.parse(Body));

describe("a launch, with the stack of deploy/template.yaml", () => {
  it("without tags is audited once, after its grace, and causes one alert", async () => {
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

  it("with its tags is audited without an alert", async () => {
    await start();
    aws.launch({ count: 1, tags: TAGGED });
    await run.later(3_600);
    expect(calls()).toEqual(["ec2:DescribeTags"]);
    expect(alerts()).toEqual([]);
  });

  it("whose tags arrive within the grace causes no alert", async () => {
    await start();
    const ids = aws.launch({ count: 1 });
    await run.later(GRACE - 1);
    aws.tag(ids, TAGGED);
    await run.later(3_600);
    expect(run.mapping.invocations).toBe(1);
    expect(alerts()).toEqual([]);
  });

  it("without tags is alerted again at each tag change with TagChanges, until it is compliant", async () => {
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

  it("that violates is resolved when the instance is terminated, with TagChanges and ResolvedAlerts", async () => {
    await start({ TagChanges: "true", ResolvedAlerts: "on" });
    const ids = aws.launch({ count: 1 });
    await run.later(3_600);
    aws.terminate(ids);
    await run.later(3_600);
    expect(alerted(ids)).toEqual([ids, ids]);
    expect(alerts().at(-1)?.body).toContain("terminated");
  });

  it("is alerted to the topics of routes that RouteTopicArns allows, and once, although another route's topic denies it", async () => {
    const { sns } = await operatorIn(aws, PLACE);
    const [allowed = "", denied = ""] = await Promise.all(
      ["oncall", "team"].map(async (Name) => (await sns.send(new CreateTopicCommand({ Name }))).TopicArn),
    );
    const rules = [{ rule: "required-tags", tags: ["name"] }];
    const routes = [{ topic: allowed }, { when: { tag: "team", in: "lab" }, topic: denied }];
    await start({ AuditPolicy: JSON.stringify({ rules, routes }), RouteTopicArns: allowed });
    const ids = [...aws.launch({ count: 1 }), ...aws.launch({ count: 1, tags: { team: "lab" } })];
    await run.later(7_200);
    const published = functionCalls(aws).filter(({ action }) => action === "Publish");
    const attempts = (topic: string) => published.filter(({ params }) => params.TopicArn === topic).length;
    expect(alerted(ids).map((each) => each.sort())).toEqual([ids.sort()]);
    expect([attempts(stack.arn("AlertTopic")), attempts(allowed)]).toEqual([1, 1]);
    expect(attempts(denied)).toBeGreaterThanOrEqual(10);
    expect(await inQueue("DeadLetterQueue")).toHaveLength(1);
  });

  it("of several instances causes one alert", async () => {
    await start();
    const ids = aws.launch({ count: 20 });
    await run.later(3_600);
    expect(alerted(ids)).toEqual([ids]);
  });

  it("of a hundred instances is one batch with one call of each kind to EC2", async () => {
    await start();
    const ids = aws.launch({ count: 100 });
    await run.later(3_600);
    expect(run.mapping.invocations).toBe(1);
    expect(calls().filter((call) => call.startsWith("ec2:"))).toEqual(["ec2:DescribeTags", "ec2:DescribeInstances"]);
    expect(alerted(ids).flat().sort()).toEqual(ids.sort());
  });

  it("is alerted again with its launcher when CloudTrail's event arrives minutes later", async () => {
    await start({ CloudTrail: "true" });
    const ids = aws.launch({ count: 1 });
    await run.later(3_600);
    expect(alerted(ids)).toEqual([ids, ids]);
    expect(alerts().map(({ body }) => body.includes("by user operator"))).toEqual([false, true]);
  });

  it("is audited for the tags in the parameter", async () => {
    await start({ RequiredTags: "owner" });
    const ids = ["owner", "name"].flatMap((tag) => aws.launch({ count: 1, tags: { [tag]: "x" } }));
    await run.later(3_600);
    expect(alerted(ids)).toEqual([[ids[1]]]);
  });
});

describe("a launch in another account or region, with the stack of deploy/template.yaml without an organisation", () => {
  it("is not audited in another account, even if that account may send to the bus", async () => {
    await start();
    const CentralBusArn = stack.output("EventBusArn");
    const there = { account: "210987654321", region: "eu-west-1", stack: "ec2-audit-member" };
    await makeStack(aws, there, MEMBER, { CentralBusArn, CentralRoleArn: stack.output("FunctionRoleArn") });
    aws.launch({ ...there, count: 1 });
    await run.later(3_600);
    expect(run.mapping.invocations).toBe(0);
  });

  it("is audited with the function's own role in another region of the account", async () => {
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

describe("a failure in the stack of deploy/template.yaml", () => {
  /** Makes EC2 fail until the returned function is called. */
  function breakEc2(): () => void {
    let broken = true;
    aws.faults.add({ service: "ec2", action: "DescribeTags", kind: "error", when: () => broken });
    return () => {
      broken = false;
    };
  }

  it("of EC2 for a while delays the alert until a retry after EC2 works again", async () => {
    await start();
    const repair = breakEc2();
    const ids = aws.launch({ count: 1 });
    await run.later(GRACE + VISIBILITY + 2 * WINDOW);
    expect(run.mapping.invocations).toBe(2);
    expect(alerts()).toEqual([]);
    repair();
    await run.later(VISIBILITY);
    expect(alerted(ids)).toEqual([ids]);
    await run.later(3_600);
    expect(run.mapping.invocations).toBe(3);
    expect(await inQueue("DeadLetterQueue")).toEqual([]);
  });

  it.each([
    ["10 receives", {}, 10],
    ["MaxReceiveCount receives", { MaxReceiveCount: "3" }, 3],
  ])("of EC2 moves the launch unchanged to the dead-letter queue after %s", async (_, given, receives) => {
    await start(given);
    breakEc2();
    const [id] = aws.launch({ count: 1 });
    await run.later(GRACE + (receives + 1) * (VISIBILITY + WINDOW));
    expect(run.mapping.invocations).toBe(receives);
    expect(await inQueue("DeadLetterQueue")).toMatchObject([{ source: "aws.ec2", detail: { "instance-id": id } }]);
    expect([await inQueue("LaunchQueue"), alerts()]).toEqual([[], []]);
  });

  it("of SNS delays the alert until SNS works again", async () => {
    await start();
    aws.faults.add({ service: "sns", action: "Publish", kind: "throttle", times: 2 });
    const ids = aws.launch({ count: 1 });
    await run.later(3_600);
    expect(alerted(ids)).toEqual([ids]);
    expect(run.mapping.invocations).toBe(2);
  });

  it("of the queue's policy moves the event to the undelivered queue, with the reason and the rule", async () => {
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

  it("of one of two launches does not repeat the alert about the other", async () => {
    await start();
    const known = aws.launch({ count: 1 });
    const { sqs } = await operatorIn(aws, PLACE);
    // Without AUDIT_ROLE_NAME, launches of that account fail each time.
    const foreign = { ...launchEvent("i-0123456789abcdef0", clock.now()), account: "210987654321" };
    const QueueUrl = stack.output("LaunchQueueUrl");
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(foreign) }));
    await run.later(GRACE + 3 * (VISIBILITY + WINDOW));
    expect(run.mapping.invocations).toBeGreaterThan(2);
    expect(alerted(known)).toEqual([known]);
  });
});

describe("the role of deploy/template.yaml", () => {
  it("allows exactly the calls of the function, and those of Lambda itself", async () => {
    await start();
    aws.launch({ count: 1 });
    await startSweep(aws, stack, "2026-11-23T03:00:00Z");
    await run.later(3_600);
    const byLambda = /^(sqs|logs):/;
    const allowed = statementsOf(stack.resources.FunctionRole).flatMap(({ actions }) => actions);
    expect(new Set(calls())).toEqual(new Set(allowed.filter((action) => !byLambda.test(action))));
  });
});
