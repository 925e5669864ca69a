import type { IncomingMessage, ServerResponse } from "node:http";

/** The least that a webtask can do with a delivery: take it, and answer 200. What costs more than this is the function. */
export default function noop(_context: unknown, request: IncomingMessage, response: ServerResponse): void {
  request.on("data", () => {});
  request.on("end", () => {
    response.writeHead(200, { "Content-Type": "application/json" });
    response.end("{}");
  });
}
