import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { Slots } from "../util/slots.ts";

/** The limits of calls to AWS. Times are in milliseconds. */
export interface CallLimits {
  /** The maximum time to open a connection. */
  readonly connectMs: number;
  /** The maximum time until a response starts, and the maximum pause within a response. */
  readonly responseMs: number;
  /** The maximum idle time of a connection that is used again. */
  readonly idleMs: number;
  /** The maximum number of concurrent calls. The others wait, and the wait does not count as their time. */
  readonly callsAtOnce: number;
}

/** SNS waits 15 s for a response, and one delivery can need three calls in a row. */
export const CALL_LIMITS: CallLimits = {
  connectMs: 2_000,
  responseMs: 3_000,
  // The server drops idle connections while a Lambda function or webtask container is frozen, and a NAT gateway after 350 s.
  // https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html#nat-gateway-troubleshooting-timeout
  idleMs: 10_000,
  // A call with its TLS handshake takes up to 2 ms of CPU. A hundred of them keep a function of 256 MB, which has a seventh of
  // a vCPU, busy for half of responseMs. https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
  callsAtOnce: 100,
};

/**
 * The maximum number of idle connections to a host. The server may drop all of them at once, and the retry quota of an SDK
 * client (500, at 14 a retry) covers 35. Calls in sequence, and the four concurrent calls of a burst in one account, need no
 * more. For a hundred accounts at once, 65 more are opened each time, at 0.9 ms of CPU each (TLS on loopback, sessions resumed).
 */
const IDLE_CONNECTIONS = 35;

/**
 * Creates the HTTP handler that all clients of a configuration share. Calls wait for a free place before the SDK's timeouts
 * start, because these would count the wait for a socket as AWS's time. `now` is in milliseconds since 1970; unlike timers, it
 * continues while a container is frozen.
 */
export function createTransport(now: () => number, limits: CallLimits): NodeHttpHandler {
  return new Transport(now, limits);
}

class Transport extends NodeHttpHandler {
  readonly #now: () => number;
  readonly #idleMs: number;
  readonly #agents: readonly HttpAgent[];
  readonly #slots: Slots;
  #lastCall: number;

  constructor(now: () => number, { connectMs, responseMs, idleMs, callsAtOnce }: CallLimits) {
    const pool = { keepAlive: true, maxFreeSockets: IDLE_CONNECTIONS, timeout: idleMs };
    const [httpAgent, httpsAgent] = [new HttpAgent(pool), new HttpsAgent(pool)];
    super({
      connectionTimeout: connectMs,
      requestTimeout: responseMs,
      // The request timeout ends with the first byte of the response. This one is for a response that stops in the middle.
      socketTimeout: responseMs,
      throwOnRequestTimeout: true,
      httpAgent,
      httpsAgent,
    });
    this.#now = now;
    this.#idleMs = idleMs;
    this.#agents = [httpAgent, httpsAgent];
    this.#slots = new Slots(callsAtOnce);
    this.#lastCall = now();
  }

  override async handle(...call: Parameters<NodeHttpHandler["handle"]>): ReturnType<NodeHttpHandler["handle"]> {
    await this.#slots.take();
    const before = this.#lastCall;
    this.#lastCall = this.#now();
    if (this.#lastCall - before > this.#idleMs) this.#closeIdle();
    try {
      return await super.handle(...call);
    } catch (error) {
      // The idle connections may be broken too, so the retry must open a new one.
      this.#closeIdle();
      throw error;
    } finally {
      this.#slots.free();
    }
  }

  #closeIdle(): void {
    for (const { freeSockets } of this.#agents) {
      for (const socket of Object.values(freeSockets).flat()) socket?.destroy();
    }
  }
}
