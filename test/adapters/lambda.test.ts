import { DescribeTagsCommand } from "@aws-sdk/client-ec2";
import { SubscribeCommand } from "@aws-sdk/client-sns";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { lambdaHandler } from "../../src/adapters/lambda.ts";
import { awsError, documentIn, mockEc2, mockSns } from "../support/aws.ts";
import { AT, autoScalingLaunch, INSTANCE, instanceId, runInstances, stateChange } from "../support/events.ts";
import { contextWith, messageId, snsEvent, sqsEvent, urlEvent } from "../support/lambda.ts";
import { clockAt } from "../support/launches.ts";
import { headersOf, notification, signed } from "../support/sns.ts";
import { createTestStack, EVENT_SHAPES, NOW, onLambda, SETTINGS } from "../support/test-stack.ts";

const ec2 = mockEc2();
const sns = mockSns();
beforeEach(() => {
  ec2.start();
  sns.start();
});
afterEach(() => {
  vi.useRealTimers();
});

const TAGGED = { tags: { Name: "web", service: "shop" } };
const WITHIN_GRACE = { clock: clockAt(NOW - 30_000) };

describe("the Lambda handler", () => {
  it("has two parameters and returns a promise, as Node 24 on Lambda requires", async () => {
    const handler = lambdaHandler(createTestStack(SETTINGS, SETTINGS).app);
    expect(handler).toHaveLength(2);
    const result = handler(stateChange({ state: "stopped" }), contextWith());
    expect(result).toBeInstanceOf(Promise);
    await result;
  });
});

describe.each(EVENT_SHAPES)("Lambda called with $shape", ({ wrap }) => {
  it("audits a compliant launch with one DescribeTags call", async () => {
    ec2.launch(INSTANCE, TAGGED);
    const stack = onLambda();
    const result = await stack.invoke(wrap(stateChange()));
    expect([
      { batchItemFailures: [] },
      { outcomes: [{ outcome: "compliant", reason: "complies with the policy" }] },
    ]).toContainEqual(result);
    expect(ec2.tagCalls()).toEqual([[INSTANCE]]);
    expect(sns.mock.calls()).toHaveLength(0);
    expect(stack.lines.map((line) => JSON.parse(line))).toMatchObject([{ outcome: "compliant", instanceId: INSTANCE }]);
  });

  it("publishes an alert for a violation", async () => {
    ec2.launch(INSTANCE, { tags: { Name: "web" } });
    await onLambda().invoke(wrap(autoScalingLaunch()));
    expect(sns.published().map(documentIn)).toMatchObject([
      { launchedBy: "Auto Scaling group my-auto-scaling-group", findings: [{ missing: ["service"] }] },
    ]);
  });

  it("settles an event of another type", async () => {
    const result = await onLambda().invoke(wrap({ ...stateChange(), "detail-type": "EBS Volume Notification" }));
    expect([{ batchItemFailures: [] }, { outcomes: [expect.objectContaining({ outcome: "ignored" })] }]).toContainEqual(
      result,
    );
    expect(ec2.mock.calls()).toHaveLength(0);
  });
});

describe("Lambda called asynchronously", () => {
  const shapes = EVENT_SHAPES.filter(({ shape }) => !shape.includes("SQS"));

  it.each(shapes)("with $shape throws for a launch within its grace, so that Lambda retries", async ({ wrap }) => {
    ec2.launch(INSTANCE);
    await expect(onLambda(SETTINGS, WITHIN_GRACE).invoke(wrap(stateChange()))).rejects.toThrow(/within its grace/);
    expect(sns.published()).toEqual([]);
  });

  it.each(shapes)("with $shape throws if AWS fails", async ({ wrap }) => {
    ec2.mock.on(DescribeTagsCommand).rejects(awsError("UnauthorizedOperation", "You are not authorized"));
    await expect(onLambda().invoke(wrap(stateChange()))).rejects.toThrow(/UnauthorizedOperation/);
  });

  it.each(shapes)("with $shape throws for an invalid configuration, and names the keys", async ({ wrap }) => {
    const stack = onLambda({ ALERT_TOPIC_ARN: "nonsense" });
    await expect(stack.invoke(wrap(stateChange()))).rejects.toThrow(/AWS_REGION is missing.*ALERT_TOPIC_ARN must be/);
    expect(stack.output()).not.toContain("nonsense");
  });

  it("throws for a grace longer than Lambda's retry window, and names the key", async () => {
    ec2.launch(INSTANCE);
    const stack = onLambda({ ...SETTINGS, GRACE_SECONDS: "171" });
    await expect(stack.invoke(stateChange())).rejects.toThrow(/GRACE_SECONDS/);
    expect(ec2.mock.calls()).toHaveLength(0);
  });

  it("audits every record of an SNS event", async () => {
    const ids = [instanceId(1), instanceId(2)];
    for (const id of ids) ec2.launch(id, TAGGED);
    const result = await onLambda().invoke(snsEvent(...ids.map((id) => JSON.stringify(stateChange({ id })))));
    expect(result).toMatchObject({ outcomes: [{ outcome: "compliant" }, { outcome: "compliant" }] });
    expect(ec2.tagCalls()).toEqual([ids]);
  });
});

