import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Base, basesOf, type Context, genuine } from "./corpus/case.ts";
import { FUZZ_CLASSES, type FuzzCase } from "./fuzz/arbitraries.ts";
import { fuzz, runCase, startFuzzTarget } from "./fuzz/fuzz.ts";
import type { Expected } from "./oracle.ts";
import type { Target } from "./target.ts";

describe("the fuzzer", () => {
  it("finds no failure in its first thousands of cases", { timeout: 180_000 }, async () => {
    const { failure, cases, byClass } = await fuzz({ seed: 2016, cases: 3_000, minutes: 3 });
    expect(failure).toBeNull();
    expect(cases).toBe(3_000);
    expect([...byClass.keys()].sort()).toEqual([...FUZZ_CLASSES].sort());
    expect([...byClass.values()].every((count) => count > 250)).toBe(true);
  });
});

describe("the oracle", () => {
  let target: Target;
  let context: Context;
  beforeAll(async () => {
    ({ target, context } = await startFuzzTarget());
  });
  afterAll(() => target.close());

  const run = async (fuzzCase: FuzzCase) => (await runCase(fuzzCase, target, context)).problems;
  const deliver = (sentAt: number, expected: Expected, change: (base: Base) => Base = (base) => base) => {
    const [base] = basesOf(context, undefined, sentAt);
    if (base === undefined) throw new Error("there is no delivery");
    const body = Buffer.from(JSON.stringify(genuine(change(base), context)));
    return run({ class: "nothing", host: "function URL", delivery: { headers: {}, body }, expected });
  };

  it("reports a genuine delivery that is refused", async () => {
    const threeHoursAgo = context.now - 3 * 3_600_000;
    expect(await deliver(threeHoursAgo, { kind: "accepted" })).toEqual([expect.stringMatching(/^lost: 403 /)]);
    expect(await deliver(threeHoursAgo, { kind: "any" })).toEqual([]);
    expect(await deliver(context.now - 60_000, { kind: "accepted" })).toEqual([]);
  });

  it("reports a genuine delivery whose certificate the function does not fetch", async () => {
    const elsewhere = (base: Base) => {
      const SigningCertURL = String(base.fields.SigningCertURL).replace("1.pem", "8.pem");
      return { ...base, fields: { ...base.fields, SigningCertURL } };
    };
    expect(await deliver(context.now, { kind: "accepted" }, elsewhere)).toEqual([expect.stringMatching(/^lost: 503 /)]);
  });

  it("reports a forged delivery that is accepted", async () => {
    expect(await deliver(context.now, { kind: "refused" })).toEqual([
      expect.stringMatching(/^responded 200, not a refusal/),
    ]);
  });

  it("reports an error of the handler that is not one for Lambda to retry", async () => {
    const unreadable = {
      get Records() {
        throw new TypeError("Cannot read properties of undefined");
      },
    };
    expect(await run({ class: "Lambda events", event: unreadable })).toEqual([
      expect.stringMatching(/^threw TypeError: Cannot read/),
    ]);
    expect(await run({ class: "Lambda events", event: {} })).toEqual([]);
  });
});
