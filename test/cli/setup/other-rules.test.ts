import {
  DescribeRuleCommand,
  DisableRuleCommand,
  EventBridgeClient,
  ListRuleNamesByTargetCommand,
  ListTargetsByRuleCommand,
  TestEventPatternCommand,
} from "@aws-sdk/client-eventbridge";
import { SetTopicAttributesCommand } from "@aws-sdk/client-sns";
import { mockClient } from "aws-sdk-client-mock";
import { describe, expect, it } from "vitest";
import { byHand, launches, rule } from "../by-hand.ts";
import {
  ALERT_TOPIC,
  aws,
  changesOf,
  DEAD_LETTERS,
  events,
  everything,
  LAUNCH_TOPIC,
  listen,
  queueAttributes,
  received,
  ruleAndTargets,
  run,
  sns,
  startFunction,
  useEmptyAws,
  useSharedAws,
} from "../installed.ts";

/** Rules with other names than setup's that already send launches to the launch topic. */

const CLOUDTRAIL = {
  source: ["aws.ec2"],
  "detail-type": ["AWS API Call via CloudTrail"],
  detail: { eventSource: ["ec2.amazonaws.com"], eventName: ["RunInstances"] },
};

const rulesThere = async () => (await everything()).rules;
const stateOf = async (name: string) => (await ruleAndTargets(name)).State;

/** Returns the number of alerts for one launch without tags. */
async function alertsOfOneLaunch(): Promise<number> {
  await listen("alerts", ALERT_TOPIC);
  aws.launch({ count: 1 });
  await aws.idle();
  return (await received("alerts")).length;
}

async function setUpFunction(line: string): Promise<void> {
  const { url, settings } = await startFunction();
  settings.GRACE_SECONDS = "0";
  expect((await run(`${line} --url ${url}`)).code).toBe(0);
}

describe("ec2-audit setup, with a rule created manually as in the article,", () => {
  useEmptyAws();

  it("creates no second rule, so that one launch causes one alert", async () => {
    await byHand();
    await setUpFunction("setup");
    expect(await rulesThere()).toEqual(["ec2-launches"]);
    expect(await alertsOfOneLaunch()).toBe(1);
  });

  it("prints that it uses the rule, adds the dead-letter queue to the rule's target, and then changes nothing", async () => {
    await byHand();
    const { out } = await run("setup");
    expect(out).toMatch(/~ rule +ec2-launches +repaired, existed before setup\n/);
    expect(out).toContain(`      target sns: dead-letter queue none → ${DEAD_LETTERS}\n`);
    expect(out).toContain(
      "      It sends launches (pending) to ec2_launches_check, so setup creates no rule for them.\n",
    );
    expect((await ruleAndTargets("ec2-launches")).Targets).toEqual([
      { Id: "sns", Arn: LAUNCH_TOPIC, DeadLetterConfig: { Arn: DEAD_LETTERS } },
    ]);
    const again = await changesOf(async () => {
      expect((await run("setup")).out).toMatch(/= rule +ec2-launches +correct, existed before setup/);
    });
    expect(again).toEqual([]);
    const noPolicy = { TopicArn: LAUNCH_TOPIC, AttributeName: "Policy", AttributeValue: "" };
    await sns.send(new SetTopicAttributesCommand(noPolicy));
    aws.launch({ count: 1 });
    expect(await queueAttributes()).toMatchObject({ ApproximateNumberOfMessages: "1" });
  });

  it("finds the rule if AWS lists rules on more than one page", async () => {
    await byHand();
    await Promise.all(Array.from({ length: 100 }, (_, index) => rule(`a-${index}`, { source: ["shop"] })));
    await run("setup");
    expect(await rulesThere()).not.toContain("ec2_launches");
  });

  it("prints with --json which events the rule sends, and the action", async () => {
    await byHand();
    const { otherRules, resources } = JSON.parse((await run("setup --dry-run --json")).out);
    expect(otherRules).toEqual([{ name: "ec2-launches", sends: ["pending"], doubled: [], part: "adopted" }]);
    expect(resources.at(-1)).toMatchObject({
      kind: "rule",
      name: "ec2-launches",
      action: "repair",
      madeBySetup: false,
    });
  });

  it("creates nothing if an emulator does not return whether the rule matches", async () => {
    await byHand();
    const mock = mockClient(EventBridgeClient);
    mock.onAnyCommand().resolves({});
    mock.on(ListRuleNamesByTargetCommand).resolves({ RuleNames: ["ec2-launches"] });
    mock.on(DescribeRuleCommand).resolves({ EventPattern: "{}", State: "ENABLED" });
    mock.on(ListTargetsByRuleCommand).resolves({});
    mock.on(TestEventPatternCommand).resolves({});
    const { code, err } = await run("setup").finally(() => mock.restore());
    expect([code, err]).toEqual([2, expect.stringContaining("the response did not come from AWS")]);
    expect((await everything()).queues).toEqual([]);
  });

  it("uses a rule that sends launches in the state running", async () => {
    await byHand(launches("running"));
    await run("setup");
    expect(await rulesThere()).toEqual(["ec2-launches"]);
  });

  it("uses a rule for CloudTrail's calls with --cloudtrail, and creates only the rule for state changes", async () => {
    await byHand(CLOUDTRAIL);
    expect((await run("setup --cloudtrail")).out).not.toContain("alerts are sent twice");
    expect(await rulesThere()).toEqual(["ec2-launches", "ec2_launches"]);
    expect((await run("setup")).out, "identified by its dead-letter queue").not.toContain("alerts are sent twice");
  });

  it("creates its own rule if the other is disabled or sends no launches", async () => {
    await byHand({ source: ["aws.s3"] });
    await rule("off", launches("pending"));
    await events.send(new DisableRuleCommand({ Name: "off" }));
    const { out } = await run("setup");
    expect(out).toContain("      It sends no launches of this account to ec2_launches_check.\n");
    expect(out).toContain("      It is disabled.\n");
    expect(out).not.toContain("alerts are sent twice");
    expect(await rulesThere()).toContain("ec2_launches");
  });
});

