/** Attacks on the HTTP request itself, by chunks, lengths, queries and methods, against the served webtask. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { KEYS } from "../../src/config.ts";
import { stateChange } from "../support/events.ts";
import { loadBuilt, serve } from "../support/hosts.ts";
import type { Served } from "../support/loopback.ts";
import { notification, OTHER_SIGNER, signed } from "../support/sns.ts";
import { configurationOf, withoutFunctionUrl } from "./configuration.ts";

const configuration = configurationOf("zebra", "eu-central-1", "444455556666", "http://127.0.0.1:9");
let served: Served;
beforeAll(async () => {
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
  served = await serve(loadBuilt(), withoutFunctionUrl(configuration).settings);
});
afterAll(async () => {
  vi.restoreAllMocks();
  await served.close();
});

/** Sends bytes, ends the connection on this side, and returns all bytes of the response. */
function send(...pieces: readonly string[]): Promise<string> {
  return exchange(pieces, (socket) => socket.end());
}

/** Sends bytes, calls `then` with the connection, and returns all bytes of the response. */
async function exchange(pieces: readonly string[], then: (socket: Socket) => void): Promise<string> {
  const socket = connect(Number(new URL(served.url).port), "127.0.0.1");
  let response = "";
  socket.setEncoding("utf8");
  socket.on("data", (text) => {
    response += text;
  });
  socket.on("error", () => {});
  for (const piece of pieces) socket.write(piece);
  then(socket);
  await once(socket, "close");
  return response;
}

const head = (method: string, more = "", target = "/") =>
  `${method} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${more}\r\n`;
const forged = JSON.stringify(
  signed(notification(stateChange(), { TopicArn: configuration.launchTopic, Timestamp: new Date().toISOString() }), {
    signer: OTHER_SIGNER,
  }),
);
const chunked = (body: string, size: number) => {
  const pieces = body.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
  return [...pieces.map((piece) => `${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`), "0\r\n\r\n"];
};

describe("the served webtask", () => {
  it.each([
    ["a forged delivery in one piece", [head("POST", `Content-Length: ${forged.length}\r\n`), forged], 403],
    ["a forged delivery in chunks of 7", [head("POST", "Transfer-Encoding: chunked\r\n"), ...chunked(forged, 7)], 403],
    ["a forged delivery, in chunks of 1", [head("POST", "Transfer-Encoding: chunked\r\n"), ...chunked(forged, 1)], 403],
    ["no body", [head("POST", "Content-Length: 0\r\n")], 400],
    ["neither length nor body", [head("POST")], 400],
    ["300 kB in chunks", [head("POST", "Transfer-Encoding: chunked\r\n"), ...chunked("x".repeat(300_000), 4_096)], 413],
    [
      "3 MB in chunks",
      [head("POST", "Transfer-Encoding: chunked\r\n"), ...chunked("x".repeat(3_000_000), 65_536)],
      413,
    ],
    ["a method in the query", [head("PUT", `Content-Length: ${forged.length}\r\n`, "/?_method=POST"), forged], 405],
    ["a method in a header", [head("DELETE", "X-HTTP-Method-Override: POST\r\nContent-Length: 2\r\n"), "{}"], 405],
    [
      "settings in the query",
      [
        head(
          "POST",
          `Content-Length: ${forged.length}\r\n`,
          "/?LAUNCH_TOPIC_ARN=x&AWS_ENDPOINT_URL=http://evil.example&SNS_SIGNING_CERT=x",
        ),
        forged,
      ],
      403,
    ],
    ["a compressed body", [head("POST", "Content-Encoding: gzip\r\nContent-Length: 4\r\n"), "\x1f\x8b\x08\x00"], 400],
    [
      "a form",
      [head("POST", "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 17\r\n"), "Type=Notification"],
      400,
    ],
  ])("refuses %s", { timeout: 30_000 }, async (_, pieces, status) => {
    const response = await send(...pieces);
    expect(response.slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
    const body = response.slice(response.indexOf("\r\n\r\n"));
    expect([...configuration.values, ...KEYS].filter((value) => body.includes(value))).toEqual([]);
  });

  it.each(["GET", "HEAD"])("discloses nothing of its configuration to %s", async (method) => {
    // The function calls STS first, and Node closes a connection whose client has ended its side before the response.
    const response = await exchange([head(method, "", "/?debug=1&secrets=1")], () => {});
    expect(response.slice(0, 12)).toBe("HTTP/1.1 200");
    expect([...configuration.values, ...KEYS].filter((value) => response.includes(value))).toEqual([]);
  });

  it("responds to the next request after one that was cut off", async () => {
    await send(head("POST", "Content-Length: 1000\r\n"), "{");
    await send(head("POST", "Transfer-Encoding: chunked\r\n"), "5\r\nab");
    await send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}");
    expect((await exchange([head("GET")], () => {})).slice(0, 12)).toBe("HTTP/1.1 200");
  });
});
