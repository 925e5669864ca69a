/**
 * Sends forged, replayed, redirected and malformed deliveries to the deployed file. It must refuse each with the status of
 * the design, call nothing of AWS, fetch at most the certificate of SNS, and disclose nothing of its configuration: a function
 * with another configuration gives the same response.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stateChange } from "../support/events.ts";
import { configurationOf, makeKeys } from "./configuration.ts";
import { basesOf, type Context, caseOf, certificateUrl, genuine } from "./corpus/case.ts";
import { CLASSES } from "./corpus/classes.ts";
import { problemsOf } from "./oracle.ts";
import { startTarget, type Target } from "./target.ts";

const REGIONS = ["eu-central-1", "ap-southeast-2"] as const;
const ACCOUNT = "444455556666";

let target: Target;
let context: Context;
let other: Context;

beforeAll(async () => {
  const now = Date.now();
  const keys = await makeKeys(now);
  target = await startTarget({ keys, regions: REGIONS, tagKeys: ["tag-of-zebra", "tag-of-yak"] });
  const { endpoint } = target;
  context = { configuration: configurationOf("zebra", REGIONS[0], ACCOUNT, endpoint), keys, now };
  other = { configuration: configurationOf("yak", REGIONS[1], "777788889999", endpoint), keys, now };
});
afterAll(() => target.close());

describe("the deployed file", () => {
  it.each(CLASSES)("refuses a delivery $name", { timeout: 180_000 }, async ({ cases, least, otherCertificates }) => {
    const [webtask, functionUrl] = target.hosts;
    const problems: string[] = [];
    const certificates: string[] = [];
    let count = 0;
    for (const attack of cases(context)) {
      count += 1;
      const responses = [];
      for (const [host, attacked] of [
        [webtask, context],
        [functionUrl, context],
        [functionUrl, other],
      ] as const) {
        // Only a function with the named launch topic looks for the certificate.
        if (attack.status === 503 && attacked === other) continue;
        const response = await host.send(attack, attacked.configuration);
        const effects = target.effects();
        certificates.push(...effects.certificates);
        responses.push(response);
        const found = problemsOf({ kind: "refused", ...attack }, response, effects, attacked);
        problems.push(...found.map((problem) => `${host.name}: ${attack.name} (${attack.because}): ${problem}`));
      }
      const [, response, otherResponse = response] = responses;
      if (JSON.stringify(otherResponse) !== JSON.stringify(response))
        problems.push(`${attack.name}: another configuration gives another response: ${otherResponse?.body}`);
    }
    expect(problems).toEqual([]);
    expect(count).toBeGreaterThanOrEqual(least);
    if (!otherCertificates) expect([[], [certificateUrl(REGIONS[0])]]).toContainEqual([...new Set(certificates)]);
  });

  it("accepts every kind of delivery that SNS signed for its topic, on both hosts", async () => {
    for (const host of target.hosts) {
      for (const base of basesOf(context, undefined, undefined, { MessageId: `of ${host.name}` })) {
        const response = await host.send(caseOf("", "", 200, genuine(base, context)), context.configuration);
        expect(response.status, `${host.name}, ${base.kind}: ${response.body}`).toBe(200);
        expect(problemsOf({ kind: "accepted" }, response, target.effects(), context)).toEqual([]);
      }
    }
  });

  it("audits a launch in a delivery that SNS signed for its topic, on both hosts", async () => {
    const time = new Date(context.now - 7_200_000).toISOString();
    const message = JSON.stringify(stateChange({ region: REGIONS[0], account: ACCOUNT, time }));
    for (const host of target.hosts) {
      const [base] = basesOf(context, message, undefined, { MessageId: `launch of ${host.name}` });
      if (base === undefined) throw new Error("there is no delivery");
      const response = await host.send(caseOf("", "", 200, genuine(base, context)), context.configuration);
      const effects = target.effects();
      expect(problemsOf({ kind: "accepted" }, response, effects, context)).toEqual([]);
      expect(effects.calls.map(({ action }) => action)).toEqual(
        expect.arrayContaining(["DescribeTags", "DescribeInstances", "Publish"]),
      );
    }
  });
});
