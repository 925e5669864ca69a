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

/** Every HTTP request that left the process: all AWS clients are mocked, so there must be none. */
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

/** What Subscribe answers for the launch topic, and for another one. */
function subscribeAnswers(answers: Readonly<Record<string, () => Promise<SubscribeCommandOutput>>>): void {
  for (const [TopicArn, answer] of Object.entries(answers)) {
    sns.mock.on(SubscribeCommand, { TopicArn }).callsFake(answer);
  }
}

function linesOf(face: HttpStack): Record<string, unknown>[] {
  return face.lines.map((line) => JSON.parse(line));
}

/** Lets everything happen that waits for no timer. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function health(face: HttpStack): Promise<Record<string, unknown>> {
  return JSON.parse((await face.request({ method: "GET" })).body);
}

/** The answer that comes before SNS gives up waiting, after 15 s; timers must be fake. */
async function answerInTime(promise: Promise<HttpResponse>): Promise<HttpResponse | "no answer in 15 s"> {
  let answer: HttpResponse | undefined;
  void promise.then((arrived) => {
    answer = arrived;
  });
  for (let second = 0; second < 15 && answer === undefined; second += 1) {
    await turn();
    await vi.advanceTimersByTimeAsync(1_000);
  }
  await turn();
  return answer ?? "no answer in 15 s";
}

describe.each(HTTP_HOSTS)("a SubscriptionConfirmation for the $host", ({ open }) => {
  it.each(["1", "2"])(
    "is answered with ConfirmSubscription, and not by a request to its SubscribeURL (signature %s)",
    async (version) => {
      const answer = await open().deliver(signed(subscriptionConfirmation(), { version }));
      expect(answer.status).toBe(200);
      expect(sns.mock.calls().map((call) => call.args[0].input)).toEqual([
        { TopicArn: LAUNCH_TOPIC, Token: TOKEN, AuthenticateOnUnsubscribe: "true" },
      ]);
      expect(sns.mock.commandCalls(ConfirmSubscriptionCommand)).toHaveLength(1);
      expect(watch.requests).toEqual([]);
    },
  );

  it("that AWS confirms is answered with the name of the topic", async () => {
    const answer = await open().deliver(signed(subscriptionConfirmation()));
    const reason = "the subscription to ec2_launches_check is confirmed";
    expect(JSON.parse(answer.body)).toEqual({ outcome: "confirmed", reason });
  });

  it.each([
    [
      "refuses to confirm",
      () => Promise.reject(awsError("AuthorizationError", "not authorized")),
      "AuthorizationError: not authorized",
    ],
    [
      "does not confirm, for another answered in its place",
      async () => ({}),
      "Error: the response to ConfirmSubscription is not from SNS",
    ],
  ])("that AWS %s is answered 503 that says so, and is not confirmed", async (_, confirm, why) => {
    sns.mock.on(ConfirmSubscriptionCommand).callsFake(confirm);
    const face = open();
    const answer = await face.deliver(signed(subscriptionConfirmation()));
    expect(answer.status).toBe(503);
    const reason = `the subscription could not be confirmed: ${why}`;
    expect(JSON.parse(answer.body)).toEqual({ outcome: "failed", reason });
    expect(await health(face)).toMatchObject({ subscribed: "not configured" });
  });

  it("is not believed when the SubscribeURL alone was changed: 403, and nothing is confirmed", async () => {
    const forged = { ...signed(subscriptionConfirmation()), SubscribeURL: "https://example.com/" };
    expect((await open().deliver(forged)).status).toBe(403);
    expect(sns.mock.calls()).toHaveLength(0);
  });

  it("that AWS does not confirm is answered 503, so that SNS asks again", async () => {
    sns.mock.on(ConfirmSubscriptionCommand).rejects(awsError("AuthorizationError", "not authorized"));
    const face = open();
    expect((await face.deliver(signed(subscriptionConfirmation()))).status).toBe(503);
    sns.mock.on(ConfirmSubscriptionCommand).resolves({ SubscriptionArn: SUBSCRIPTION_ARN });
    expect((await face.deliver(signed(subscriptionConfirmation()))).status).toBe(200);
  });

  it("is answered 503 in time when AWS does not answer", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    sns.mock.on(ConfirmSubscriptionCommand).callsFake(() => new Promise(() => {}));
    expect(await answerInTime(open().deliver(signed(subscriptionConfirmation())))).toMatchObject({ status: 503 });
  });
});