async function doubled(pattern: object = launches("pending")): Promise<void> {
  await run("setup");
  await rule("ec2-launches", pattern);
}

describe("ec2-audit setup, with a rule that duplicates alerts,", () => {
  useEmptyAws();

  it("reports it, changes nothing, and prints both fixes", async () => {
    await doubled();
    const changes = await changesOf(async () => {
      const { out } = await run("setup --region us-east-1");
      expect(out).toContain("! rule ec2-launches: it sends launches (pending), so alerts are sent twice.\n");
      expect(out).toContain("  To disable it: ec2-audit setup --region us-east-1 --disable-rule ec2-launches\n");
      expect(out).toContain(
        "  To use it instead of setup's own: ec2-audit setup --region us-east-1 --adopt-rule ec2-launches\n",
      );
    });
    expect(changes).toEqual([]);
    const { otherRules, resources } = JSON.parse((await run("setup --dry-run --json")).out);
    expect(otherRules).toEqual([{ name: "ec2-launches", sends: ["pending"], doubled: ["pending"], part: "left" }]);
    expect(resources.at(-1)).toMatchObject({ name: "ec2-launches", state: "correct", action: "leave" });
  });

  it.each([
    ["--disable-rule", "ec2_launches", "ec2-launches"],
    ["--adopt-rule", "ec2-launches", "ec2_launches"],
  ])("causes one alert for one launch after %s, which disables the other rule", async (flag, on, off) => {
    await doubled();
    await setUpFunction(`setup ${flag} ec2-launches`);
    expect([await stateOf(on), await stateOf(off)]).toEqual(["ENABLED", "DISABLED"]);
    expect(await alertsOfOneLaunch()).toBe(1);
    expect((await run("setup")).out).toContain("There is nothing to change.");
  });

  it("uses a rule that sends every state also for terminations, and creates none of its own for them", async () => {
    await byHand(launches());
    const { code, out } = await run("setup --tag-changes");
    expect(code).toBe(0);
    expect(out).toContain("terminations");
    expect(await rulesThere()).toEqual(["ec2-launches", "ec2_launches-tag-changes"]);
  });

  it("prints how to replace an adopted rule that sends each launch twice", async () => {
    await byHand(launches());
    const { out } = await run("setup");
    expect(out).toContain("! rule ec2-launches: it also sends launches (running), so alerts are sent twice.");
    await setUpFunction("setup --disable-rule ec2-launches");
    expect(await alertsOfOneLaunch()).toBe(1);
  });

  it("reports rules for CloudTrail's calls and for Auto Scaling that were not requested", async () => {
    await doubled(CLOUDTRAIL);
    await rule("asg", { source: ["aws.autoscaling"] });
    const { out } = await run("setup");
    expect(out).toContain("! rule asg: it sends Auto Scaling's launches, so alerts are sent twice.");
    expect(out).not.toContain("--adopt-rule asg");
    expect(out).toContain("! rule ec2-launches: it sends CloudTrail's RunInstances calls, so alerts are sent twice.");
    expect(out).toContain("  To keep it, because it names the launcher: ec2-audit setup --adopt-rule ec2-launches\n");
    await run("setup --adopt-rule ec2-launches");
    expect((await run("setup")).out).not.toContain("! rule ec2-launches");
  });

  it("prints one fix for two manual rules: to disable the one that is not adopted", async () => {
    await byHand();
    await rule("second", launches());
    const { out } = await run("setup");
    expect(out).toContain("  To disable it: ec2-audit setup --disable-rule second\n");
    expect(out).not.toContain("--adopt-rule");
  });

  it("adopts and enables a disabled rule", async () => {
    await doubled();
    await events.send(new DisableRuleCommand({ Name: "ec2-launches" }));
    const { out } = await run("setup --adopt-rule ec2-launches");
    expect(out).toContain("      state: DISABLED → ENABLED\n");
    expect([await stateOf("ec2-launches"), await stateOf("ec2_launches")]).toEqual(["ENABLED", "DISABLED"]);
  });
});

describe("ec2-audit setup rejects", () => {
  useSharedAws(async () => {
    await doubled();
    await rule("s3", { source: ["aws.s3"] });
  });

  it.each([
    ["--adopt-rule nope", "no rule nope (other than setup's own) sends to ec2_launches_check"],
    ["--disable-rule ec2_launches", "no rule ec2_launches (other than setup's own) sends to ec2_launches_check"],
    ["--adopt-rule s3", "the rule s3 does not send launches"],
    ["--adopt-rule ec2-launches --disable-rule ec2-launches", "both name ec2-launches"],
  ])("%s, and changes nothing", async (flags, message) => {
    const changes = await changesOf(async () => {
      const { code, err } = await run(`setup ${flags}`);
      expect([code, err]).toEqual([2, expect.stringContaining(message)]);
    });
    expect(changes).toEqual([]);
  });
});
