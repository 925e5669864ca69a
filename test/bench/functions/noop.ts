import type { IncomingMessage, ServerResponse } from "node:http";

/** A webtask that reads the delivery and responds 200. The CPU time beyond this is the function's. */
export default function noop(_context: unknown, request: IncomingMessage, response: ServerResponse): void {
  request.on("data", () => {});
  request.on("end", () => {
    response.writeHead(200, { "Content-Type": "application/json" });
    response.end("{}");
  });
}