describe.each(HTTP_HOSTS)("an UnsubscribeConfirmation for the $host", ({ open }) => {
  it("is answered 200 and logged as a warning; nothing is asked of AWS, and nothing is subscribed again", async () => {
    const face = open();
    expect((await face.deliver(signed(unsubscribeConfirmation()))).status).toBe(200);
    expect(sns.mock.calls()).toHaveLength(0);
    expect(linesOf(face)).toContainEqual(
      expect.objectContaining({ level: "warn", message: expect.stringContaining("unsubscribed"), topic: LAUNCH_TOPIC }),
    );
  });

  it("ends what GET says of the subscription", async () => {
    const face = open();
    await face.deliver(signed(subscriptionConfirmation()));
    expect(await health(face)).toMatchObject({ subscribed: "confirmed" });
    await face.deliver(signed(unsubscribeConfirmation()));
    expect(await health(face)).toMatchObject({ subscribed: "unsubscribed" });
  });

  it("is the end of it: no later run subscribes again", async () => {
    const face = open(SUBSCRIBING);
    await face.request({ method: "GET" });
    await face.deliver(signed(unsubscribeConfirmation()));
    face.clock.pass(3_600);
    expect(await health(face)).toMatchObject({ subscribed: "unsubscribed" });
    expect(subscribed()).toHaveLength(1);
  });
});

