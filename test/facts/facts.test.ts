import { DescribeInstancesCommand, DescribeTagsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { beforeEach, describe, expect, test } from "vitest";
import { ec2Facts, IDS_PER_CALL } from "../../src/facts/facts.ts";
import { awsError, mockEc2 } from "../support/aws.ts";
import { INSTANCE, instanceId, instanceIds, REGION } from "../support/events.ts";
import { instanceOf } from "../support/findings.ts";

const ec2 = mockEc2();
beforeEach(ec2.start);

const facts = ec2Facts(new EC2Client({ region: REGION }));
const lengths = (calls: readonly (readonly string[])[]) => calls.map((call) => call.length);

describe("the tags of instances", () => {
  test("are those that DescribeTags shows, an empty map where it shows none", async () => {
    const [tagged = "", untagged = "", unknown = ""] = instanceIds(3);
    ec2.launch(tagged, { tags: { Name: "web-1", service: "" } });
    ec2.launch(untagged);
    expect(await facts.tags([tagged, untagged, unknown])).toEqual(
      new Map([
        [
          tagged,
          {
            value: new Map([
              ["Name", "web-1"],
              ["service", ""],
            ]),
          },
        ],
        [untagged, { value: new Map() }],
        [unknown, { value: new Map() }],
      ]),
    );
  });

  test("of one instance cost one call, filtered by its id", async () => {
    await facts.tags([INSTANCE]);
    expect(ec2.mock.commandCalls(DescribeTagsCommand).map((call) => call.args[0].input)).toEqual([
      { Filters: [{ Name: "resource-id", Values: [INSTANCE] }], MaxResults: 1000 },
    ]);
  });

  test("of a thousand instances cost five calls: a filter takes 200 values", async () => {
    const ids = instanceIds(1000);
    const reads = await facts.tags(ids);
    expect(IDS_PER_CALL).toBe(200);
    expect(lengths(ec2.tagCalls())).toEqual([200, 200, 200, 200, 200]);
    expect(new Set(ec2.tagCalls().flat())).toEqual(new Set(ids));
    expect([...reads.keys()].sort()).toEqual([...ids].sort());
  });

  test("of 201 instances cost two calls, and of none no call", async () => {
    await facts.tags(instanceIds(201));
    expect(lengths(ec2.tagCalls())).toEqual([200, 1]);
    ec2.mock.resetHistory();
    expect(await facts.tags([])).toEqual(new Map());
    expect(ec2.tagCalls()).toEqual([]);
  });

  test("are read to the last page", async () => {
    const page = (Key: string, NextToken?: string) => ({
      Tags: [{ Key, Value: "x", ResourceId: INSTANCE }],
      ...(NextToken && { NextToken }),
    });
    ec2.mock
      .on(DescribeTagsCommand)
      .resolvesOnce(page("first", "token-1"))
      .resolvesOnce(page("second", "token-2"))
      .resolvesOnce(page("third"));
    expect(await facts.tags([INSTANCE])).toEqual(
      new Map([
        [
          INSTANCE,
          {
            value: new Map([
              ["first", "x"],
              ["second", "x"],
              ["third", "x"],
            ]),
          },
        ],
      ]),
    );
    const tokens = ec2.mock.commandCalls(DescribeTagsCommand).map((call) => call.args[0].input.NextToken);
    expect(tokens).toEqual([undefined, "token-1", "token-2"]);
  });

  test("have any key and value, __proto__ and emoji and markup among them", async () => {
    const tags = new Map([
      ["__proto__", "x"],
      ["🛒", `"<&>'`],
      ["n".repeat(128), "v".repeat(256)],
    ]);
    ec2.launch(INSTANCE, { tags });
    expect(await facts.tags([INSTANCE])).toEqual(new Map([[INSTANCE, { value: tags }]]));
  });

  test("are not those of a resource that was not asked for", async () => {
    ec2.mock
      .on(DescribeTagsCommand)
      .resolves({ Tags: [{ Key: "Name", Value: "x", ResourceId: "i-99999999" }, { Key: "Name" }] });
    expect(await facts.tags([INSTANCE])).toEqual(new Map([[INSTANCE, { value: new Map() }]]));
  });

  test("without a value have an empty one, and one without a key is none", async () => {
    ec2.mock.on(DescribeTagsCommand).resolves({
      Tags: [
        { Key: "Name", ResourceId: INSTANCE },
        { Value: "shop", ResourceId: INSTANCE },
      ],
    });
    expect(await facts.tags([INSTANCE])).toEqual(new Map([[INSTANCE, { value: new Map([["Name", ""]]) }]]));
  });

  test("a call that fails fails its own 200 instances and no others", async () => {
    const ids = instanceIds(600);
    const denied = awsError("RequestLimitExceeded", "Request limit exceeded.");
    ec2.mock
      .on(DescribeTagsCommand, { Filters: [{ Name: "resource-id", Values: ids.slice(200, 400) }] })
      .rejects(denied);
    const reads = await facts.tags(ids);
    const failed = [...reads].filter(([, read]) => "error" in read).map(([id]) => id);
    expect(failed).toEqual(ids.slice(200, 400));
    expect(reads.get(instanceId(201))).toEqual({ error: denied });
    expect(reads.size).toBe(600);
  });

  test("when a later page fails, nothing of the earlier ones is taken for the whole", async () => {
    ec2.mock
      .on(DescribeTagsCommand)
      .resolvesOnce({ Tags: [{ Key: "Name", Value: "x", ResourceId: INSTANCE }], NextToken: "more" })
      .rejectsOnce(awsError("InternalError", "An internal error has occurred"));
    expect((await facts.tags([INSTANCE])).get(INSTANCE)).toHaveProperty("error");
  });

  test("no more than four calls are under way at once, so that others keep their share of the API", async () => {
    let underWay = 0;
    let most = 0;
    ec2.mock.on(DescribeTagsCommand).callsFake(async () => {
      most = Math.max(most, ++underWay);
      await Promise.resolve();
      underWay--;
      return { Tags: [] };
    });
    await facts.tags(instanceIds(2000));
    expect(ec2.tagCalls()).toHaveLength(10);
    expect(most).toBe(4);
  });
});

describe("an instance", () => {
  test("is as DescribeInstances shows it, null where it shows none", async () => {
    const instanceProfile = "arn:aws:iam::123456789012:instance-profile/web";
    const more = { PublicIpAddress: "203.0.113.7", IamInstanceProfile: { Arn: instanceProfile, Id: "AIPAEXAMPLE" } };
    ec2.launch(INSTANCE, { tags: { Name: "web-1" }, more });
    expect(await facts.instances([INSTANCE, instanceId(7)])).toEqual(
      new Map([
        [
          INSTANCE,
          {
            value: instanceOf({ tags: new Map([["Name", "web-1"]]), publicIp: "203.0.113.7", instanceProfile }),
          },
        ],
        [instanceId(7), { value: null }],
      ]),
    );
  });

  test("of which little is known has nulls", async () => {
    ec2.mock.on(DescribeInstancesCommand).resolves({ Reservations: [{ Instances: [{ InstanceId: INSTANCE }] }] });
    const read = (await facts.instances([INSTANCE])).get(INSTANCE);
    expect(read).toMatchObject({ value: { state: "unknown", tags: new Map(), instanceType: null, launchTime: null } });
  });

  test("is asked for by filter, 200 at once: by id, one that is gone would fail all the others", async () => {
    await facts.instances(instanceIds(450));
    const inputs = ec2.mock.commandCalls(DescribeInstancesCommand).map((call) => call.args[0].input);
    expect(lengths(ec2.instanceCalls())).toEqual([200, 200, 50]);
    expect(inputs.every((input) => input.InstanceIds === undefined)).toBe(true);
  });

  test("is found on whichever page and in whichever reservation it is", async () => {
    const [first = "", second = "", third = ""] = instanceIds(3);
    const of = (...ids: string[]) => ({ Instances: ids.map((InstanceId) => ({ InstanceId })) });
    ec2.mock
      .on(DescribeInstancesCommand)
      .resolvesOnce({ Reservations: [{}, of(first), of(second)], NextToken: "more" })
      .resolvesOnce({ Reservations: [of(third)] });
    const reads = await facts.instances([first, second, third]);
    expect([...reads.values()].every((read) => "value" in read && read.value !== null)).toBe(true);
    const tokens = ec2.mock.commandCalls(DescribeInstancesCommand).map((call) => call.args[0].input.NextToken);
    expect(tokens).toEqual([undefined, "more"]);
  });

  test("that has no id is none of those asked for", async () => {
    ec2.mock.on(DescribeInstancesCommand).resolves({ Reservations: [{ Instances: [{ InstanceType: "t3.micro" }] }] });
    expect(await facts.instances([INSTANCE])).toEqual(new Map([[INSTANCE, { value: null }]]));
  });
});

describe("what is not an answer of EC2", () => {
  /** The facts behind a client whose connection answers every request with this body. */
  const answeredBy = (body: string, statusCode = 200) => {
    ec2.mock.restore();
    return ec2Facts(
      new EC2Client({
        region: REGION,
        credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "secret" },
        maxAttempts: 1,
        requestHandler: {
          handle: async () => ({ response: { statusCode, headers: {}, body: new TextEncoder().encode(body) } }),
        },
      }),
    );
  };
  const SET = (name: string, set: string) =>
    `<${name}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>7a62c49f-347e-4fc4-9331-6e8eEXAMPLE</requestId>${set}</${name}Response>`;

  test.each([
    ["a proxy's page", "<html><body>Please log in</body></html>", 200],
    ["a page that is no XML", "<!doctype html><p>Log in<br></body>", 200],
    ["nothing", "", 200],
    ["JSON", "{}", 200],
    ["an answer without a set", SET("DescribeTags", ""), 200],
    ["an error page", "<html><body>Bad gateway</body></html>", 502],
    ["a redirect", "", 302],
  ])("%s is an error, and not an instance without tags, nor one that is gone", async (_, body, status) => {
    const reader = answeredBy(body, status);
    expect((await reader.tags([INSTANCE])).get(INSTANCE)).toEqual({ error: expect.any(Error) });
    expect((await reader.instances([INSTANCE])).get(INSTANCE)).toEqual({ error: expect.any(Error) });
  });

  test("is told with the action that it answered", async () => {
    const reader = answeredBy(SET("DescribeRegions", ""));
    const told = (action: string) => ({ error: new Error(`${action} was answered by something that is not EC2`) });
    expect((await reader.tags([INSTANCE])).get(INSTANCE)).toEqual(told("DescribeTags"));
    expect((await reader.instances([INSTANCE])).get(INSTANCE)).toEqual(told("DescribeInstances"));
  });

  test("while EC2's own empty sets are answers", async () => {
    expect(await answeredBy(SET("DescribeTags", "<tagSet/>")).tags([INSTANCE])).toEqual(
      new Map([[INSTANCE, { value: new Map() }]]),
    );
    expect(await answeredBy(SET("DescribeInstances", "<reservationSet/>")).instances([INSTANCE])).toEqual(
      new Map([[INSTANCE, { value: null }]]),
    );
  });

  test("so is EC2's answer with tags in it", async () => {
    const item = `<item><resourceId>${INSTANCE}</resourceId><resourceType>instance</resourceType><key>a&lt;b</key><value/></item>`;
    expect(await answeredBy(SET("DescribeTags", `<tagSet>${item}</tagSet>`)).tags([INSTANCE])).toEqual(
      new Map([[INSTANCE, { value: new Map([["a<b", ""]]) }]]),
    );
  });
});
