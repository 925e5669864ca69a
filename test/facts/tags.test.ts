import { DescribeTagsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { beforeEach, describe, expect, it } from "vitest";
import { describeTags } from "../../src/facts/tags.ts";
import { awsError, mockEc2 } from "../support/aws.ts";
import { INSTANCE, instanceIds, REGION } from "../support/events.ts";

const ec2 = mockEc2();
beforeEach(ec2.start);

const read = (...ids: readonly string[]) => describeTags(new EC2Client({ region: REGION }), ids);
const tags = (record: Readonly<Record<string, string>>) => new Map(Object.entries(record));
const inputs = () => ec2.mock.commandCalls(DescribeTagsCommand).map((call) => call.args[0].input);

describe("describeTags", () => {
  it("returns the tags of each instance, and an empty map for one that has none or does not exist", async () => {
    const [tagged = "", untagged = "", unknown = ""] = instanceIds(3);
    ec2.launch(tagged, { tags: { Name: "web-1", service: "" } });
    ec2.launch(untagged);
    expect(await read(tagged, untagged, unknown)).toEqual(
      new Map([
        [tagged, tags({ Name: "web-1", service: "" })],
        [untagged, new Map()],
        [unknown, new Map()],
      ]),
    );
    expect(inputs()).toEqual([
      { Filters: [{ Name: "resource-id", Values: [tagged, untagged, unknown] }], MaxResults: 1000 },
    ]);
  });

  it("reads every page", async () => {
    const page = (Key: string, NextToken?: string) => ({
      Tags: [{ Key, Value: "x", ResourceId: INSTANCE }],
      ...(NextToken && { NextToken }),
    });
    ec2.mock
      .on(DescribeTagsCommand)
      .resolvesOnce(page("first", "token-1"))
      .resolvesOnce(page("second", "token-2"))
      .resolvesOnce(page("third"));
    expect(await read(INSTANCE)).toEqual(new Map([[INSTANCE, tags({ first: "x", second: "x", third: "x" })]]));
    expect(inputs().map((input) => input.NextToken)).toEqual([undefined, "token-1", "token-2"]);
  });

  it("throws when a later page fails, because the earlier pages do not have all tags", async () => {
    ec2.mock
      .on(DescribeTagsCommand)
      .resolvesOnce({ Tags: [{ Key: "Name", Value: "x", ResourceId: INSTANCE }], NextToken: "more" })
      .rejectsOnce(awsError("InternalError", "An internal error has occurred"));
    await expect(read(INSTANCE)).rejects.toThrow("An internal error has occurred");
  });

  it("keeps any key and value, including __proto__, emoji and markup", async () => {
    const any = new Map([
      ["__proto__", "x"],
      ["🛒", `"<&>'`],
      ["n".repeat(128), "v".repeat(256)],
    ]);
    ec2.launch(INSTANCE, { tags: any });
    expect(await read(INSTANCE)).toEqual(new Map([[INSTANCE, any]]));
  });

  it("ignores tags of other resources and tags without a key, and reads a missing value as empty", async () => {
    ec2.mock.on(DescribeTagsCommand).resolves({
      Tags: [
        { Key: "Name", Value: "x", ResourceId: "i-99999999" },
        { Key: "Name" },
        { Key: "Name", ResourceId: INSTANCE },
        { Value: "shop", ResourceId: INSTANCE },
      ],
    });
    expect(await read(INSTANCE)).toEqual(new Map([[INSTANCE, tags({ Name: "" })]]));
  });
});
