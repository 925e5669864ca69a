import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { HttpRequest, HttpResponse } from "@smithy/core/protocols";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { describe, expect, it } from "vitest";
import { readingFew } from "../../src/fleet/transport.ts";

/** Sends a call for each body to a handler that returns at most two responses to be read at the same time. */
function send(bodies: readonly IncomingMessage[], now: () => number = () => 0) {
  const handler = new NodeHttpHandler();
  const waiting = [...bodies];
  handler.handle = async () => ({ response: new HttpResponse({ statusCode: 200, body: waiting.shift() }) });
  const few = readingFew(handler, 2, now);
  const returned: unknown[] = [];
  const calls = bodies.map(async () => {
    const { response } = await few.handle(new HttpRequest({}));
    returned.push(response.body);
  });
  return { calls, returned };
}

const message = () => new IncomingMessage(new Socket());
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("the responses that are read at the same time", () => {
  it("are at most a number; the next one is returned when one has been read", async () => {
    const bodies = [message(), message(), message(), message()] as const;
    const { calls, returned } = send(bodies);
    await settled();
    expect(returned.map((body) => bodies.indexOf(body as IncomingMessage))).toEqual([0, 1]);
    bodies[1].push(null);
    bodies[1].resume();
    await calls[2];
    bodies[0].destroy();
    await calls[3];
    expect(returned).toHaveLength(4);
  });

  it("do not include one whose connection was closed while it waited: its call fails, so that it is made again", async () => {
    const bodies = [message(), message(), message(), message()] as const;
    const { calls } = send(bodies);
    await settled();
    bodies[2].destroy();
    bodies[0].destroy();
    await expect(calls[2]?.then(() => "returned")).rejects.toMatchObject({ name: "TimeoutError" });
    await calls[3];
  });

  it.each([
    [1_000, false],
    [3_000, true],
  ])("close their connection after a wait of %i ms: %s", async (wait, isClosed) => {
    const bodies = [message(), message(), message()] as const;
    let time = 0;
    const { calls } = send(bodies, () => time);
    await settled();
    time = wait;
    bodies[0].destroy();
    await calls[2];
    bodies[2].complete = true;
    bodies[2].push(null);
    bodies[2].resume();
    await settled();
    expect(bodies[2].socket.destroyed).toBe(isClosed);
  });

  it("have no timeout while they wait", async () => {
    const bodies = [message(), message(), message()] as const;
    for (const { socket } of bodies) socket.setTimeout(20_000);
    const { calls } = send(bodies);
    await settled();
    expect(bodies.map(({ socket }) => socket.timeout)).toEqual([20_000, 20_000, 0]);
    bodies[0].destroy();
    await calls[2];
    expect(bodies[2].socket.timeout).toBe(20_000);
  });
});