describe("FUNCTION_URL", () => {
  it.each([
    ["a delivery", (face: HttpStack) => face.deliver(launch)],
    ["a look at its health", (face: HttpStack) => face.request({ method: "GET" })],
  ])("is subscribed by the first run, %s, and by no other of the same warm service", async (_, run) => {
    const face = onFunctionUrl(SUBSCRIBING);
    await run(face);
    await face.deliver(launch);
    await face.request({ method: "GET" });
    await face.deliver(launch);
    expect(subscribed()).toMatchObject([{ TopicArn: LAUNCH_TOPIC, Protocol: "https", Endpoint: FUNCTION_URL }]);
  });

  it("is subscribed once by runs at the same time", async () => {
    const face = onFunctionUrl(SUBSCRIBING);
    await Promise.all([face.deliver(launch), face.deliver(launch), face.request({ method: "GET" })]);
    expect(subscribed()).toHaveLength(1);
  });

  it("is subscribed once by runs that come while AWS has not answered the first", async () => {
    let answer = () => {};
    sns.mock.on(SubscribeCommand).callsFake(
      () =>
        new Promise((resolve) => {
          answer = () => resolve({ SubscriptionArn: SUBSCRIPTION_ARN });
        }),
    );
    const face = onFunctionUrl(SUBSCRIBING);
    const runs = [health(face)];
    while (subscribed().length === 0) await turn();
    runs.push(health(face), health(face));
    await turn();
    answer();
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
    "is subscribed with a delivery policy that SNS takes and that outlasts a grace of %i s",
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
    "alone is subscribed, whatever host a request names: %s",
    async (host) => {
      const headers = { host, "x-forwarded-host": host, forwarded: `host=${host}`, origin: `https://${host}` };
      for (const { open } of HTTP_HOSTS) {
        const unsubscribed = open();
        await unsubscribed.request({ method: "GET", headers });
        await unsubscribed.deliver(launch, headers);
        expect(subscribed()).toEqual([]);
        const face = open(SUBSCRIBING);
        await face.request({ method: "GET", headers });
        await face.deliver(launch, headers);
        expect(subscribed().map(({ Endpoint }) => Endpoint)).toEqual([FUNCTION_URL]);
        sns.mock.resetHistory();
      }
    },
  );

  it("is subscribed over http where an emulator is configured", async () => {
    const emulated = {
      ...SETTINGS,
      AWS_ENDPOINT_URL: "http://127.0.0.1:5000",
      FUNCTION_URL: "http://127.0.0.1:8080/",
    };
    await onFunctionUrl(emulated).request({ method: "GET" });
    expect(subscribed()).toMatchObject([{ Protocol: "http", Endpoint: "http://127.0.0.1:8080/" }]);
  });

  it("is not subscribed by a delivery that is not verified", async () => {
    const face = onFunctionUrl(SUBSCRIBING);
    await face.deliver({ ...launch, Signature: "AAAA" });
    await face.request({ body: "hello" });
    expect(subscribed()).toEqual([]);
  });

  it("goes from pending to confirmed, as GET shows", async () => {
    const face = onFunctionUrl(SUBSCRIBING);
    expect(await health(face)).toMatchObject({ configured: true, subscribed: "pending" });
    await face.deliver(signed(subscriptionConfirmation()));
    expect(await health(face)).toMatchObject({ subscribed: "confirmed" });
  });

  it("that AWS has as confirmed already is confirmed at once", async () => {
    sns.mock.on(SubscribeCommand).resolves({ SubscriptionArn: SUBSCRIPTION_ARN });
    const face = onFunctionUrl(SUBSCRIBING);
    expect(await health(face)).toMatchObject({ subscribed: "confirmed" });
    face.clock.pass(3_600);
    expect(await health(face)).toMatchObject({ subscribed: "confirmed" });
    expect(subscribed()).toHaveLength(1);
  });

  it("that was confirmed before Subscribe was answered stays confirmed, though the answer says pending", async () => {
    const face = onFunctionUrl(SUBSCRIBING);
    sns.mock.on(SubscribeCommand).callsFake(async () => {
      await face.deliver(signed(subscriptionConfirmation()));
      return { SubscriptionArn: "pending confirmation" };
    });
    expect(await health(face)).toMatchObject({ subscribed: "confirmed" });
  });

  it.each([
    ["pending", "pending confirmation"],
    ["confirmed", SUBSCRIPTION_ARN],
  ])("that is %s is logged with its topic", async (state, SubscriptionArn) => {
    sns.mock.on(SubscribeCommand).resolves({ SubscriptionArn });
    const face = onFunctionUrl(SUBSCRIBING);
    await health(face);
    expect(linesOf(face)).toEqual([
      { level: "info", time: expect.any(String), message: `subscription ${state}`, topic: LAUNCH_TOPIC },
    ]);
  });

  it("where there is none, GET says so", async () => {
    expect(await health(onFunctionUrl())).toMatchObject({ subscribed: "not configured" });
  });
});

describe("the subscriptions to two launch topics, in one word", () => {
  const confirmed = async () => ({ SubscriptionArn: SUBSCRIPTION_ARN, $metadata: {} });
  const pending = async () => ({ SubscriptionArn: "pending confirmation", $metadata: {} });
  const failing = () => Promise.reject(awsError("AuthorizationError", "not authorized"));

  it.each([
    ["confirmed and pending", confirmed, pending, "pending"],
    ["pending and failed", pending, failing, "failed: AuthorizationError"],
    ["confirmed and failed", confirmed, failing, "failed: AuthorizationError"],
    ["both confirmed", confirmed, confirmed, "confirmed"],
  ])("%s, in whichever order: that of the one that is worse off", async (_, one, other, word) => {
    for (const [first, second] of [
      [one, other],
      [other, one],
    ] as const) {
      subscribeAnswers({ [LAUNCH_TOPIC]: first, [OTHER_TOPIC]: second });
      expect(await health(onFunctionUrl(TWO_TOPICS))).toMatchObject({ subscribed: word });
    }
  });

  it.each([
    ["confirmed", confirmed],
    ["pending", pending],
  ])("one that has ended counts, though the other is %s", async (_, other) => {
    subscribeAnswers({ [LAUNCH_TOPIC]: pending, [OTHER_TOPIC]: other });
    const face = onFunctionUrl(TWO_TOPICS);
    await face.request({ method: "GET" });
    await face.deliver(signed(unsubscribeConfirmation()));
    expect(await health(face)).toMatchObject({ subscribed: "unsubscribed" });
  });

  it("one that is known is not both of them", async () => {
    const { FUNCTION_URL: _, ...settings } = TWO_TOPICS;
    const face = onFunctionUrl(settings);
    await face.deliver(launch);
    expect(await health(face)).toMatchObject({ subscribed: "not configured" });
  });
});

describe("a subscription that fails", () => {
  beforeEach(() => {
    sns.mock.on(SubscribeCommand).rejects(awsError("AuthorizationError", "not authorized to perform: SNS:Subscribe"));
  });

  it("does not stop the audit, is logged, and is shown by GET", async () => {
    const face = onFunctionUrl(SUBSCRIBING);
    expect((await face.deliver(launch)).status).toBe(200);
    expect(sns.published()).toHaveLength(1);
    expect(await health(face)).toMatchObject({ subscribed: expect.stringMatching(/^failed: AuthorizationError/) });
    expect(linesOf(face)).toContainEqual({
      level: "error",
      time: expect.any(String),
      message: "could not subscribe FUNCTION_URL: AuthorizationError: not authorized to perform: SNS:Subscribe",
      topic: LAUNCH_TOPIC,
    });
  });

  it("with what is no error at all is shown so", async () => {
    sns.mock.on(SubscribeCommand).callsFake(() => Promise.reject("nonsense"));
    const face = onFunctionUrl(SUBSCRIBING);
    expect(await health(face)).toMatchObject({ subscribed: "failed: an unknown error" });
  });

  it("because another answered in SNS's place is not taken for confirmed, and the log says why", async () => {
    sns.mock.on(SubscribeCommand).resolves({});
    const face = onFunctionUrl(SUBSCRIBING);
    expect(await health(face)).toMatchObject({ subscribed: "failed: Error" });
    const message = "could not subscribe FUNCTION_URL: Error: the response to Subscribe is not from SNS";
    expect(linesOf(face)).toMatchObject([{ level: "error", message, topic: LAUNCH_TOPIC }]);
  });

  it("is tried again by a run a minute later, and not by every run", async () => {
    const face = onFunctionUrl(SUBSCRIBING);
    await face.deliver(launch);
    face.clock.pass(59);
    await face.deliver(launch);
    expect(subscribed()).toHaveLength(1);
    sns.mock.on(SubscribeCommand).resolves({ SubscriptionArn: SUBSCRIPTION_ARN });
    face.clock.pass(1);
    await face.deliver(launch);
    expect(subscribed()).toHaveLength(2);
    expect(await health(face)).toMatchObject({ subscribed: "confirmed" });
  });
});

describe("a subscription that is there already", () => {
  const others = () =>
    awsError(
      "InvalidParameter",
      "Invalid parameter: Attributes Reason: Subscription already exists with different attributes",
    );

  it("with other attributes than ours, is taken over as it is, with a warning", async () => {
    sns.mock.on(SubscribeCommand).callsFake(async ({ Attributes }: SubscribeCommandInput) => {
      if (Attributes) throw others();
      return { SubscriptionArn: SUBSCRIPTION_ARN };
    });
    const face = onFunctionUrl(SUBSCRIBING);
    expect(await health(face)).toMatchObject({ subscribed: "confirmed" });
    expect(subscribed().map(({ Attributes }) => Attributes !== undefined)).toEqual([true, false]);
    expect(linesOf(face)).toContainEqual(
      expect.objectContaining({
        level: "warn",
        message: expect.stringContaining("already subscribed with other attributes"),
        topic: LAUNCH_TOPIC,
      }),
    );
  });

  it("that somebody else has made, is known by its first verified notification", async () => {
    const face = onFunctionUrl(SETTINGS);
    expect(await health(face)).toMatchObject({ subscribed: "not configured" });
    await face.deliver({ ...launch, Signature: "AAAA" });
    expect(await health(face)).toMatchObject({ subscribed: "not configured" });
    await face.deliver(launch);
    expect(await health(face)).toMatchObject({ subscribed: "confirmed" });
  });

  it("is asked for again, a minute later, when another container may have confirmed it", async () => {
    const face = onFunctionUrl(SUBSCRIBING);
    expect(await health(face)).toMatchObject({ subscribed: "pending" });
    sns.mock.on(SubscribeCommand).resolves({ SubscriptionArn: SUBSCRIPTION_ARN });
    face.clock.pass(59);
    expect(await health(face)).toMatchObject({ subscribed: "pending" });
    face.clock.pass(1);
    expect(await health(face)).toMatchObject({ subscribed: "confirmed" });
    expect(subscribed()).toHaveLength(2);
  });
});

describe("a subscription that AWS does not answer", () => {
  it.each(HTTP_HOSTS)("does not keep SNS waiting for the audit of the $host", async ({ open }) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    sns.mock.on(SubscribeCommand).callsFake(() => new Promise(() => {}));
    expect(await answerInTime(open(SUBSCRIBING).deliver(launch))).toMatchObject({ status: 200 });
    expect(sns.published()).toHaveLength(1);
  });

  it.each(HTTP_HOSTS)("does not keep a GET of the $host waiting", async ({ open }) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    sns.mock.on(SubscribeCommand).callsFake(() => new Promise(() => {}));
    expect(await answerInTime(open(SUBSCRIBING).request({ method: "GET" }))).toMatchObject({ status: 200 });
  });

  it.each(HTTP_HOSTS)("is waited for by a GET of the $host until a second before its deadline", async ({ open }) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    sns.mock.on(SubscribeCommand).callsFake(() => new Promise(() => {}));
    let answered = false;
    const answer = health(open(SUBSCRIBING)).finally(() => {
      answered = true;
    });
    while (subscribed().length === 0) await turn();
    await vi.advanceTimersByTimeAsync(HTTP_DEADLINE_MS - 1_001);
    await turn();
    expect(answered).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await answer).toMatchObject({ configured: true, subscribed: "not yet" });
  });
});
