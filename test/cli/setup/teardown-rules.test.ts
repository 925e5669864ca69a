import { DisableRuleCommand, EnableRuleCommand, ListTagsForResourceCommand } from "@aws-sdk/client-eventbridge";
import { describe, expect, it } from "vitest";
import { byHand, rule } from "../by-hand.ts";
import { events, everything, ruleAndTargets, run, useEmptyAws } from "../installed.ts";

useEmptyAws();

const rulesThere = async () => (await everything()).rules;
const stateOf = async (name: string) => (await ruleAndTargets(name)).State;
const tagsOf = async (name: string) => {
  const ResourceARN = `arn:aws:events:us-east-1:123456789012:rule/${name}`;
  return (await events.send(new ListTagsForResourceCommand({ ResourceARN }))).Tags;
};

describe("ec2-audit teardown leaves a rule of another name as it was before setup", () => {
  it("the one that setup used: without the dead-letter queue, which is removed", async () => {
    await byHand();
    const before = await ruleAndTargets("ec2-launches");
    await run("setup");
    const { out } = await run("teardown --yes");
    expect(out).toMatch(/~ rule +ec2-launches +kept, without the dead-letter queue, which is removed\n/);
    expect(await ruleAndTargets("ec2-launches")).toEqual(before);
    expect((await run("teardown")).out).toMatch(/= rule +ec2-launches +kept: not created by setup/);
  });

  it("the one that setup switched off: it is on again, without setup's tag", async () => {
    await byHand();
    const before = await ruleAndTargets("ec2-launches");
    await run("setup --disable-rule ec2-launches");
    expect((await run("setup")).out).toContain("It is disabled. teardown enables it again.");
    const { asked } = await run("teardown", { answer: true });
    expect(asked[0]).toMatch(/^Remove these 2 resources and restore the rest\?/);
    expect(await ruleAndTargets("ec2-launches")).toEqual(before);
    expect([await tagsOf("ec2-launches"), await rulesThere()]).toEqual([[], ["ec2-launches"]]);
  });

  it("the one that setup switched on: it is off again", async () => {
    await byHand();
    await events.send(new DisableRuleCommand({ Name: "ec2-launches" }));
    await run("setup --adopt-rule ec2-launches");
    await run("teardown --yes");
    expect([await stateOf("ec2-launches"), await tagsOf("ec2-launches")]).toEqual(["DISABLED", []]);
  });

  it("the one that setup switched off, and on again when it was adopted after all", async () => {
    await byHand();
    await run("setup --disable-rule ec2-launches");
    await run("setup --adopt-rule ec2-launches");
    expect([await stateOf("ec2-launches"), await tagsOf("ec2-launches")]).toEqual(["ENABLED", []]);
    await run("teardown --yes");
    expect([await stateOf("ec2-launches"), await rulesThere()]).toEqual(["ENABLED", ["ec2-launches"]]);
  });

  it("one that sends to a topic of setup's, which is removed: the question says so", async () => {
    await run("setup");
    await rule("by-hand", { source: ["shop"] });
    const { asked } = await run("teardown", { answer: true });
    expect(asked[0]).toContain("the rule by-hand is kept, and its target ec2_launches_check will not exist");
    expect(await rulesThere()).toEqual(["by-hand"]);
  });

  it("one that was switched on since then stays on", async () => {
    await byHand();
    await run("setup --disable-rule ec2-launches");
    await events.send(new EnableRuleCommand({ Name: "ec2-launches" }));
    await run("teardown --yes");
    expect(await stateOf("ec2-launches")).toBe("ENABLED");
  });
});
