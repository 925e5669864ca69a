import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { afterEach, describe, expect, it, vi } from "vitest";
import alertSchema from "../../src/alerts/alert.schema.json";
import { alertsFor } from "../../src/alerts/alert.ts";
import digestSchema from "../../src/fleet/digest.schema.json";
import { digestOf } from "../../src/fleet/digest.ts";
import { isObject } from "../../src/util/json.ts";
import { EXAMPLE } from "../fleet/sweeps.ts";
import { AT } from "../support/events.ts";
import { findingOf } from "../support/findings.ts";
import { serveOnLoopback } from "../support/loopback.ts";

const page = readFileSync("docs/alert.md", "utf8");

/** The function that sends findings to PagerDuty. It runs against a server that records its requests. */
const code = /^```js\n(.*?)^```/ms.exec(page)?.[1] ?? "";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
});

/** What a Lambda function that is subscribed to the topic receives. */
const recordOf = (published: { readonly message: string } | null | undefined) => ({
  Sns: { Message: JSON.parse(published?.message ?? "").default },
});

describe("each alert and digest in docs/alert.md", () => {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
  addFormats.default(ajv);
  ajv.addSchema([alertSchema, digestSchema]);
  const examples = [...page.matchAll(/^```json\n(.*?)^```/gms)].map(([, json = ""]) => JSON.parse(json));

  it.each(examples.filter(({ schema }) => schema !== undefined))("is as its schema $schema requires", (example) => {
    expect(ajv.validate(example.schema, example), ajv.errorsText()).toBe(true);
  });
});

describe("the function for PagerDuty in docs/alert.md", () => {
  it("skips the digest of a sweep", async () => {
    vi.stubGlobal("fetch", () => expect.unreachable());
    const { handler } = await import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(code)}`);
    await handler({ Records: [recordOf(digestOf(EXAMPLE))] });
  });

  it("opens an incident for each finding of an alert by its dedupKey, and throws if it is not accepted", async () => {
    const bodies: string[] = [];
    let status = 202;
    const server = createServer((request, response) => {
      request.on("data", (chunk) => bodies.push(String(chunk)));
      request.on("end", () => response.writeHead(status).end());
    });
    const { url, close } = await serveOnLoopback(server);
    const { fetch } = globalThis;
    vi.stubGlobal("fetch", (to: string, request: RequestInit) => {
      expect(to).toBe("https://events.pagerduty.com/v2/enqueue");
      return fetch(url, request);
    });
    vi.stubEnv("ROUTING_KEY", "0123456789abcdef0123456789abcdef");
    const { handler } = await import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(code)}`);
    const findings = [findingOf({ severity: "high" }), findingOf({ id: "b", dedupKey: "other", ruleId: "other" })];
    const [alert] = alertsFor(findings, AT);
    const event = { Records: [recordOf(alert)] };
    await handler(event);
    expect(bodies.map((body) => JSON.parse(body))).toMatchObject([
      {
        routing_key: "0123456789abcdef0123456789abcdef",
        event_action: "trigger",
        dedup_key: findings[0]?.dedupKey,
        payload: { source: "123456789012 us-east-1", severity: "error" },
      },
      { dedup_key: "other", payload: { severity: "warning" } },
    ]);
    status = 429;
    await expect(handler(event)).rejects.toThrow("PagerDuty responded with 429");
    await close();
  });
});

describe("the digest in docs/alert.md", () => {
  const [section = ""] = /^## The digest\n.*?(?=^## )/ms.exec(page) ?? [];
  const [, mail] = /^```\n(.*?)^```/ms.exec(section) ?? [];
  const [, document = ""] = /^```json\n(.*?)^```/ms.exec(section) ?? [];
  const digest = digestOf(EXAMPLE);

  it("shows the e-mail of a sweep", () => {
    expect(mail).toBe(`${digest?.subject}\n\n${digest?.text}\n`);
  });

  it("shows the document of the same sweep, with the first entry of each list", () => {
    expect(JSON.parse(document)).toEqual(withFirsts(digest?.document));
  });
});

/** Returns a value in which each list has its first entry only. */
function withFirsts(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(withFirsts);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withFirsts(each)]));
}
