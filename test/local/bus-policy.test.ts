import {
  CreateEventBusCommand,
  PutPermissionCommand,
  PutRuleCommand,
  PutTargetsCommand,
} from "@aws-sdk/client-eventbridge";
import { AssumeRoleCommand } from "@aws-sdk/client-sts";
import { beforeEach, describe, expect, it } from "vitest";
import { aws, of, queue, useEmbeddedAws } from "./embedded-aws.ts";
import { ACCOUNT, clients } from "./targets.ts";

/** Permissions to send to the bus of another account: a bus accepts no event without a policy that allows it. */
const region = "eu-west-1";
const [MEMBER, STRANGER] = ["210987654321", "999988887777"];
useEmbeddedAws({ cloudTrail: false, organization: { id: "o-abcdefghij", accounts: [ACCOUNT, MEMBER] } });

const BUS = `arn:aws:events:${region}:${ACCOUNT}:event-bus/default`;
const ofOrganization = (id: string) => ({ Type: "StringEquals", Key: "aws:PrincipalOrgID", Value: id });
const open = (more: object) =>
  of().events.send(new PutPermissionCommand({ StatementId: "s", Action: "events:PutEvents", Principal: "*", ...more }));

async function clientsIn(account: string, where = region) {
  if (account === ACCOUNT) return clients(aws.endpoint, where);
  const RoleArn = `arn:aws:iam::${account}:role/r`;
  const { Credentials } = await of().sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "test" }));
  const { AccessKeyId = "", SecretAccessKey = "" } = Credentials ?? {};
  return clients(aws.endpoint, where, { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey });
}

/** A rule of an account that sends its launches to the bus. */
async function sends(
  account: string,
  target: object = { RoleArn: `arn:aws:iam::${account}:role/send` },
  where = region,
) {
  const { events } = await clientsIn(account, where);
  const EventPattern = '{"source":["aws.ec2"],"detail":{"state":["pending"]}}';
  await events.send(new PutRuleCommand({ Name: "send", EventPattern }));
  await events.send(new PutTargetsCommand({ Rule: "send", Targets: [{ Id: "bus", Arn: BUS, ...target }] }));
}

let received: () => Promise<string[]>;
beforeEach(async () => {
  const { arn, bodies } = await queue();
  received = bodies;
  await of().events.send(new PutRuleCommand({ Name: "take", EventPattern: '{"source":["aws.ec2"]}' }));
  await of().events.send(new PutTargetsCommand({ Rule: "take", Targets: [{ Id: "queue", Arn: arn }] }));
});

/** Returns whether the launch of an account arrives at the bus. */
async function arrives(account: string, where = region): Promise<boolean> {
  aws.launch({ account, region: where, count: 1 });
  return (await received()).length > 0;
}

