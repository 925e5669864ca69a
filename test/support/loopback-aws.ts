import { createServer } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as later } from "node:timers/promises";
import { serveOnLoopback } from "./loopback.ts";
import { answerAsAws } from "./network.ts";

/** An AWS on loopback that answers as one that finds nothing to object to, and that can forget its connections. */
export interface LoopbackAws {
  readonly endpoint: string;
  /** How many connections were made to it, and how many requests came on connections that it had forgotten. */
  readonly counts: { connections: number; requests: number; onForgotten: number };
  /** Holds its answers until `count` requests are waiting for them. */
  hold(count: number): void;
  /** Treats the connections that are open now as unknown: a request on one gets no answer, or a reset. */
  forget(how: "silent" | "reset"): void;
  close(): Promise<void>;
}

/** Takes how long an answer takes, in milliseconds. */
export async function startLoopbackAws(answerMs = 0): Promise<LoopbackAws> {
  const counts = { connections: 0, requests: 0, onForgotten: 0 };
  const open = new Set<Socket>();
  const forgotten = new Map<Socket, "silent" | "reset">();
  let held: (() => void)[] = [];
  let holding = 0;

  const server = createServer(async (request, response) => {
    counts.requests++;
    const how = forgotten.get(request.socket);
    if (how !== undefined) {
      counts.onForgotten++;
      if (how === "reset") request.socket.resetAndDestroy();
      return;
    }
    let body = "";
    for await (const chunk of request) body += chunk;
    if (answerMs > 0) await later(answerMs);
    held.push(() => response.end(answerAsAws({ action: new URLSearchParams(body).get("Action") })));
    if (held.length < holding) return;
    for (const answer of held) answer();
    held = [];
    holding = 0;
  });
  server.keepAliveTimeout = 0;
  server.on("connection", (socket) => {
    counts.connections++;
    open.add(socket);
    socket.on("close", () => open.delete(socket));
  });
  const { url, close } = await serveOnLoopback(server);
  return {
    endpoint: url,
    close,
    counts,
    hold: (count) => {
      holding = count;
    },
    forget: (how) => {
      for (const socket of open) forgotten.set(socket, how);
    },
  };
}
