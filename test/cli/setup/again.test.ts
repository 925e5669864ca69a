import { PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { CreateTopicCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand } from "@aws-sdk/client-sqs";
import { describe, expect, it } from "vitest";
import {
  ALERT_TOPIC,
  aws,
  changesOf,
  DEAD_LETTERS,
  events,
  everything,
  LAUNCH_TOPIC,
  queueAttributes,
  ruleAndTargets,
  run,
  sns,
  sqs,
  subscriptions,
  topicAttributes,
  useEmptyAws,
} from "../installed.ts";

useEmptyAws();

describe("ec2-audit setup, a second time", () => {
  it("changes nothing, and says so", async () => {
    await run("setup --tag-changes --email ann@example.com");
    const before = await snapshot();
    let said = "";
    const changes = await changesOf(async () => {
      said = (await run("setup --tag-changes --email ann@example.com")).out;
    });
    expect(changes).toEqual([]);
    expect(said).toContain("There is nothing to change.");
    expect(await snapshot()).toEqual(before);
  });

  it.each([
    ["CreateQueue", 0],
    ["CreateTopic", 0],
    ["CreateTopic", 1],
    ["PutRule", 0],
    ["PutTargets", 0],
    ["Subscribe", 0],
  ])(
    "goes on where it was interrupted: at %s, after %i of them",
    async (action, skip) => {
      // The SDK tries three times.
      aws.faults.add({ action, kind: "error", skip, times: 3 });
      const failed = await run("setup --email ann@example.com");
      expect([failed.code, failed.err]).toEqual([2, expect.stringContaining("error: AWS failed: Internal")]);
      const isFirst = action === "CreateQueue";
      expect(failed.err.endsWith("The completed steps are kept. Run the command again to continue.")).toBe(!isFirst);
      expect((await run("setup --email ann@example.com")).code).toBe(0);
      const after = await snapshot();
      expect(after.everything.rules).toEqual(["ec2_launches"]);
      expect(after.rule.Targets).toHaveLength(1);
      expect(aws.mails).toHaveLength(1);
    },
    30_000,
  );

  it("leaves a rule that is not asked for any more, and says how to be rid of it", async () => {
    await run("setup --tag-changes");
    const { out } = await run("setup");
    expect(out).toContain("- rule               ec2_launches-tag-changes  not requested, unchanged");
    expect(out).toContain("aws events disable-rule --region us-east-1 --name ec2_launches-tag-changes");
    expect((await everything()).rules).toEqual(["ec2_launches", "ec2_launches-tag-changes"]);
  });

  it("sees one that is not asked for any more among more rules than a page of them holds", async () => {
    const others = Array.from({ length: 100 }, (_, index) => `ec2_launches-a${index}`);
    for (const Name of others) await events.send(new PutRuleCommand({ Name, EventPattern: '{"source":["x"]}' }));
    await run("setup --tag-changes");
    expect((await run("setup")).out).toContain("ec2_launches-tag-changes  not requested, unchanged");
  });

  it("does not say of somebody else's that it is from an earlier setup", async () => {
    await events.send(new PutRuleCommand({ Name: "ec2_launches-cloudtrail", EventPattern: '{"source":["x"]}' }));
    const { out } = await run("setup");
    expect(out).toMatch(/- rule +ec2_launches-cloudtrail +not requested, unchanged, existed before setup/);
    expect(out).not.toMatch(/earlier setup|disable-rule/);
  });

  it("is content with one that is switched off, and leaves it so", async () => {
    await run("setup --cloudtrail");
    const EventPattern = JSON.stringify((await ruleAndTargets("ec2_launches-cloudtrail")).pattern);
    await events.send(new PutRuleCommand({ Name: "ec2_launches-cloudtrail", EventPattern, State: "DISABLED" }));
    const again = await run("setup");
    expect(again.out).toContain("It is disabled.");
    expect((await ruleAndTargets("ec2_launches-cloudtrail")).State).toBe("DISABLED");
  });
});

describe("ec2-audit setup, where others have been", () => {
  it("takes over the topics and the rule of an installation by hand, without a second target", async () => {
    await sns.send(new CreateTopicCommand({ Name: "ec2_launches_check" }));
    await sns.send(new CreateTopicCommand({ Name: "ec2_audit_alert" }));
    const EventPattern = JSON.stringify({
      source: ["aws.ec2"],
      "detail-type": ["EC2 Instance State-change Notification"],
      detail: { state: ["pending"] },
    });
    await events.send(new PutRuleCommand({ Name: "ec2_launches", EventPattern, Description: "by hand" }));
    await events.send(new PutTargetsCommand({ Rule: "ec2_launches", Targets: [{ Id: "sns", Arn: LAUNCH_TOPIC }] }));
    const { out } = await run("setup");
    expect(out).toContain("~ launch topic       ec2_launches_check       repaired, existed before setup");
    expect(out).toContain("= alert topic        ec2_audit_alert          correct, existed before setup");
    expect(out).toContain("policy: EventBridge may not publish → may publish");
    expect(out).toContain("SignatureVersion: 1 → 2");
    expect(await ruleAndTargets()).toMatchObject({
      Description: "by hand",
      Targets: [{ Id: "sns", Arn: LAUNCH_TOPIC, DeadLetterConfig: { Arn: DEAD_LETTERS } }],
    });
    expect((await run("setup")).out).toContain("nothing to change");
  });

  it("leaves a topic's policy as it is where a statement of another Sid lets EventBridge publish already", async () => {
    const Statement = {
      // The console gives its statements such a Sid.
      Sid: "AWSEvents_ec2-launches_Id1",
      Effect: "Allow",
      Principal: { Service: "events.amazonaws.com" },
      Action: "sns:Publish",
      Resource: LAUNCH_TOPIC,
    };
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [Statement] });
    await sns.send(new CreateTopicCommand({ Name: "ec2_launches_check", Attributes: { Policy } }));
    const { out } = await run("setup");
    expect(out).not.toContain("EventBridge");
    expect((await topicAttributes()).Policy).toBe(Policy);
  });

  it("keeps the statements of others in the topic's policy and in the queue's", async () => {
    const others = (Resource: string) => ({
      Sid: "others",
      Effect: "Allow",
      Principal: { AWS: "arn:aws:iam::210987654321:root" },
      Action: "*",
      Resource,
    });
    const policyWith = (statement: object) => JSON.stringify({ Version: "2008-10-17", Id: "x", Statement: statement });
    await sns.send(
      new CreateTopicCommand({ Name: "ec2_launches_check", Attributes: { Policy: policyWith(others(LAUNCH_TOPIC)) } }),
    );
    await sqs.send(
      new CreateQueueCommand({
        QueueName: "ec2_launches_check_dead",
        Attributes: { Policy: policyWith(others(DEAD_LETTERS)) },
      }),
    );
    await run("setup");
    const topic = JSON.parse((await topicAttributes()).Policy ?? "");
    expect([topic.Version, topic.Id]).toEqual(["2008-10-17", "x"]);
    expect(topic.Statement).toEqual([others(LAUNCH_TOPIC), expect.objectContaining({ Sid: "Ec2AuditEvents" })]);
    expect(JSON.parse((await queueAttributes()).Policy ?? "").Statement).toEqual([
      others(DEAD_LETTERS),
      expect.objectContaining({ Sid: "Ec2AuditRules" }),
      expect.objectContaining({ Sid: "Ec2AuditTopic" }),
    ]);
  });
});

async function snapshot() {
  return {
    everything: await everything(),
    topic: await topicAttributes(),
    alerts: await subscriptions(ALERT_TOPIC),
    queue: await queueAttributes(),
    rule: await ruleAndTargets(),
  };
}
