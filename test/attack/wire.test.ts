/** Attacks below the delivery: chunks, lengths, queries and methods, against the deployed file as it is served. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { KEYS } from "../../src/config.ts";
import { stateChange } from "../support/events.ts";
import { loadBuilt, serve } from "../support/hosts.ts";
import type { Served } from "../support/loopback.ts";
import { notification, OTHER_SIGNER, signed } from "../support/sns.ts";
import { houseOf } from "./house.ts";

const house = houseOf("zebra", "eu-central-1", "444455556666", "http://127.0.0.1:9");
const { FUNCTION_URL: _, ...withoutUrl } = house.settings;
let served: Served;
beforeAll(async () => {
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
  served = await serve(loadBuilt(), withoutUrl);
});
afterAll(async () => {
  vi.restoreAllMocks();
  await served.close();
});

/** Sends bytes as they are and no more, and answers all that comes back. */
function talk(...pieces: readonly string[]): Promise<string> {
  return exchange(pieces, (socket) => socket.end());
}

/** Sends bytes as they are, does what the caller then does with the connection, and answers all that comes back. */
async function exchange(pieces: readonly string[], then: (socket: Socket) => void): Promise<string> {
  const socket = connect(Number(new URL(served.url).port), "127.0.0.1");
  let answer = "";
  socket.setEncoding("utf8");
  socket.on("data", (text) => {
    answer += text;
  });
  socket.on("error", () => {});
  for (const piece of pieces) socket.write(piece);
  then(socket);
  await once(socket, "close");
  return answer;
}

const head = (method: string, more = "", target = "/") =>
  `${method} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${more}\r\n`;
const forged = JSON.stringify(
  signed(notification(stateChange(), { TopicArn: house.launchTopic, Timestamp: new Date().toISOString() }), {
    signer: OTHER_SIGNER,
  }),
);
const chunked = (body: string, size: number) => {
  const pieces = body.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
  return [...pieces.map((piece) => `${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`), "0\r\n\r\n"];
};

describe("on the wire, the served webtask refuses", () => {
  it.each([
    ["a forged delivery in one piece", [head("POST", `Content-Length: ${forged.length}\r\n`), forged], 403],
    ["a forged delivery in chunks of 7", [head("POST", "Transfer-Encoding: chunked\r\n"), ...chunked(forged, 7)], 403],
    ["a forged delivery, byte for byte", [head("POST", "Transfer-Encoding: chunked\r\n"), ...chunked(forged, 1)], 403],
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
  ])("%s", { timeout: 30_000 }, async (_, pieces, status) => {
    const answer = await talk(...pieces);
    expect(answer.slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
    const body = answer.slice(answer.indexOf("\r\n\r\n"));
    expect([...house.values, ...KEYS].filter((value) => body.includes(value))).toEqual([]);
  });

  it.each(["GET", "HEAD"])("to tell anything of the configuration to %s", async (method) => {
    // The function asks STS first, and Node closes a connection whose client has ended its side before the answer.
    const answer = await exchange([head(method, "", "/?debug=1&secrets=1")], () => {});
    expect(answer.slice(0, 12)).toBe("HTTP/1.1 200");
    expect([...house.values, ...KEYS].filter((value) => answer.includes(value))).toEqual([]);
  });

  it("nobody else, after a request that was cut off", async () => {
    await talk(head("POST", "Content-Length: 1000\r\n"), "{");
    await talk(head("POST", "Transfer-Encoding: chunked\r\n"), "5\r\nab");
    await talk("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}");
    expect((await exchange([head("GET")], () => {})).slice(0, 12)).toBe("HTTP/1.1 200");
  });
});