describe("Another account's event", () => {
  it("is refused by a bus without a policy, and goes to the dead-letter queue of the rule", async () => {
    const dead = await queue();
    await sends(MEMBER, { DeadLetterConfig: { Arn: dead.arn } });
    expect([await arrives(MEMBER), (await dead.bodies()).length]).toEqual([false, 1]);
  });

  it("is accepted from the organisation in the policy, and from no account outside it", async () => {
    await open({ Condition: ofOrganization("o-abcdefghij") });
    for (const account of [MEMBER, STRANGER]) await sends(account);
    expect([await arrives(MEMBER), await arrives(STRANGER)]).toEqual([true, false]);
  });

  it("is refused if the policy names another organisation", async () => {
    await open({ Condition: ofOrganization("o-0123456789") });
    await sends(MEMBER);
    expect(await arrives(MEMBER)).toBe(false);
  });

  it("is refused by a policy for the organisation if the rule's target has no role", async () => {
    await open({ Condition: ofOrganization("o-abcdefghij") });
    await sends(MEMBER, {});
    expect(await arrives(MEMBER)).toBe(false);
  });

  it("is accepted from an account in the policy, with or without a role", async () => {
    await open({ Principal: STRANGER });
    for (const account of [MEMBER, STRANGER]) await sends(account, {});
    expect([await arrives(MEMBER), await arrives(STRANGER)]).toEqual([false, true]);
  });

  it("is accepted if a statement allows it; a statement replaces the one with the same id", async () => {
    await open({ Principal: STRANGER });
    await open({ Principal: MEMBER, StatementId: "other" });
    await open({ Principal: "111111111111" });
    for (const account of [MEMBER, STRANGER]) await sends(account);
    expect([await arrives(MEMBER), await arrives(STRANGER)]).toEqual([true, false]);
  });

  it("is accepted by a whole policy, which replaces the statements", async () => {
    await open({ Principal: STRANGER });
    const Statement = { Effect: "Allow", Principal: { AWS: MEMBER }, Action: "events:PutEvents", Resource: BUS };
    await of().events.send(
      new PutPermissionCommand({ Policy: JSON.stringify({ Version: "2012-10-17", Statement: [Statement] }) }),
    );
    for (const account of [MEMBER, STRANGER]) await sends(account);
    expect([await arrives(MEMBER), await arrives(STRANGER)]).toEqual([true, false]);
  });
});

describe("A custom bus", () => {
  const OWN = `arn:aws:events:${region}:${ACCOUNT}:event-bus/own`;
  /** The rule of the default bus does not match events of another bus. */
  const take = async (pattern: object) => {
    const { arn, bodies } = await queue();
    await of().events.send(new CreateEventBusCommand({ Name: "own" }));
    const rule = { Name: "take", EventBusName: "own", EventPattern: JSON.stringify(pattern) };
    await of().events.send(new PutRuleCommand(rule));
    const Targets = [{ Id: "queue", Arn: arn }];
    await of().events.send(new PutTargetsCommand({ Rule: "take", EventBusName: "own", Targets }));
    return bodies;
  };

  it("gets the events that rules send and its policy allows, and none of AWS's own", async () => {
    const own = await take({ source: ["aws.ec2"] });
    await sends(MEMBER, { RoleArn: "arn:aws:iam::210987654321:role/send", Arn: OWN });
    aws.launch({ account: MEMBER, region, count: 1 });
    expect(await own()).toEqual([]);
    await open({ EventBusName: "own", Condition: ofOrganization("o-abcdefghij") });
    aws.launch({ account: MEMBER, region, count: 1 });
    aws.launch({ account: ACCOUNT, region, count: 1 });
    const accounts = (await own()).map((body) => JSON.parse(body).account);
    expect(accounts).toEqual([MEMBER]);
  });

  it("refuses every event if it does not exist", async () => {
    const dead = await queue();
    await sends(MEMBER, { Arn: OWN, DeadLetterConfig: { Arn: dead.arn } });
    aws.launch({ account: MEMBER, region, count: 1 });
    expect(await dead.bodies()).toHaveLength(1);
  });
});

describe("PutPermission", () => {
  it("is not needed for the account's own event from another region", async () => {
    await sends(ACCOUNT, {}, "us-east-1");
    expect(await arrives(ACCOUNT, "us-east-1")).toBe(true);
  });

  it.each([
    ["a statement without an id", { StatementId: undefined }],
    ["a principal that is no account", { Principal: "arn:aws:iam::210987654321:root" }],
    ["a policy that is none", { Policy: "{}" }],
  ])("does not take %s", async (_what, more) => {
    await expect(open(more)).rejects.toMatchObject({ name: "ValidationException" });
  });

  it("refuses a policy above 10,240 characters", async () => {
    const Statement = { Effect: "Allow", Principal: "*", Action: "events:PutEvents", Resource: BUS };
    const Policy = JSON.stringify({ Statement: Array.from({ length: 100 }, () => Statement) });
    await expect(open({ Policy })).rejects.toMatchObject({ name: "PolicyLengthExceededException" });
  });
});
