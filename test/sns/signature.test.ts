import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Envelope } from "../../src/sns/envelope.ts";
import { isKnownVersion, isSignedBy } from "../../src/sns/signature.ts";
import { stateChange } from "../support/events.ts";
import {
  type Fields,
  notification,
  OTHER_SIGNER,
  SIGNED_IN_CONFIRMATION,
  SIGNED_IN_NOTIFICATION,
  type Signer,
  SNS_SIGNER,
  signed,
  subscriptionConfirmation,
  unsubscribeConfirmation,
} from "../support/sns.ts";

/** Parses an envelope without checking its shape: the signature check must not depend on that. */
function envelopeOf(fields: Fields): Envelope {
  return JSON.parse(JSON.stringify(fields));
}

function holds(fields: Fields, { certificate }: Signer = SNS_SIGNER): boolean {
  return isSignedBy(envelopeOf(fields), new X509Certificate(certificate).publicKey);
}

const WITH_SUBJECT = notification(stateChange(), { Subject: "My First Message" });
const WITHOUT_SUBJECT = notification(stateChange());

describe.each(["1", "2"])("signature version %s", (version) => {
  it.each([
    ["a Notification with a Subject", WITH_SUBJECT],
    ["a Notification without a Subject", WITHOUT_SUBJECT],
    ["a SubscriptionConfirmation", subscriptionConfirmation()],
    ["an UnsubscribeConfirmation", unsubscribeConfirmation()],
    [
      "a message of several lines, not all in ASCII",
      notification("Type\nNotification\r\n\n\u00e9 \ud83d\ude00 \u4f60\u597d\n"),
    ],
  ])("is valid for %s", (_, fields) => {
    expect(holds(signed(fields, { version }))).toBe(true);
  });

  const CHANGES: readonly [string, Fields, readonly string[]][] = [
    ["Notification", WITH_SUBJECT, SIGNED_IN_NOTIFICATION],
    ["SubscriptionConfirmation", subscriptionConfirmation(), SIGNED_IN_CONFIRMATION],
    ["UnsubscribeConfirmation", unsubscribeConfirmation(), SIGNED_IN_CONFIRMATION],
  ];
  describe.each(CHANGES)("for a %s", (type, fields, names) => {
    const envelope = signed(fields, { version });

    it.each(names.filter((name) => name !== "Type"))("is invalid if the %s alone was changed", (name) => {
      expect(holds(envelope)).toBe(true);
      expect(holds({ ...envelope, [name]: `${envelope[name]}x` })).toBe(false);
      expect(holds({ ...envelope, [name]: "" })).toBe(false);
    });

    it("is invalid for another Type", () => {
      const others = ["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"].filter(
        (other) => other !== type,
      );
      for (const other of others)
        expect(holds({ Token: "x", SubscribeURL: "x", ...envelope, Type: other })).toBe(false);
    });

    it.each(names)("is invalid if it was made without the %s", (name) => {
      expect(holds(signed(fields, { version, names: names.filter((other) => other !== name) }))).toBe(false);
    });

    it("does not cover the fields that SNS does not sign", () => {
      expect(holds({ ...envelope, UnsubscribeURL: "https://example.com/", MessageAttributes: {} })).toBe(true);
    });
  });

  it("is invalid if a Subject was added or removed", () => {
    const withSubject = signed(WITH_SUBJECT, { version });
    const { Subject: _, ...withoutSubject } = withSubject;
    expect(holds({ ...signed(WITHOUT_SUBJECT, { version }), Subject: "My First Message" })).toBe(false);
    expect(holds(withoutSubject)).toBe(false);
    expect(holds({ ...withSubject, Subject: null })).toBe(false);
  });

  it("is valid with a Subject of null if none was signed, as in Lambda's records", () => {
    expect(holds({ ...signed(WITHOUT_SUBJECT, { version }), Subject: null })).toBe(true);
  });

  it("is invalid with another key", () => {
    const envelope = signed(WITH_SUBJECT, { version, signer: OTHER_SIGNER });
    expect(holds(envelope)).toBe(false);
    expect(holds(envelope, OTHER_SIGNER)).toBe(true);
  });

  it.each([
    ["a blank after it", (text: string) => `${text} `],
    ["a line break in it", (text: string) => `${text.slice(0, 76)}\n${text.slice(76)}`],
    ["marks between that Base64 does not have", (text: string) => [...text].join("!")],
    ["no padding", (text: string) => text.replace(/=+$/, "")],
  ])("is invalid with %s, which SNS does not write", (_, written) => {
    const envelope = signed(WITH_SUBJECT, { version });
    expect(holds({ ...envelope, Signature: written(String(envelope.Signature)) })).toBe(false);
  });

  it("is invalid under the number of the other version", () => {
    expect(holds({ ...signed(WITH_SUBJECT, { version }), SignatureVersion: version === "1" ? "2" : "1" })).toBe(false);
  });

  it.each(["", "AAAA", "not base64 at all \u2026", "=".repeat(344), "A".repeat(344), "A".repeat(100_000)])(
    "is invalid if the signature is %.20j",
    (Signature) => {
      expect(holds({ ...signed(WITH_SUBJECT, { version }), Signature })).toBe(false);
    },
  );

  it("is valid for any signed text, and invalid if one character was changed", () => {
    const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(text, fc.nat(), fc.constantFrom("Message", "Subject", "MessageId"), (value, at, field) => {
        const envelope = signed({ ...WITH_SUBJECT, [field]: value }, { version });
        expect(holds(envelope)).toBe(true);
        const index = at % value.length;
        const unit = value[index] === "x" ? "y" : "x";
        expect(holds({ ...envelope, [field]: value.slice(0, index) + unit + value.slice(index + 1) })).toBe(false);
      }),
      { numRuns: 40 },
    );
  });
});

describe("an undocumented signature version", () => {
  it.each(["3", "0", "", "01", "1 ", "2.0", "SHA256", "__proto__", "constructor"])(
    "is not supported: %j",
    (version) => {
      expect(isKnownVersion(version)).toBe(false);
      expect(holds({ ...signed(WITH_SUBJECT), SignatureVersion: version })).toBe(false);
    },
  );
});
