import {
  DeleteRuleCommand,
  DescribeRuleCommand,
  DisableRuleCommand,
  EnableRuleCommand,
  ListRuleNamesByTargetCommand,
  ListTagsForResourceCommand,
  ListTargetsByRuleCommand,
  PutRuleCommand,
  PutTargetsCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-eventbridge";
import { describe, expect, it } from "vitest";
import { ACCOUNT, clients, type Target, unique } from "../targets.ts";

/** The parts of a rule besides its pattern: tags, and the delivery settings of its targets. */
export function rulesContract(target: () => Target): void {
  const events = () => clients(target().endpoint).events;
  const EventPattern = JSON.stringify({ source: ["aws.ec2"] });
  const put = async (Name: string, Tags?: { Key: string; Value: string }[]) =>
    (await events().send(new PutRuleCommand({ Name, EventPattern, ...(Tags && { Tags }) }))).RuleArn ?? "";
  const tagsOf = async (ResourceARN: string) =>
    (await events().send(new ListTagsForResourceCommand({ ResourceARN }))).Tags;

  describe("EventBridge: rules", () => {
    it("a rule's tags can be added, changed and removed", async () => {
      const Tags = [
        { Key: "team", Value: "web" },
        { Key: "cost", Value: "1" },
      ];
      const ResourceARN = await put(unique("rule"), Tags);
      expect(await tagsOf(ResourceARN)).toEqual(Tags);
      const changed = [
        { Key: "team", Value: "shop" },
        { Key: "stage", Value: "" },
      ];
      await events().send(new TagResourceCommand({ ResourceARN, Tags: changed }));
      await events().send(new UntagResourceCommand({ ResourceARN, TagKeys: ["cost"] }));
      expect(await tagsOf(ResourceARN)).toEqual(changed);
    });

    it("a rule without tags has an empty list; PutRule keeps the tags of an existing rule", async () => {
      const Name = unique("rule");
      const ResourceARN = await put(Name);
      expect(await tagsOf(ResourceARN)).toEqual([]);
      await events().send(new TagResourceCommand({ ResourceARN, Tags: [{ Key: "a", Value: "b" }] }));
      await put(Name);
      expect(await tagsOf(ResourceARN)).toEqual([{ Key: "a", Value: "b" }]);
    });

    it("a target keeps its dead-letter queue and its retry policy", async () => {
      const Rule = unique("rule");
      await put(Rule);
      const Target = {
        Id: "t",
        Arn: `arn:aws:sqs:eu-west-1:${ACCOUNT}:${unique("queue")}`,
        DeadLetterConfig: { Arn: `arn:aws:sqs:eu-west-1:${ACCOUNT}:${unique("dead")}` },
        RetryPolicy: { MaximumRetryAttempts: 3, MaximumEventAgeInSeconds: 3600 },
      };
      await events().send(new PutTargetsCommand({ Rule, Targets: [Target] }));
      expect((await events().send(new ListTargetsByRuleCommand({ Rule }))).Targets).toEqual([Target]);
    });

    it("ListRuleNamesByTarget returns the rules of a target", async () => {
      const [first, second, other] = [unique("rule"), unique("rule"), unique("rule")];
      const Arn = `arn:aws:sqs:eu-west-1:${ACCOUNT}:${unique("queue")}`;
      for (const Rule of [first, second, other]) {
        await put(Rule);
        const Targets = [{ Id: "t", Arn: Rule === other ? `${Arn}-other` : Arn }];
        await events().send(new PutTargetsCommand({ Rule, Targets }));
      }
      const { RuleNames = [] } = await events().send(new ListRuleNamesByTargetCommand({ TargetArn: Arn }));
      expect([...RuleNames].sort()).toEqual([first, second].sort());
    });

    it("ListRuleNamesByTarget returns pages", async () => {
      const names = [unique("rule"), unique("rule"), unique("rule")];
      const TargetArn = `arn:aws:sqs:eu-west-1:${ACCOUNT}:${unique("queue")}`;
      for (const Rule of names) {
        await put(Rule);
        await events().send(new PutTargetsCommand({ Rule, Targets: [{ Id: "t", Arn: TargetArn }] }));
      }
      const page = (NextToken?: string) =>
        events().send(new ListRuleNamesByTargetCommand({ TargetArn, Limit: 2, ...(NextToken && { NextToken }) }));
      const first = await page();
      const second = await page(first.NextToken);
      expect([first.RuleNames?.length, second.NextToken]).toEqual([2, undefined]);
      expect([...(first.RuleNames ?? []), ...(second.RuleNames ?? [])].sort()).toEqual([...names].sort());
    });

    it("a rule can be disabled and enabled, and keeps everything else", async () => {
      const Name = unique("rule");
      await events().send(new PutRuleCommand({ Name, EventPattern, Description: "launches" }));
      const { State: _, ...before } = await events().send(new DescribeRuleCommand({ Name }));
      for (const [command, State] of [
        [new DisableRuleCommand({ Name }), "DISABLED"],
        [new EnableRuleCommand({ Name }), "ENABLED"],
      ] as const) {
        await events().send(command);
        const after = await events().send(new DescribeRuleCommand({ Name }));
        expect({ ...after, $metadata: {} }).toEqual({ ...before, State, $metadata: {} });
      }
    });

    it("disabling or enabling a rule that does not exist fails", async () => {
      for (const command of [
        new DisableRuleCommand({ Name: unique("none") }),
        new EnableRuleCommand({ Name: unique("none") }),
      ]) {
        await expect(events().send(command)).rejects.toMatchObject({ name: "ResourceNotFoundException" });
      }
    });

    it("a deleted rule has no tags", async () => {
      const Name = unique("rule");
      const ResourceARN = await put(Name);
      await events().send(new DeleteRuleCommand({ Name }));
      await expect(tagsOf(ResourceARN)).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    });
  });
}
