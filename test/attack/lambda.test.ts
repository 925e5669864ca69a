import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stateChange } from "../support/events.ts";
import { snsEvent, sqsEvent, urlEvent } from "../support/lambda.ts";
import { notification, OTHER_SIGNER, signed } from "../support/sns.ts";
import { type Configuration, configurationOf, makeKeys, withoutFunctionUrl } from "./configuration.ts";
import { effectProblems } from "./oracle.ts";
import { startTarget, type Target } from "./target.ts";

let target: Target;
let keys: Awaited<ReturnType<typeof makeKeys>>;
let configuration: Configuration;
beforeAll(async () => {
  keys = await makeKeys(Date.now());
  target = await startTarget({ keys, regions: [], tagKeys: [] });
  configuration = withoutFunctionUrl(configurationOf("zebra", "us-east-1", "123456789012", target.endpoint));
});
afterAll(() => target.close());

/** Expects that the function sent no request to AWS or elsewhere, and logged no secret. Returns the outcomes that it logged. */
function loggedOutcomes(): Set<unknown> {
  const { lines, ...effects } = target.effects();
  expect(effects).toEqual({ calls: [], certificates: [], requests: [] });
  expect(effectProblems({ ...effects, lines }, { configuration, keys })).toEqual([]);
  return new Set(lines.map((line) => JSON.parse(line).outcome));
}

/** Calls the function, and returns whether its caller delivers the event again. */
async function isRetried(event: unknown): Promise<boolean> {
  try {
    const response = (await target.invoke(event, configuration)) as { batchItemFailures?: unknown[] };
    return (response.batchItemFailures ?? []).length > 0;
  } catch {
    return true;
  }
}

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

describe("the Lambda handler", () => {
  it.each(GARBAGE.map((event, index) => ({ index, event, shown: String(JSON.stringify(event)).slice(0, 60) })))(
    "fails with a line in the log and calls nothing of AWS for garbage: $index $shown",
    async ({ event }) => {
      expect(await isRetried(event)).toBe(true);
      expect(loggedOutcomes()).toEqual(new Set(["malformed"]));
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
    ["an event as its body", urlEvent({ body: text }), 403],
    ["an SNS event of Lambda as its body", urlEvent({ body: JSON.stringify(snsEvent(text)) }), 400],
    ["an SQS event of Lambda as its body", urlEvent({ body: JSON.stringify(sqsEvent(text)) }), 400],
    ["records beside the request", { ...urlEvent({ body: "{}" }), ...snsEvent(text) }, 400],
    [
      "a forged delivery in base64",
      urlEvent({ body: JSON.stringify(signed(notification(stateChange()), { signer: OTHER_SIGNER })), base64: true }),
      403,
    ],
  ])("refuses an HTTP request with %s", async (_, event, status) => {
    expect(await target.invoke(event, configuration)).toMatchObject({ statusCode: status });
    loggedOutcomes();
  });
});
