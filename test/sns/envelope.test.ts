import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { readDelivery } from "../../src/sns/envelope.ts";
import { stateChange } from "../support/events.ts";
import {
  type Fields,
  notification,
  signed,
  subscriptionConfirmation,
  unsubscribeConfirmation,
} from "../support/sns.ts";

const IN_ALL = ["MessageId", "TopicArn", "Message", "Timestamp", "SignatureVersion", "Signature", "SigningCertURL"];
const NOTIFICATION = signed(notification("Hello world!", { Subject: "My First Message" }));
const CONFIRMATION = signed(subscriptionConfirmation());

function read(envelope: Fields) {
  return readText(JSON.stringify(envelope));
}

function readText(text: string, headers: Readonly<Record<string, string>> = {}) {
  return readDelivery(headers, text);
}

function without(envelope: Fields, field: string): Fields {
  return Object.fromEntries(Object.entries(envelope).filter(([name]) => name !== field));
}

/** Returns the refusal, or "delivery". */
function refusalOf(reading: ReturnType<typeof read>): string {
  return reading.kind === "rejected" ? reading.refusal : reading.kind;
}

describe("an SNS envelope", () => {
  it.each([
    ["Notification", NOTIFICATION],
    ["Notification without a Subject", signed(notification("Hello world!"))],
    ["SubscriptionConfirmation", CONFIRMATION],
    ["UnsubscribeConfirmation", signed(unsubscribeConfirmation())],
  ])("is read in AWS's documented format: a %s", (_, envelope) => {
    expect(read(envelope)).toEqual({ kind: "delivery", headers: {}, envelope });
  });

  it("may have unknown fields", () => {
    expect(read({ ...NOTIFICATION, MessageAttributes: {}, SequenceNumber: "10000000000000000000" }).kind).toBe(
      "delivery",
    );
  });

  it("may have a Subject of null, as Lambda's records do", () => {
    expect(read({ ...NOTIFICATION, Subject: null }).kind).toBe("delivery");
  });

  describe.each([
    ["Notification", NOTIFICATION, IN_ALL],
    ["SubscriptionConfirmation", CONFIRMATION, [...IN_ALL, "Token", "SubscribeURL"]],
    ["UnsubscribeConfirmation", signed(unsubscribeConfirmation()), [...IN_ALL, "Token", "SubscribeURL"]],
  ])("of the type %s", (_, envelope, fields) => {
    it.each(fields)("is rejected without its %s, and the reason names it", (field) => {
      expect(read(without(envelope, field))).toEqual({
        kind: "rejected",
        refusal: "foreign",
        reason: expect.stringContaining(field),
      });
    });

    it.each(fields)("is rejected if its %s is not text", (field) => {
      const notText = fc.jsonValue().filter((value) => typeof value !== "string");
      fc.assert(
        fc.property(notText, (value) => {
          expect(read({ ...envelope, [field]: value })).toEqual({
            kind: "rejected",
            refusal: "foreign",
            reason: expect.stringContaining(field),
          });
        }),
        { numRuns: 25 },
      );
    });
  });

  it("is rejected if its Subject is not text", () => {
    expect(read({ ...NOTIFICATION, Subject: 7 })).toEqual({
      kind: "rejected",
      refusal: "foreign",
      reason: expect.stringContaining("Subject"),
    });
  });

  it.each(["notification", "Notification ", "", "SubscriptionConfirmation\n", 7, null, ["Notification"], {}])(
    "is rejected if its Type is %j",
    (Type) => {
      expect(read({ ...CONFIRMATION, Type })).toEqual({
        kind: "rejected",
        refusal: "foreign",
        reason: expect.stringContaining("Type"),
      });
    },
  );

  it.each(["", "hello", "{", '{"Type":"Notification"', "<html></html>", "Type=Notification"])(
    "is rejected if it is not JSON: %j",
    (body) => {
      expect(readText(body)).toEqual({ kind: "rejected", refusal: "foreign", reason: "the body is not JSON" });
    },
  );

  it.each(["null", "true", "7", '"Notification"', "[]", JSON.stringify([NOTIFICATION])])(
    "is rejected if it is JSON but not an object: %.40s",
    (body) => {
      expect(readText(body)).toEqual({
        kind: "rejected",
        refusal: "foreign",
        reason: "the body is not a JSON object",
      });
    },
  );

  it.each(["MessageId", "TopicArn", "Subject"])(
    "is rejected if its %s has a line break, which ends a signed value",
    (field) => {
      for (const value of ["x\ny", "\n", "x\n"]) {
        const reading = read({ ...NOTIFICATION, [field]: value });
        expect(reading).toEqual({
          kind: "rejected",
          refusal: "foreign",
          reason: expect.stringContaining(`${field} must be one line`),
        });
      }
      expect(read({ ...NOTIFICATION, [field]: "x\ry" }).kind).toBe("delivery");
    },
  );

  it.each(["MessageId", "TopicArn", "Token", "SubscribeURL"])(
    "of a confirmation is rejected if its %s has a line break",
    (field) => {
      expect(read({ ...CONFIRMATION, [field]: "x\ny" })).toEqual({
        kind: "rejected",
        refusal: "foreign",
        reason: expect.stringContaining(`${field} must be one line`),
      });
    },
  );

  it("is distinguished from a raw event by its Type only", () => {
    expect(read({ ...NOTIFICATION, "detail-type": "x" }).kind).toBe("delivery");
    expect(refusalOf(read({ ...stateChange(), Type: null }))).toBe("foreign");
  });

  it("may have a Message of several lines", () => {
    expect(read({ ...NOTIFICATION, Message: "x\ny\n" }).kind).toBe("delivery");
  });

  it.each(["MessageId", "Subject", "Message"])(
    "is rejected if its %s has half a surrogate pair, which has the same signature as U+FFFD",
    (field) => {
      for (const half of ["\ud800", "\udbff", "\udc00", "\udfff"]) {
        const reading = read({ ...NOTIFICATION, [field]: `x${half}y` });
        expect(reading).toEqual({
          kind: "rejected",
          refusal: "foreign",
          reason: expect.stringMatching(`${field} must be .*Unicode`),
        });
      }
      expect(read({ ...NOTIFICATION, [field]: "\ud83d\ude00\ufffd" }).kind).toBe("delivery");
    },
  );

  it.each([
    "",
    "yesterday",
    "2021-11-11",
    "2021-11-11T21:29:54",
    "2021-11-11T21:29:54+00:00",
    "2021-13-11T21:29:54Z",
    "+002021-11-11T21:29:54Z",
    "2021-11-11T21:29:54Z (x)",
    "2021-11-11T21:29:54Z ",
    "x2021-11-11T21:29:54Z",
    "2021-11-11T21:29:54Zx",
  ])("is rejected if its Timestamp is %j", (Timestamp) => {
    expect(read({ ...NOTIFICATION, Timestamp })).toEqual({
      kind: "rejected",
      refusal: "foreign",
      reason: "the envelope's Timestamp is not a time",
    });
  });

  it("may have a Timestamp with or without a fraction", () => {
    for (const Timestamp of ["2021-11-11T21:29:54Z", "2021-11-11T21:29:54.6Z", "2021-11-11T21:29:54.655123Z"]) {
      expect(read({ ...NOTIFICATION, Timestamp }).kind).toBe("delivery");
    }
  });

  it("is rejected without parsing if it has thousands of parts", () => {
    const parse = vi.spyOn(JSON, "parse");
    const reason = "the body has more fields than an SNS envelope";
    const parts = (count: number) =>
      `{"a":[${Array(count - 1)
        .fill(0)
        .join()}]}`;
    for (const body of [
      parts(2_001),
      "[".repeat(2_001),
      '{"a":'.repeat(2_001),
      ",".repeat(2_001),
      `{"a":"\\"","b":${parts(2_001)}}`,
    ]) {
      expect(readText(body)).toEqual({ kind: "rejected", refusal: "foreign", reason });
    }
    expect(parse).not.toHaveBeenCalled();
    parse.mockRestore();
    expect(readText(parts(2_000))).toMatchObject({
      kind: "rejected",
      refusal: "foreign",
      reason: expect.stringContaining("Type"),
    });
    expect(read({ ...NOTIFICATION, Message: '[{,\\"'.repeat(5_000) }).kind).toBe("delivery");
  });

  it("reads no fields from a key named __proto__", () => {
    const body = `{"__proto__": ${JSON.stringify(NOTIFICATION)}}`;
    expect(refusalOf(readText(body))).toBe("foreign");
    expect(refusalOf(readText(`{"Type": "Notification", "__proto__": ${JSON.stringify(NOTIFICATION)}}`))).toBe(
      "foreign",
    );
    expect(Object.hasOwn(Object.prototype, "Type")).toBe(false);
  });

  it("is never read from arbitrary text, and reading never throws", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.string({ unit: "binary" })), (body) => {
        expect(refusalOf(readText(body))).toBe("foreign");
      }),
    );
  });

  it("is accepted only if each required field is text", () => {
    const field = fc.option(fc.oneof({ weight: 8, arbitrary: fc.string() }, fc.integer(), fc.constant(null)), {
      nil: undefined,
      freq: 20,
    });
    const common: Record<string, fc.Arbitrary<unknown>> = Object.fromEntries(IN_ALL.map((name) => [name, field]));
    common.Timestamp = fc.constantFrom(NOTIFICATION.Timestamp, undefined, 7);
    fc.assert(
      fc.property(fc.record({ ...common, Token: field, SubscribeURL: field }), fc.boolean(), (fields, confirms) => {
        const Type = confirms ? "SubscriptionConfirmation" : "Notification";
        const required = confirms ? [...IN_ALL, "Token", "SubscribeURL"] : IN_ALL;
        const whole = required.every((name) => typeof (fields as Fields)[name] === "string");
        expect(refusalOf(read({ Type, ...fields }))).toBe(whole ? "delivery" : "foreign");
      }),
    );
  });
});

