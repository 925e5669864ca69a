import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { HttpRequest, HttpResponse } from "@smithy/core/protocols";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { describe, expect, it } from "vitest";
import { readingFew } from "../../src/fleet/clients.ts";

/** Sends a call for each body to a handler that returns at most two responses to be read at the same time. */
function send(bodies: readonly IncomingMessage[]) {
  const handler = new NodeHttpHandler();
  const waiting = [...bodies];
  handler.handle = async () => ({ response: new HttpResponse({ statusCode: 200, body: waiting.shift() }) });
  const few = readingFew(handler, 2);
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
});
