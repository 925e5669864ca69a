/**
 * "Bad input, named": every item of the project's second issue, at every face that has it. What an engine is answered
 * is in the table of the design: over HTTP a status; on Lambda a message is done, or comes again ("again": an error, or
 * an entry in `batchItemFailures`). After every test: nothing secret was answered, thrown or logged.
 */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { DescribeInstancesCommand, DescribeTagsCommand, type DescribeTagsCommandInput } from "@aws-sdk/client-ec2";
import { PublishCommand, type PublishCommandInput } from "@aws-sdk/client-sns";
import { STSClient } from "@aws-sdk/client-sts";
import { mockClient } from "aws-sdk-client-mock";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { awsError, documentIn, mockEc2, mockSns } from "./support/aws.ts";
import {
  AT,
  autoScalingLaunch,
  INSTANCE,
  instanceId,
  instanceIds,
  runInstances,
  stateChange,
} from "./support/events.ts";
import type { HttpResponse, Settings } from "./support/hosts.ts";
import { messageId, sqsEvent } from "./support/lambda.ts";
import { clockAt } from "./support/launches.ts";
import {
  CERTIFICATE_URL,
  type Fields,
  LAUNCH_TOPIC,
  makeSigner,
  notification,
  OTHER_SIGNER,
  SIGNED_IN_CONFIRMATION,
  SIGNED_IN_NOTIFICATION,
  signed,
  subscriptionConfirmation,
  unsubscribeConfirmation,
} from "./support/sns.ts";
import {
  EVENT_SHAPES,
  HTTP_HOSTS,
  MESSAGE_SHAPES,
  NOW,
  onLambda,
  resultOf,
  SETTINGS,
  type TestStack,
  watchRequests,
} from "./support/test-stack.ts";

const ec2 = mockEc2();
const sns = mockSns();
const sts = mockClient(STSClient);

/** The faces that the test has opened. */
const stacks: TestStack[] = [];
function watched<T extends TestStack>(face: T): T {
  stacks.push(face);
  return face;
}

beforeEach(() => {
  stacks.length = 0;
});
afterEach(() => {
  vi.useRealTimers();
  for (const stack of stacks) {
    const secrets = stack.secrets();
    expect(secrets).toContain(SETTINGS.AWS_SECRET_ACCESS_KEY);
    expect(secrets).toContain(SETTINGS.AWS_SESSION_TOKEN);
    const told = stack.output();
    // Sixteen characters of a secret are as good as told.
    expect(secrets.filter((secret) => told.includes(secret.slice(0, 16)))).toEqual([]);
  }
});

function awsCalls(): number {
  return ec2.mock.calls().length + sns.mock.calls().length + sts.calls().length;
}

/** The faces as this file opens them. */
const FACES = HTTP_HOSTS.map(({ host, open }) => ({
  host,
  open: (...given: Parameters<typeof open>) => watched(open(...given)),
}));
const openLambda = (...given: Parameters<typeof onLambda>) => watched(onLambda(...given));

/** An answer with its outcome, and that AWS was not asked for anything. */
function expectRefused(answer: HttpResponse, status: number, outcome: string): void {
  expect(JSON.parse(answer.body)).toEqual({ outcome, reason: expect.stringMatching(/\w/) });
  expect(answer.status).toBe(status);
  expect(awsCalls()).toBe(0);
}

const LAUNCH = signed(notification(stateChange()));
/** Another delivery about the same instance. */
const RUNNING = signed(notification(stateChange({ state: "running" })));

/** What every envelope has, as AWS documents it. */
const ENVELOPE_FIELDS = [
  "Type",
  "MessageId",
  "TopicArn",
  "Message",
  "Timestamp",
  "SignatureVersion",
  "Signature",
  "SigningCertURL",
];

