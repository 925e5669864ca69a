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

/** The refusal of what is read, or what it is instead. */
function refusalOf(reading: ReturnType<typeof read>): string {
  return reading.kind === "rejected" ? reading.refusal : reading.kind;
}

describe("an SNS envelope", () => {
  it.each([
    ["Notification", NOTIFICATION],
    ["Notification without a Subject", signed(notification("Hello world!"))],
    ["SubscriptionConfirmation", CONFIRMATION],
    ["UnsubscribeConfirmation", signed(unsubscribeConfirmation())],
  ])("is read as AWS documents it: a %s", (_, envelope) => {
    expect(read(envelope)).toEqual({ kind: "delivery", headers: {}, envelope });
  });

  it("may have fields that are not known yet", () => {
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
    it.each(fields)("is no delivery without its %s, and the reason names it", (field) => {
      expect(read(without(envelope, field))).toEqual({
        kind: "rejected",
        refusal: "foreign",
        reason: expect.stringContaining(field),
      });
    });

    it.each(fields)("is no delivery when its %s is anything but text", (field) => {
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

  it("is no delivery when its Subject is anything but text", () => {
    expect(read({ ...NOTIFICATION, Subject: 7 })).toEqual({
      kind: "rejected",
      refusal: "foreign",
      reason: expect.stringContaining("Subject"),
    });
  });

  it.each(["notification", "Notification ", "", "SubscriptionConfirmation\n", 7, null, ["Notification"], {}])(
    "is no delivery when its Type is %j",
    (Type) => {
      expect(read({ ...CONFIRMATION, Type })).toEqual({
        kind: "rejected",
        refusal: "foreign",
        reason: expect.stringContaining("Type"),
      });
    },
  );

  it.each(["", "hello", "{", '{"Type":"Notification"', "<html></html>", "Type=Notification"])(
    "is no delivery when it is not JSON: %j",
    (body) => {
      expect(readText(body)).toEqual({ kind: "rejected", refusal: "foreign", reason: "the body is not JSON" });
    },
  );

  it.each(["null", "true", "7", '"Notification"', "[]", JSON.stringify([NOTIFICATION])])(
    "is no delivery when it is JSON but not an object: %.40s",
    (body) => {
      expect(readText(body)).toEqual({
        kind: "rejected",
        refusal: "foreign",
        reason: "the body is not a JSON object",
      });
    },
  );

  it.each(["MessageId", "TopicArn", "Subject"])(
    "is no delivery when its %s has a line break, which ends a signed value",
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
    "of a confirmation is no delivery when its %s has a line break",
    (field) => {
      expect(read({ ...CONFIRMATION, [field]: "x\ny" })).toEqual({
        kind: "rejected",
        refusal: "foreign",
        reason: expect.stringContaining(`${field} must be one line`),
      });
    },
  );

  it("is told from a raw event by its Type, whatever other keys it has", () => {
    expect(read({ ...NOTIFICATION, "detail-type": "x" }).kind).toBe("delivery");
    expect(refusalOf(read({ ...stateChange(), Type: null }))).toBe("foreign");
  });

  it("may have a Message of many lines", () => {
    expect(read({ ...NOTIFICATION, Message: "x\ny\n" }).kind).toBe("delivery");
  });

  it.each(["MessageId", "Subject", "Message"])(
    "is no delivery when its %s has half a surrogate pair, which no signature can tell from U+FFFD",
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
  ])("is no delivery when its Timestamp is %j", (Timestamp) => {
    expect(read({ ...NOTIFICATION, Timestamp })).toEqual({
      kind: "rejected",
      refusal: "foreign",
      reason: "the envelope's Timestamp is not a time",
    });
  });

  it("may have a Timestamp with a fraction or without", () => {
    for (const Timestamp of ["2021-11-11T21:29:54Z", "2021-11-11T21:29:54.6Z", "2021-11-11T21:29:54.655123Z"]) {
      expect(read({ ...NOTIFICATION, Timestamp }).kind).toBe("delivery");
    }
  });

  it("is no delivery when it has thousands of parts, and is not parsed then", () => {
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

  it("does not take fields from a key named __proto__", () => {
    const body = `{"__proto__": ${JSON.stringify(NOTIFICATION)}}`;
    expect(refusalOf(readText(body))).toBe("foreign");
    expect(refusalOf(readText(`{"Type": "Notification", "__proto__": ${JSON.stringify(NOTIFICATION)}}`))).toBe(
      "foreign",
    );
    expect(Object.hasOwn(Object.prototype, "Type")).toBe(false);
  });

  it("is never accepted when some text is not one, and nothing is thrown", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.string({ unit: "binary" })), (body) => {
        expect(refusalOf(readText(body))).toBe("foreign");
      }),
    );
  });

  it("is accepted only when each of its fields is text", () => {
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

describe("a raw delivery", () => {
  it("is known by its body, and refused with what to do about it", () => {
    expect(read(stateChange())).toEqual({
      kind: "rejected",
      refusal: "raw",
      reason: expect.stringMatching(/raw message delivery .*cannot be verified.* turn it off/),
    });
  });

  it("is known by its header", () => {
    const body = JSON.stringify(NOTIFICATION);
    expect(refusalOf(readText(body, { "x-amz-sns-rawdelivery": "true" }))).toBe("raw");
    expect(readText(body, { "x-amz-sns-message-type": "Notification" }).kind).toBe("delivery");
  });
});

describe("a body that is too large", () => {
  const LIMIT = 256 * 1024;
  const enveloped = (message: string, more: Fields = {}) =>
    JSON.stringify({ ...NOTIFICATION, Message: message, ...more });

  it.each([
    ["no envelope", "x".repeat(LIMIT + 1), true],
    ["no envelope, but not over 256 KiB", "x".repeat(LIMIT), false],
    ["an envelope whose message is over 256 KiB", enveloped("x".repeat(LIMIT + 1)), true],
    ["an envelope that is, but its message of many quotes is not", enveloped('"'.repeat(LIMIT)), false],
    ["an envelope with a small message and much beside it", enveloped("x", { padding: "x".repeat(LIMIT) }), true],
    ["thousands of parts", `[${"0,".repeat(LIMIT / 2)}0]`, true],
    [
      "an envelope with 16 KiB beside its message",
      enveloped("x".repeat(LIMIT - 1_500), { padding: "x".repeat(16 * 1024 + 2_000) }),
      true,
    ],
    ["a list", JSON.stringify([enveloped("x".repeat(LIMIT))]), true],
    ["an envelope without a message", JSON.stringify({ Type: "Notification", Token: "x".repeat(LIMIT) }), true],
  ])("is %s: %#", (_, body, tooLarge) => {
    expect(refusalOf(readText(body)) === "tooLarge").toBe(tooLarge);
  });
});
