import type { Socket } from "node:net";
import { setTimeout as later } from "node:timers/promises";
import { DescribeTagsCommand } from "@aws-sdk/client-ec2";
import { afterEach, describe, expect, it } from "vitest";
import { type Clients, createClients } from "../../src/aws/clients.ts";
import { CALL_LIMITS, createTransport } from "../../src/aws/transport.ts";
import { type CannedAws, cannedResponse, startCannedAws } from "../support/canned-aws.ts";
import { configOf } from "../support/config.ts";
import { ACCOUNT, AT } from "../support/events.ts";
import { clockAt } from "../support/launches.ts";

/** Connections to AWS over real HTTP. Only the clock, which simulates a freeze, is fake. */

let aws: DroppingAws;
const clock = clockAt(AT);
/** Long enough for a busy machine to respond, and short enough for a test. */
const LIMITS = { ...CALL_LIMITS, responseMs: 1_000 };

afterEach(() => aws.close());

interface DroppingAws extends CannedAws {
  /** The number of connections, of requests, and of requests on connections that the server had dropped. */
  readonly counts: { connections: number; requests: number; onDropped: number };
  /** Holds the responses until `count` requests wait for one. */
  hold(count: number): void;
  /** Drops the open connections: a request on one of them gets no response, or a reset. */
  drop(how: "silent" | "reset"): void;
}

/** Starts an AWS that can hold its responses and drop its connections. Takes the milliseconds until each response. */
async function startDroppingAws(responseMs = 0): Promise<DroppingAws> {
  const counts = { connections: 0, requests: 0, onDropped: 0 };
  const sockets = new Set<Socket>();
  const dropped = new Map<Socket, "silent" | "reset">();
  let held: (() => void)[] = [];
  let holding = 0;
  const canned = await startCannedAws(async (call, { socket }) => {
    counts.requests++;
    const how = dropped.get(socket);
    if (how !== undefined) {
      counts.onDropped++;
      if (how === "reset") socket.resetAndDestroy();
      return null;
    }
    counts.connections = sockets.add(socket).size;
    if (responseMs > 0) await later(responseMs);
    const released = new Promise<void>((release) => held.push(release));
    if (held.length >= holding) {
      for (const release of held) release();
      [held, holding] = [[], 0];
    }
    await released;
    return cannedResponse(call);
  });
  return {
    ...canned,
    counts,
    hold: (count) => {
      holding = count;
    },
    drop: (how) => {
      for (const socket of sockets) dropped.set(socket, how);
    },
  };
}

const clientsOf = (limits = LIMITS) =>
  createClients(configOf({ AWS_ENDPOINT_URL: aws.url, AUDIT_ROLE_NAME: "ec2-audit" }), clock.now, {
    requestHandler: createTransport(clock.now, limits),
    maxAttempts: 2,
  });
const launch = (clients: Clients, account = ACCOUNT) =>
  clients.ec2(account === ACCOUNT ? null : account, "us-east-1").send(new DescribeTagsCommand({}));
const launches = (clients: Clients, count: number) => Promise.all(Array.from({ length: count }, () => launch(clients)));

/** Clients with a number of idle connections. */
async function withIdle(count: number, limits = LIMITS): Promise<Clients> {
  aws = await startDroppingAws();
  const clients = clientsOf(limits);
  aws.hold(count);
  await launches(clients, count);
  expect(aws.counts).toEqual({ connections: count, requests: count, onDropped: 0 });
  return clients;
}

describe("idle connections that the server has dropped", () => {
  it.each([2, 50])("delay only the next launch, by one timeout, if there are %i of them", async (count) => {
    const clients = await withIdle(count);
    aws.drop("silent");
    for (let next = 0; next < 3; next++) await launch(clients);
    expect(aws.counts.onDropped).toBe(1);
  });

  it("that were reset cause one retry of the next launch", async () => {
    const clients = await withIdle(50);
    aws.drop("reset");
    for (let next = 0; next < 3; next++) await launch(clients);
    expect(aws.counts.onDropped).toBe(1);
  });

  it("do not fail any of many concurrent launches", async () => {
    const clients = await withIdle(50);
    aws.drop("silent");
    await launches(clients, 100);
    expect(aws.counts.onDropped).toBe(35);
  });

  it("are not used after a freeze of more than ten seconds", async () => {
    const clients = await withIdle(50);
    aws.drop("silent");
    clock.pass(10.5);
    await launches(clients, 20);
    expect(aws.counts.onDropped).toBe(0);
  });
});

describe("healthy connections", () => {
  it("are used again: one in a sequence of launches, four in a burst", async () => {
    const clients = await withIdle(1);
    for (let next = 0; next < 20; next++) {
      clock.pass(9);
      await launch(clients);
    }
    expect(aws.counts.connections).toBe(1);
    for (let round = 0; round < 10; round++) {
      aws.hold(4);
      await launches(clients, 4);
    }
    expect(aws.counts.connections).toBe(4);
  });

  it("are kept up to 35 when many accounts are audited at once", async () => {
    const clients = await withIdle(100, CALL_LIMITS);
    aws.hold(100);
    await launches(clients, 100);
    expect(aws.counts.connections).toBe(100 + 65);
  });
});

describe("the wait for a free place", () => {
  it("does not count as AWS's time: 100 accounts at once cause no failure and no retry", async () => {
    aws = await startDroppingAws(60);
    const clients = clientsOf({ ...LIMITS, responseMs: 500, callsAtOnce: 10 });
    const accounts = Array.from({ length: 100 }, (_, index) => String(400_000_000_000 + index));
    await Promise.all(accounts.map((account) => launch(clients, account)));
    expect(aws.counts.requests).toBe(200);
    expect(aws.counts.connections).toBeLessThanOrEqual(20);
  });
});
