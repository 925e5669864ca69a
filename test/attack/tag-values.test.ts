import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alertsFor } from "../../src/alerts/alert.ts";
import { AT } from "../support/events.ts";
import { findingOf } from "../support/findings.ts";

describe("any tag value", () => {
  it("stays on its line of the alert, and every text keeps its size limit", () => {
    const value = fc.oneof(
      fc.string({ unit: "binary", maxLength: 256 }),
      fc.constantFrom("\n\nAccount      999999999999", "\u2028x", "\u202ex", "\r\nx", "\u0085x", "\0"),
    );
    fc.assert(
      fc.property(value, value, (name, launchedBy) => {
        const harmless = textsWith("web", "somebody");
        const { email, sms, subject, starts } = textsWith(name, launchedBy);
        expect(starts).toEqual(harmless.starts);
        expect(email.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
        expect(Buffer.byteLength(sms)).toBeLessThanOrEqual(140);
        expect(sms).not.toMatch(/[\r\n]/);
        expect(subject).toMatch(/^[\x20-\x7e]{1,99}$/);
      }),
      { numRuns: 500 },
    );
  });

  function textsWith(name: string, launchedBy: string) {
    const finding = findingOf({
      launchedBy,
      instance: { tags: new Map([["Name", name]]), keyName: name },
      requires: "service",
    });
    const [alert] = alertsFor([finding], AT);
    if (alert === undefined) throw new Error("there is no alert");
    const { email, sms } = JSON.parse(alert.message) as { email: string; sms: string };
    const [, ...lines] = email.split("\n");
    // Wrapped text is indented: only labels of the alert begin a line.
    const starts = lines.filter((line) => /^[A-Z]/.test(line)).map((line) => line.slice(0, 11));
    return { email, sms, subject: alert.subject, starts };
  }
});
