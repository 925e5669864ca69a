import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { describeError } from "../../src/util/errors.ts";

describe("an error as it can be told", () => {
  test("is its name and the first line of its message: the next ones can quote the request and its signature", () => {
    const message =
      "The request signature we calculated does not match the signature you provided.\n\nThe Canonical String for this request should have been\n'POST\n/\n\nauthorization:AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE'";
    const error = Object.assign(new Error(message), { name: "SignatureDoesNotMatch" });
    expect(describeError(error)).toBe(
      "SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided.",
    );
  });

  test.each(["text", null, undefined, 7, { message: "secret" }])("is not known when it is none: %j", (error) => {
    expect(describeError(error)).toBe("an unknown error");
  });

  test("is one line and short, whatever it says", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 2_000 }), (message) => {
        const told = describeError(new Error(message));
        expect(told).not.toMatch(/[\n\r]/);
        expect(told.length).toBeLessThanOrEqual(310);
      }),
      { examples: [["first\r\nsecond"], ["first\rsecond"]] },
    );
  });

  test("does not tell the signature that AWS quotes in the line itself", () => {
    const message =
      "Credential must have exactly 5 slash-delimited elements: 'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/2026, SignedHeaders=host, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7'";
    const told = describeError(new Error(message));
    expect(told).not.toContain("AKIAIOSFODNN7EXAMPLE");
    expect(told).not.toContain("5d672d79");
  });
});
