import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { generate } from "selfsigned";
import { afterEach, describe, expect, it, vi } from "vitest";
import { checkHealth } from "../../../src/cli/doctor/health.ts";
import { freePort } from "../../../src/local/free-port.ts";

const servers: Server[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}
const serve = async (listener: RequestListener) => `http://127.0.0.1:${await listening(createServer(listener))}/`;
const HEALTHY = { name: "ec2-audit", version: "1.0.0", configured: true, subscribed: "confirmed" };
const serveDocument = (changes: object) =>
  serve((_, response) => void response.end(JSON.stringify({ ...HEALTHY, ...changes })));

/** Returns the checks of the function at a URL that are neither ok nor skipped, one line each. */
async function findings(url: string): Promise<readonly string[]> {
  const checks = await checkHealth(url, " --region us-east-1");
  const found = checks.filter(({ state }) => state !== "ok" && state !== "skipped");
  return found.map(({ state, name, message }) => `${state}: ${name}: ${message}`);
}

describe("the doctor's check of a function whose response is missing or wrong", () => {
  it("reports that the connection failed", async () => {
    const url = `http://127.0.0.1:${await freePort()}/`;
    expect(await findings(url)).toEqual([`wrong: ${url}: the connection failed`]);
  });

  it("neither sends nor shows a password in the URL", async () => {
    expect(await findings("http://user:pass-word@127.0.0.1:9/")).toEqual([
      "unknown: http://127.0.0.1:9/: its URL contains a user and a password, which the doctor does not send",
    ]);
  });

  it("reports a response that is not the function's", async () => {
    const url = await serve((_, response) => void response.writeHead(404).end("<h1>Not found</h1>"));
    expect(await findings(url)).toEqual([
      `wrong: ${url}: responds with 404, but without the health document of ec2-audit`,
    ]);
  });

  it("reports that there was no response within 10 s", async () => {
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    const spy = vi.spyOn(AbortSignal, "timeout").mockImplementation(() => timeout(20));
    const url = await serve(() => {});
    expect(await findings(url)).toEqual([`wrong: ${url}: it did not respond within 10 s`]);
    expect(spy).toHaveBeenCalledWith(10_000);
  });

  it("reports a certificate that SNS does not trust", async () => {
    const { private: key, cert } = await generate([{ name: "commonName", value: "localhost" }]);
    const url = `https://localhost:${await listening(createTlsServer({ key, cert }))}/`;
    expect(await findings(url)).toEqual([`wrong: ${url}: its certificate is not signed by a public authority`]);
  });
});

describe("the doctor's check of the function's health document", () => {
  it.each([
    [{}, []],
    [{ version: "0.9.0" }, ["warning: version: the function has version 0.9.0, this command 1.0.0"]],
    [
      { configured: false, problems: [{ key: "GRACE_SECONDS", problem: "is not a number" }, "too bad"] },
      ["wrong: configured: GRACE_SECONDS is not a number", "wrong: configured: too bad"],
    ],
    [{ configured: undefined }, ["wrong: configured: it responds with 200"]],
    [{ warnings: ["AUDIT_ROLE_NAME is missing"] }, ["wrong: function warning: AUDIT_ROLE_NAME is missing"]],
    [{ subscribed: "pending" }, ["warning: subscribed: pending"]],
    [{ subscribed: undefined }, ["warning: subscribed: not reported"]],
    [{ subscribed: "failed: AuthorizationErrorException" }, ["wrong: subscribed: failed: AuthorizationErrorException"]],
    [{ subscribed: "unsubscribed" }, ["wrong: subscribed: SNS reported that the function was unsubscribed"]],
  ])("with %j reports %j", async (changes, expected) => {
    expect(await findings(await serveDocument(changes))).toEqual(expected);
  });

  it("shows text from the response on one line, without control characters", async () => {
    const hostile = "1.0\u001b[2J\u009b31m\u202e\n  ✓ all: well";
    const shown = "1.0\\u001b[2J\\u009b31m\\u202e\\u000a  ✓ all: well";
    const problems = [{ key: hostile, problem: hostile }];
    expect(await findings(await serveDocument({ version: hostile, subscribed: hostile }))).toEqual([
      `warning: version: the function has version ${shown}, this command 1.0.0`,
      `warning: subscribed: ${shown}`,
    ]);
    expect(await findings(await serveDocument({ configured: false, problems }))).toEqual([
      `wrong: configured: ${shown} ${shown}`,
    ]);
  });
});
