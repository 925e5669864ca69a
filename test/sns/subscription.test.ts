import {
  ConfirmSubscriptionCommand,
  SubscribeCommand,
  type SubscribeCommandInput,
  type SubscribeCommandOutput,
} from "@aws-sdk/client-sns";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { HTTP_DEADLINE_MS } from "../../src/adapters/http.ts";
import { MAX_GRACE_SECONDS } from "../../src/config.ts";
import { awsError, mockEc2, mockSns } from "../support/aws.ts";
import { ACCOUNT, INSTANCE, stateChange } from "../support/events.ts";
import type { HttpResponse } from "../support/hosts.ts";
import {
  LAUNCH_TOPIC,
  notification,
  signed,
  subscriptionConfirmation,
  TOKEN,
  unsubscribeConfirmation,
} from "../support/sns.ts";
import { HTTP_HOSTS, type HttpStack, onFunctionUrl, SETTINGS, watchRequests } from "../support/test-stack.ts";

const ec2 = mockEc2();
const sns = mockSns();

const SUBSCRIPTION_ARN = `${LAUNCH_TOPIC}:2bcfbf39-05c3-41de-beaa-fcfcc21c8f55`;
const FUNCTION_URL = "https://wt-0a1b2c3d.sandbox.auth0-extend.com/audit";
const SUBSCRIBING = { ...SETTINGS, FUNCTION_URL };
const OTHER_TOPIC = `arn:aws:sns:eu-west-1:${ACCOUNT}:ec2_launches_check`;
const TWO_TOPICS = { ...SUBSCRIBING, LAUNCH_TOPIC_ARN: `${LAUNCH_TOPIC},${OTHER_TOPIC}` };

/** The HTTP requests that left the process. All AWS clients are mocked, so there must be none. */
let watch: ReturnType<typeof watchRequests>;
beforeEach(() => {
  ec2.start();
  sns.start();
  sns.mock.on(SubscribeCommand).resolves({ SubscriptionArn: "pending confirmation" });
  sns.mock.on(ConfirmSubscriptionCommand).resolves({ SubscriptionArn: SUBSCRIPTION_ARN });
  ec2.launch(INSTANCE);
  watch = watchRequests();
});
afterEach(() => {
  watch.stop();
  vi.useRealTimers();
  expect(watch.requests).toEqual([]);
});

const launch = signed(notification(stateChange()));

function subscribed(): SubscribeCommandInput[] {
  return sns.mock.commandCalls(SubscribeCommand).map((call) => call.args[0].input);
}

/** Sets the response to Subscribe for each topic. */
function setSubscribeResponses(responses: Readonly<Record<string, () => Promise<SubscribeCommandOutput>>>): void {
  for (const [TopicArn, response] of Object.entries(responses)) {
    sns.mock.on(SubscribeCommand, { TopicArn }).callsFake(response);
  }
}

function linesOf(stack: HttpStack): Record<string, unknown>[] {
  return stack.lines.map((line) => JSON.parse(line));
}

/** Runs everything that waits for no timer. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function health(stack: HttpStack): Promise<Record<string, unknown>> {
  return JSON.parse((await stack.request({ method: "GET" })).body);
}

/** Returns the response within the 15 s that SNS waits. Timers must be fake. */
async function responseInTime(promise: Promise<HttpResponse>): Promise<HttpResponse | "no response in 15 s"> {
  let response: HttpResponse | undefined;
  void promise.then((arrived) => {
    response = arrived;
  });
  for (let second = 0; second < 15 && response === undefined; second += 1) {
    await turn();
    await vi.advanceTimersByTimeAsync(1_000);
  }
  await turn();
  return response ?? "no response in 15 s";
}

