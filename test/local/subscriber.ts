import { createServer, type IncomingHttpHeaders } from "node:http";
import { serveOnLoopback } from "../support/loopback.ts";

/** A request that SNS made. */
export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A subscriber's response: a status, none at all, or a dropped connection. */
export type Behaviour = number | "silence" | "hang up";

/** Starts an HTTP endpoint that records its requests and responds by the list, then by its last entry. */
export async function startSubscriber(...behaviours: Behaviour[]) {
  const received: Received[] = [];
  const script = [...behaviours];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      const behaviour = (script.length > 1 ? script.shift() : script[0]) ?? 200;
      if (behaviour === "hang up") request.socket.destroy();
      else if (behaviour !== "silence") response.writeHead(behaviour).end(`response ${behaviour}`);
    });
  });
  const { url, close } = await serveOnLoopback(server);
  return {
    url: `${url}/hook`,
    close,
    received,
    /** Returns the last request's body, parsed. @throws Error if there is none, or it is not JSON */
    last: (): Record<string, string> => JSON.parse(received.at(-1)?.body ?? "") as Record<string, string>,
  };
}
