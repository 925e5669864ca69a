import {
  DescribeInstancesCommand,
  DescribeTagsCommand,
  type DescribeTagsCommandInput,
  EC2Client,
} from "@aws-sdk/client-ec2";
import { beforeEach, describe, expect, it } from "vitest";
import { readPlace } from "../../src/fleet/read-place.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { awsError, mockEc2 } from "../support/aws.ts";
import { ACCOUNT, instanceId, REGION } from "../support/events.ts";
import { policyOf, requiring } from "../support/policy.ts";
import { paceAt } from "./pace.ts";

/** An EC2 whose DescribeInstances shows other tags than DescribeTags. */

const { mock, start } = mockEc2();
beforeEach(start);

type Shown = Readonly<Record<string, string>>;
const tagsOf = (tags: Shown) => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
const idsIn = ({ Filters }: DescribeTagsCommandInput, name: string) =>
  Filters?.find((filter) => filter.Name === name)?.Values ?? [];

/** Shows pages of instances with the tags that DescribeInstances shows. The ids are 1, 2, … */
function instances(...pages: readonly (readonly Shown[])[]): void {
  let id = 0;
  const responses = pages.map((page) =>
    page.map((tags) => ({
      InstanceId: instanceId(++id),
      Tags: tagsOf(tags),
      KeyName: "my-laptop",
      MetadataOptions: { HttpTokens: "optional" as const, HttpEndpoint: "enabled" as const },
    })),
  );
  mock.on(DescribeInstancesCommand).callsFake(async ({ NextToken = "0" }) => ({
    Reservations: [{ Instances: responses[Number(NextToken)] ?? [] }],
    NextToken: Number(NextToken) + 1 < pages.length ? `${Number(NextToken) + 1}` : undefined,
  }));
}

/** Shows the tags that DescribeTags shows, by the number of the instance. */
function tags(byNumber: Readonly<Record<number, Shown>>): void {
  mock.on(DescribeTagsCommand).callsFake(async (input: DescribeTagsCommandInput) => {
    const ids = idsIn(input, "resource-id");
    const all = Object.entries(byNumber).flatMap(([number, own]) =>
      tagsOf(own).map((tag) => ({ ...tag, ResourceId: instanceId(Number(number)) })),
    );
    return { Tags: ids.length === 0 ? all : all.filter(({ ResourceId }) => ids.includes(ResourceId)) };
  });
}

/** Reads the place, and returns the verdicts on each instance, the reasons, and the calls of DescribeTags by what they filter. */
async function read(policy: Policy) {
  const { pace } = paceAt();
  const reading = readPlace(new EC2Client({ region: REGION }), { account: ACCOUNT, region: REGION }, policy, pace);
  const verdicts: string[] = [];
  for await (const page of reading.pages) {
    for (const judged of page) verdicts.push(judged.verdicts.map(({ kind }) => kind).join());
  }
  const { status, notJudgedRules } = reading.result();
  const asked = mock.commandCalls(DescribeTagsCommand).map((call) => {
    const ids = idsIn(call.args[0].input, "resource-id");
    return ids.length > 0 ? ids.map((id) => Number.parseInt(id.slice(2), 16)) : "any instance";
  });
  return { status, verdicts, asked, reasons: notJudgedRules.map(({ reason }) => reason) };
}

const OWNED = { owner: "web" };

describe("a place in which no instance shows a tag", () => {
  it("has no tags if DescribeTags knows none, which is asked once", async () => {
    instances([{}, {}], [{}]);
    tags({});
    const { verdicts, asked } = await read(requiring("owner"));
    expect(verdicts).toEqual(["violation", "violation", "violation"]);
    expect(asked).toEqual(["any instance"]);
  });

  it("is judged by the tags that DescribeTags knows, page by page", async () => {
    instances([{}, {}], [{}]);
    tags({ 1: OWNED, 3: OWNED });
    const { verdicts, asked } = await read(requiring("owner"));
    expect(verdicts).toEqual(["compliant", "violation", "compliant"]);
    expect(asked).toEqual(["any instance", [1, 2], [3]]);
  });

  it("is judged by DescribeInstances for a page that shows tags", async () => {
    instances([{}], [OWNED, {}], [{}]);
    tags({ 1: OWNED, 2: OWNED });
    const { verdicts, asked } = await read(requiring("owner"));
    expect(verdicts).toEqual(["compliant", "compliant", "violation", "violation"]);
    expect(asked).toEqual(["any instance", [1], [4]]);
  });

  it("is not asked for tags if no rule needs them, nor once an instance has shown a tag", async () => {
    tags({});
    instances([{}]);
    expect((await read(policyOf({ rules: [{ rule: "key-pair", none: true }] }))).asked).toEqual([]);
    instances([OWNED, {}], [{}]);
    expect((await read(requiring("owner"))).asked).toEqual([]);
  });
});

describe("tags that cannot be confirmed", () => {
  const POLICY = policyOf({
    rules: [
      { rule: "required-tags", id: "tags", tags: ["owner"] },
      { rule: "prohibited-tags", id: "no-tags", keys: ["temporary"] },
      { rule: "key-pair", id: "scoped", allowed: ["ops"], when: { tag: "env", in: ["prod"] } },
      { rule: "key-pair", id: "exempt", allowed: ["ops"] },
      { rule: "imdsv2", id: "metadata" },
      { rule: "public-ip", id: "address", when: { tag: "env", in: ["prod"] } },
    ],
    exemptions: [{ rules: ["exempt"], when: { tag: "env", in: ["dev"] }, reason: "it is new", until: "2099-12-31" }],
  });
  const denied = awsError("UnauthorizedOperation", "You are not authorized to perform this operation.");
  const failed = Object.assign(awsError("InternalError", "An internal error has occurred"), {
    $metadata: { httpStatusCode: 500 },
  });

  it.each([
    ["denied", denied, "the credentials do not allow ec2:DescribeTags"],
    ["failed", failed, "ec2:DescribeTags failed: InternalError: An internal error has occurred"],
  ])(
    "because DescribeTags %s, cause no violation: only rules that do not depend on tags are judged",
    async (_, error, why) => {
      instances([{}]);
      mock.on(DescribeTagsCommand).rejects(error);
      const { status, verdicts, reasons } = await read(POLICY);
      expect(verdicts).toEqual(["not-judged,not-judged,not-judged,not-judged,violation,out-of-scope"]);
      expect(status).toBe("complete");
      expect(new Set(reasons)).toEqual(new Set([`no instance of the account and region shows a tag, and ${why}`]));
    },
  );

  it("are asked for once without the permission, and again with the next page after another failure", async () => {
    instances([{}], [{}]);
    mock.on(DescribeTagsCommand).rejects(denied);
    expect((await read(requiring("owner"))).asked).toHaveLength(1);
    start();
    instances([{}], [{}]);
    mock.on(DescribeTagsCommand).rejects(failed);
    expect((await read(requiring("owner"))).asked).toHaveLength(2 * 4);
  });

  it("leave only the instances of the failed calls not judged", async () => {
    instances([...Array.from({ length: 201 }, () => ({}))]);
    mock.on(DescribeTagsCommand).callsFake(async (input: DescribeTagsCommandInput) => {
      if (idsIn(input, "resource-id").length === 200) throw failed;
      return { Tags: [{ Key: "owner", Value: "web", ResourceId: instanceId(201) }] };
    });
    const { verdicts } = await read(requiring("owner"));
    expect(verdicts.filter((kind) => kind === "not-judged")).toHaveLength(200);
    expect(verdicts.at(-1)).toBe("compliant");
  });
});
