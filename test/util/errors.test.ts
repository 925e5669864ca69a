import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeError } from "../../src/util/errors.ts";

describe("describeError", () => {
  it("returns the name and the first line, because later lines can quote the request and its signature", () => {
    const message =
      "The request signature we calculated does not match the signature you provided.\n\nThe Canonical String for this request should have been\n'POST\n/\n\nauthorization:AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE'";
    const error = Object.assign(new Error(message), { name: "SignatureDoesNotMatch" });
    expect(describeError(error)).toBe(
      "SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided.",
    );
  });

  it.each(["text", null, undefined, 7, { message: "secret" }])(
    "returns a fixed text for a value that is not an Error: %j",
    (error) => {
      expect(describeError(error)).toBe("an unknown error");
    },
  );

  it("returns one short line for any message", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 2_000 }), (message) => {
        const text = describeError(new Error(message));
        expect(text).not.toMatch(/[\n\r]/);
        expect(text.length).toBeLessThanOrEqual(310);
      }),
      { examples: [["first\r\nsecond"], ["first\rsecond"]] },
    );
  });

  it("removes a signature that AWS quotes in the first line", () => {
    const message =
      "Credential must have exactly 5 slash-delimited elements: 'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/2026, SignedHeaders=host, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7'";
    const text = describeError(new Error(message));
    expect(text).not.toContain("AKIAIOSFODNN7EXAMPLE");
    expect(text).not.toContain("5d672d79");
  });
});