describe("with AWS in order", () => {
  beforeEach(() => {
    ec2.start();
    sns.start();
    sts.reset();
    ec2.launch(INSTANCE);
  });

  describe.each(FACES)("over HTTP, the $host", ({ open }) => {
    it.each(["", "hello", "{", '{"Type": "Notification",}', "\u0000\u0001", "<xml/>", "Type=Notification&Message=x"])(
      "not JSON: %j is answered 400",
      async (body) => {
        const face = open();
        expectRefused(await face.request({ body }), 400, "rejected");
        expect(face.lines.map((line) => JSON.parse(line))).toMatchObject([
          { level: "warn", outcome: "rejected", rejected: 1 },
        ]);
      },
    );

    it.each(["null", "true", "0", '"text"', "[]", "[{}]"])(
      "JSON that is not an object: %s is answered 400",
      async (body) => {
        expectRefused(await open().request({ body }), 400, "rejected");
      },
    );

    it.each(ENVELOPE_FIELDS)("an envelope without its fields: without its %s it is answered 400", async (field) => {
      const rest = Object.fromEntries(Object.entries(LAUNCH).filter(([name]) => name !== field));
      expectRefused(await open().request({ body: JSON.stringify(rest) }), 400, "rejected");
    });

    it.each(["Token", "SubscribeURL"])(
      "an envelope without its fields: a confirmation without its %s is answered 400",
      async (field) => {
        const confirmation = Object.entries(signed(subscriptionConfirmation())).filter(([name]) => name !== field);
        expectRefused(
          await open().request({ body: JSON.stringify(Object.fromEntries(confirmation)) }),
          400,
          "rejected",
        );
      },
    );

    it.each(ENVELOPE_FIELDS)(
      "an envelope with the wrong types: its %s as anything but text is answered 400",
      async (field) => {
        for (const wrong of [7, null, true, [], {}, ["x"], { length: 3 }]) {
          const body = JSON.stringify({ ...LAUNCH, [field]: wrong });
          expectRefused(await open().request({ body }), 400, "rejected");
        }
      },
    );

    it.each(["hello", "", "{", "Hello from SNS!"])(
      "an envelope with `Message` that is not JSON: %j is answered 500",
      async (message) => {
        expectRefused(await open().deliver(signed(notification(message))), 500, "malformed");
      },
    );

    it.each([
      ["none", {}],
      ["null", { detail: null }],
      ["text", { detail: "running" }],
      ["a list", { detail: [] }],
      ["an empty one", { detail: {} }],
    ])("an event without `detail`: %s is answered 500", async (_, changes) => {
      const { detail: __, ...event } = stateChange();
      expectRefused(await open().deliver(signed(notification({ ...event, ...changes }))), 500, "malformed");
    });

    it.each([
      "",
      "i-",
      "i-1234",
      "i-1234567890ABCDEF0",
      "i-1234567890abcdef0 ",
      "i-1234567890abcdef0\n",
      "i-1234567890abcdef0,i-1234567890abcdef1",
      "vol-1234567890abcdef0",
      "*",
      "i-*",
      "../i-1234567890abcdef0",
      "__proto__",
      "mi-1234567890abcdef0",
    ])("an event with an instance id that is not one: %j is answered 500", async (id) => {
      const face = open();
      for (const event of [stateChange({ id }), autoScalingLaunch({ id }), runInstances({ ids: [INSTANCE, id] })]) {
        expectRefused(await face.deliver(signed(notification(event))), 500, "malformed");
      }
    });

    it.each([null, 7, ["i-1234567890abcdef0"], { id: "i-1234567890abcdef0" }])(
      "an event with an instance id that is not one: %j is answered 500",
      async (id) => {
        const event = { ...stateChange(), detail: { "instance-id": id, state: "pending" } };
        expectRefused(await open().deliver(signed(notification(event))), 500, "malformed");
      },
    );

    it("an event with a thousand instances is answered 200, for a handful of calls, and each is alerted of once", async () => {
      const ids = instanceIds(1_000);
      for (const id of ids) ec2.launch(id);
      expect((await open().deliver(signed(notification(runInstances({ ids }))))).status).toBe(200);
      expect(ec2.tagCalls().flat()).toEqual(ids);
      expect(ec2.tagCalls()).toHaveLength(5);
      expect(ec2.instanceCalls()).toHaveLength(5);
      expectEachAlertedOnce(sns.published(), ids);
    });

    it.each(ODD_TAGS)("tags with %s count as values, and are told as they are", async (_, value) => {
      ec2.launch(INSTANCE, { tags: { Name: value, service: value } });
      const face = open();
      expect((await face.deliver(LAUNCH)).status).toBe(200);
      expect(sns.published()).toEqual([]);

      ec2.launch(INSTANCE, { tags: { Name: value } });
      expect((await face.deliver(RUNNING)).status).toBe(200);
      expectToldAsItIs(sns.published(), value);
    });

    it.each([
      ["the envelope", 400, "rejected", `{"__proto__": ${JSON.stringify(LAUNCH)}}`],
      [
        "the envelope, beside a Type",
        400,
        "rejected",
        `{"Type": "Notification", "__proto__": ${JSON.stringify(LAUNCH)}}`,
      ],
      [
        "the event",
        500,
        "malformed",
        JSON.stringify(signed(notification(`{"__proto__": ${JSON.stringify(stateChange())}}`))),
      ],
      [
        "the event's detail",
        500,
        "malformed",
        JSON.stringify(
          signed(
            notification(
              JSON.stringify({ ...stateChange(), detail: "DETAIL" }).replace(
                '"DETAIL"',
                '{"__proto__": {"state": "running", "instance-id": "i-1234567890abcdef0"}}',
              ),
            ),
          ),
        ),
      ],
    ])("a key `__proto__` in %s stands for nothing: %i", async (_, status, outcome, body) => {
      expectRefused(await open().request({ body }), status, outcome);
      expect(Object.hasOwn(Object.prototype, "Type") || Object.hasOwn(Object.prototype, "state")).toBe(false);
    });

    it("a key `__proto__` is a tag key like every other, on an instance and in the policy", async () => {
      const face = open({ ...SETTINGS, REQUIRED_TAGS: "__proto__,constructor" });
      expect((await face.deliver(LAUNCH)).status).toBe(200);
      expect(sns.published().map(documentIn)).toMatchObject([
        { findings: [{ missing: ["__proto__", "constructor"] }] },
      ]);
      ec2.launch(INSTANCE, {
        tags: new Map([
          ["__proto__", "x"],
          ["constructor", "x"],
        ]),
      });
      expect((await face.deliver(RUNNING)).status).toBe(200);
      expect(sns.published()).toHaveLength(1);
    });

    it("a body of 300 KB is answered 413, signed or not", async () => {
      expectRefused(await open().request({ body: "x".repeat(300_000) }), 413, "rejected");
      const event = { ...stateChange(), padding: "x".repeat(300_000) };
      expectRefused(await open().deliver(signed(notification(event))), 413, "rejected");
    });

    it.each([
      ["type", "x-amz-sns-message-type", "SubscriptionConfirmation"],
      ["type", "x-amz-sns-message-type", "UnsubscribeConfirmation"],
      ["topic", "x-amz-sns-topic-arn", SETTINGS.ALERT_TOPIC_ARN ?? ""],
      ["topic", "x-amz-sns-topic-arn", `${LAUNCH_TOPIC},${LAUNCH_TOPIC}`],
    ])("two headers that disagree with the body about %s: %s of %s is answered 403", async (_, header, value) => {
      expectRefused(await open().deliver(LAUNCH, { [header]: value }), 403, "rejected");
    });

    it.each([
      "arn:aws:sns:us-east-1:210987654321:ec2_launches_check",
      "arn:aws:sns:us-east-1:123456789012:somebody_elses",
      "arn:aws-cn:sns:cn-north-1:123456789012:ec2_launches_check",
    ])("a confirmation for a topic we do not own, %s, is answered 403 and not confirmed", async (TopicArn) => {
      const face = open();
      for (const confirmation of [subscriptionConfirmation({ TopicArn }), unsubscribeConfirmation({ TopicArn })]) {
        expectRefused(await face.deliver(signed(confirmation)), 403, "rejected");
      }
      expect(face.certificatesRequested).toEqual([]);
    });

    const FILE = CERTIFICATE_URL.slice(CERTIFICATE_URL.lastIndexOf("/") + 1);
    it.each([
      ["on another host", `https://sns.s3-us-west-2.amazonaws.com/${FILE}`],
      ["on another host", `https://sns.us-east-1.amazonaws.com.example.com/${FILE}`],
      ["on another host", `https://127.0.0.1/${FILE}`],
      ["over http", CERTIFICATE_URL.replace("https:", "http:")],
      ["with a port", CERTIFICATE_URL.replace(".com/", ".com:443/")],
      ["with credentials", CERTIFICATE_URL.replace("https://", "https://user:password@")],
      ["with a query", `${CERTIFICATE_URL}?x=1`],
      ["with a trailing dot", CERTIFICATE_URL.replace(".com/", ".com./")],
      ["in another region", CERTIFICATE_URL.replace("us-east-1", "eu-west-1")],
      ["of another partition", CERTIFICATE_URL.replace("amazonaws.com", "amazonaws.com.cn")],
    ])("a certificate URL %s, %s, is answered 403 and not fetched", async (_, SigningCertURL) => {
      const watch = watchRequests();
      const face = open();
      for (const fields of [
        notification(stateChange(), { SigningCertURL }),
        subscriptionConfirmation({ SigningCertURL }),
      ]) {
        expectRefused(await face.deliver(signed(fields)), 403, "rejected");
      }
      watch.stop();
      expect(face.certificatesRequested).toEqual([]);
      expect(watch.requests).toEqual([]);
    });

    it.each(["3", "0", "", "1.0", "none"])("signature version %j is answered 403", async (SignatureVersion) => {
      expectRefused(await open().deliver({ ...LAUNCH, SignatureVersion }), 403, "rejected");
    });

    it.each<[string, Fields]>([
      [
        "a confirmation's in a notification",
        signed(notification(stateChange(), { Subject: "My First Message" }), { names: SIGNED_IN_CONFIRMATION }),
      ],
      ["a notification's in a confirmation", signed(subscriptionConfirmation(), { names: SIGNED_IN_NOTIFICATION })],
      ["not the Message", signed(notification(stateChange()), { names: SIGNED_IN_NOTIFICATION.slice(1) })],
      ["all there are", signed(notification(stateChange()), { names: Object.keys(LAUNCH) })],
      ["none", signed(notification(stateChange()), { names: [] })],
      ["those of another message", { ...signed(notification("{}")), Message: JSON.stringify(stateChange()) }],
      ["the right ones by another key", signed(notification(stateChange()), { signer: OTHER_SIGNER })],
    ])("a signature over the wrong fields, %s, is answered 403", async (_, envelope) => {
      expectRefused(await open().deliver(envelope), 403, "rejected");
    });

    it("an expired certificate is answered 503, because our clock may be wrong", async () => {
      const signer = await makeSigner({ from: "2020-11-11", to: "2021-11-11" });
      const face = open(SETTINGS, { fetchText: async () => signer.certificate });
      expectRefused(await face.deliver(signed(notification(stateChange()), { signer })), 503, "failed");
    });

    it("a replay from yesterday is answered 403, and nothing is alerted a second time", async () => {
      const face = open();
      expect((await face.deliver(LAUNCH)).status).toBe(200);
      expect(sns.published()).toHaveLength(1);
      ec2.mock.resetHistory();
      sns.mock.resetHistory();
      sts.resetHistory();
      face.clock.pass(24 * 60 * 60);
      expectRefused(await face.deliver(LAUNCH), 403, "rejected");
    });

    it.each(BAD_ARNS)("`ALERT_TOPIC_ARN` that is not an ARN: %j is answered 500, without its value", async (arn) => {
      const face = open({ ...SETTINGS, LAUNCH_TOPIC_ARN: LAUNCH_TOPIC, ALERT_TOPIC_ARN: arn });
      const answer = await face.deliver(LAUNCH);
      expectRefused(answer, 500, "misconfigured");
      expect(answer.body).toContain("ALERT_TOPIC_ARN");
      expect(face.output()).not.toContain(arn);
    });

    it.each(BAD_GRACES)("`GRACE_SECONDS=%s` is answered 500, without its value", async (grace) => {
      const face = open({ ...SETTINGS, GRACE_SECONDS: grace });
      const answer = await face.deliver(LAUNCH);
      expectRefused(answer, 500, "misconfigured");
      expect(JSON.parse(answer.body).reason).toMatch(/^GRACE_SECONDS is not a whole number of seconds from 0 to \d+$/);
    });
  });

  describe.each(MESSAGE_SHAPES)("on Lambda, $shape", ({ wrap }) => {
    async function expectAgain(message: string, settings?: Settings): Promise<void> {
      const face = openLambda(settings);
      expect(await resultOf(face.invoke(wrap(message)))).toBe("retried");
      expect(awsCalls()).toBe(0);
      expect(face.lines.map((line) => JSON.parse(line).level)).toEqual(["error"]);
    }

    it.each(["", "hello", "{", "Hello from SNS!"])(
      "not JSON, %j, comes again until the dead-letter queue has it",
      (message) => expectAgain(message),
    );

    it.each(["null", "true", "0", '"text"', "[]"])("JSON that is not an object, %s, comes again", (text) =>
      expectAgain(text),
    );

    it.each([{}, { detail: null }, { detail: "running" }, { detail: [] }, { detail: {} }])(
      "an event without `detail`, %j, comes again",
      async (changes) => {
        const { detail: _, ...event } = stateChange();
        await expectAgain(JSON.stringify({ ...event, ...changes }));
      },
    );

    it.each(["", "i-1234", "i-1234567890abcdef0 ", "*", "vol-1234567890abcdef0", "__proto__"])(
      "an event with an instance id that is not one, %j, comes again",
      (id) => expectAgain(JSON.stringify(stateChange({ id }))),
    );

    it("an event with a thousand instances is done, and each is alerted of once", async () => {
      const ids = instanceIds(1_000);
      for (const id of ids) ec2.launch(id);
      expect(await resultOf(openLambda().invoke(wrap(JSON.stringify(runInstances({ ids })))))).toBe("done");
      expectEachAlertedOnce(sns.published(), ids);
    });

    it.each(ODD_TAGS)("tags with %s are told as they are", async (_, value) => {
      ec2.launch(INSTANCE, { tags: { Name: value } });
      expect(await resultOf(openLambda().invoke(wrap(JSON.stringify(stateChange()))))).toBe("done");
      expectToldAsItIs(sns.published(), value);
    });

    it("a key `__proto__` stands for nothing", () => expectAgain(`{"__proto__": ${JSON.stringify(stateChange())}}`));

    it.each(BAD_ARNS)("`ALERT_TOPIC_ARN` that is not an ARN: %j, and every message comes again", async (arn) => {
      await expectAgain(JSON.stringify(stateChange()), { ...SETTINGS, ALERT_TOPIC_ARN: arn });
      expect(stacks.at(-1)?.output()).toContain("ALERT_TOPIC_ARN");
      expect(stacks.at(-1)?.output()).not.toContain(arn);
    });

    it.each(BAD_GRACES)("`GRACE_SECONDS=%s`, and every message comes again", async (grace) => {
      await expectAgain(JSON.stringify(stateChange()), { ...SETTINGS, GRACE_SECONDS: grace });
      expect(stacks.at(-1)?.output()).toContain("GRACE_SECONDS is not a whole number");
    });
  });

  it("a bad message of an SQS batch comes again alone: the others are done", async () => {
    const good = JSON.stringify(stateChange());
    const bad = ["hello", "[]", JSON.stringify(stateChange({ id: "i-1234" })), JSON.stringify(notification("hello"))];
    expect(await openLambda().invoke(sqsEvent(good, ...bad))).toEqual({
      batchItemFailures: bad.map((_, index) => ({ itemIdentifier: messageId(index + 1) })),
    });
    expect(sns.published()).toHaveLength(1);
  });
});

