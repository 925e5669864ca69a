import { createServer, type IncomingHttpHeaders } from "node:http";
import { serveOnLoopback } from "../support/loopback.ts";

/** A request that SNS made. */
export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What a subscriber answers: a status, nothing at all for ever, or a dropped connection. */
export type Behaviour = number | "silence" | "hang up";

/** An HTTP endpoint that keeps what it is sent and answers as the list says; when that is used up, by its last entry. */
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
      else if (behaviour !== "silence") response.writeHead(behaviour).end(`answer ${behaviour}`);
    });
  });
  const { url, close } = await serveOnLoopback(server);
  return {
    url: `${url}/hook`,
    close,
    received,
    /** What it was sent last, read. @throws Error when there is nothing, or it is not JSON */
    last: (): Record<string, string> => JSON.parse(received.at(-1)?.body ?? "") as Record<string, string>,
  };
}
