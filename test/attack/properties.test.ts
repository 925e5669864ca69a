/** What holds of every input, and not only of those that somebody thought of. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alertsFor } from "../../src/alerts/alert.ts";
import { readEvent } from "../../src/launches/events.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { AT, autoScalingLaunch, runInstances, stateChange, tagChange } from "../support/events.ts";
import { findingOf } from "../support/findings.ts";
import { CERTIFICATE_URL, notification, SNS_SIGNER, signed, subscriptionConfirmation } from "../support/sns.ts";
import { onFunctionUrl, SETTINGS } from "../support/test-stack.ts";
import { CLASSES, type FuzzCase } from "./fuzz/cases.ts";
import { fuzz } from "./fuzz/run.ts";
import { createTarget, type Target } from "./fuzz/target.ts";

describe("a delivery that SNS signed", () => {
  it.each([
    ["a notification", signed(notification(stateChange({ state: "stopped" }), { Subject: "A launch" }))],
    ["a confirmation", signed(subscriptionConfirmation())],
  ])("is refused with any one bit of it changed, but for the fields that are not signed: %s", async (_, envelope) => {
    const fetchText = async (url: string) => {
      if (url !== CERTIFICATE_URL) throw new Error("status 403");
      return SNS_SIGNER.certificate;
    };
    const face = onFunctionUrl(SETTINGS, { fetchText });
    const names = Object.keys(envelope).filter((name) => !["UnsubscribeURL", "Signature"].includes(name));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), fc.nat(), fc.nat(7), async (name, at, bit) => {
        const value = Buffer.from(String(envelope[name]));
        const index = at % value.length;
        value[index] = (value[index] ?? 0) ^ (1 << bit);
        const body = JSON.stringify({ ...envelope, [name]: value.toString() });
        const { status } = await face.request({ body });
        // Another digit of the certificate's file names a certificate that there is not.
        expect(name === "SigningCertURL" ? [400, 403, 503] : [400, 403]).toContain(status);
      }),
      { numRuns: 500 },
    );
  });

  it("is refused with any one bit of its signature changed", async () => {
    const face = onFunctionUrl();
    const envelope = signed(notification(stateChange({ state: "stopped" })));
    await fc.assert(
      fc.asyncProperty(fc.nat(2047), async (bit) => {
        const bytes = Buffer.from(String(envelope.Signature), "base64");
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect((await face.deliver({ ...envelope, Signature: bytes.toString("base64") })).status).toBe(403);
      }),
      { numRuns: 300 },
    );
  });
});

describe("any body", () => {
  const json = fc.oneof(
    fc.json(),
    fc
      .record({
        Type: fc.constantFrom("Notification", "SubscriptionConfirmation"),
        Message: fc.json(),
        TopicArn: fc.string(),
      })
      .map((value) => JSON.stringify(value)),
    fc
      .object({
        key: fc.constantFrom("Type", "Message", "TopicArn", "Signature", "__proto__", "detail-type", "x"),
        maxDepth: 3,
      })
      .map((value) => JSON.stringify(value)),
    fc.string({ unit: "binary" }),
  );
  it("that is not signed is refused, and nothing is thrown", async () => {
    const face = onFunctionUrl();
    await fc.assert(
      fc.asyncProperty(json, async (body) => {
        expect([400, 403]).toContain((await face.request({ body })).status);
      }),
      { numRuns: 500 },
    );
  });
});

describe("any event", () => {
  const samples = [stateChange(), runInstances(), autoScalingLaunch(), tagChange()];
  const anything = fc.oneof(
    fc.jsonValue(),
    fc
      .tuple(
        fc.constantFrom(...samples),
        fc.dictionary(
          fc.constantFrom("account", "region", "time", "detail", "resources", "detail-type"),
          fc.jsonValue(),
        ),
      )
      .map(([sample, changes]) => ({ ...sample, ...changes })),
    fc
      .tuple(
        fc.constantFrom(...samples),
        fc.dictionary(
          fc.constantFrom(
            "instance-id",
            "state",
            "EC2InstanceId",
            "responseElements",
            "userIdentity",
            "AutoScalingGroupName",
          ),
          fc.jsonValue(),
        ),
      )
      .map(([sample, changes]) => ({ ...sample, detail: { ...sample.detail, ...changes } })),
  );
  it("is read without an error, and every launch in it is well-formed", () => {
    fc.assert(
      fc.property(anything, (event) => {
        const reading = readEvent(event, AT);
        if (reading.kind !== "launches") {
          expect(reading.reason).toMatch(/^[^\n\r]+$/);
          return;
        }
        expect(reading.launches.length).toBeGreaterThan(0);
        for (const { account, region, instanceId, at, launchedBy } of reading.launches) {
          expect(account).toMatch(/^\d{12}$/);
          expect(region).toMatch(/^[a-z]+(-[a-z]+)+-\d+$/);
          expect(instanceId).toMatch(/^i-([0-9a-f]{8}|[0-9a-f]{17})$/);
          expect(at).toBeLessThanOrEqual(AT + 15 * 60_000);
          expect(launchedBy === null || typeof launchedBy === "string").toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("any policy", () => {
  it("is read without an error, and what is wrong with it quotes nothing of it", () => {
    const secret = "wJalrXUtnFEMI-K7MDENG";
    const value = fc.oneof(
      fc.constant(secret),
      fc.constantFrom("required-tags", "high", "name"),
      fc.jsonValue(),
      fc.constant([secret]),
      fc.constant({ [secret]: secret }),
    );
    const rule = fc.dictionary(
      fc.constantFrom("rule", "tags", "severity", "caseSensitive", secret, "__proto__"),
      value,
    );
    const policy = fc.oneof(
      value,
      fc.dictionary(fc.constantFrom("rules", secret), fc.oneof(value, fc.array(rule))),
      fc.record({ rules: fc.array(rule) }),
    );
    fc.assert(
      fc.property(policy, (document) => {
        const reading = parsePolicy(JSON.stringify(document));
        if ("policy" in reading) {
          expect(reading.policy.rules.length).toBeGreaterThan(0);
          return;
        }
        expect(reading.problems.length).toBeGreaterThan(0);
        for (const problem of reading.problems) {
          expect(problem).toMatch(/^[^\n\r]+$/);
          expect(problem).not.toContain(secret);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("any tag value", () => {
  it("stays on its line of the alert, and every text within its limit", () => {
    const value = fc.oneof(
      fc.string({ unit: "binary", maxLength: 256 }),
      fc.constantFrom("\n\nAccount      999999999999", "\u2028x", "\u202ex", "\r\nx", "\u0085x", "\0"),
    );
    fc.assert(
      fc.property(value, value, (name, launchedBy) => {
        const harmless = textsOf("web", "somebody");
        const { email, sms, subject, starts } = textsOf(name, launchedBy);
        expect(starts).toEqual(harmless.starts);
        expect(email.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
        expect(Buffer.byteLength(sms)).toBeLessThanOrEqual(140);
        expect(sms).not.toMatch(/[\r\n]/);
        expect(subject).toMatch(/^[\x20-\x7e]{1,99}$/);
      }),
      { numRuns: 500 },
    );
  });

  function textsOf(name: string, launchedBy: string) {
    const finding = findingOf({
      launchedBy,
      instance: { tags: new Map([["Name", name]]), keyName: name },
      requires: "service",
    });
    const [alert] = alertsFor([finding], AT);
    if (alert === undefined) throw new Error("there is no alert");
    const { email, sms } = JSON.parse(alert.message) as { email: string; sms: string };
    const [, ...lines] = email.split("\n");
    // What is wrapped goes on further in; at the start of a line stands what is ours.
    const starts = lines.filter((line) => /^[A-Z]/.test(line)).map((line) => line.slice(0, 11));
    return { email, sms, subject: alert.subject, starts };
  }
});

describe("a run of the fuzzer", () => {
  it("finds nothing in its first thousands of cases", { timeout: 120_000 }, async () => {
    const { violations, cases, byClass } = await fuzz(2016, { cases: 3_000, minutes: 2 });
    expect(violations).toEqual([]);
    expect(cases).toBe(3_000);
    expect([...byClass.keys()].sort()).toEqual([...CLASSES].sort());
    expect([...byClass.values()].every((count) => count > 250)).toBe(true);
  });

  const resultOf = async (fuzzCase: (world: Target["world"]) => FuzzCase) => {
    const target = await createTarget();
    try {
      return await target.run(fuzzCase(target.world));
    } finally {
      target.close();
    }
  };
  const delivered = (sentAt: (now: number) => number, done: "nothing" | "headers") =>
    resultOf(({ topic, certificateUrl, signer, now }) => {
      const Timestamp = new Date(sentAt(now)).toISOString();
      const fields = notification(stateChange(), { TopicArn: topic, SigningCertURL: certificateUrl, Timestamp });
      const genuine = signed(fields, { signer });
      const body = Buffer.from(JSON.stringify(genuine));
      return { kind: "http", class: done, face: "function URL", method: "POST", headers: {}, body, genuine };
    });

  it("finds a genuine delivery that is refused, and blames no refusal of one that was changed", async () => {
    expect(await delivered((now) => now - 60_000, "nothing")).toMatchObject({ violation: null });
    const threeHoursOld = (now: number) => now - 3 * 3_600_000;
    expect(await delivered(threeHoursOld, "nothing")).toMatchObject({
      violation: expect.stringMatching(/^lost: 403 /),
    });
    expect(await delivered(threeHoursOld, "headers")).toMatchObject({ violation: null });
  });

  it("finds an error of ours among those that are thrown for Lambda to try again", async () => {
    const given = (event: unknown) => resultOf(() => ({ kind: "lambda", class: "Lambda events", event }));
    const unreadable = {
      get Records() {
        throw new TypeError("Cannot read properties of undefined");
      },
    };
    expect(await given(unreadable)).toMatchObject({
      violation: expect.stringMatching(/^threw TypeError: Cannot read/),
    });
    expect(await given({})).toMatchObject({ outcome: "threw Audit_malformed", violation: null });
  });
});
