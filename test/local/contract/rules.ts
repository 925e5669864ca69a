import {
  DeleteRuleCommand,
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

/** What EventBridge keeps of a rule besides its pattern: tags, and how its targets are to be delivered to. */
export function rulesContract(target: () => Target): void {
  const events = () => clients(target().endpoint).events;
  const EventPattern = JSON.stringify({ source: ["aws.ec2"] });
  const put = async (Name: string, Tags?: { Key: string; Value: string }[]) =>
    (await events().send(new PutRuleCommand({ Name, EventPattern, ...(Tags && { Tags }) }))).RuleArn ?? "";
  const tagsOf = async (ResourceARN: string) =>
    (await events().send(new ListTagsForResourceCommand({ ResourceARN }))).Tags;

  describe("EventBridge: rules", () => {
    it("rules have tags, from the first or later, that can be changed and taken away", async () => {
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

    it("a rule without tags has an empty list of them, and keeps those it has when it is put again", async () => {
      const Name = unique("rule");
      const ResourceARN = await put(Name);
      expect(await tagsOf(ResourceARN)).toEqual([]);
      await events().send(new TagResourceCommand({ ResourceARN, Tags: [{ Key: "a", Value: "b" }] }));
      await put(Name);
      expect(await tagsOf(ResourceARN)).toEqual([{ Key: "a", Value: "b" }]);
    });

    it("a target keeps its dead-letter queue and how often it is tried", async () => {
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

    it("the rules that have a target can be asked for", async () => {
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

    it("a deleted rule has no tags", async () => {
      const Name = unique("rule");
      const ResourceARN = await put(Name);
      await events().send(new DeleteRuleCommand({ Name }));
      await expect(tagsOf(ResourceARN)).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    });
  });
}