describe("Lambda called by SQS", () => {
  it("returns the unsettled messages as failures, and no others", async () => {
    const [tagged, broken, young, denied] = [instanceId(1), instanceId(2), instanceId(3), instanceId(4)];
    ec2.launch(tagged, TAGGED);
    ec2.launch(broken, { tags: { Name: "web" } });
    ec2.launch(young);
    const result = await onLambda().invoke(
      sqsEvent(
        JSON.stringify(stateChange({ id: tagged })),
        JSON.stringify({ Type: "Notification", Message: JSON.stringify(stateChange({ id: broken })) }),
        JSON.stringify(stateChange({ id: young, time: new Date(NOW - 10_000).toISOString() })),
        "not JSON",
        JSON.stringify(stateChange({ id: denied, account: "210987654321" })),
        JSON.stringify(stateChange({ id: tagged, state: "stopped" })),
      ),
    );
    expect(result).toEqual({
      batchItemFailures: [2, 3, 4].map((index) => ({ itemIdentifier: messageId(index) })),
    });
    expect(sns.published().map(documentIn)).toMatchObject([{ findings: [{ instanceId: broken }] }]);
  });

  it("audits a batch with one DescribeTags call and one alert", async () => {
    const ids = Array.from({ length: 10 }, (_, index) => instanceId(index + 1));
    for (const id of ids) ec2.launch(id);
    const result = await onLambda().invoke(sqsEvent(...ids.map((id) => JSON.stringify(stateChange({ id })))));
    expect(result).toEqual({ batchItemFailures: [] });
    expect(ec2.tagCalls()).toEqual([ids]);
    expect(sns.published().map((message) => documentIn(message).findings.length)).toEqual([10]);
  });

  it("returns a message as a failure, and alerts none of its launches, while one of them is unsettled", async () => {
    const ids = [instanceId(1), instanceId(2)];
    ec2.launch(ids[0] ?? "");
    const stack = onLambda({ ...SETTINGS, GRACE_SECONDS: "0" }, { clock: clockAt(NOW - 40_000) });
    // EC2 does not show the second one yet.
    expect(await stack.invoke(sqsEvent(JSON.stringify(runInstances({ ids }))))).toEqual({
      batchItemFailures: [{ itemIdentifier: messageId(0) }],
    });
    expect(sns.published()).toEqual([]);
  });

  it("returns and logs every message as a failure if the configuration is invalid", async () => {
    const stack = onLambda({ ...SETTINGS, GRACE_SECONDS: "soon" });
    const result = await stack.invoke(sqsEvent("{}", "{}", "{}"));
    expect(result).toEqual({ batchItemFailures: [0, 1, 2].map((index) => ({ itemIdentifier: messageId(index) })) });
    const line = { outcome: "misconfigured", failed: 1 };
    expect(stack.lines.map((each) => JSON.parse(each))).toMatchObject([line, line, line]);
    expect(ec2.mock.calls()).toHaveLength(0);
  });

  it("allows any grace, because the queue's owner decides how often it retries", async () => {
    ec2.launch(INSTANCE);
    const stack = onLambda({ ...SETTINGS, GRACE_SECONDS: "3000" }, { clock: clockAt(NOW + 3_600_000) });
    expect(await stack.invoke(sqsEvent(JSON.stringify(stateChange())))).toEqual({ batchItemFailures: [] });
    expect(sns.published()).toHaveLength(1);
  });
});

