import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { WebtaskContext, WebtaskFunction } from "webtask-tools";
import { webtask } from "../../src/adapters/webtask.ts";
import { mockEc2, mockSns } from "../support/aws.ts";
import { INSTANCE, stateChange } from "../support/events.ts";
import { callWebtask, runtime } from "../support/hosts.ts";
import { CERTIFICATE_URL, type Fields, headersOf, notification, signed } from "../support/sns.ts";
import { createTestStack, SETTINGS } from "../support/test-stack.ts";

const ec2 = mockEc2();
const sns = mockSns();
const servers: Server[] = [];
beforeEach(() => {
  ec2.start();
  sns.start();
  ec2.launch(INSTANCE, { tags: { Name: "web", service: "shop" } });
});
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function listen(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

function newTask(): { task: WebtaskFunction; lines: readonly string[] } {
  const { app, stack } = createTestStack({}, SETTINGS);
  return { task: webtask(app), lines: stack.lines };
}

/** The public webtask runtime, serving the webtask on loopback. */
function served(options: Readonly<Record<string, unknown>> = {}): Promise<string> {
  return listen(runtime.createServer(newTask().task, { parseBody: 0, secrets: SETTINGS, ...options }));
}

interface HostRequest extends IncomingMessage {
  x_wt?: unknown;
  body?: unknown;
  raw_body?: unknown;
}

/** Another kind of host, which may read the body and stores it where the test chooses. */
function hosted(
  leave: (body: string, request: HostRequest) => Partial<WebtaskContext>,
  { reads = true }: { reads?: boolean } = {},
): Promise<string> {
  const { task } = newTask();
  const handle = async (request: HostRequest, response: ServerResponse) => {
    request.x_wt = { container: "", url_format: 3 };
    let body = "";
    if (reads) for await (const chunk of request) body += chunk;
    task({ secrets: SETTINGS, ...leave(body, request) }, request, response);
  };
  return listen(createServer((request, response) => void handle(request, response)));
}

function post(url: string, envelope: Fields, type = "text/plain; charset=UTF-8"): Promise<Response> {
  const headers = { ...headersOf(envelope), "content-type": type };
  return fetch(url, { method: "POST", headers, body: JSON.stringify(envelope) });
}

const LAUNCH = signed(notification(stateChange(), { Subject: 'h\u00e9 \ud83d\ude00 "<&>" \u2028' }));

describe("the webtask", () => {
  it("has three parameters: the context, the request and the response", () => {
    expect(newTask().task).toBeTypeOf("function");
    expect(newTask().task).toHaveLength(3);
  });

  describe.each<[string, () => Promise<string>]>([
    ["leaves the body as a stream (webtask-runtime)", () => served()],
    ["has read the body into req.raw_body and ctx.body_raw (webtask-runtime)", () => served({ parseBody: 1 })],
    [
      "has read the body into req.raw_body only",
      () =>
        hosted((body, request) => {
          request.raw_body = body;
          return {};
        }),
    ],
    ["has read the body into ctx.body_raw only", () => hosted((body) => ({ body_raw: body }))],
    ["has left the body as text in ctx.body", () => hosted((body) => ({ body }))],
    ["has parsed the body into ctx.body", () => hosted((body) => ({ body: JSON.parse(body) }))],
    [
      "has parsed the body into req.body",
      () =>
        hosted((body, request) => {
          request.body = JSON.parse(body);
          return {};
        }),
    ],
    [
      "puts an empty req.body beside a stream that it could not parse",
      () =>
        hosted(
          (_, request) => {
            request.body = {};
            return {};
          },
          { reads: false },
        ),
    ],
  ])("if the host %s", (_, open) => {
    it.each(["text/plain; charset=UTF-8", "application/json"])("audits a delivery of the type %s", async (type) => {
      const answer = await post(await open(), LAUNCH, type);
      expect(answer.status).toBe(200);
      expect(await answer.json()).toMatchObject({ outcome: "compliant" });
      expect(ec2.tagCalls()).toEqual([[INSTANCE]]);
    });

    it("rejects a changed delivery", async () => {
      expect((await post(await open(), { ...LAUNCH, Subject: "another" })).status).toBe(403);
      expect(ec2.mock.calls()).toHaveLength(0);
    });

    it("returns 400 for the body null, and does not wait for more", async () => {
      const url = await open();
      const answer = await fetch(url, { method: "POST", headers: { "content-type": "text/plain" }, body: "null" });
      expect(answer.status).toBe(400);
    });
  });

  it.each([0, 1])("returns 400 for a POST without a body (parseBody %i)", async (parseBody) => {
    expect((await fetch(await served({ parseBody }), { method: "POST" })).status).toBe(400);
  });

  it.each([
    ["as a stream", 0],
    ["as text", 1],
  ])("returns 413 for 300 KB %s, and processes the next request", async (_, parseBody) => {
    const url = await served({ parseBody });
    const answer = await fetch(url, { method: "POST", body: "x".repeat(300_000) });
    expect(answer.status).toBe(413);
    expect(await answer.json()).toEqual({ outcome: "rejected", reason: "the body is over 256 KiB" });
    expect((await post(url, LAUNCH)).status).toBe(200);
  });

  it("returns 413 for 300 KB that the host has parsed", async () => {
    const url = await hosted((body) => ({ body: JSON.parse(body) }));
    expect((await post(url, { ...LAUNCH, Message: "x".repeat(300_000) })).status).toBe(413);
  });

  it("responds to HEAD with the headers of GET and no body", async () => {
    const url = await served();
    const length = (await (await fetch(url)).arrayBuffer()).byteLength;
    const answer = await new Promise<IncomingMessage>((resolve) => {
      httpRequest(url, { method: "HEAD" }, resolve).end();
    });
    answer.resume();
    expect(answer.statusCode).toBe(200);
    expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
    expect(answer.headers["content-length"]).toBe(String(length));
  });

  it("processes the next request after a caller closed the connection within a body, and counts no failure", async () => {
    const { task, lines } = newTask();
    const url = await listen(runtime.createServer(task, { parseBody: 0, secrets: SETTINGS }));
    await new Promise<void>((resolve) => {
      const socket = connect(Number(new URL(url).port), "127.0.0.1", () => {
        socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", () => socket.destroy());
      });
      socket.on("close", () => resolve());
    });
    await vi.waitFor(() => expect(lines).toHaveLength(1));
    const cutOff = {
      level: "warn",
      outcome: "rejected",
      message: "the connection closed before the body was complete",
      rejected: 1,
    };
    expect(JSON.parse(lines[0] ?? "")).toMatchObject(cutOff);
    expect((await post(url, LAUNCH)).status).toBe(200);
  });
});

describe("the secrets of a webtask", () => {
  /** A warm container whose secrets a test can change. */
  function warm(env: Readonly<Record<string, string>> = {}) {
    const { app, stack } = createTestStack(env, SETTINGS);
    const task = webtask(app);
    const deliver = async (secrets: Readonly<Record<string, string>>) =>
      (await callWebtask(task, secrets, { headers: headersOf(LAUNCH), body: JSON.stringify(LAUNCH) })).status;
    return { stack, deliver };
  }

  it("may change between two calls: of the old ones, only the certificate is used again", async () => {
    ec2.launch(INSTANCE, { tags: { Name: "web" } });
    const { stack, deliver } = warm();
    const other = SETTINGS.ALERT_TOPIC_ARN?.replace("ec2_audit_alert", "another_topic") ?? "";
    expect(await deliver(SETTINGS)).toBe(200);
    expect(await deliver({ ...SETTINGS, ALERT_TOPIC_ARN: other })).toBe(200);
    expect(sns.published().map(({ TopicArn }) => TopicArn)).toEqual([SETTINGS.ALERT_TOPIC_ARN, other]);
    expect(await deliver({ ...SETTINGS, REQUIRED_TAGS: "name" })).toBe(200);
    expect(sns.published()).toHaveLength(2);
    expect(await deliver({ ...SETTINGS, GRACE_SECONDS: "soon" })).toBe(500);
    expect(await deliver(SETTINGS)).toBe(200);
    expect(sns.published()).toHaveLength(3);
    expect(stack.certificatesRequested).toEqual([CERTIFICATE_URL]);
  });

  it("override the environment variables of the host", async () => {
    ec2.launch(INSTANCE, { tags: { Name: "web" } });
    const { deliver } = warm({ REQUIRED_TAGS: "name", GRACE_SECONDS: "soon" });
    expect(await deliver({ ...SETTINGS, GRACE_SECONDS: "0" })).toBe(200);
    expect(sns.published()).toEqual([]);
    expect(await deliver({ ...SETTINGS, GRACE_SECONDS: "0", REQUIRED_TAGS: "service" })).toBe(200);
    expect(sns.published()).toHaveLength(1);
  });
});

describe("a body that the host has parsed", () => {
  it("returns 400 if it is nested too deeply to be stringified", async () => {
    const deep = JSON.parse("[".repeat(50_000) + "]".repeat(50_000));
    const url = await hosted(() => ({ body: { deep } }));
    const answer = await fetch(url, { method: "POST", body: "x" });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ outcome: "rejected" });
  });
});