const ODD_TAGS: readonly [string, string][] = [
  ["emoji", "\ud83d\ude80 launch \ud83d\udc69\u200d\ud83d\ude80"],
  ["quotes", `"double" 'single' \`back\` \\ \\n`],
  ["`<&>`", "<b>&amp;</b> <!-- & --> ]]>"],
  ["256 characters", "\u00e9".repeat(256)],
];

const BAD_ARNS = [
  "ec2-audit-alert-topic",
  "arn:aws:sns:us-east-1:123456789012",
  "arn:aws:sns:us-east-1:123456789012:topic:subscription",
  "arn:aws:sqs:us-east-1:123456789012:my-queue",
  "arn:aws:sns:us-east-1:12345:my-alert-topic",
  "arn:aws:sns:cn-north-1:123456789012:my-alert-topic",
  "https://sns.us-east-1.amazonaws.com/",
];

const BAD_GRACES = ["soon", "-1", "1.5", "45s", "1e3", "Infinity", "3501", "0x10"];

/** Every instance is in one alert and no other, and no alert is over SNS's 256 KiB. */
function expectEachAlertedOnce(published: readonly PublishCommandInput[], ids: readonly string[]): void {
  const alerted = published.flatMap((message) => documentIn(message).findings.map((finding) => finding.instanceId));
  expect(alerted.sort()).toEqual([...ids].sort());
  for (const { Message } of published) expect(Buffer.byteLength(Message ?? "")).toBeLessThanOrEqual(256 * 1024);
}

