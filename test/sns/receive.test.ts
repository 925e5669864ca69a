import { ConfirmSubscriptionCommand, PublishCommand } from "@aws-sdk/client-sns";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { awsError, documentIn, mockEc2, mockSns } from "../support/aws.ts";
import { ACCOUNT, AT, INSTANCE, stateChange } from "../support/events.ts";
import { clockAt } from "../support/launches.ts";
import {
  CERTIFICATE_URL,
  LAUNCH_TOPIC,
  makeSigner,
  notification,
  OTHER_SIGNER,
  SNS_SIGNER,
  signed,
  subscriptionConfirmation,
  unsubscribeConfirmation,
} from "../support/sns.ts";
import { HTTP_HOSTS, NOW, onFunctionUrl, SETTINGS } from "../support/test-stack.ts";

const ec2 = mockEc2();
const sns = mockSns();
beforeEach(() => {
  ec2.start();
  sns.start();
});

const HOUR = 60 * 60_000;
/** The Timestamp of the sample envelopes. */
const SENT_AT = AT + 655;

function awsCalls(): number {
  return ec2.mock.calls().length + sns.mock.calls().length;
}

describe.each(HTTP_HOSTS)("a delivery to the $host", ({ open }) => {
  it("returns 200 for a compliant launch, after one DescribeTags call", async () => {
    ec2.launch(INSTANCE, { tags: { Name: "web", service: "shop" } });
    const response = await open().deliver(signed(notification(stateChange())));
    expect(response).toMatchObject({ status: 200, headers: { "content-type": "application/json; charset=utf-8" } });
    expect(JSON.parse(response.body)).toEqual({ outcome: "compliant", reason: "complies with the policy" });
    expect(ec2.tagCalls()).toEqual([[INSTANCE]]);
    expect(awsCalls()).toBe(1);
  });

  it("returns 200 for a violation, and publishes one alert", async () => {
    ec2.launch(INSTANCE, { tags: { Name: "web" } });
    const response = await open().deliver(signed(notification(stateChange())));
    expect(response.status).toBe(200);
    expect(sns.published().map(({ TopicArn }) => TopicArn)).toEqual([SETTINGS.ALERT_TOPIC_ARN]);
    expect(sns.published().map(documentIn)).toMatchObject([
      { findings: [{ instanceId: INSTANCE, missing: ["service"] }] },
    ]);
  });

  it("returns 200 for the end of the subscription, and logs it as one outcome", async () => {
    const stack = open();
    const response = await stack.deliver(signed(unsubscribeConfirmation()));
    expect(response.status).toBe(200);
    expect(JSON.parse(response.body)).toEqual({ outcome: "ignored", reason: "the subscription has ended" });
    const outcomes = stack.lines.map((line) => JSON.parse(line)).filter(({ outcome }) => outcome !== undefined);
    expect(outcomes).toMatchObject([{ level: "info", outcome: "ignored", message: "the subscription has ended" }]);
  });

  it("accepts signature versions 1 and 2", async () => {
    ec2.launch(INSTANCE, { tags: { Name: "web", service: "shop" } });
    for (const version of ["1", "2"]) {
      const response = await open().deliver(signed(notification(stateChange()), { version }));
      expect(JSON.parse(response.body)).toMatchObject({ outcome: "compliant" });
    }
  });

  it("returns 403 for another signer, and makes no AWS call", async () => {
    const response = await open().deliver(signed(notification(stateChange()), { signer: OTHER_SIGNER }));
    expect(response.status).toBe(403);
    expect(JSON.parse(response.body)).toEqual({ outcome: "rejected", reason: "the delivery could not be verified" });
    expect(awsCalls()).toBe(0);
  });

  it("returns 403 with the fix for raw message delivery, recognised by body or header", async () => {
    const stack = open();
    const byBody = await stack.request({ body: JSON.stringify(stateChange()) });
    const byHeader = await stack.deliver(signed(notification(stateChange())), { "x-amz-sns-rawdelivery": "true" });
    for (const response of [byBody, byHeader]) {
      expect(response.status).toBe(403);
      expect(response.body).toMatch(/raw message delivery .*disable it/);
    }
    expect(awsCalls()).toBe(0);
  });
});

