import {
  ListTagsForResourceCommand as ListRuleTagsCommand,
  PutRuleCommand,
  TagResourceCommand as TagRuleCommand,
} from "@aws-sdk/client-eventbridge";
import {
  CreateTopicCommand,
  ListTagsForResourceCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-sns";
import { GetQueueUrlCommand, ListQueueTagsCommand, TagQueueCommand } from "@aws-sdk/client-sqs";
import { describe, expect, it } from "vitest";
import {
  ALERT_TOPIC,
  aws,
  changesOf,
  events,
  everything,
  LAUNCH_TOPIC,
  run,
  sns,
  sqs,
  useEmptyAws,
} from "../installed.ts";

useEmptyAws();

const RULE = "arn:aws:events:us-east-1:123456789012:rule/ec2_launches";
const TAG_RULE = `${RULE}-tag-changes`;
const byKey = (list: readonly { Key?: string | undefined; Value?: string | undefined }[] = []) =>
  Object.fromEntries(list.map(({ Key = "", Value }) => [Key, Value]));
const queueUrl = async () =>
  (await sqs.send(new GetQueueUrlCommand({ QueueName: "ec2_launches_check_dead" }))).QueueUrl;

async function tagsOf(resource: string): Promise<Record<string, string | undefined>> {
  if (resource === "queue")
    return (await sqs.send(new ListQueueTagsCommand({ QueueUrl: await queueUrl() }))).Tags ?? {};
  if (resource.includes(":events:")) {
    return byKey((await events.send(new ListRuleTagsCommand({ ResourceARN: resource }))).Tags);
  }
  return byKey((await sns.send(new ListTagsForResourceCommand({ ResourceArn: resource }))).Tags);
}

const ALL = [LAUNCH_TOPIC, ALERT_TOPIC, "queue", RULE, TAG_RULE];

describe("ec2-audit setup --tag", () => {
  it("tags the topics, the queue and the rules that it makes, so that they pass their owner's own tag rules", async () => {
    await run("setup --tag-changes --tag owner=platform --tag cost-centre=a=b");
    for (const resource of ALL) {
      expect(await tagsOf(resource), resource).toEqual({
        "ec2-audit": "setup",
        owner: "platform",
        "cost-centre": "a=b",
      });
    }
  });

  it("shows tags that have changed, and corrects them", async () => {
    const line = "setup --tag-changes --tag owner=platform --tag service=audit";
    await run(line);
    await sns.send(new UntagResourceCommand({ ResourceArn: LAUNCH_TOPIC, TagKeys: ["owner"] }));
    const Tags = [{ Key: "owner", Value: "web" }];
    await sns.send(new TagResourceCommand({ ResourceArn: ALERT_TOPIC, Tags }));
    await sqs.send(new TagQueueCommand({ QueueUrl: await queueUrl(), Tags: { owner: "web", mine: "kept" } }));
    await events.send(new TagRuleCommand({ ResourceARN: RULE, Tags }));
    const planned = await run(`${line} --dry-run`);
    expect(planned.out.match(/^ {6}tag owner: none → platform$/gm)).toHaveLength(1);
    expect(planned.out.match(/^ {6}tag owner: web → platform$/gm)).toHaveLength(3);
    const changes = await changesOf(() => run(line));
    expect(changes.sort()).toEqual(["TagQueue", "TagResource", "TagResource", "TagResource"]);
    for (const resource of ALL) {
      expect(await tagsOf(resource), resource).toMatchObject({ owner: "platform", service: "audit" });
    }
    expect(await tagsOf("queue")).toMatchObject({ mine: "kept" });
    expect((await run(line)).out).toContain("nothing to change");
  });

  it("keeps earlier tags when it is not given, and teardown still knows what setup made", async () => {
    await run("setup --tag owner=platform");
    expect(await changesOf(() => run("setup"))).toEqual([]);
    await run("teardown --yes");
    expect(await everything()).toEqual({ topics: [], queues: [], rules: [] });
  });

  it("does not tag what was there before setup", async () => {
    await sns.send(new CreateTopicCommand({ Name: "ec2_audit_alert" }));
    await events.send(new PutRuleCommand({ Name: "ec2_launches", EventPattern: '{"source":["aws.ec2"]}' }));
    await run("setup --tag owner=platform");
    expect([await tagsOf(ALERT_TOPIC), await tagsOf(RULE)]).toEqual([{}, {}]);
    expect((await run("setup --tag owner=platform")).out).toContain("nothing to change");
  });

  it.each([
    ["owner", "--tag must have the form Key=Value"],
    ["=x", "--tag must have the form Key=Value"],
    ["aws:owner=x", "AWS does not accept the tag"],
    [`${"k".repeat(129)}=x`, "AWS does not accept the tag"],
    [`k=${"v".repeat(257)}`, "AWS does not accept the tag"],
    ["owner=a;b", "AWS does not accept the tag"],
    ["ec2-audit=mine", "--tag cannot set ec2-audit"],
    ["owner=a --tag owner=b", "--tag gives owner twice"],
  ])("refuses --tag %s before it asks AWS for anything", async (given, message) => {
    const { code, err } = await run(`setup --tag ${given}`);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
    expect(aws.calls).toEqual([]);
  });
});
