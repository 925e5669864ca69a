import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { afterEach, describe, expect, it, vi } from "vitest";
import { alertsFor } from "../../src/alerts/alert.ts";
import { AT } from "../support/events.ts";
import { findingOf } from "../support/findings.ts";
import { serveOnLoopback } from "../support/loopback.ts";

/** Runs the function of docs/alert.md that sends findings to PagerDuty, against a server that records its requests. */
const code = /^```js\n(.*?)^```/ms.exec(readFileSync("docs/alert.md", "utf8"))?.[1] ?? "";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
});

describe("the function for PagerDuty in docs/alert.md", () => {
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
    const event = { Records: [{ Sns: { Message: JSON.parse(alert?.message ?? "").default } }] };
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