/** One alert, which names the instance as it is tagged and keeps every protocol's limits. */
function expectToldAsItIs(published: readonly PublishCommandInput[], name: string): void {
  expect(published.map(documentIn)).toMatchObject([
    { findings: [{ instanceId: INSTANCE, name, missing: ["service"] }] },
  ]);
  const [{ Message, Subject } = { Message: "", Subject: "" }] = published;
  expect(Subject).toMatch(/^[\x20-\x7e]{1,99}$/);
  const { email, sms } = JSON.parse(Message ?? "");
  expect(email).toContain(name);
  expect(Buffer.byteLength(sms)).toBeLessThanOrEqual(140);
}

describe("publishing that fails for some of a batch", () => {
  const [one, two] = [instanceId(1), instanceId(2)];
  const REGION_TWO = "eu-west-1";
  /** The regions whose alert SNS does not take. */
  const refused = new Set<string>();

  beforeEach(() => {
    ec2.start();
    sns.start();
    refused.clear();
    refused.add(REGION_TWO);
    ec2.launch(one);
    ec2.launch(two);
    sns.mock.on(PublishCommand).callsFake(async (input: PublishCommandInput) => {
      if (refused.has(documentIn(input).region)) throw awsError("Throttling", "Rate exceeded");
      return { MessageId: "94f20ce6-13c5-43a0-9a9e-ca52d816e90b" };
    });
  });

  const inOne = () => stateChange({ id: one });
  const inTwo = () => stateChange({ id: two, region: REGION_TWO });

  /** How often an alert was sent for each instance, whether SNS took it or not. */
  function sentFor(id: string): string[] {
    const alerts = sns.published().map(documentIn);
    return alerts
      .filter(({ findings }) => findings.some((finding) => finding.instanceId === id))
      .map((alert) => alert.id);
  }

  it("brings the messages of the alert that failed again, and those of the other not", async () => {
    const face = openLambda();
    const bodies = [inOne(), inTwo()].map((event) => JSON.stringify(event));
    expect(await face.invoke(sqsEvent(...bodies))).toEqual({ batchItemFailures: [{ itemIdentifier: messageId(1) }] });
    refused.clear();
    expect(await face.invoke(sqsEvent(...bodies.slice(1)))).toEqual({ batchItemFailures: [] });
    expect(sentFor(one)).toHaveLength(1);
    expect(sentFor(two)).toHaveLength(2);
    expect(new Set(sentFor(two)).size).toBe(1);
  });

  it.each(FACES)(
    "is answered 503 for that delivery to the $host, and 200 for another at the same time",
    async ({ open }) => {
      const face = open();
      const [first, second] = [signed(notification(inOne())), signed(notification(inTwo()))];
      const answers = await Promise.all([face.deliver(first), face.deliver(second)]);
      expect(answers.map(({ status }) => status)).toEqual([200, 503]);
      refused.clear();
      expect((await face.deliver(second)).status).toBe(200);
      expect(sentFor(one)).toHaveLength(1);
    },
  );

  it.each(FACES)(
    "of a single delivery to the $host brings it all again, and what is repeated has the id that it had",
    async ({ open }) => {
      const ids = instanceIds(400);
      for (const id of ids) ec2.launch(id);
      const face = open();
      const delivery = signed(notification(runInstances({ ids, region: REGION_TWO })));
      sns.mock.on(PublishCommand).rejectsOnce(awsError("Throttling", "Rate exceeded")).resolves({ MessageId: "1" });
      expect((await face.deliver(delivery)).status).toBe(503);
      face.clock.pass(60);
      expect((await face.deliver(delivery)).status).toBe(200);
      const sent = sns.published().map(documentIn);
      const [first, again] = [sent.slice(0, sent.length / 2), sent.slice(sent.length / 2)];
      expect(first.length).toBeGreaterThan(1);
      expect(again.map(({ id }) => id)).toEqual(first.map(({ id }) => id));
      const told = again.flatMap(({ findings }) => findings.map((finding) => finding.instanceId));
      expect(told.sort()).toEqual(ids.sort());
    },
  );

  it("is not repeated by a FIFO topic: the deduplication id is the same", async () => {
    const ids = instanceIds(400);
    for (const id of ids) ec2.launch(id);
    const face = openLambda({
      ...SETTINGS,
      ALERT_TOPIC_ARN: `${SETTINGS.ALERT_TOPIC_ARN}.fifo`,
      LAUNCH_TOPIC_ARN: LAUNCH_TOPIC,
    });
    const event = runInstances({ ids });
    sns.mock.on(PublishCommand).rejectsOnce(awsError("Throttling", "Rate exceeded")).resolves({ MessageId: "1" });
    expect(await resultOf(face.invoke(event))).toBe("retried");
    const first = sns.published().map(({ MessageDeduplicationId }) => MessageDeduplicationId);
    expect(await resultOf(face.invoke(event))).toBe("done");
    const again = sns.published().map(({ MessageDeduplicationId }) => MessageDeduplicationId);
    expect(first.length).toBeGreaterThan(1);
    expect(again).toEqual([...first, ...first]);
  });

  it.each(FACES)("alerts of nothing while some tags of a delivery to the $host cannot be read", async ({ open }) => {
    const ids = instanceIds(1_000);
    for (const id of ids) ec2.launch(id);
    const failing = ids[450] ?? "";
    let down = true;
    ec2.mock.on(DescribeTagsCommand).callsFake(async ({ Filters }: DescribeTagsCommandInput) => {
      if (down && Filters?.[0]?.Values?.includes(failing))
        throw awsError("RequestLimitExceeded", "Request limit exceeded.");
      return { Tags: [] };
    });
    const face = open();
    const delivery = signed(notification(runInstances({ ids })));
    expect((await face.deliver(delivery)).status).toBe(503);
    expect(sns.published()).toEqual([]);
    down = false;
    expect((await face.deliver(delivery)).status).toBe(200);
    expectEachAlertedOnce(sns.published(), ids);
  });
});