describe.each(HTTP_HOSTS)("a SubscriptionConfirmation for the $host", ({ open }) => {
  it("is confirmed by ConfirmSubscription, without a request to its SubscribeURL", async () => {
    const response = await open().deliver(signed(subscriptionConfirmation()));
    expect(response.status).toBe(200);
    expect(sns.mock.calls().map((call) => call.args[0].input)).toEqual([
      { TopicArn: LAUNCH_TOPIC, Token: TOKEN, AuthenticateOnUnsubscribe: "true" },
    ]);
    expect(sns.mock.commandCalls(ConfirmSubscriptionCommand)).toHaveLength(1);
    expect(watch.requests).toEqual([]);
  });

  it("returns the name of the topic", async () => {
    const response = await open().deliver(signed(subscriptionConfirmation()));
    const reason = "the subscription to ec2_launches_check is confirmed";
    expect(JSON.parse(response.body)).toEqual({ outcome: "confirmed", reason });
  });

  it.each([
    [
      "refuses to confirm",
      () => Promise.reject(awsError("AuthorizationError", "not authorized")),
      "AuthorizationError: not authorized",
    ],
    [
      "responds without an ARN, because the response is not from SNS",
      async () => ({}),
      "Error: the response to ConfirmSubscription is not from SNS",
    ],
  ])("returns 503 with the reason when SNS %s, so that it is delivered again", async (_, confirm, why) => {
    sns.mock.on(ConfirmSubscriptionCommand).callsFake(confirm);
    const stack = open();
    const response = await stack.deliver(signed(subscriptionConfirmation()));
    expect(response.status).toBe(503);
    const reason = `the subscription could not be confirmed: ${why}`;
    expect(JSON.parse(response.body)).toEqual({ outcome: "failed", reason });
    expect(await health(stack)).toMatchObject({ subscribed: "not configured" });
  });

  it("returns 503 within 15 s if SNS does not respond", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    sns.mock.on(ConfirmSubscriptionCommand).callsFake(() => new Promise(() => {}));
    expect(await responseInTime(open().deliver(signed(subscriptionConfirmation())))).toMatchObject({ status: 503 });
  });
});

describe.each(HTTP_HOSTS)("an UnsubscribeConfirmation for the $host", ({ open }) => {
  it("returns 200, logs a warning, and makes no AWS call", async () => {
    const stack = open();
    expect((await stack.deliver(signed(unsubscribeConfirmation()))).status).toBe(200);
    expect(sns.mock.calls()).toHaveLength(0);
    expect(linesOf(stack)).toContainEqual(
      expect.objectContaining({ level: "warn", message: expect.stringContaining("unsubscribed"), topic: LAUNCH_TOPIC }),
    );
  });

  it("changes the state in the health document", async () => {
    const stack = open();
    await stack.deliver(signed(subscriptionConfirmation()));
    expect(await health(stack)).toMatchObject({ subscribed: "confirmed" });
    await stack.deliver(signed(unsubscribeConfirmation()));
    expect(await health(stack)).toMatchObject({ subscribed: "unsubscribed" });
  });

  it("is final: no later call subscribes again", async () => {
    const stack = open(SUBSCRIBING);
    await stack.request({ method: "GET" });
    await stack.deliver(signed(unsubscribeConfirmation()));
    stack.clock.pass(3_600);
    expect(await health(stack)).toMatchObject({ subscribed: "unsubscribed" });
    expect(subscribed()).toHaveLength(1);
  });
});

