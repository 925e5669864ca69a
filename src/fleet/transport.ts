import { IncomingMessage } from "node:http";
import type { NodeHttpHandler } from "@smithy/node-http-handler";
import { type CallLimits, createTransport } from "../aws/transport.ts";
import { Slots } from "../util/slots.ts";

/** The limits of a fleet's calls. A page of 1,000 instances can take EC2 seconds. */
const LIMITS: CallLimits = { connectMs: 5_000, responseMs: 20_000, idleMs: 60_000, callsAtOnce: 64 };

/**
 * The number of responses that are read at the same time. A page of 1,000 instances has about 4 MB, and takes some 20 MB until it is
 * read. Parsing is what takes time: while one response is parsed, the others arrive in the buffers of the operating system. With four,
 * a report takes 30 MB more, and no less time.
 */
const RESPONSES_AT_ONCE = 2;

/**
 * Creates the HTTP handler that all clients share that read a fleet. They should make one attempt, because `paced` repeats calls. `now`
 * is in milliseconds since 1970.
 */
export function fleetTransport(now: () => number): NodeHttpHandler {
  return readingFew(createTransport(now, LIMITS), RESPONSES_AT_ONCE, now);
}

/**
 * A server may close a connection that long after it has sent a response, in milliseconds: Node's own after 5 s. The close is seen only
 * behind the response, when the next call may be on the connection already.
 */
const STALE_MS = 2_000;

/**
 * Makes a handler return a response only when less than a number of others are being read. A response's wait does not count as a
 * pause of AWS. Returns the handler. `now` is in milliseconds since 1970.
 */
export function readingFew(handler: NodeHttpHandler, most: number, now: () => number): NodeHttpHandler {
  const slots = new Slots(most);
  const handle = handler.handle.bind(handler);
  handler.handle = async (...call) => {
    const handled = await handle(...call);
    const { body } = handled.response;
    if (!(body instanceof IncomingMessage)) return handled;
    const { socket } = body;
    const { timeout = 0 } = socket;
    const arrivedAt = now();
    socket.setTimeout(0);
    await slots.take();
    socket.setTimeout(timeout);
    if (body.destroyed) {
      slots.free();
      // A reader of the body would wait forever: its events have already been emitted.
      throw Object.assign(new Error("the connection was closed before the response was read"), {
        name: "TimeoutError",
      });
    }
    body.once("close", () => slots.free());
    if (now() - arrivedAt > STALE_MS) body.once("end", () => socket.destroy());
    return handled;
  };
  return handler;
}