describe("AWS timing out", () => {
  const never = () => new Promise<never>(() => {});
  beforeEach(() => {
    ec2.start();
    sns.start();
    ec2.launch(INSTANCE);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  });

  /** What a call came to, and after how many seconds of fake time; SNS hangs up after 15 s. */
  async function settled<T>(call: Promise<T>): Promise<{ seconds: number; value: T | string }> {
    let value: T | string | undefined;
    void call.then(
      (result) => {
        value = result;
      },
      (error: unknown) => {
        value = String(error);
      },
    );
    for (let seconds = 0; seconds <= 15; seconds += 1) {
      // The webtask runtime hands the body over, and the answer back, in turns of the event loop.
      for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      if (value !== undefined) return { seconds, value };
      await vi.advanceTimersByTimeAsync(1_000);
    }
    return { seconds: 16, value: "no answer" };
  }

  const HANGING: readonly [string, () => void][] = [
    ["DescribeTags", () => void ec2.mock.on(DescribeTagsCommand).callsFake(never)],
    ["DescribeInstances", () => void ec2.mock.on(DescribeInstancesCommand).callsFake(never)],
    ["Publish", () => void sns.mock.on(PublishCommand).callsFake(never)],
  ];

  describe.each(HANGING)("in %s", (_, hang) => {
    it.each(FACES)("is answered 503 by the $host, before SNS hangs up", async ({ open }) => {
      hang();
      const { seconds, value } = await settled(open().deliver(LAUNCH));
      expect(value).toMatchObject({ status: 503 });
      expect(seconds).toBeLessThan(15);
    });

    it.each(EVENT_SHAPES)("brings $shape again", async ({ wrap }) => {
      hang();
      const { value } = await settled(resultOf(openLambda().invoke(wrap(stateChange()), 10_000)));
      expect(value).toBe("retried");
    });
  });

  it.each(FACES)("alerts of nothing after the $host has answered 503: SNS delivers again", async ({ open }) => {
    let arrive = () => {};
    ec2.mock.on(DescribeTagsCommand).callsFake(
      () =>
        new Promise((resolve) => {
          arrive = () => resolve({ Tags: [] });
        }),
    );
    const clock = clockAt(NOW);
    const { value } = await settled(open(SETTINGS, { clock }).deliver(LAUNCH));
    expect(value).toMatchObject({ status: 503 });
    clock.pass(13);
    arrive();
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(ec2.instanceCalls()).toHaveLength(1);
    expect(sns.published()).toEqual([]);
  });
});

