/** What Lambda's own engines could bring that is no event: it fails, or is brought again, and nobody is alerted. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { mockEc2, mockSns } from "../support/aws.ts";
import { stateChange } from "../support/events.ts";
import { snsEvent, sqsEvent, urlEvent } from "../support/lambda.ts";
import { notification, OTHER_SIGNER, signed } from "../support/sns.ts";
import { onLambda, resultOf, SETTINGS, watchRequests } from "../support/test-stack.ts";

const ec2 = mockEc2();
const sns = mockSns();
let watch: ReturnType<typeof watchRequests>;
beforeAll(() => {
  watch = watchRequests();
});
afterAll(() => watch.stop());
beforeEach(() => {
  ec2.start();
  sns.start();
});

const text = JSON.stringify(stateChange());
const GARBAGE: readonly unknown[] = [
  undefined,
  null,
  true,
  0,
  "",
  text,
  [],
  [stateChange()],
  {},
  { Records: null },
  { Records: [] },
  { Records: [null] },
  { Records: [{}] },
  { Records: [[]] },
  { Records: {} },
  { Records: "aws:sns" },
  { Records: [{ EventSource: "aws:sns" }] },
  { Records: [{ EventSource: "aws:sns", Sns: null }] },
  { Records: [{ EventSource: "aws:sns", Sns: {} }] },
  { Records: [{ EventSource: "aws:sns", Sns: { Message: null } }] },
  { Records: [{ EventSource: "aws:sns", Sns: { Message: 7 } }] },
  { Records: [{ EventSource: "aws:sns", Sns: { Message: stateChange() } }] },
  { Records: [{ EventSource: "aws:s3", s3: {} }] },
  { Records: [{ EventSource: ["aws:sns"], Sns: { Message: text } }] },
  { Records: [{ eventSource: "aws:sqs", messageId: "1" }] },
  { Records: [{ eventSource: "aws:sqs", messageId: "1", body: null }] },
  { Records: [{ eventSource: "aws:sqs", messageId: "1", body: stateChange() }] },
  { Records: [{ eventSource: "aws:sqs", messageId: "1", body: [text] }] },
  { Records: [{ eventSource: "aws:sqs" }, null, []] },
  snsEvent("", text.slice(1)),
  sqsEvent("", "{", "null", "[]", text.slice(1), JSON.stringify({ Type: "Notification", Message: "{" })),
  { requestContext: {} },
  { requestContext: { http: null }, body: text },
  { version: "1.0", requestContext: { httpMethod: "POST" }, body: JSON.stringify({ Records: [] }) },
  { __proto__: null, "detail-type": 7 },
  JSON.parse(`{"__proto__": ${text}}`),
  JSON.parse(`{"constructor": {"prototype": ${text}}}`),
  { ...stateChange(), "detail-type": ["EC2 Instance State-change Notification"] },
  { ...stateChange(), detail: JSON.stringify(stateChange().detail) },
  { Type: "Notification", Message: text },
  { Sns: { Message: text } },
  { body: text },
  { Message: text },
];

describe("the Lambda handler, given garbage", () => {
  it.each(GARBAGE.map((event, index) => ({ index, event, shown: String(JSON.stringify(event)).slice(0, 60) })))(
    "fails with a line in the log, and alerts nobody: $index $shown",
    async ({ event }) => {
      const requests = watch.requests.length;
      const face = onLambda();
      expect(await resultOf(face.invoke(event))).toBe("retried");
      expect(new Set(face.lines.map((line) => JSON.parse(line).outcome))).toEqual(new Set(["malformed"]));
      expect(ec2.mock.calls()).toHaveLength(0);
      expect(sns.mock.calls()).toHaveLength(0);
      expect(watch.requests).toHaveLength(requests);
    },
  );

  it.each([
    ["no body", { ...urlEvent(), body: undefined }, 400],
    ["a body of null", { ...urlEvent(), body: null }, 400],
    ["a body that is a number", { ...urlEvent(), body: 7 }, 400],
    ["a body that is an object", { ...urlEvent(), body: signed(notification(stateChange())) }, 400],
    [
      "the shape of payload format 1.0",
      { httpMethod: "POST", path: "/", headers: {}, body: text, requestContext: { stage: "prod" } },
      500,
    ],
    ["a body that is not base64", { ...urlEvent(), body: "\u2026{", isBase64Encoded: true }, 400],
    ["no headers", { ...urlEvent({ body: text }), headers: undefined }, 403],
    ["headers of null", { ...urlEvent({ body: text }), headers: null }, 403],
    ["no method", { ...urlEvent({ body: text }), requestContext: { http: {} } }, 405],
    ["an event for its body", urlEvent({ body: text }), 403],
    ["Lambda's own event of SNS for its body", urlEvent({ body: JSON.stringify(snsEvent(text)) }), 400],
    ["Lambda's own event of SQS for its body", urlEvent({ body: JSON.stringify(sqsEvent(text)) }), 400],
    ["records beside the request", { ...urlEvent({ body: "{}" }), ...snsEvent(text) }, 400],
    [
      "a forged delivery in base64",
      urlEvent({ body: JSON.stringify(signed(notification(stateChange()), { signer: OTHER_SIGNER })), base64: true }),
      403,
    ],
  ])("refuses a request with %s", async (_, event, status) => {
    expect(await onLambda().invoke(event)).toMatchObject({ statusCode: status });
    expect(ec2.mock.calls()).toHaveLength(0);
    expect(sns.mock.calls()).toHaveLength(0);
  });

  it("without a valid configuration fails whatever it is given, naming keys and no value", async () => {
    const face = onLambda({ ...SETTINGS, ALERT_TOPIC_ARN: "my-secret-topic", GRACE_SECONDS: "my-secret-grace" });
    for (const event of [stateChange(), snsEvent(text), sqsEvent(text), ...GARBAGE.slice(8)]) {
      expect(await resultOf(face.invoke(event))).toBe("retried");
    }
    expect(face.output()).toContain("ALERT_TOPIC_ARN");
    expect(face.output()).not.toContain("my-secret");
  });
});