describe.each(HTTP_HOSTS)("a duplicate delivery to the $host", ({ open }) => {
  const LAUNCH = signed(notification(stateChange()));
  const linesOf = (stack: ReturnType<typeof open>) => stack.lines.map((line) => JSON.parse(line));
  const DUPLICATE = {
    outcome: "ignored",
    message: "duplicate delivery",
    messageId: LAUNCH.MessageId,
    account: ACCOUNT,
    instanceId: INSTANCE,
  };

  it("returns 200 each of 300 times, alerts once, and logs each duplicate", async () => {
    ec2.launch(INSTANCE);
    const stack = open();
    for (let time = 0; time < 300; time += 1) expect((await stack.deliver(LAUNCH)).status).toBe(200);
    expect(sns.published()).toHaveLength(1);
    expect(awsCalls()).toBe(3);
    const [first, ...others] = linesOf(stack);
    expect(first).toMatchObject({ outcome: "violating" });
    expect(others).toHaveLength(299);
    for (const line of others) expect(line).toMatchObject(DUPLICATE);
  });

  it("is audited and alerted once when 300 arrive at the same time", async () => {
    ec2.launch(INSTANCE);
    const stack = open();
    const responses = await Promise.all(Array.from({ length: 300 }, () => stack.deliver(LAUNCH)));
    expect(responses.map(({ status }) => status)).toEqual(Array.from({ length: 300 }, () => 200));
    expect(sns.published()).toHaveLength(1);
    expect(awsCalls()).toBe(3);
    const outcomes = linesOf(stack).map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === "violating")).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === "ignored")).toHaveLength(299);
  });

  it("is audited again if the launch was deferred", async () => {
    ec2.launch(INSTANCE);
    const stack = open(SETTINGS, { clock: clockAt(AT + 15_000) });
    expect((await stack.deliver(LAUNCH)).status).toBe(503);
    stack.clock.pass(60);
    expect((await stack.deliver(LAUNCH)).status).toBe(200);
    expect(sns.published()).toHaveLength(1);
  });

  it("is audited again if the first one failed", async () => {
    ec2.mock.rejects(awsError("RequestLimitExceeded", "Request limit exceeded."));
    const stack = open();
    expect((await stack.deliver(LAUNCH)).status).toBe(503);
    ec2.start();
    ec2.launch(INSTANCE);
    expect((await stack.deliver(LAUNCH)).status).toBe(200);
    expect(sns.published()).toHaveLength(1);
  });

  it("is not alerted again if the first one was published after its deadline", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    ec2.launch(INSTANCE);
    let publish = () => {};
    sns.mock.on(PublishCommand).callsFake(
      () =>
        new Promise((resolve) => {
          publish = () => resolve({ MessageId: "94f20ce6-13c5-43a0-9a9e-ca52d816e90b" });
        }),
    );
    const stack = open();
    const late = stack.deliver(LAUNCH);
    await vi.waitFor(() => expect(sns.published()).toHaveLength(1));
    await vi.advanceTimersByTimeAsync(12_000);
    expect((await late).status).toBe(503);
    const meanwhile = stack.deliver(LAUNCH);
    publish();
    expect((await meanwhile).status).toBe(200);
    expect((await stack.deliver(LAUNCH)).status).toBe(200);
    expect(sns.published()).toHaveLength(1);
    vi.useRealTimers();
  });

  it("is a new delivery with another topic or another MessageId", async () => {
    ec2.launch(INSTANCE);
    const other = LAUNCH_TOPIC.replace("check", "elsewhere");
    const stack = open({ ...SETTINGS, LAUNCH_TOPIC_ARN: `${LAUNCH_TOPIC},${other}` });
    await stack.deliver(LAUNCH);
    await stack.deliver(signed(notification(stateChange(), { TopicArn: other })));
    await stack.deliver(signed(notification(stateChange(), { MessageId: "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324" })));
    expect(sns.published()).toHaveLength(3);
  });

  it("does not count as settled before it is verified", async () => {
    const stack = open();
    await stack.deliver(LAUNCH);
    expect((await stack.deliver(signed(notification(stateChange()), { signer: OTHER_SIGNER }))).status).toBe(403);
    const unknown = notification(stateChange({ state: "running" }));
    expect((await stack.deliver(signed(unknown, { signer: OTHER_SIGNER }))).status).toBe(403);
    ec2.launch(INSTANCE);
    expect(JSON.parse((await stack.deliver(signed(unknown))).body)).toMatchObject({ outcome: "violating" });
  });

  it("is rejected if the id in its header differs, because the log would name another message", async () => {
    const response = await open().deliver(LAUNCH, { "x-amz-sns-message-id": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324" });
    expect(response.status).toBe(403);
  });

  it("confirms a subscription once", async () => {
    sns.mock.on(ConfirmSubscriptionCommand).resolves({ SubscriptionArn: `${LAUNCH_TOPIC}:1` });
    const stack = open();
    const confirmation = signed(subscriptionConfirmation());
    await Promise.all([stack.deliver(confirmation), stack.deliver(confirmation)]);
    expect((await stack.deliver(confirmation)).status).toBe(200);
    expect(sns.mock.calls()).toHaveLength(1);
  });

  it("logs the end of a subscription once", async () => {
    const stack = open();
    for (const _ of [1, 2]) expect((await stack.deliver(signed(unsubscribeConfirmation()))).status).toBe(200);
    expect(linesOf(stack).filter(({ level }) => level === "warn")).toHaveLength(1);
  });
});

