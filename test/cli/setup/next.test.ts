import { SubscribeCommand } from "@aws-sdk/client-sns";
import { describe, expect, it } from "vitest";
import { aws, LAUNCH_TOPIC, listen, run, sns, startDeafFunction, startFunction, useEmptyAws } from "../installed.ts";

useEmptyAws();

/** The last paragraph of what setup prints, and those after "Next". */
async function next(line = "setup"): Promise<string> {
  const { out } = await run(line);
  return out.slice(out.search(/^(?:Next|SNS calls|[^\n]* receives the launches)/m));
}

describe("what setup says comes next", () => {
  it("is both ways to run the function, where there is none yet", async () => {
    const said = await next("setup --region us-east-1 --alert-topic alerts");
    expect(said).toContain("  2. ec2-audit deploy webtask\n");
    expect(said).toContain("Or on AWS Lambda, which needs no setup:\n");
    expect(said).toContain("  1. ec2-audit teardown --region us-east-1 --alert-topic alerts\n");
    expect(said).toMatch(/ {2}2\. ec2-audit deploy lambda --region us-east-1$/);
  });

  it("is nothing, where SNS calls the function already", async () => {
    const { url } = await startFunction();
    await run(`setup --url ${url}?key=secret`);
    expect(await next("setup --region us-east-1")).toBe(
      `SNS calls ${url}?… at every launch. To check the installation: ec2-audit doctor --region us-east-1`,
    );
  });

  it("is the function's confirmation, where only that is missing", async () => {
    const { url } = await startDeafFunction();
    await run("setup");
    await sns.send(new SubscribeCommand({ TopicArn: LAUNCH_TOPIC, Protocol: "http", Endpoint: url }));
    await aws.idle();
    const said = await next();
    expect(said).toContain(`Next: ${url} has not confirmed its subscription.`);
    expect(said).toContain(`  ec2-audit setup --url ${url}`);
    expect(said).not.toContain("deploy");
  });

  it("is nothing as well, where a queue receives the launches for a function on Lambda, which only the operator knows", async () => {
    await run("setup");
    await listen("ec2-audit-queue", LAUNCH_TOPIC);
    expect(await next()).toContain(
      "arn:aws:sqs:us-east-1:123456789012:ec2-audit-queue receives the launches. If ec2-audit deploy lambda created it, nothing is left to do.\n",
    );
  });
});
