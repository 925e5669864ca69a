import { DescribeInstancesCommand, DescribeTagsCommand, RunInstancesCommand } from "@aws-sdk/client-ec2";
import { ListRulesCommand } from "@aws-sdk/client-eventbridge";
import { PublishCommand } from "@aws-sdk/client-sns";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { afterEach, describe, expect, it } from "vitest";
import type { RecordedCall } from "../../src/local/aws/index.ts";
import { aws, clock, LAUNCH, launch, of, START, useEmbeddedAws } from "./embedded-aws.ts";
import { ACCOUNT, clients } from "./targets.ts";

/** Features of the embedded AWS alone: faults, recorded calls, and its errors for bad requests. */
const told: { call: RecordedCall; at: number }[] = [];
useEmbeddedAws({ onCall: (call) => told.push({ call, at: clock.now() }) });
afterEach(() => {
  told.length = 0;
});

describe("Faults", () => {
  const describeTags = () => of().ec2.send(new DescribeTagsCommand({}));
  const publish = () => of().sns.send(new PublishCommand({ TopicArn: "arn:aws:sns:eu-west-1:1:t", Message: "x" }));
  const send = () => of().sqs.send(new SendMessageCommand({ QueueUrl: "http://x/1/q", MessageBody: "x" }));

  const whoAmI = () => of().sts.send(new GetCallerIdentityCommand({}));
  const listRules = () => of().events.send(new ListRulesCommand({}));

  it.each([
    ["throttle", describeTags, "RequestLimitExceeded", 503],
    ["throttle", publish, "Throttling", 400],
    ["throttle", send, "ThrottlingException", 400],
    ["deny", describeTags, "UnauthorizedOperation", 403],
    ["deny", publish, "AuthorizationErrorException", 403],
    ["deny", send, "AccessDeniedException", 400],
    ["error", describeTags, "InternalError", 500],
    ["error", publish, "InternalErrorException", 500],
    ["error", send, "InternalFailure", 500],
    ["bad-key", describeTags, "AuthFailure", 401],
    ["bad-key", publish, "InvalidClientTokenId", 403],
    ["bad-key", whoAmI, "InvalidClientTokenId", 403],
    ["bad-key", send, "InvalidClientTokenId", 403],
    ["bad-key", listRules, "UnrecognizedClientException", 400],
  ] as const)("%s: %o returns %s", async (kind, call, name, httpStatusCode) => {
    aws.faults.add({ kind });
    await expect(call()).rejects.toMatchObject({ name, $metadata: { httpStatusCode } });
    expect(aws.calls.at(-1)?.status).toBe(httpStatusCode);
  });

  it("applies to a share of the calls, the same ones for the same seed", async () => {
    const refused = async (seed: number) => {
      aws.faults.clear();
      aws.faults.add({ kind: "throttle", share: 0.2, seed });
      const results: boolean[] = [];
      for (let call = 0; call < 100; call += 1)
        results.push(
          await describeTags().then(
            () => false,
            () => true,
          ),
        );
      return results;
    };
    const first = await refused(1);
    expect(first.filter(Boolean).length).toBeGreaterThan(10);
    expect(first.filter(Boolean).length).toBeLessThan(30);
    expect(await refused(1)).toEqual(first);
    expect(await refused(2)).not.toEqual(first);
  });

  it("html responds 200 with a page instead of AWS's response", async () => {
    aws.faults.add({ kind: "html", service: "ec2" });
    const answer = await fetch(aws.endpoint, { method: "POST", headers: SIGNED, body: "Action=DescribeTags" });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/html");
  });

  it("hangup runs the action, and drops the connection halfway through the response", async () => {
    aws.faults.add({ kind: "hangup", action: "RunInstances" });
    await expect(launch()).rejects.toThrow();
    const { Reservations } = await of().ec2.send(new DescribeInstancesCommand({}));
    expect(Reservations).toHaveLength(1);
  });

  it("timeout never responds, and does not run the action", async () => {
    aws.faults.add({ kind: "timeout", action: "RunInstances" });
    const asked = of().ec2.send(new RunInstancesCommand(LAUNCH), { abortSignal: AbortSignal.timeout(200) });
    await expect(asked).rejects.toMatchObject({ name: "AbortError" });
    expect((await of().ec2.send(new DescribeInstancesCommand({}))).Reservations).toEqual([]);
    expect(aws.calls[0]).toMatchObject({ action: "RunInstances", status: 0 });
  });

  it("slow responds when the time has passed", async () => {
    aws.faults.add({ kind: "slow", ms: 5_000 });
    let answered = false;
    const call = describeTags().finally(() => {
      answered = true;
    });
    while (!answered) await clock.advance(1_000);
    await call;
    expect(clock.now()).toBeGreaterThanOrEqual(START + 5_000);
  });

  it("apply to a service and action after the skipped calls, a number of times, until cleared", async () => {
    aws.faults.add({ service: "ec2", action: "DescribeTags", kind: "throttle", skip: 1, times: 1 });
    const outcomes = async () => [
      await describeTags().then(
        () => "fine",
        () => "struck",
      ),
      await launch().then(
        () => "fine",
        () => "struck",
      ),
    ];
    expect([await outcomes(), await outcomes(), await outcomes()]).toEqual([
      ["fine", "fine"],
      ["struck", "fine"],
      ["fine", "fine"],
    ]);
    aws.faults.add({ kind: "deny" });
    aws.faults.clear();
    expect(await outcomes()).toEqual(["fine", "fine"]);
  });

  it("apply to the calls that meet their condition, and count no others", async () => {
    aws.faults.add({ kind: "throttle", skip: 1, times: 1, when: ({ accessKeyId }) => accessKeyId === "bob" });
    const ask = (accessKeyId: string) =>
      clients(aws.endpoint, "eu-west-1", { accessKeyId, secretAccessKey: "x" })
        .ec2.send(new DescribeTagsCommand({}))
        .then(
          () => "fine",
          () => "struck",
        );
    const outcomes: string[] = [];
    for (const who of ["alice", "bob", "alice", "bob", "bob"]) outcomes.push(`${who} ${await ask(who)}`);
    expect(outcomes).toEqual(["alice fine", "bob fine", "alice fine", "bob struck", "bob fine"]);
  });

  it("pass the call to their condition unchanged", async () => {
    const asked: unknown[] = [];
    aws.faults.add({ kind: "deny", when: (call) => asked.push(call) < 0 });
    await of().ec2.send(new DescribeTagsCommand({ Filters: [{ Name: "key", Values: ["a"] }] }));
    expect(asked).toMatchObject([
      {
        service: "ec2",
        action: "DescribeTags",
        account: ACCOUNT,
        region: "eu-west-1",
        accessKeyId: "alice",
        params: { Filter: [{ Name: "key", Value: ["a"] }] },
      },
    ]);
  });
});