describe("the age of a delivery", () => {
  it.each([
    ["two hours old", SENT_AT + 2 * HOUR, 200],
    ["a millisecond older than two hours", SENT_AT + 2 * HOUR + 1, 403],
    ["of yesterday", SENT_AT + 24 * HOUR, 403],
    ["fifteen minutes ahead of the function's clock", SENT_AT - HOUR / 4, 200],
    ["a millisecond more ahead, because the function's clock may be slow", SENT_AT - HOUR / 4 - 1, 503],
    ["of tomorrow", SENT_AT - 24 * HOUR, 503],
  ])("decides the status: %s", async (_, now, status) => {
    const stack = onFunctionUrl(SETTINGS, { clock: clockAt(now) });
    const event = stateChange({ state: "stopped" });
    expect((await stack.deliver(signed(notification(event)))).status).toBe(status);
    expect(awsCalls()).toBe(0);
  });

  it("does not matter for a forged delivery: 403 even ahead of the function's clock", async () => {
    const stack = onFunctionUrl(SETTINGS, { clock: clockAt(SENT_AT - 24 * HOUR) });
    expect((await stack.deliver(signed(notification(stateChange()), { signer: OTHER_SIGNER }))).status).toBe(403);
  });
});

describe("SNS's headers", () => {
  it.each([
    ["x-amz-sns-message-type", "SubscriptionConfirmation"],
    ["x-amz-sns-message-type", ""],
    ["x-amz-sns-topic-arn", "arn:aws:sns:us-east-1:123456789012:another_topic"],
    ["x-amz-sns-topic-arn", ""],
  ])("are rejected if they differ from the envelope: %s of %j", async (header, value) => {
    const stack = onFunctionUrl();
    expect((await stack.deliver(signed(notification(stateChange())), { [header]: value })).status).toBe(403);
    expect(stack.certificatesRequested).toEqual([]);
    expect(awsCalls()).toBe(0);
  });

  it("are case-insensitive", async () => {
    const response = await onFunctionUrl().request({
      headers: { "X-Amz-Sns-Message-Type": "SubscriptionConfirmation" },
      body: JSON.stringify(signed(notification(stateChange()))),
    });
    expect(response.status).toBe(403);
  });

  it("may be missing", async () => {
    const body = JSON.stringify(signed(notification(stateChange({ state: "stopped" }))));
    expect((await onFunctionUrl().request({ body })).status).toBe(200);
  });
});

describe("the topic of a delivery", () => {
  it.each([
    ["another name", `arn:aws:sns:us-east-1:${ACCOUNT}:another_topic`],
    ["a longer name", `${LAUNCH_TOPIC}2`],
    ["a name in capitals", LAUNCH_TOPIC.toUpperCase()],
    ["another account", LAUNCH_TOPIC.replace(ACCOUNT, "210987654321")],
    ["another region", LAUNCH_TOPIC.replace("us-east-1", "us-east-2")],
    ["another partition", LAUNCH_TOPIC.replace("arn:aws:", "arn:aws-cn:")],
    ["the alert topic", SETTINGS.ALERT_TOPIC_ARN],
    ["no ARN", "ec2_launches_check"],
    ["nothing", ""],
  ])("is rejected with 403 before the certificate is fetched: %s", async (_, TopicArn) => {
    const stack = onFunctionUrl();
    for (const fields of [notification(stateChange(), { TopicArn }), subscriptionConfirmation({ TopicArn })]) {
      expect((await stack.deliver(signed(fields))).status).toBe(403);
    }
    expect(stack.certificatesRequested).toEqual([]);
    expect(awsCalls()).toBe(0);
  });

  it("may be any of several", async () => {
    const other = "arn:aws:sns:eu-west-1:210987654321:launches.fifo";
    const stack = onFunctionUrl({ ...SETTINGS, LAUNCH_TOPIC_ARN: `${LAUNCH_TOPIC}, ${other}` });
    const SigningCertURL = CERTIFICATE_URL.replace("us-east-1", "eu-west-1");
    const event = stateChange({ state: "stopped" });
    expect((await stack.deliver(signed(notification(event)))).status).toBe(200);
    expect((await stack.deliver(signed(notification(event, { TopicArn: other, SigningCertURL })))).status).toBe(200);
    expect((await stack.deliver(signed(notification(event, { TopicArn: other })))).status).toBe(403);
  });
});