describe("Lambda called by a function URL or HTTP API", () => {
  const launch = signed(notification(stateChange(), { Subject: "h\u00e9 \ud83d\ude00" }));
  const request = { headers: headersOf(launch), body: JSON.stringify(launch) };

  it.each([
    ["as text", urlEvent(request)],
    ["in base64", urlEvent({ ...request, base64: true })],
    ["from an HTTP API", { ...urlEvent(request), routeKey: "POST /audit", rawPath: "/prod/audit" }],
  ])("audits the delivery in its body: %s", async (_, event) => {
    ec2.launch(INSTANCE, TAGGED);
    expect(await onLambda().invoke(event)).toEqual({
      statusCode: 200,
      headers: { "Content-Type": "application/json; charset=utf-8" },
      body: expect.stringContaining("compliant"),
    });
    expect(ec2.tagCalls()).toEqual([[INSTANCE]]);
  });

  it("does not read Records in a body as records of Lambda", async () => {
    const body = JSON.stringify(snsEvent(JSON.stringify(stateChange())));
    expect(await onLambda().invoke(urlEvent({ body }))).toMatchObject({ statusCode: 400 });
    expect(ec2.mock.calls()).toHaveLength(0);
  });

  it("returns 413 for 300 KB, as text or in base64", async () => {
    for (const base64 of [false, true]) {
      expect(await onLambda().invoke(urlEvent({ body: "x".repeat(300_000), base64 }))).toMatchObject({
        statusCode: 413,
      });
    }
  });
});

describe("an HTTP request in another payload format than 2.0", () => {
  // https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
  const apiGateway = {
    version: "1.0",
    resource: "/",
    path: "/",
    httpMethod: "POST",
    headers: { "content-type": "text/plain; charset=UTF-8" },
    requestContext: { accountId: "123456789012", apiId: "id", protocol: "HTTP/1.1", stage: "$default" },
    body: JSON.stringify(signed(notification(stateChange()))),
    isBase64Encoded: false,
  };
  // https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
  const loadBalancer = {
    requestContext: {
      elb: {
        targetGroupArn:
          "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/lambda-279XGJDqGZ5rsrHC2Fjr/49e9d65c45c6791a",
      },
    },
    httpMethod: "GET",
    path: "/",
    queryStringParameters: {},
    headers: { "user-agent": "ELB-HealthChecker/2.0" },
    body: "",
    isBase64Encoded: false,
  };

  it.each([
    ["API Gateway's payload format 1.0", apiGateway],
    ["an Application Load Balancer", loadBalancer],
  ])("returns and logs the fix: %s", async (_, event) => {
    const stack = onLambda();
    const result = await stack.invoke(event);
    expect(result).toEqual({ statusCode: 500, headers: expect.anything(), body: expect.any(String) });
    const { outcome, reason } = JSON.parse("body" in result ? result.body : "");
    expect([outcome, reason]).toEqual(["malformed", expect.stringContaining("payload format 2.0")]);
    expect(stack.lines.map((line) => JSON.parse(line))).toMatchObject([{ level: "error", outcome, message: reason }]);
    expect(ec2.mock.calls().length + sns.mock.calls().length).toBe(0);
  });
});

describe("a function URL with a body that is not text", () => {
  it.each([[undefined], [null], [7], [{ Type: "Notification" }], [["x"]], [true]])("returns 400: %j", async (body) => {
    for (const isBase64Encoded of [false, true]) {
      const stack = onLambda();
      const result = await stack.invoke({ ...urlEvent(), body, isBase64Encoded });
      expect(result).toMatchObject({ statusCode: 400, body: expect.stringContaining("the body is not JSON") });
      expect(stack.lines.map((line) => JSON.parse(line))).toMatchObject([{ level: "warn", outcome: "rejected" }]);
    }
  });
});

describe("Lambda called with an unsupported event", () => {
  it.each([
    ["an event of S3", { Records: [{ eventSource: "aws:s3", s3: {} }] }],
    ["no records", { Records: [] }],
    ["records that are not objects", { Records: [null] }],
    ["an empty object", {}],
    ["a list", []],
    ["null", null],
    ["nothing", undefined],
    ["text", "hello"],
    ["a number", 7],
  ])("throws without an AWS call: %s", async (_, event) => {
    await expect(onLambda().invoke(event)).rejects.toThrow();
    expect(ec2.mock.calls().length + sns.mock.calls().length).toBe(0);
  });
});

