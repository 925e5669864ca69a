import { ListTargetsByRuleCommand, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { CreateQueueCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { AssumeRoleCommand } from "@aws-sdk/client-sts";
import { describe, expect, it } from "vitest";
import type { EventDocument } from "../../src/local/aws/index.ts";
import { aws, clock, eventQueue, of, queue, START, useEmbeddedAws } from "./embedded-aws.ts";
import { ACCOUNT, clients, unique } from "./targets.ts";

let asked: EventDocument[] = [];
let delays: readonly number[] | undefined;
useEmbeddedAws({
  cloudTrail: false,
  eventCopies: (event) => {
    asked.push(event);
    return delays ?? [0];
  },
});

const region = "eu-west-1";
const MEMBER = "210987654321";

/** The SDK's clients of an account and a region. */
async function clientsOf(account: string, where: string) {
  if (account === ACCOUNT) return clients(aws.endpoint, where);
  const RoleArn = `arn:aws:iam::${account}:role/r`;
  const { Credentials } = await of().sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "test" }));
  return clients(aws.endpoint, where, {
    accessKeyId: Credentials?.AccessKeyId ?? "",
    secretAccessKey: Credentials?.SecretAccessKey ?? "",
  });
}

const busOf = (account: string, where: string) => `arn:aws:events:${where}:${account}:event-bus/default`;

/** A rule for EC2's events in an account and region, with one target. */
async function rule(account: string, where: string, Arn: string, RoleArn?: string): Promise<string> {
  const { events } = await clientsOf(account, where);
  const Name = unique("rule");
  await events.send(new PutRuleCommand({ Name, EventPattern: '{"source":["aws.ec2"]}' }));
  await events.send(new PutTargetsCommand({ Rule: Name, Targets: [{ Id: "t", Arn, RoleArn }] }));
  return Name;
}

describe("Copies of an event", () => {
  it("EventBridge delivers each copy after its delay, with the same id", async () => {
    delays = [90_000, 0, 30_000];
    asked = [];
    const events = await eventQueue("aws.ec2");
    aws.launch({ region, count: 1 });
    const seen: { at: number; ids: string[] }[] = [];
    for (const wait of [0, 29_999, 1, 59_999, 1]) {
      await clock.advance(wait);
      const ids = (await events()).filter(({ detail }) => detail.state === "pending").map(({ id }) => id as string);
      seen.push({ at: clock.now() - START, ids });
    }
    const id = seen[0]?.ids[0];
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(seen).toEqual([
      { at: 0, ids: [id] },
      { at: 29_999, ids: [] },
      { at: 30_000, ids: [id] },
      { at: 89_999, ids: [] },
      { at: 90_000, ids: [id] },
    ]);
    expect(asked[0]).toMatchObject({ id, source: "aws.ec2", region, account: ACCOUNT, detail: { state: "pending" } });
    delays = undefined;
  });

  it.each([[[]], [[-1]], [[Number.NaN]]])("the delays %o are refused: EventBridge loses nothing", async (wrong) => {
    await eventQueue("aws.ec2");
    delays = wrong;
    expect(() => aws.launch({ region, count: 1 })).toThrow(RangeError);
    delays = undefined;
  });

  it("an event that no rule matches has no copies", () => {
    asked = [];
    aws.launch({ region, count: 1 });
    expect(asked).toEqual([]);
  });
});

describe("An event bus as a target", () => {
  it.each([
    ["another region of the account", ACCOUNT, "us-east-1"],
    ["another account", MEMBER, region],
  ])("the bus of %s gets the unchanged event, and its rules match it", async (_what, account, where) => {
    const { arn, bodies } = await queue();
    await rule(ACCOUNT, region, arn);
    const RoleArn = `arn:aws:iam::${account}:role/invoke`;
    const Rule = await rule(account, where, busOf(ACCOUNT, region), RoleArn);
    const [id] = aws.launch({ account, region: where, count: 1 });
    const events = (await bodies()).map((body) => JSON.parse(body));
    expect(events).toMatchObject([
      { account, region: where, time: "2026-01-01T00:00:00Z", detail: { "instance-id": id, state: "pending" } },
    ]);
    const { Targets } = await (await clientsOf(account, where)).events.send(new ListTargetsByRuleCommand({ Rule }));
    expect(Targets).toEqual([{ Id: "t", Arn: busOf(ACCOUNT, region), RoleArn }]);
  });

  it("the second bus makes no further copies", async () => {
    const { arn, bodies } = await queue();
    await rule(ACCOUNT, region, arn);
    await rule(MEMBER, region, busOf(ACCOUNT, region));
    delays = [0, 0];
    aws.launch({ account: MEMBER, region, count: 1 });
    delays = undefined;
    expect(await bodies()).toHaveLength(2);
  });

  it("an event from another bus is not sent to a third", async () => {
    const third = "us-west-2";
    const { sqs } = clients(aws.endpoint, third);
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "third" }));
    await rule(ACCOUNT, third, `arn:aws:sqs:${third}:${ACCOUNT}:third`);
    await rule(ACCOUNT, region, busOf(ACCOUNT, third));
    await rule(MEMBER, region, busOf(ACCOUNT, region));
    const received = async () =>
      (await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }))).Messages ?? [];
    aws.launch({ account: MEMBER, region, count: 1 });
    expect(await received()).toEqual([]);
    aws.launch({ account: ACCOUNT, region, count: 1 });
    expect(await received()).toHaveLength(1);
  });

  it("a bus cannot be a target of its own rules", async () => {
    await expect(rule(ACCOUNT, region, busOf(ACCOUNT, region))).rejects.toMatchObject({ name: "ValidationException" });
  });
});