describe("the certificate of a delivery", () => {
  it("causes 503 if it cannot be fetched, and is fetched again for the next delivery", async () => {
    let down = true;
    const stack = onFunctionUrl(SETTINGS, {
      fetchText: async () => {
        if (down) throw new Error("connect ECONNREFUSED 203.0.113.7:443");
        return SNS_SIGNER.certificate;
      },
    });
    ec2.launch(INSTANCE, { tags: { Name: "web", service: "shop" } });
    expect((await stack.deliver(signed(notification(stateChange())))).status).toBe(503);
    expect(awsCalls()).toBe(0);
    down = false;
    expect((await stack.deliver(signed(notification(stateChange())))).status).toBe(200);
  });

  it.each([["has expired by the function's clock", { from: "2020-01-01", to: "2021-11-11T21:30:00Z" }]])(
    "causes 503 if it %s, so that SNS retries",
    async (_, period) => {
      const signer = await makeSigner(period);
      const stack = onFunctionUrl(SETTINGS, { fetchText: async () => signer.certificate });
      expect((await stack.deliver(signed(notification(stateChange()), { signer }))).status).toBe(503);
      expect(awsCalls()).toBe(0);
    },
  );

  it("is not fetched for an unsupported signature version", async () => {
    const stack = onFunctionUrl();
    expect((await stack.deliver({ ...signed(notification(stateChange())), SignatureVersion: "3" })).status).toBe(403);
    expect(stack.certificatesRequested).toEqual([]);
  });

  it("is fetched once by a warm function", async () => {
    const stack = onFunctionUrl();
    const event = stateChange({ state: "stopped" });
    await stack.deliver(signed(notification(event)));
    stack.clock.set(NOW + 60_000);
    await stack.deliver(signed(notification(event)));
    expect(stack.certificatesRequested).toEqual([CERTIFICATE_URL]);
  });

  it("is not fetched if the configuration has one, in the format of a secrets file", async () => {
    const SNS_SIGNING_CERT = SNS_SIGNER.certificate.replaceAll("\r", "").replaceAll("\n", "\\n");
    const stack = onFunctionUrl({ ...SETTINGS, SNS_SIGNING_CERT });
    const event = stateChange({ state: "stopped" });
    expect((await stack.deliver(signed(notification(event)))).status).toBe(200);
    expect((await stack.deliver(signed(notification(event), { signer: OTHER_SIGNER }))).status).toBe(403);
    expect(
      (await stack.deliver(signed(notification(event, { SigningCertURL: "https://example.com/x.pem" })))).status,
    ).toBe(403);
    expect(stack.certificatesRequested).toEqual([]);
  });
});

describe("many deliveries with certificates that do not exist", () => {
  const forgedWith = (number: number) => {
    const SigningCertURL = CERTIFICATE_URL.replace(/[0-9a-f]{32}/, number.toString(16).padStart(32, "0"));
    return signed(notification(stateChange({ state: "stopped" }), { SigningCertURL }), { signer: OTHER_SIGNER });
  };
  const genuine = signed(notification(stateChange({ state: "stopped" })));
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  it.each(HTTP_HOSTS)("do not block the $host for a genuine one whose certificate is cached", async ({ open }) => {
    const stack = open(SETTINGS, {
      fetchText: (url) => (url === CERTIFICATE_URL ? Promise.resolve(SNS_SIGNER.certificate) : new Promise(() => {})),
    });
    expect((await stack.deliver(genuine)).status).toBe(200);
    for (let number = 0; number < 200; number += 1) void stack.deliver(forgedWith(number));
    await turn();
    expect((await stack.deliver(genuine)).status).toBe(200);
    expect(stack.certificatesRequested).toHaveLength(9);
  });

  it.each(HTTP_HOSTS)("do not block the $host for a genuine one whose certificate is not cached", async ({ open }) => {
    const failures: (() => void)[] = [];
    const stack = open(SETTINGS, {
      fetchText: (url) => {
        if (url === CERTIFICATE_URL) return Promise.resolve(SNS_SIGNER.certificate);
        return new Promise((_, reject) => failures.push(() => reject(new Error("status 403"))));
      },
    });
    const forged = Promise.all(Array.from({ length: 100 }, (_, number) => stack.deliver(forgedWith(number))));
    while (failures.length < 8) await turn();
    const response = stack.deliver(genuine);
    for (let failed = 0; failed < 100; failed += 1) {
      while (failures.length <= failed) await turn();
      failures[failed]?.();
    }
    expect((await response).status).toBe(200);
    expect(new Set((await forged).map(({ status }) => status))).toEqual(new Set([503]));
    expect(awsCalls()).toBe(0);
  });
});
