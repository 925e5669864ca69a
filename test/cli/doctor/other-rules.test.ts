import { DeleteRuleCommand, DisableRuleCommand, RemoveTargetsCommand } from "@aws-sdk/client-eventbridge";
import { describe, expect, it } from "vitest";
import { launches, rule } from "../by-hand.ts";
import { aws, events, run, useEmptyAws } from "../installed.ts";
import { diagnosis, doctor, useInstallation } from "./installed.ts";

useEmptyAws();
useInstallation();

async function withoutOwnRule(): Promise<void> {
  await events.send(new RemoveTargetsCommand({ Rule: "ec2_launches", Ids: ["launch-topic"] }));
  await events.send(new DeleteRuleCommand({ Name: "ec2_launches" }));
}

describe("the doctor on rules of other names", () => {
  it("finds one that sends the same as setup's own rule, and names both ways to end that", async () => {
    await rule("ec2-launches", launches("pending"));
    expect(await diagnosis()).toEqual([
      1,
      "wrong: rules and targets: rule ec2-launches: it sends launches (pending), so alerts are sent twice",
    ]);
    const { out } = await doctor("--region us-east-1");
    expect(out).toContain("To disable it: ec2-audit setup --region us-east-1 --disable-rule ec2-launches\n");
    await run("setup --disable-rule ec2-launches");
    expect(await diagnosis()).toEqual([0]);
    expect((await doctor()).out).toContain("– rule ec2-launches: is switched off");
  });

  it("accepts one that is used instead of setup's own, with the dead-letter queue", async () => {
    await withoutOwnRule();
    await rule("ec2-launches", launches("pending"));
    expect(await diagnosis()).toEqual([
      1,
      expect.stringContaining("dead-letter queue ec2_launches_check_dead: policy: events.amazonaws.com may not send"),
      expect.stringContaining("wrong: rules and targets: rule ec2-launches: target sns: dead-letter queue none → "),
    ]);
    await run("setup");
    expect(await diagnosis()).toEqual([0]);
    expect((await doctor()).out).toContain("✓ rule ec2-launches: as it should be");
  });

  it("finds one in use that sends each launch twice, and shows no ✓ for it", async () => {
    await withoutOwnRule();
    await rule("ec2-launches", launches("pending", "running"));
    await run("setup");
    expect(await diagnosis()).toEqual([
      1,
      "wrong: rules and targets: rule ec2-launches: it also sends launches (running), so alerts are sent twice",
    ]);
    expect((await doctor()).out).not.toContain("✓ rule ec2-launches");
  });

  it("accepts one that sends no launches, or what no other rule sends, or nothing", async () => {
    await rule("buckets", { source: ["aws.s3"] });
    await rule("tags", { source: ["aws.tag"] });
    await rule("off", launches("pending"));
    await events.send(new DisableRuleCommand({ Name: "off" }));
    expect(await diagnosis()).toEqual([0]);
    const { out } = await doctor();
    expect(out).toContain("– rule buckets: sends no launches of this account");
    expect(out).toContain("– rule tags: sends what no other rule does");
    expect(out).toContain("– rule off: is switched off");
  });

  it("says that it may not look for them, and continues with setup's own", async () => {
    aws.deny("events:ListRuleNamesByTarget");
    const [code, ...found] = await diagnosis();
    expect([code, found.length]).toEqual([0, 1]);
    expect(found[0]).toContain("unknown: rules and targets: rules of other names: AWS does not allow this");
    expect((await doctor()).out).toContain("✓ rule ec2_launches: as it should be");
  });
});