describe("FUNCTION_URL", () => {
  it.each([
    ["a delivery", (stack: HttpStack) => stack.deliver(launch)],
    ["a health request", (stack: HttpStack) => stack.request({ method: "GET" })],
  ])("is subscribed by the first call of a warm service only: %s", async (_, run) => {
    const stack = onFunctionUrl(SUBSCRIBING);
    await run(stack);
    await stack.deliver(launch);
    await stack.request({ method: "GET" });
    await stack.deliver(launch);
    expect(subscribed()).toMatchObject([{ TopicArn: LAUNCH_TOPIC, Protocol: "https", Endpoint: FUNCTION_URL }]);
  });

  it("is subscribed once by concurrent calls", async () => {
    const stack = onFunctionUrl(SUBSCRIBING);
    await Promise.all([stack.deliver(launch), stack.deliver(launch), stack.request({ method: "GET" })]);
    expect(subscribed()).toHaveLength(1);
  });

  it("is subscribed once by calls that arrive before SNS responds to the first", async () => {
    let response = () => {};
    sns.mock.on(SubscribeCommand).callsFake(
      () =>
        new Promise((resolve) => {
          response = () => resolve({ SubscriptionArn: SUBSCRIPTION_ARN });
        }),
    );
    const stack = onFunctionUrl(SUBSCRIBING);
    const runs = [health(stack)];
    while (subscribed().length === 0) await turn();
    runs.push(health(stack), health(stack));
    await turn();
    response();
    expect(await Promise.all(runs)).toMatchObject(Array(3).fill({ subscribed: "confirmed" }));
    expect(subscribed()).toHaveLength(1);
  });

  it("is subscribed to every launch topic, in the topic's own region", async () => {
    const regions: string[] = [];
    sns.mock.on(SubscribeCommand).callsFake(async (_input, getClient) => {
      regions.push(await getClient().config.region());
      return { SubscriptionArn: SUBSCRIPTION_ARN };
    });
    expect(await health(onFunctionUrl(TWO_TOPICS))).toMatchObject({ subscribed: "confirmed" });
    expect(subscribed().map(({ TopicArn }) => TopicArn)).toEqual([LAUNCH_TOPIC, OTHER_TOPIC]);
    expect(regions).toEqual(["us-east-1", "eu-west-1"]);
  });

  it.each([0, 45, MAX_GRACE_SECONDS])(
    "is subscribed with a valid delivery policy that outlasts a grace of %i s",
    async (grace) => {
      await onFunctionUrl({ ...SUBSCRIBING, GRACE_SECONDS: String(grace) }).request({ method: "GET" });
      const [{ Attributes } = { Attributes: undefined }] = subscribed();
      const { healthyRetryPolicy: policy, ...rest } = JSON.parse(Attributes?.DeliveryPolicy ?? "");
      expect(rest).toEqual({});
      // https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html#creating-delivery-policy
      const { minDelayTarget, maxDelayTarget, numRetries, numNoDelayRetries, numMinDelayRetries, numMaxDelayRetries } =
        policy;
      for (const value of [numRetries, numNoDelayRetries, numMinDelayRetries, numMaxDelayRetries]) {
        expect(Number.isInteger(value) && value >= 0).toBe(true);
      }
      expect(numRetries).toBeLessThanOrEqual(100);
      expect(minDelayTarget).toBeGreaterThanOrEqual(1);
      expect(minDelayTarget).toBeLessThanOrEqual(maxDelayTarget);
      expect(maxDelayTarget).toBeLessThanOrEqual(3_600);
      expect(["arithmetic", "exponential", "geometric", "linear"]).toContain(policy.backoffFunction);
      // With no retries left to back off between the two delays, the schedule is exact.
      expect(numNoDelayRetries + numMinDelayRetries + numMaxDelayRetries).toBe(numRetries);
      const total = numMinDelayRetries * minDelayTarget + numMaxDelayRetries * maxDelayTarget;
      expect(total).toBeLessThanOrEqual(3_600);
      expect(total).toBeGreaterThan(grace);
    },
  );

  it.each(["evil.example.com", "wt-0a1b2c3d.sandbox.auth0-extend.com.evil.example.com"])(
    "is the only URL that is subscribed, whichever host a request names: %s",
    async (host) => {
      const headers = { host, "x-forwarded-host": host, forwarded: `host=${host}`, origin: `https://${host}` };
      for (const { open } of HTTP_HOSTS) {
        const unsubscribed = open();
        await unsubscribed.request({ method: "GET", headers });
        await unsubscribed.deliver(launch, headers);
        expect(subscribed()).toEqual([]);
        const stack = open(SUBSCRIBING);
        await stack.request({ method: "GET", headers });
        await stack.deliver(launch, headers);
        expect(subscribed().map(({ Endpoint }) => Endpoint)).toEqual([FUNCTION_URL]);
        sns.mock.resetHistory();
      }
    },
  );

  it("is subscribed over http if an emulator is configured", async () => {
    const emulated = {
      ...SETTINGS,
      AWS_ENDPOINT_URL: "http://127.0.0.1:5000",
      FUNCTION_URL: "http://127.0.0.1:8080/",
    };
    await onFunctionUrl(emulated).request({ method: "GET" });
    expect(subscribed()).toMatchObject([{ Protocol: "http", Endpoint: "http://127.0.0.1:8080/" }]);
  });

  it("is not subscribed by an unverified delivery", async () => {
    const stack = onFunctionUrl(SUBSCRIBING);
    await stack.deliver({ ...launch, Signature: "AAAA" });
    await stack.request({ body: "hello" });
    expect(subscribed()).toEqual([]);
  });

  it("is pending and then confirmed, as the health document states", async () => {
    const stack = onFunctionUrl(SUBSCRIBING);
    expect(await health(stack)).toMatchObject({ configured: true, subscribed: "pending" });
    await stack.deliver(signed(subscriptionConfirmation()));
    expect(await health(stack)).toMatchObject({ subscribed: "confirmed" });
  });

  it("is confirmed at once if the subscription exists already", async () => {
    sns.mock.on(SubscribeCommand).resolves({ SubscriptionArn: SUBSCRIPTION_ARN });
    const stack = onFunctionUrl(SUBSCRIBING);
    expect(await health(stack)).toMatchObject({ subscribed: "confirmed" });
    stack.clock.pass(3_600);
    expect(await health(stack)).toMatchObject({ subscribed: "confirmed" });
    expect(subscribed()).toHaveLength(1);
  });

  it("stays confirmed if the confirmation arrives before the response to Subscribe", async () => {
    const stack = onFunctionUrl(SUBSCRIBING);
    sns.mock.on(SubscribeCommand).callsFake(async () => {
      await stack.deliver(signed(subscriptionConfirmation()));
      return { SubscriptionArn: "pending confirmation" };
    });
    expect(await health(stack)).toMatchObject({ subscribed: "confirmed" });
  });

  it.each([
    ["pending", "pending confirmation"],
    ["confirmed", SUBSCRIPTION_ARN],
  ])("logs the state %s with its topic", async (state, SubscriptionArn) => {
    sns.mock.on(SubscribeCommand).resolves({ SubscriptionArn });
    const stack = onFunctionUrl(SUBSCRIBING);
    await health(stack);
    expect(linesOf(stack)).toEqual([
      { level: "info", time: expect.any(String), message: `subscription ${state}`, topic: LAUNCH_TOPIC },
    ]);
  });

  it("is stated as not configured in the health document if there is none", async () => {
    expect(await health(onFunctionUrl())).toMatchObject({ subscribed: "not configured" });
  });
});