/** Returns the Authorization header of a signed request, with its caller and region. */
const SIGNED = {
  authorization:
    "AWS4-HMAC-SHA256 Credential=alice/20260101/eu-west-1/ec2/aws4_request, SignedHeaders=host, Signature=0",
  "content-type": "application/x-www-form-urlencoded",
};

describe("The HTTP server (moto_server's errors differ)", () => {
  const post = async (body: string, headers: Record<string, string>) => {
    const answer = await fetch(aws.endpoint, { method: "POST", headers, body });
    return { status: answer.status, text: await answer.text() };
  };

  it("an unsigned request is refused", async () => {
    const refused = await post("Action=DescribeTags", {});
    expect(refused).toMatchObject({
      status: 403,
      text: expect.stringContaining("<Code>MissingAuthenticationToken</Code>"),
    });
    expect(await post("{}", { "x-amz-target": "AmazonSQS.ListQueues" })).toMatchObject({
      status: 403,
      text: expect.stringContaining("MissingAuthenticationToken"),
    });
  });

  it("an unknown action is refused in the format of each protocol", async () => {
    expect(await post("Action=DescribeRegistries", SIGNED)).toMatchObject({
      status: 400,
      text: expect.stringContaining("<Code>InvalidAction</Code>"),
    });
    expect(await post("Action=toString", SIGNED)).toMatchObject({
      status: 400,
      text: expect.stringContaining("<Code>InvalidAction</Code>"),
    });
    const sqs = {
      ...SIGNED,
      authorization: SIGNED.authorization.replace("/ec2/", "/sqs/"),
      "x-amz-target": "AmazonSQS.Dance",
    };
    expect(await post("{}", sqs)).toMatchObject({
      status: 400,
      text: expect.stringContaining("UnknownOperationException"),
    });
    expect(await post("{", sqs)).toMatchObject({
      status: 400,
      text: expect.stringContaining("SerializationException"),
    });
  });

  it("every call is recorded, with its parameters, and counted", async () => {
    const id = await launch();
    await of().ec2.send(new DescribeTagsCommand({ Filters: [{ Name: "resource-id", Values: [id] }] }));
    expect(aws.calls.at(-1)).toMatchObject({
      service: "ec2",
      action: "DescribeTags",
      account: ACCOUNT,
      region: "eu-west-1",
      params: { Filter: [{ Name: "resource-id", Value: [id] }] },
      status: 200,
    });
    expect(aws.callCounts.get("ec2:DescribeTags")).toBe(1);
  });

  it("onCall gets each call after it ran or failed, and before its response is sent", async () => {
    aws.faults.add({ kind: "slow", action: "RunInstances", ms: 5_000 });
    const launching = launch();
    while (told.length === 0) await clock.advance(0);
    expect(told).toMatchObject([{ at: START, call: { action: "RunInstances", accessKeyId: "alice", status: 200 } }]);
    const id = await Promise.race([launching, clock.advance(4_999).then(() => "no response")]);
    expect(id).toBe("no response");
    await clock.advance(1);
    expect(await launching).toMatch(/^i-/);
    aws.faults.add({ kind: "deny" });
    await expect(of().ec2.send(new DescribeTagsCommand({}))).rejects.toThrow();
    expect(told.at(-1)?.call).toMatchObject({ action: "DescribeTags", status: 403 });
    expect(told.at(-1)?.call).toBe(aws.calls.at(-1));
  });
});
