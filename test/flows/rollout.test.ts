import { rmSync } from "node:fs";
import { ConfirmSubscriptionCommand } from "@aws-sdk/client-sns";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EmbeddedAws, startEmbeddedAws } from "../../src/local/aws/index.ts";
import { clientsAt, everything } from "../cli/installed.ts";
import { operatorAt, type Ran, runCommand } from "../cli/run.ts";
import { loadBuilt, serve } from "../support/hosts.ts";
import type { Served } from "../support/loopback.ts";
import { folderWith, launchUntagged, NOTHING, settingsAt, subscriptionsAt, useSilentLog } from "./rollout.ts";

useSilentLog();

describe("a rollout on the embedded AWS, with its policies checked", () => {
  let aws: EmbeddedAws;
  let served: Served;
  let folder: string;
  const run = (line: string): Promise<Ran> => runCommand(line.split(" "), { env: operatorAt(aws.endpoint), folder });

  beforeAll(async () => {
    aws = await startEmbeddedAws({ topicPolicies: "checked", queuePolicies: "checked" });
    const settings = settingsAt(aws.endpoint, aws.signingCert);
    folder = folderWith(settings);
    served = await serve(loadBuilt(), settings);
  });
  afterAll(async () => {
    await served.close();
    await aws.close();
    rmSync(folder, { recursive: true });
  });

  it("begins with setup in an empty account, and the team's confirmation", async () => {
    expect((await run("setup --email team@example.com")).code).toBe(0);
    const [mail] = aws.mails;
    const { sns } = clientsAt(aws.endpoint);
    await sns.send(new ConfirmSubscriptionCommand({ TopicArn: mail?.topicArn, Token: mail?.token }));
  });

  it("subscribes the function with setup --url", async () => {
    const { code, out } = await run(`setup --url ${served.url}`);
    expect([code, out]).toEqual([0, expect.stringContaining("The function has confirmed")]);
  });

  it("changes nothing when setup runs again", async () => {
    const { code, out } = await run(`setup --email team@example.com --url ${served.url}`);
    expect([code, out]).toEqual([0, expect.stringContaining("There is nothing to change.")]);
  });

  it("passes every check of doctor", async () => {
    const { code, out } = await run("doctor");
    expect([code, out]).toEqual([0, expect.stringContaining("0 failed")]);
  });

  it("sends the team an e-mail about an untagged launch, through EventBridge, SNS, the function and SNS", async () => {
    const id = await launchUntagged(aws.endpoint);
    await aws.idle();
    const [mail, ...more] = aws.mails.filter(({ type }) => type === "Notification");
    expect([mail?.to, more]).toEqual(["team@example.com", []]);
    expect(mail?.subject).toBe(`[MEDIUM] ${id.slice(0, 12)}... lacks tags name, service (us-east-1, 123456789012)`);
    expect(mail?.body).toContain(id);
  });

  it("ends with teardown, which leaves nothing behind", async () => {
    expect((await run("teardown --yes")).code).toBe(0);
    expect(await everything(clientsAt(aws.endpoint))).toEqual(NOTHING);
    expect(await subscriptionsAt(aws.endpoint)).toEqual([]);
    expect((await run("teardown")).out).toContain("setup created nothing in us-east-1");
  });
});