describe("a raw message", () => {
  it("is recognised by its body, and rejected with the fix", () => {
    expect(read(stateChange())).toEqual({
      kind: "rejected",
      refusal: "raw",
      reason: expect.stringMatching(/raw message delivery .*cannot be verified.* disable it/),
    });
  });

  it("is recognised by its header", () => {
    const body = JSON.stringify(NOTIFICATION);
    expect(refusalOf(readText(body, { "x-amz-sns-rawdelivery": "true" }))).toBe("raw");
    expect(readText(body, { "x-amz-sns-message-type": "Notification" }).kind).toBe("delivery");
  });
});

describe("the size of a body", () => {
  const LIMIT = 256 * 1024;
  const enveloped = (message: string, more: Fields = {}) =>
    JSON.stringify({ ...NOTIFICATION, Message: message, ...more });

  it.each([
    ["a byte over 256 KiB", "x".repeat(LIMIT + 1)],
    ["over 256 KiB of characters of two bytes", "\u00e9".repeat(LIMIT / 2 + 1)],
    ["an envelope with a message over 256 KiB", enveloped("x".repeat(LIMIT + 1))],
    ["an envelope with a small message and large other fields", enveloped("x", { padding: "x".repeat(LIMIT) })],
    ["thousands of parts", `[${"0,".repeat(LIMIT / 2)}0]`],
    [
      "an envelope with over 16 KiB beside its message",
      enveloped("x".repeat(LIMIT - 1_500), { padding: "x".repeat(16 * 1024 + 2_000) }),
    ],
    ["a list", JSON.stringify([enveloped("x".repeat(LIMIT))])],
    ["an envelope without a message", JSON.stringify({ Type: "Notification", Token: "x".repeat(LIMIT) })],
  ])("is too large: %s", (_, body) => {
    expect(refusalOf(readText(body))).toBe("tooLarge");
  });

  it("may be 256 KiB, or more if only the escapes in its message exceed the limit", () => {
    expect(refusalOf(readText("x".repeat(LIMIT)))).toBe("foreign");
    expect(refusalOf(readText("\u00e9".repeat(LIMIT / 2)))).toBe("foreign");
    expect(refusalOf(readText(enveloped('"'.repeat(LIMIT))))).toBe("delivery");
  });
});
