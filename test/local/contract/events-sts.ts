import { DescribeInstancesCommand, RunInstancesCommand } from "@aws-sdk/client-ec2";
import {
  DeleteRuleCommand,
  DescribeRuleCommand,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from "@aws-sdk/client-eventbridge";
import { CreateQueueCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { AssumeRoleCommand, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { describe, expect, it } from "vitest";
import { ACCOUNT, clients, type Target, unique } from "../targets.ts";

/** EventBridge's actions that this project calls. */
export function eventsContract(target: () => Target): void {
  const events = () => clients(target().endpoint).events;
  const sqs = () => clients(target().endpoint).sqs;

  async function queue() {
    const QueueName = unique("queue");
    const { QueueUrl = "" } = await sqs().send(new CreateQueueCommand({ QueueName }));
    const bodies = async () => {
      const { Messages = [] } = await sqs().send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
      return Messages.map((message) => JSON.parse(message.Body ?? ""));
    };
    return { arn: `arn:aws:sqs:eu-west-1:${ACCOUNT}:${QueueName}`, bodies };
  }

  async function rule(pattern: object, Arn: string): Promise<string> {
    const Name = unique("rule");
    await events().send(new PutRuleCommand({ Name, EventPattern: JSON.stringify(pattern) }));
    await events().send(new PutTargetsCommand({ Rule: Name, Targets: [{ Id: "t", Arn }] }));
    return Name;
  }
  const put = (Source: string, DetailType: string, detail: object) =>
    events().send(
      new PutEventsCommand({ Entries: [{ Source, DetailType, Detail: JSON.stringify(detail), Resources: ["arn:x"] }] }),
    );

  describe("EventBridge", () => {
    it("a rule can be described and listed, can have targets, and can be deleted without them", async () => {
      const Name = unique("rule");
      const EventPattern = JSON.stringify({ source: ["aws.ec2"] });
      const { RuleArn } = await events().send(new PutRuleCommand({ Name, EventPattern, Description: "launches" }));
      expect(RuleArn).toBe(`arn:aws:events:eu-west-1:${ACCOUNT}:rule/${Name}`);
      expect(await events().send(new DescribeRuleCommand({ Name }))).toMatchObject({
        Name,
        Arn: RuleArn,
        EventPattern,
        State: "ENABLED",
        Description: "launches",
      });
      const { Rules } = await events().send(new ListRulesCommand({ NamePrefix: Name }));
      expect(Rules).toMatchObject([{ Name, EventPattern }]);
      const { arn: Arn } = await queue();
      const put = await events().send(new PutTargetsCommand({ Rule: Name, Targets: [{ Id: "t", Arn }] }));
      expect(put.FailedEntryCount).toBe(0);
      expect((await events().send(new ListTargetsByRuleCommand({ Rule: Name }))).Targets).toMatchObject([
        { Id: "t", Arn },
      ]);
      await expect(events().send(new DeleteRuleCommand({ Name }))).rejects.toMatchObject({
        name: "ValidationException",
      });
      await events().send(new RemoveTargetsCommand({ Rule: Name, Ids: ["t"] }));
      await events().send(new DeleteRuleCommand({ Name }));
      await expect(events().send(new DescribeRuleCommand({ Name }))).rejects.toMatchObject({
        name: "ResourceNotFoundException",
      });
    });

    it("a rule keeps its schedule unchanged", async () => {
      const Name = unique("rule");
      await events().send(new PutRuleCommand({ Name, ScheduleExpression: "rate(1 hour)" }));
      expect(await events().send(new DescribeRuleCommand({ Name }))).toMatchObject({
        ScheduleExpression: "rate(1 hour)",
      });
    });

    it("an event that a rule matches reaches its queue as EventBridge's document", async () => {
      const source = unique("shop");
      const { arn, bodies } = await queue();
      await rule({ source: [source], detail: { state: ["open"] } }, arn);
      const answer = await put(source, "Door", { state: "open", n: 1 });
      expect(answer.FailedEntryCount).toBe(0);
      await put(source, "Door", { state: "shut" });
      expect(await bodies()).toMatchObject([
        {
          version: "0",
          id: answer.Entries?.[0]?.EventId,
          "detail-type": "Door",
          source,
          time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
          region: "eu-west-1",
          resources: ["arn:x"],
          detail: { state: "open", n: 1 },
        },
      ]);
    });

    it("patterns match by prefix, anything-but, exists and nested keys", async () => {
      const source = unique("shop");
      const cases: [object, string[]][] = [
        [{ source: [{ prefix: source }] }, ["a", "b", "c"]],
        [{ source: [source], detail: { deep: { er: ["x"] } } }, ["a"]],
        [{ source: [source], detail: { id: [{ "anything-but": ["a"] }] } }, ["b", "c"]],
        [{ source: [source], detail: { more: [{ exists: true }] } }, ["b"]],
        [{ source: [source], detail: { more: [{ exists: false }] } }, ["a", "c"]],
        [{ source: [source], "detail-type": ["Other"] }, ["c"]],
      ];
      const queues = await Promise.all(cases.map(() => queue()));
      for (const [index, [pattern]] of cases.entries()) await rule(pattern, queues[index]?.arn ?? "");
      await put(source, "Thing", { id: "a", deep: { er: "x" } });
      await put(source, "Thing", { id: "b", more: 1 });
      await put(source, "Other", { id: "c" });
      for (const [index, [, expected]] of cases.entries()) {
        const got = (await queues[index]?.bodies())?.map((event) => event.detail.id).sort();
        expect(got, JSON.stringify(cases[index]?.[0])).toEqual(expected);
      }
    });

    it("a pattern that is not JSON is refused", async () => {
      await expect(
        events().send(new PutRuleCommand({ Name: unique("rule"), EventPattern: "{" })),
      ).rejects.toMatchObject({ name: "InvalidEventPatternException" });
    });

    it("adding targets to a rule that does not exist fails", async () => {
      await expect(
        events().send(
          new PutTargetsCommand({ Rule: unique("none"), Targets: [{ Id: "t", Arn: "arn:aws:sqs:eu-west-1:1:q" }] }),
        ),
      ).rejects.toMatchObject({
        name: "ResourceNotFoundException",
      });
    });
  });
}

/** STS's actions that this project calls. */
export function stsContract(target: () => Target): void {
  describe("STS", () => {
    const assume = (RoleArn: string) =>
      clients(target().endpoint).sts.send(
        new AssumeRoleCommand({ RoleArn, RoleSessionName: "ec2-audit", DurationSeconds: 900 }),
      );

    it("GetCallerIdentity returns the account and the ARN of the caller", async () => {
      const identity = await clients(target().endpoint).sts.send(new GetCallerIdentityCommand({}));
      expect(identity).toMatchObject({
        Account: ACCOUNT,
        Arn: expect.stringContaining(ACCOUNT),
        UserId: expect.any(String),
      });
    });

    it("a session of a role in another account sees that account's instances only", async () => {
      const { Credentials, AssumedRoleUser } = await assume("arn:aws:iam::222233334444:role/audit");
      expect(AssumedRoleUser?.Arn).toBe("arn:aws:sts::222233334444:assumed-role/audit/ec2-audit");
      expect(Credentials?.Expiration).toBeInstanceOf(Date);
      const other = clients(target().endpoint, "eu-west-1", {
        accessKeyId: Credentials?.AccessKeyId ?? "",
        secretAccessKey: Credentials?.SecretAccessKey ?? "",
        sessionToken: Credentials?.SessionToken ?? "",
      });
      expect(await other.sts.send(new GetCallerIdentityCommand({}))).toMatchObject({
        Account: "222233334444",
        Arn: AssumedRoleUser?.Arn,
      });
      const launched = await other.ec2.send(
        new RunInstancesCommand({ ImageId: "ami-12c6146b", MinCount: 1, MaxCount: 1 }),
      );
      const InstanceIds = [launched.Instances?.[0]?.InstanceId ?? ""];
      const seen = await other.ec2.send(new DescribeInstancesCommand({ InstanceIds }));
      expect(seen.Reservations?.[0]?.OwnerId).toBe("222233334444");
      await expect(
        clients(target().endpoint).ec2.send(new DescribeInstancesCommand({ InstanceIds })),
      ).rejects.toMatchObject({
        name: "InvalidInstanceID.NotFound",
      });
    });
  });
}
