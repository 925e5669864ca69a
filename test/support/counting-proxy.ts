import { createServer, request } from "node:http";
import { type Served, serveOnLoopback } from "./loopback.ts";

/** Stands between the function and an emulator, and writes down what the function asks for. */
export interface CountingProxy extends Served {
  /** The actions of the query protocol, in their order. */
  readonly actions: string[];
}

/** Takes the emulator's endpoint. */
export async function startCountingProxy(endpoint: string): Promise<CountingProxy> {
  const { hostname, port } = new URL(endpoint);
  const actions: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const body = Buffer.concat(chunks);
      actions.push(/(?:^|&)Action=(\w+)/.exec(body.toString())?.[1] ?? "");
      const options = { hostname, port, path: incoming.url, method: incoming.method, headers: incoming.headers };
      const forwarded = request(options, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      forwarded.on("error", () => outgoing.destroy());
      forwarded.end(body);
    });
  });
  return { ...(await serveOnLoopback(server)), actions };
}
