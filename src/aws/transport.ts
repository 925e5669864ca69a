import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { NodeHttpHandler } from "@smithy/node-http-handler";

/** What bounds the calls to AWS. Times are in milliseconds. */
export interface CallLimits {
  /** How long a connection may take to open. */
  readonly connectMs: number;
  /** How long a call may take until its answer begins, and how long the answer may pause. */
  readonly answerMs: number;
  /** A connection that was idle for longer is not used again. */
  readonly idleMs: number;
  /** How many calls may be under way at once. The others wait, and the wait does not count as their time. */
  readonly callsAtOnce: number;
}

/** SNS waits 15 s for our answer, and one delivery can need three calls in a row. */
export const CALL_LIMITS: CallLimits = {
  connectMs: 2_000,
  answerMs: 3_000,
  // The other side forgets idle connections while a Lambda function or webtask container is frozen, and a NAT gateway after
  // 350 s.
  // https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html#nat-gateway-troubleshooting-timeout
  idleMs: 10_000,
  // A call with its TLS handshake takes up to 2 ms of CPU: a hundred at once keep a function of 256 MB, a seventh of a vCPU,
  // busy for half of answerMs. https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
  callsAtOnce: 100,
};

/**
 * How many idle connections to a host are kept: as many as the retry quota of one SDK client covers (500, at 14 a retry), in
 * case all are forgotten at once. Calls in sequence, and the four calls at once of a burst in one account, need no more. A
 * hundred accounts at once open 65 more each time, for 0.9 ms of CPU each (TLS on loopback, sessions resumed).
 */
const IDLE_CONNECTIONS = 35;

/**
 * Makes the HTTP handler of all clients of one configuration.
 *
 * Calls wait for a free place before the SDK's timeouts start, because these would count the wait for a socket as AWS's time.
 * The clock, in milliseconds since 1970, goes on while a container is frozen; timers do not.
 */
export function createTransport(now: () => number, limits: CallLimits): NodeHttpHandler {
  return new Transport(now, limits);
}

class Transport extends NodeHttpHandler {
  readonly #now: () => number;
  readonly #idleMs: number;
  readonly #agents: readonly HttpAgent[];
  readonly #waiting: (() => void)[] = [];
  #free: number;
  #lastCall: number;

  constructor(now: () => number, { connectMs, answerMs, idleMs, callsAtOnce }: CallLimits) {
    const pool = { keepAlive: true, maxFreeSockets: IDLE_CONNECTIONS, timeout: idleMs };
    const [httpAgent, httpsAgent] = [new HttpAgent(pool), new HttpsAgent(pool)];
    super({
      connectionTimeout: connectMs,
      requestTimeout: answerMs,
      // The request timeout ends with the answer's first byte; this one is for an answer that stops in the middle.
      socketTimeout: answerMs,
      throwOnRequestTimeout: true,
      httpAgent,
      httpsAgent,
    });
    this.#now = now;
    this.#idleMs = idleMs;
    this.#agents = [httpAgent, httpsAgent];
    this.#free = callsAtOnce;
    this.#lastCall = now();
  }

  override async handle(...call: Parameters<NodeHttpHandler["handle"]>): ReturnType<NodeHttpHandler["handle"]> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const before = this.#lastCall;
    this.#lastCall = this.#now();
    if (this.#lastCall - before > this.#idleMs) this.#closeIdle();
    try {
      return await super.handle(...call);
    } catch (error) {
      // What broke one connection may have broken the idle ones too, so the retry must open a new one.
      this.#closeIdle();
      throw error;
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }

  #closeIdle(): void {
    for (const { freeSockets } of this.#agents) {
      for (const socket of Object.values(freeSockets).flat()) socket?.destroy();
    }
  }
}