describe("a record without a message", () => {
  const MessageId = "95df01b4-ee98-5cb9-9903-4c221d41eb5e";
  it.each([
    ["no Sns", { EventSource: "aws:sns" }, {}],
    ["an Sns of null", { EventSource: "aws:sns", Sns: null }, {}],
    ["no Message", { EventSource: "aws:sns", Sns: { MessageId } }, { messageId: MessageId }],
    ["a Message that is a list", { EventSource: "aws:sns", Sns: { Message: [JSON.stringify(stateChange())] } }, {}],
  ])("from SNS with %s is logged, and thrown for the dead-letter queue", async (_, record, named) => {
    const stack = onLambda();
    await expect(stack.invoke({ Records: [record] })).rejects.toMatchObject({
      name: "Audit_malformed",
      message: "the record has no SNS message",
    });
    expect(stack.lines.map((line) => JSON.parse(line))).toMatchObject([
      { outcome: "malformed", message: "the record has no SNS message", ...named },
    ]);
    expect(ec2.mock.calls()).toHaveLength(0);
  });

  it("from SNS does not keep the other records from being audited", async () => {
    ec2.launch(INSTANCE, TAGGED);
    const stack = onLambda();
    const { Records } = snsEvent(JSON.stringify(stateChange()));
    await expect(stack.invoke({ Records: [...Records, null] })).rejects.toMatchObject({ name: "Audit_malformed" });
    expect(stack.lines.map((line) => JSON.parse(line).outcome).sort()).toEqual(["compliant", "malformed"]);
  });

  it.each([
    ["no body", {}],
    ["a body of null", { body: null }],
    ["a body that is a list", { body: [JSON.stringify(stateChange())] }],
  ])("from SQS with %s is logged, and is the only failure", async (_, fields) => {
    ec2.launch(INSTANCE, TAGGED);
    const stack = onLambda();
    const { Records } = sqsEvent(JSON.stringify(stateChange()));
    const record = { eventSource: "aws:sqs", messageId: messageId(7), ...fields };
    const result = await stack.invoke({ Records: [...Records, record] });
    expect(result).toEqual({ batchItemFailures: [{ itemIdentifier: messageId(7) }] });
    const malformed = { outcome: "malformed", message: "the record has no SQS message", messageId: messageId(7) };
    expect(stack.lines.map((line) => JSON.parse(line))).toContainEqual(expect.objectContaining(malformed));
  });

  it.each([
    ["no id", { eventSource: "aws:sqs" }],
    ["an id that is no text", { eventSource: "aws:sqs", messageId: 7 }],
    ["nothing at all", null],
  ])("from SQS with %s gets an empty id, for which SQS delivers the whole batch again", async (_, record) => {
    const { Records } = sqsEvent(JSON.stringify(stateChange({ state: "stopped" })));
    expect(await onLambda().invoke({ Records: [...Records, record] })).toEqual({
      batchItemFailures: [{ itemIdentifier: "" }],
    });
  });
});

describe("an instance that EC2 never shows", () => {
  const secondsAfterLaunch = (clock: ReturnType<typeof clockAt>, seconds: number) => clock.set(AT + seconds * 1_000);
  const lastLine = (stack: { lines: readonly string[] }) => JSON.parse(stack.lines.at(-1) ?? "");

  it("is deferred for each retry of a queue, and is then unseen", async () => {
    const clock = clockAt(AT);
    const stack = onLambda({ ...SETTINGS, GRACE_SECONDS: "0" }, { clock });
    const again = { batchItemFailures: [{ itemIdentifier: messageId(0) }] };
    for (const [seconds, result] of [
      [45, again],
      [225, again],
      [405, { batchItemFailures: [] }],
    ] as const) {
      secondsAfterLaunch(clock, seconds);
      expect(await stack.invoke(sqsEvent(JSON.stringify(stateChange())))).toEqual(result);
    }
    expect(lastLine(stack)).toMatchObject({ level: "warn", outcome: "unseen", unseen: 1, instanceId: INSTANCE });
  });

  it("is unseen at the last retry of an asynchronous call, which succeeds", async () => {
    const clock = clockAt(AT);
    const stack = onLambda(SETTINGS, { clock });
    for (const seconds of [1, 61]) {
      secondsAfterLaunch(clock, seconds);
      await expect(stack.invoke(stateChange())).rejects.toThrow();
    }
    secondsAfterLaunch(clock, 181);
    expect(await stack.invoke(stateChange())).toMatchObject({ outcomes: [{ outcome: "unseen" }] });
  });
});

describe("the function's own account", () => {
  const arn = "arn:aws:lambda:us-east-1:210987654321:function:ec2-audit";

  it("is that of the function's ARN, even if the topics are in another account", async () => {
    ec2.launch(INSTANCE, TAGGED);
    const { app } = createTestStack(SETTINGS, SETTINGS);
    const context = { ...contextWith(), invokedFunctionArn: arn };
    const result = await lambdaHandler(app)(stateChange({ account: "210987654321" }), context);
    expect(result).toEqual({ outcomes: [{ outcome: "compliant", reason: "complies with the policy" }] });
  });

  it("is not that of the topics: launches there are misconfigured without a role", async () => {
    const { app } = createTestStack(SETTINGS, SETTINGS);
    const context = { ...contextWith(), invokedFunctionArn: arn };
    await expect(lambdaHandler(app)(stateChange(), context)).rejects.toThrow(
      /AUDIT_ROLE_NAME is missing: the launch is in account 123456789012, .* credentials belong to account 210987654321;/,
    );
    expect(ec2.mock.calls()).toEqual([]);
  });
});

