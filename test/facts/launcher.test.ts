import { describe, expect, it } from "vitest";
import { launcherOf } from "../../src/facts/launcher.ts";

describe("launcherOf", () => {
  const ROLE = "arn:aws:sts::123456789012:assumed-role/AWSServiceRoleForAutoScaling/AutoScaling";
  const USER = "arn:aws:iam::123456789012:user/Mateo";
  const GROUP = { "aws:autoscaling:groupName": "web" };
  const STACK = { "aws:cloudformation:stack-name": "shop" };

  it.each([
    [
      "the Auto Scaling group, because the event names its service role",
      ROLE,
      { ...GROUP, ...STACK },
      "Auto Scaling group web",
    ],
    ["the Auto Scaling group when the event names no launcher", null, GROUP, "Auto Scaling group web"],
    ["the launcher in the event before the stack", USER, STACK, USER],
    ["the stack when the event names no launcher", null, STACK, "CloudFormation stack shop"],
    ["null when none is known", null, {}, null],
    [
      "null for tags that are empty",
      null,
      { "aws:autoscaling:groupName": "", "aws:cloudformation:stack-name": "" },
      null,
    ],
  ])("returns %s", (_, named, tags, launcher) => {
    expect(launcherOf(named, new Map(Object.entries(tags)))).toBe(launcher);
  });
});