describe("over real HTTP, AWS", () => {
  type Reply = (response: ServerResponse, request: IncomingMessage) => void;
  const xml =
    (status: number, body: string): Reply =>
    (response) =>
      response.writeHead(status, { "Content-Type": "text/xml;charset=UTF-8" }).end(body);
  const ec2Error = (status: number, code: string, message: string) =>
    xml(
      status,
      `<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors><RequestID>0a1b2c3d-EXAMPLE</RequestID></Response>`,
    );
  const snsError = (status: number, code: string, message: string) =>
    xml(
      status,
      `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>0a1b2c3d-EXAMPLE</RequestId></ErrorResponse>`,
    );
  const html =
    (status: number): Reply =>
    (response) =>
      response
        .writeHead(status, { "Content-Type": "text/html" })
        .end(
          "<!DOCTYPE html><html><head><title>Gateway</title></head><body><h1>Welcome &amp; log in</h1></body></html>",
        );
  const hangUp: Reply = (_, request) => void request.socket.destroy();
  const hangUpHalfWay: Reply = (response) => {
    response.writeHead(200, { "Content-Type": "text/xml", "Content-Length": "1000" });
    response.write("<?xml version", () => response.destroy());
  };

  type Action = "DescribeTags" | "DescribeInstances" | "Publish";
  const ACTIONS: readonly Action[] = ["DescribeTags", "DescribeInstances", "Publish"];
  const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  let name = "web";
  const ok: Readonly<Record<Action, Reply>> = {
    DescribeTags: (response, request) =>
      xml(
        200,
        `<DescribeTagsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>x</requestId><tagSet><item><resourceId>${INSTANCE}</resourceId><resourceType>instance</resourceType><key>Name</key><value>${escaped(name)}</value></item></tagSet></DescribeTagsResponse>`,
      )(response, request),
    DescribeInstances: (response, request) =>
      xml(
        200,
        `<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>x</requestId><reservationSet><item><reservationId>r-1</reservationId><instancesSet><item><instanceId>${INSTANCE}</instanceId><instanceState><code>16</code><name>running</name></instanceState><instanceType>t3.micro</instanceType><tagSet><item><key>Name</key><value>${escaped(name)}</value></item></tagSet></item></instancesSet></item></reservationSet></DescribeInstancesResponse>`,
      )(response, request),
    Publish: xml(
      200,
      `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>94f20ce6-13c5-43a0-9a9e-ca52d816e90b</MessageId></PublishResult><ResponseMetadata><RequestId>x</RequestId></ResponseMetadata></PublishResponse>`,
    ),
  };

  /** What is answered in place of the usual, by action. */
  const instead = new Map<string, Reply>();
  /** The alerts that AWS has taken. */
  const taken: PublishCommandInput[] = [];
  /** The signatures of the requests that AWS got. */
  const signatures: string[] = [];

  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const form = new URLSearchParams(body);
    const action = ACTIONS.find((candidate) => candidate === form.get("Action"));
    signatures.push(/Signature=([0-9a-f]{64})/.exec(request.headers.authorization ?? "")?.[1] ?? "unsigned");
    const reply = instead.get(action ?? "") ?? (action && ok[action]) ?? html(404);
    if (action === "Publish" && reply === ok.Publish) {
      taken.push({ Message: form.get("Message") ?? "", Subject: form.get("Subject") ?? "" });
    }
    reply(response, request);
  });

  let settings: Settings;
  beforeAll(async () => {
    ec2.mock.restore();
    sns.mock.restore();
    sts.restore();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    settings = { ...SETTINGS, AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    instead.clear();
    taken.length = 0;
    signatures.length = 0;
    name = "web";
  });
  afterEach(() => {
    const told = stacks.map((stack) => stack.output()).join("\n");
    expect(signatures.length).toBeGreaterThan(0);
    expect(signatures.filter((signature) => told.includes(signature.slice(0, 16)))).toEqual([]);
  });

  const denied = "User: arn:aws:iam::123456789012:user/Mateo is not authorized to perform this operation";
  const FAILURES: readonly [string, (action: Action) => Reply][] = [
    [
      "denying",
      (action) =>
        action === "Publish"
          ? snsError(403, "AuthorizationError", denied)
          : ec2Error(403, "UnauthorizedOperation", "You are not authorized to perform this operation."),
    ],
    [
      "throttling",
      (action) =>
        action === "Publish"
          ? snsError(400, "Throttling", "Rate exceeded")
          : ec2Error(503, "RequestLimitExceeded", "Request limit exceeded."),
    ],
    ["hanging up", () => hangUp],
    ["hanging up in the middle of its answer", () => hangUpHalfWay],
    ["answering HTML with status 200", () => html(200)],
    ["answering HTML with status 502", () => html(502)],
  ];

  describe.each(FAILURES)("%s", (_, failure) => {
    describe.each(ACTIONS)("in %s", (action) => {
      it.each(FACES)("is answered 503 by the $host; the next delivery is alerted of, once", async ({ open }) => {
        const face = open(settings);
        instead.set(action, failure(action));
        const answer = await face.deliver(LAUNCH);
        expect(answer.status).toBe(503);
        expect(JSON.parse(answer.body)).toMatchObject({ outcome: "failed" });
        expect(taken).toEqual([]);
        instead.clear();
        expect((await face.deliver(LAUNCH)).status).toBe(200);
        expectEachAlertedOnce(taken, [INSTANCE]);
      });

      it("brings a message of SQS again; then it is alerted of, once", async () => {
        const face = openLambda(settings);
        const event = sqsEvent(JSON.stringify(stateChange()));
        instead.set(action, failure(action));
        expect(await face.invoke(event)).toEqual({ batchItemFailures: [{ itemIdentifier: messageId(0) }] });
        expect(taken).toEqual([]);
        instead.clear();
        expect(await face.invoke(event)).toEqual({ batchItemFailures: [] });
        expectEachAlertedOnce(taken, [INSTANCE]);
      });
    });
  });

  it.each(FACES)(
    "answering HTML with status 200 to a confirmation is no confirmation: the $host answers 503",
    async ({ open }) => {
      instead.set("", html(200));
      expect((await open(settings).deliver(signed(subscriptionConfirmation()))).status).toBe(503);
    },
  );

  it.each(FACES)(
    "answering HTML with status 200 to a subscription is no subscription: GET of the $host says so",
    async ({ open }) => {
      instead.set("", html(200));
      const face = open({ ...settings, FUNCTION_URL: "https://example.com/audit" });
      const { subscribed } = JSON.parse((await face.request({ method: "GET" })).body);
      expect(subscribed).toMatch(/^failed: /);
    },
  );

  it.each(FACES)("denying in words that quote the request: the $host tells none of its signature", async ({ open }) => {
    const face = open(settings);
    const quoting: Reply = (response, request) => {
      const canonical = `POST\n/\n\nx-amz-security-token:${request.headers["x-amz-security-token"]}`;
      const message = `The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.\n\nThe Canonical String for this request should have been\n'${canonical}'\n${request.headers.authorization}`;
      ec2Error(403, "SignatureDoesNotMatch", message)(response, request);
    };
    instead.set("DescribeTags", quoting);
    expect((await face.deliver(LAUNCH)).status).toBe(503);
    expect(face.output()).toContain("SignatureDoesNotMatch");

    instead.set("DescribeTags", (response, request) => {
      const message = `'EXAMPLE' not a valid key=value pair (missing equal-sign) in Authorization header: '${request.headers.authorization}'.`;
      ec2Error(400, "IncompleteSignature", message)(response, request);
    });
    expect((await face.deliver(LAUNCH)).status).toBe(503);
    expect(face.output()).toContain("IncompleteSignature");
  });

  it("stopping in the middle of its answer does not stop the launches that follow", async () => {
    const face = openLambda(settings);
    instead.set("DescribeTags", (response) => {
      response.writeHead(200, { "Content-Type": "text/xml" }).write("<?xml version");
    });
    expect(await resultOf(face.invoke(stateChange(), 1_500))).toBe("retried");
    instead.clear();
    expect(await resultOf(face.invoke(stateChange(), 12_000))).toBe("done");
    expectEachAlertedOnce(taken, [INSTANCE]);
  });

  it.each(ODD_TAGS)("showing tags with %s: they are told as they are", async (_, value) => {
    name = value;
    const face = openLambda(settings, { clock: clockAt(AT + 60_000) });
    expect(await resultOf(face.invoke(stateChange()))).toBe("done");
    expectToldAsItIs(taken, value);
  });
});