describe("the result for Lambda", () => {
  it("has no control or invisible characters, because Lambda logs it unchanged", async () => {
    const foreign = "\u009b31m \u202e \u2028";
    const result = await onLambda().invoke({ ...stateChange(), "detail-type": foreign });
    ec2.mock.on(DescribeTagsCommand).rejects(awsError("UnauthorizedOperation", foreign));
    const error = await onLambda()
      .invoke(stateChange())
      .catch((thrown: Error) => thrown.message);
    for (const text of [JSON.stringify(result), error]) {
      expect(text).toMatch(/^[ -~]+$/);
      expect(text).toContain("u009b31m");
    }
  });
});

describe("the metrics of a Lambda function", () => {
  it("have its name as their dimension, also without a valid configuration", async () => {
    const env = { AWS_LAMBDA_FUNCTION_NAME: "ec2-audit-Function-8Q1" };
    const stack = onLambda({ ...SETTINGS, ...env });
    await stack.invoke(stateChange({ state: "stopped" }));
    const unset = onLambda(env);
    await unset.invoke(stateChange()).catch(() => {});
    for (const line of [...stack.lines, ...unset.lines].map((each) => JSON.parse(each))) {
      expect(line.FunctionName).toBe("ec2-audit-Function-8Q1");
      expect(line._aws.CloudWatchMetrics[0].Dimensions).toEqual([["FunctionName"]]);
    }
  });
});

describe("the log line of a malformed message", () => {
  it.each([
    ["an SQS message", sqsEvent("hello"), messageId(0)],
    ["an SNS record", snsEvent("hello"), "95df01b4-ee98-5cb9-9903-4c221d41eb5e"],
    [
      "an EventBridge event",
      { id: "7bf73129-1428-4cd3-a780-95db273d1602", detail: {} },
      "7bf73129-1428-4cd3-a780-95db273d1602",
    ],
  ])("has the id that the engine gave it: %s", async (_, event, id) => {
    const stack = onLambda();
    await stack.invoke(event).catch(() => {});
    expect(stack.lines.map((line) => JSON.parse(line))).toMatchObject([{ outcome: "malformed", messageId: id }]);
  });
});

describe("the remaining time of a call", () => {
  /** Returns the result or error of a call within a number of milliseconds of fake time. */
  async function within(milliseconds: number, call: Promise<unknown>): Promise<unknown> {
    let result: unknown = "no result in time";
    void call.then(
      (value) => {
        result = value;
      },
      (error: unknown) => {
        result = error;
      },
    );
    await vi.advanceTimersByTimeAsync(milliseconds);
    return result;
  }

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  });

  it("is not exceeded if AWS does not respond: an asynchronous call throws", async () => {
    ec2.mock.on(DescribeTagsCommand).callsFake(() => new Promise(() => {}));
    expect(await within(3_000, onLambda().invoke(stateChange(), 3_000))).toMatchObject({
      message: "timed out: AWS was slow, or more alerts were due than the function sends in a second",
    });
  });

  it("is not exceeded if AWS does not respond: a batch returns only its audited messages as failures", async () => {
    ec2.mock.on(DescribeTagsCommand).callsFake(() => new Promise(() => {}));
    const event = sqsEvent(JSON.stringify(stateChange()), JSON.stringify(stateChange({ state: "stopped" })));
    expect(await within(3_000, onLambda().invoke(event, 3_000))).toEqual({
      batchItemFailures: [{ itemIdentifier: messageId(0) }],
    });
  });

  it("is not exceeded if SNS does not respond to Subscribe: an alerted launch is settled", async () => {
    ec2.launch(INSTANCE);
    sns.mock.on(SubscribeCommand).callsFake(() => new Promise(() => {}));
    const stack = onLambda({ ...SETTINGS, FUNCTION_URL: "https://url-id.lambda-url.us-east-1.on.aws/" });
    const event = sqsEvent(JSON.stringify(stateChange()));
    expect(await within(3_000, stack.invoke(event, 3_000))).toEqual({ batchItemFailures: [] });
    expect(sns.published()).toHaveLength(1);
  });
});