describe("the state of two subscriptions", () => {
  const confirmed = async () => ({ SubscriptionArn: SUBSCRIPTION_ARN, $metadata: {} });
  const pending = async () => ({ SubscriptionArn: "pending confirmation", $metadata: {} });
  const failing = () => Promise.reject(awsError("AuthorizationError", "not authorized"));

  it.each([
    ["confirmed and pending", confirmed, pending, "pending"],
    ["pending and failed", pending, failing, "failed: AuthorizationError"],
    ["confirmed and failed", confirmed, failing, "failed: AuthorizationError"],
    ["both confirmed", confirmed, confirmed, "confirmed"],
  ])("is the worse of the two, in either order: %s", async (_, one, other, word) => {
    for (const [first, second] of [
      [one, other],
      [other, one],
    ] as const) {
      setSubscribeResponses({ [LAUNCH_TOPIC]: first, [OTHER_TOPIC]: second });
      expect(await health(onFunctionUrl(TWO_TOPICS))).toMatchObject({ subscribed: word });
    }
  });

  it.each([
    ["confirmed", confirmed],
    ["pending", pending],
  ])("is unsubscribed if one has ended and the other is %s", async (_, other) => {
    setSubscribeResponses({ [LAUNCH_TOPIC]: pending, [OTHER_TOPIC]: other });
    const stack = onFunctionUrl(TWO_TOPICS);
    await stack.request({ method: "GET" });
    await stack.deliver(signed(unsubscribeConfirmation()));
    expect(await health(stack)).toMatchObject({ subscribed: "unsubscribed" });
  });

  it("is not confirmed while only one is known", async () => {
    const { FUNCTION_URL: _, ...settings } = TWO_TOPICS;
    const stack = onFunctionUrl(settings);
    await stack.deliver(launch);
    expect(await health(stack)).toMatchObject({ subscribed: "not configured" });
  });
});

describe("a subscription that fails", () => {
  beforeEach(() => {
    sns.mock.on(SubscribeCommand).rejects(awsError("AuthorizationError", "not authorized to perform: SNS:Subscribe"));
  });

  it("does not stop the audit, is logged, and is in the health document", async () => {
    const stack = onFunctionUrl(SUBSCRIBING);
    expect((await stack.deliver(launch)).status).toBe(200);
    expect(sns.published()).toHaveLength(1);
    expect(await health(stack)).toMatchObject({ subscribed: expect.stringMatching(/^failed: AuthorizationError/) });
    expect(linesOf(stack)).toContainEqual({
      level: "error",
      time: expect.any(String),
      message: "could not subscribe FUNCTION_URL: AuthorizationError: not authorized to perform: SNS:Subscribe",
      topic: LAUNCH_TOPIC,
    });
  });

  it("has no error name if the thrown value is not an Error", async () => {
    sns.mock.on(SubscribeCommand).callsFake(() => Promise.reject("nonsense"));
    const stack = onFunctionUrl(SUBSCRIBING);
    expect(await health(stack)).toMatchObject({ subscribed: "failed: an unknown error" });
  });

  it("is not confirmed when the response is not from SNS, and is logged with the reason", async () => {
    sns.mock.on(SubscribeCommand).resolves({});
    const stack = onFunctionUrl(SUBSCRIBING);
    expect(await health(stack)).toMatchObject({ subscribed: "failed: Error" });
    const message = "could not subscribe FUNCTION_URL: Error: the response to Subscribe is not from SNS";
    expect(linesOf(stack)).toMatchObject([{ level: "error", message, topic: LAUNCH_TOPIC }]);
  });

  it("is retried after a minute, and not by every call", async () => {
    const stack = onFunctionUrl(SUBSCRIBING);
    await stack.deliver(launch);
    stack.clock.pass(59);
    await stack.deliver(launch);
    expect(subscribed()).toHaveLength(1);
    sns.mock.on(SubscribeCommand).resolves({ SubscriptionArn: SUBSCRIPTION_ARN });
    stack.clock.pass(1);
    await stack.deliver(launch);
    expect(subscribed()).toHaveLength(2);
    expect(await health(stack)).toMatchObject({ subscribed: "confirmed" });
  });
});

