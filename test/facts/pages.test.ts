import { EC2Client } from "@aws-sdk/client-ec2";
import { describe, expect, it } from "vitest";
import { describeInstances } from "../../src/facts/instances.ts";
import { IDS_PER_CALL, inChunks, readOf } from "../../src/facts/pages.ts";
import { describeTags } from "../../src/facts/tags.ts";
import { INSTANCE, instanceIds, REGION } from "../support/events.ts";

describe("inChunks", () => {
  const echo = async (chunk: readonly string[]) => new Map(chunk.map((id) => [id, `read ${id}`]));

  it.each([
    [0, []],
    [1, [1]],
    [200, [200]],
    [201, [200, 1]],
    [1000, [200, 200, 200, 200, 200]],
  ])("reads %i ids in calls of %j", async (count, sizes) => {
    const ids = instanceIds(count);
    const calls: number[] = [];
    const reads = await inChunks(ids, (chunk) => {
      calls.push(chunk.length);
      return echo(chunk);
    });
    expect(IDS_PER_CALL).toBe(200);
    expect(calls).toEqual(sizes);
    expect(reads).toEqual(new Map(ids.map((id) => [id, { value: `read ${id}` }])));
  });

  it("makes at most four calls in parallel, which leaves most of the API's limit to other callers", async () => {
    let pending = 0;
    let most = 0;
    await inChunks(instanceIds(2000), async (chunk) => {
      most = Math.max(most, ++pending);
      await Promise.resolve();
      pending--;
      return echo(chunk);
    });
    expect(most).toBe(4);
  });

  it("returns the error of a failed call for the ids of that call only", async () => {
    const ids = instanceIds(600);
    const error = new Error("Request limit exceeded.");
    const reads = await inChunks(ids, (chunk) => (chunk[0] === ids[200] ? Promise.reject(error) : echo(chunk)));
    const failed = [...reads].flatMap(([id, read]) => ("error" in read && read.error === error ? [id] : []));
    expect(failed).toEqual(ids.slice(200, 400));
    expect(reads.size).toBe(600);
  });
});

describe("readOf", () => {
  it("returns an error for an instance that was not read", () => {
    const read = { value: 1 };
    expect(readOf(new Map([[INSTANCE, read]]), INSTANCE)).toBe(read);
    expect(readOf(new Map(), INSTANCE)).toEqual({ error: new Error("the facts of the instance were not read") });
  });
});

describe("a read", () => {
  /** A client whose connection returns this response to every request. */
  const clientOf = (body: string, statusCode = 200) =>
    new EC2Client({
      region: REGION,
      credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "secret" },
      maxAttempts: 1,
      requestHandler: {
        handle: async () => ({ response: { statusCode, headers: {}, body: new TextEncoder().encode(body) } }),
      },
    });
  const responseOf = (action: string, set: string) =>
    `<${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>7a62c49f-347e-4fc4-9331-6e8eEXAMPLE</requestId>${set}</${action}Response>`;

  it.each([
    ["a proxy's page", "<html><body>Please log in</body></html>", 200],
    ["a page that is not XML", "<!doctype html><p>Log in<br></body>", 200],
    ["nothing", "", 200],
    ["JSON", "{}", 200],
    ["a response without a set", responseOf("DescribeTags", ""), 200],
    ["an error page", "<html><body>Bad gateway</body></html>", 502],
    ["a redirect", "", 302],
  ])(
    "throws for %s, which is neither an instance without tags nor one that does not exist",
    async (_, body, status) => {
      await expect(describeTags(clientOf(body, status), [INSTANCE])).rejects.toThrow();
      await expect(describeInstances(clientOf(body, status), [INSTANCE])).rejects.toThrow();
    },
  );

  it("names the action whose response is not from EC2", async () => {
    const client = clientOf(responseOf("DescribeRegions", ""));
    const message = (action: string) => `the response to ${action} is not from EC2`;
    await expect(describeTags(client, [INSTANCE])).rejects.toThrow(message("DescribeTags"));
    await expect(describeInstances(client, [INSTANCE])).rejects.toThrow(message("DescribeInstances"));
  });

  it("accepts the responses of EC2, with and without results", async () => {
    const item = `<item><resourceId>${INSTANCE}</resourceId><resourceType>instance</resourceType><key>a&lt;b</key><value/></item>`;
    const tags = (set: string) => describeTags(clientOf(responseOf("DescribeTags", set)), [INSTANCE]);
    expect(await tags("<tagSet/>")).toEqual(new Map([[INSTANCE, new Map()]]));
    expect(await tags(`<tagSet>${item}</tagSet>`)).toEqual(new Map([[INSTANCE, new Map([["a<b", ""]])]]));
    const none = responseOf("DescribeInstances", "<reservationSet/>");
    expect(await describeInstances(clientOf(none), [INSTANCE])).toEqual(new Map([[INSTANCE, null]]));
  });
});