describe("a subscription that exists already", () => {
  const others = () =>
    awsError(
      "InvalidParameter",
      "Invalid parameter: Attributes Reason: Subscription already exists with different attributes",
    );

  it("is used with its other attributes, with a warning", async () => {
    sns.mock.on(SubscribeCommand).callsFake(async ({ Attributes }: SubscribeCommandInput) => {
      if (Attributes) throw others();
      return { SubscriptionArn: SUBSCRIPTION_ARN };
    });
    const stack = onFunctionUrl(SUBSCRIBING);
    expect(await health(stack)).toMatchObject({ subscribed: "confirmed" });
    expect(subscribed().map(({ Attributes }) => Attributes !== undefined)).toEqual([true, false]);
    expect(linesOf(stack)).toContainEqual(
      expect.objectContaining({
        level: "warn",
        message: expect.stringContaining("subscribed with other attributes"),
        topic: LAUNCH_TOPIC,
      }),
    );
  });

  it("is confirmed by its first verified notification if another tool made it", async () => {
    const stack = onFunctionUrl(SETTINGS);
    expect(await health(stack)).toMatchObject({ subscribed: "not configured" });
    await stack.deliver({ ...launch, Signature: "AAAA" });
    expect(await health(stack)).toMatchObject({ subscribed: "not configured" });
    await stack.deliver(launch);
    expect(await health(stack)).toMatchObject({ subscribed: "confirmed" });
  });

  it("is requested again after a minute, because another container may have confirmed it", async () => {
    const stack = onFunctionUrl(SUBSCRIBING);
    expect(await health(stack)).toMatchObject({ subscribed: "pending" });
    sns.mock.on(SubscribeCommand).resolves({ SubscriptionArn: SUBSCRIPTION_ARN });
    stack.clock.pass(59);
    expect(await health(stack)).toMatchObject({ subscribed: "pending" });
    stack.clock.pass(1);
    expect(await health(stack)).toMatchObject({ subscribed: "confirmed" });
    expect(subscribed()).toHaveLength(2);
  });
});

describe("a subscription to which SNS does not respond", () => {
  it.each(HTTP_HOSTS)("does not delay the audit of the $host", async ({ open }) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    sns.mock.on(SubscribeCommand).callsFake(() => new Promise(() => {}));
    expect(await responseInTime(open(SUBSCRIBING).deliver(launch))).toMatchObject({ status: 200 });
    expect(sns.published()).toHaveLength(1);
  });

  it.each(HTTP_HOSTS)("does not delay a GET of the $host beyond its deadline", async ({ open }) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    sns.mock.on(SubscribeCommand).callsFake(() => new Promise(() => {}));
    expect(await responseInTime(open(SUBSCRIBING).request({ method: "GET" }))).toMatchObject({ status: 200 });
  });

  it.each(HTTP_HOSTS)("is awaited by a GET of the $host until a second before its deadline", async ({ open }) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    sns.mock.on(SubscribeCommand).callsFake(() => new Promise(() => {}));
    let responded = false;
    const response = health(open(SUBSCRIBING)).finally(() => {
      responded = true;
    });
    while (subscribed().length === 0) await turn();
    await vi.advanceTimersByTimeAsync(HTTP_DEADLINE_MS - 1_001);
    await turn();
    expect(responded).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await response).toMatchObject({ configured: true, subscribed: "not yet" });
  });
});
