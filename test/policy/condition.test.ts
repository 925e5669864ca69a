import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Facts } from "../../src/facts/facts.ts";
import { readInstance } from "../../src/facts/instances.ts";
import { type Condition, condition, conditionSchema, LEAVES, type Truth } from "../../src/policy/condition.ts";
import { startReading } from "../../src/policy/settings.ts";
import { factsOf, instanceOf } from "../support/findings.ts";

/** Returns the condition, or its problems. */
function read(value: unknown): Condition | readonly string[] {
  const reading = startReading();
  const result = condition.read(value, "when", reading);
  if (result !== undefined && reading.count === 0) return result;
  return reading.problems.map(({ path, problem }) => `${path} ${problem}`);
}

function conditionOf(value: unknown): Condition {
  const result = read(value);
  if (!("test" in result)) throw new Error(result.join());
  return result;
}

const test = (value: unknown, changes: Partial<Facts> = {}): Truth => conditionOf(value).test(factsOf(changes));
const tagged = (tags: Readonly<Record<string, string>>) => ({ tags: new Map(Object.entries(tags)) });

const IMAGE = {
  imageId: "ami-0abcdef1234567890",
  name: "al2023-ami-2023.2.20231113.0-kernel-6.1-x86_64",
  ownerId: "137112412989",
  ownerAlias: "amazon",
  state: "available",
  creationDate: "2021-11-01T00:00:00.000Z",
  deprecationTime: null,
  isAllowed: null,
  isPublic: true,
};
const late = { unknown: "EC2 does not show the image", late: true };
const denied = { unknown: "the credentials do not allow ec2:DescribeInstanceImageMetadata", late: false };

describe("a leaf", () => {
  const instance = instanceOf({
    managedBy: "eks.amazonaws.com",
    instanceProfile: "arn:aws:iam::123456789012:instance-profile/app/web",
  });
  const facts = { instance, image: { value: IMAGE }, launchedBy: "Auto Scaling group web" };

  it.each<[string, string | readonly string[], string | readonly string[]]>([
    ["account", "123456789012", "1234*0"],
    ["region", "us-*", "eu-*"],
    ["launchedBy", "Auto Scaling group *", "CloudFormation *"],
    ["instanceType", "t3.*", "t3"],
    ["image", "ami-0abcdef1234567890", "ami-1"],
    ["imageOwner", "137112412989", "self"],
    ["imageOwner", "amazon", "aws-marketplace"],
    ["imageName", "al2023-ami-*", "ubuntu*"],
    ["vpc", "vpc-0a1b2c3d4e5f67890", "vpc-1"],
    ["subnet", "subnet-0a1b2c3d4e5f67890", "subnet-1"],
    ["zone", "us-east-1?", "us-east-1"],
    ["state", ["pending", "running"], "stopped"],
    ["lifecycle", "on-demand", ["spot", "capacity-block"]],
    ["managedBy", "eks.amazonaws.com", "ecs.amazonaws.com"],
    ["keyPair", "/my-.*/", "/my/"],
    ["instanceProfile", "web", "app"],
    ["instanceProfile", "arn:aws:iam::123456789012:instance-profile/app/web", "arn:aws:iam::1:*"],
    ["tenancy", "default", "dedicated"],
    ["architecture", "x86_64", "arm64"],
    ["platform", "Linux/UNIX", "Windows*"],
  ])("compares %s", (key, yes, no) => {
    expect([test({ [key]: yes }, facts), test({ [key]: no }, facts)]).toEqual([true, false]);
  });

  it("is false for an instance without such a value, whatever the matcher", () => {
    const bare = { instance: instanceOf({ keyName: null, managedBy: null, instanceProfile: null, vpcId: null }) };
    for (const key of ["keyPair", "managedBy", "instanceProfile", "vpc"]) {
      expect([test({ [key]: "*" }, bare), test({ not: { [key]: "*" } }, bare)]).toEqual([false, true]);
    }
  });

  it("is unknown for a property that every instance has, if the instance is described without it", () => {
    const described = { instance: readInstance("i-1", { State: { Name: "running" } }) };
    for (const key of ["instanceType", "image", "zone", "tenancy", "architecture", "platform"]) {
      const unknown = { unknown: expect.stringMatching(/^EC2 does not report the /), late: false };
      expect([test({ [key]: "*" }, described), test({ not: { [key]: "*" } }, described)]).toEqual([unknown, unknown]);
    }
  });

  it("is unknown for an image that EC2 does not show, or whose name it does not report", () => {
    expect(test({ imageOwner: "amazon" }, { image: late })).toEqual(late);
    expect(test({ imageName: "*" }, { image: denied })).toEqual(denied);
    expect(test({ imageName: "*" }, { image: { value: { ...IMAGE, name: null } } })).toEqual({
      unknown: "EC2 does not report the image's name",
      late: false,
    });
  });

  it("knows the image's owner as self when the instance is in the owner's account", () => {
    const own = { image: { value: { ...IMAGE, ownerId: "123456789012", ownerAlias: null } } };
    expect(test({ imageOwner: "self" }, own)).toBe(true);
  });

  it("is unknown for a launcher that is not named, and without the instance", () => {
    expect(test({ launchedBy: "*" }, { launchedBy: null })).toEqual({
      unknown: "the launcher is not known",
      late: false,
    });
    expect(test({ vpc: "*" }, { instance: null })).toEqual({ unknown: "the instance was not read", late: false });
  });

  it("needs only the facts that it compares", () => {
    const needs = (key: string) => conditionOf({ [key]: "*" }).needs;
    expect(["account", "region"].flatMap(needs)).toEqual([]);
    expect(needs("launchedBy")).toEqual(["tags"]);
    expect([needs("imageOwner"), needs("imageName")]).toEqual([["image"], ["image"]]);
    const others = Object.keys(LEAVES).filter((key) => needs(key)[0] === "instance");
    expect(others).toHaveLength(Object.keys(LEAVES).length - 5);
  });
});

describe("a condition on tags", () => {
  it.each<[string, object, Readonly<Record<string, string>>, boolean]>([
    ["a tag with the value", { tag: "env", in: "prod" }, { env: "prod" }, true],
    ["a tag with one of the values", { tag: "env", in: ["dev", "prod"] }, { env: "prod" }, true],
    ["another value", { tag: "env", in: "prod" }, { env: "dev" }, false],
    ["a key in another case", { tag: "env", in: "prod" }, { Env: "prod" }, false],
    ["a value in another case", { tag: "env", in: "prod" }, { env: "Prod" }, false],
    ["another key with the value", { tag: "env", in: "prod" }, { stage: "prod", env: "dev" }, false],
    ["a key that matches a pattern", { tag: "/env|stage/i", in: "prod" }, { Stage: "prod" }, true],
    ["one of two keys that match", { tag: "cost-*", in: "1" }, { "cost-a": "2", "cost-b": "1" }, true],
    ["no tags", { tag: "*", in: "*" }, {}, false],
    ["a blank tag that must be present", { tag: "env", present: true }, { env: "" }, true],
    ["a missing tag that must be present", { tag: "env", present: true }, { other: "" }, false],
    ["a missing tag that must be absent", { tag: "env", present: false }, {}, true],
    ["a present tag that must be absent", { tag: "e*", present: false }, { env: "x" }, false],
    ["a blank tag that must not be blank", { tag: "env", in: "?*" }, { env: "" }, false],
    ["a tag that is not blank", { tag: "env", in: "?*" }, { env: "x" }, true],
  ])("tests %s", (_, value, tags, expected) => {
    expect(test(value, tagged(tags))).toBe(expected);
    expect(conditionOf(value).needs).toEqual(["tags"]);
  });
});

describe("the tags that a condition reads", () => {
  const reads = (value: unknown, key: string) => conditionOf(value).readsTag(key);

  it("are those whose keys it names, in any of its parts", () => {
    const whole = {
      all: [{ region: "eu-*" }, { any: [{ not: { tag: "team*", in: "x" } }, { tag: "a", present: true }] }],
    };
    expect(["team", "team-2", "a", "b", "Team"].filter((key) => reads(whole, key))).toEqual(["team", "team-2", "a"]);
    expect(reads({ instanceType: "t3.*" }, "team")).toBe(false);
  });

  it("are those that can name the launcher", () => {
    for (const key of ["aws:autoscaling:groupName", "aws:cloudformation:stack-name"]) {
      expect(reads({ launchedBy: "x" }, key)).toBe(true);
      expect(reads({ region: "x" }, key)).toBe(false);
    }
    expect(reads({ launchedBy: "x" }, "name")).toBe(false);
  });
});

describe("a terminated instance", () => {
  const gone = { instance: instanceOf({ state: "terminated", vpcId: null, subnetId: null }) };

  it.each(["vpc", "subnet", "state", "instanceProfile"])("has no known %s", (leaf) => {
    expect(test({ [leaf]: "*" }, gone)).toEqual({ unknown: "the instance is terminated", late: false });
  });

  it("keeps its type, image and key pair", () => {
    expect(test({ all: [{ instanceType: "t3.micro" }, { image: "ami-*" }, { keyPair: "my-*" }] }, gone)).toBe(true);
  });
});

describe("all, any and not", () => {
  const yes = { region: "us-east-1" };
  const no = { region: "eu-*" };
  const unknownLate = { imageName: "*" };
  const unknownForGood = { launchedBy: "*" };
  const facts = { image: late, launchedBy: null };
  const forGood = { unknown: "the launcher is not known", late: false };

  it.each<[string, object, Truth]>([
    ["all true", { all: [yes, yes] }, true],
    ["all with one false", { all: [yes, no] }, false],
    ["all with an unknown part", { all: [yes, unknownLate] }, late],
    ["all with an unknown part and a false one, in this order", { all: [unknownLate, no] }, false],
    ["all with an unknown part and a false one, in the other order", { all: [no, unknownLate] }, false],
    ["any with one true", { any: [no, yes] }, true],
    ["any with none true", { any: [no, no] }, false],
    ["any with an unknown part", { any: [no, unknownLate] }, late],
    ["any with an unknown part and a true one", { any: [unknownLate, yes] }, true],
    ["not true", { not: yes }, false],
    ["not false", { not: no }, true],
    ["not unknown", { not: unknownLate }, late],
    ["two unknown parts, of which one is late: it may still decide", { all: [unknownForGood, unknownLate] }, late],
    ["two unknown parts, the late one first", { any: [unknownLate, unknownForGood] }, late],
    ["a part that is unknown for good before one that does not decide", { all: [unknownForGood, yes] }, forGood],
    ["a part that is unknown for good", { any: [no, unknownForGood] }, forGood],
    ["nested parts", { all: [{ any: [no, { not: no }] }, { not: { all: [yes, no] } }] }, true],
  ])("tests %s", (_, value, expected) => {
    expect(test(value, facts)).toEqual(expected);
  });

  it("follows Kleene's logic: the result is known exactly if the unknown parts cannot change it", () => {
    interface Tree {
      readonly value: unknown;
      /** The result for a value of the unknown leaf. */
      readonly with: (unknown: boolean) => boolean;
    }
    const leaf = fc.constantFrom<Tree>(
      { value: yes, with: () => true },
      { value: no, with: () => false },
      { value: unknownLate, with: (unknown) => unknown },
    );
    const { tree } = fc.letrec<{ tree: Tree; inner: Tree }>((tie) => ({
      tree: fc.oneof({ maxDepth: 4 }, leaf, tie("inner")),
      inner: fc.oneof(
        tie("tree").map((part): Tree => ({ value: { not: part.value }, with: (unknown) => !part.with(unknown) })),
        fc.tuple(leaf, tie("tree")).map(
          ([one, other]): Tree => ({
            value: { all: [one.value, other.value] },
            with: (unknown) => one.with(unknown) && other.with(unknown),
          }),
        ),
        fc.tuple(tie("tree"), leaf).map(
          ([one, other]): Tree => ({
            value: { any: [one.value, other.value] },
            with: (unknown) => one.with(unknown) || other.with(unknown),
          }),
        ),
      ),
    }));
    fc.assert(
      fc.property(tree, ({ value, with: resultWith }) => {
        const truth = test(value, facts);
        // A tree that mentions the unknown leaf twice may be decided although Kleene's logic says unknown.
        if (typeof truth === "boolean") expect([resultWith(true), resultWith(false)]).toEqual([truth, truth]);
        else expect(truth).toEqual(late);
        if (JSON.stringify(value).split("imageName").length <= 2 && typeof truth !== "boolean")
          expect(resultWith(true)).not.toBe(resultWith(false));
      }),
    );
  });

  it("needs each fact of its parts once", () => {
    const { needs } = conditionOf({
      any: [{ tag: "a", in: "b" }, { not: { vpc: "x" } }, { all: [{ zone: "x" }, yes] }],
    });
    expect(needs).toEqual(["tags", "instance"]);
  });
});

describe("a condition in words", () => {
  it.each<[unknown, string]>([
    [{ region: "eu-*" }, 'the region is "eu-*"'],
    [{ keyPair: ["a", "b", "c"] }, 'the key pair is "a", "b" or "c"'],
    [{ tag: "env", in: ["prod"] }, 'the tag "env" is "prod"'],
    [{ tag: "env", present: true }, 'the tag "env" is present'],
    [{ tag: "env", present: false }, 'the tag "env" is missing'],
    [{ not: { state: "pending" } }, 'not (the state is "pending")'],
    [{ all: [{ vpc: "v" }, { zone: "z" }] }, 'the VPC is "v" and the Availability Zone is "z"'],
    [{ any: [{ vpc: "v" }, { zone: "z" }] }, 'the VPC is "v" or the Availability Zone is "z"'],
    [{ any: [{ vpc: "v" }] }, 'the VPC is "v"'],
    [
      { all: [{ any: [{ vpc: "v" }, { zone: "z" }] }, { any: [{ region: "r" }] }] },
      '(the VPC is "v" or the Availability Zone is "z") and the region is "r"',
    ],
    [{ not: { any: [{ vpc: "v" }, { zone: "z" }] } }, 'not (the VPC is "v" or the Availability Zone is "z")'],
  ])("of %j is %s", (value, words) => {
    expect(conditionOf(value).say()).toBe(words);
    expect(condition.say(conditionOf(value))).toBe(words);
  });

  it.each([
    ["account", "the account"],
    ["region", "the region"],
    ["launchedBy", "the launcher"],
    ["instanceType", "the instance type"],
    ["image", "the image"],
    ["imageOwner", "the image's owner"],
    ["imageName", "the image's name"],
    ["vpc", "the VPC"],
    ["subnet", "the subnet"],
    ["zone", "the Availability Zone"],
    ["state", "the state"],
    ["lifecycle", "the lifecycle"],
    ["managedBy", "the managing service"],
    ["keyPair", "the key pair"],
    ["instanceProfile", "the instance profile"],
    ["tenancy", "the tenancy"],
    ["architecture", "the architecture"],
    ["platform", "the platform"],
  ])("calls %s %s", (key, words) => {
    expect(conditionOf({ [key]: "x" }).say()).toBe(`${words} is "x"`);
  });
});

describe("a condition that is not valid", () => {
  const SHAPE =
    'must be a condition, such as {"tag": "env", "in": ["prod"]}, {"region": "eu-*"}, {"all": [...]}, {"any": [...]} or {"not": ...}';
  const nested = (depth: number): unknown => (depth === 1 ? { region: "x" } : { not: nested(depth - 1) });
  const nestedLists = (depth: number): unknown => (depth === 1 ? { region: "x" } : { any: [nestedLists(depth - 1)] });
  const wide = (nodes: number) => ({ any: Array.from({ length: nodes - 1 }, () => ({ region: "x" })) });

  it.each<[string, unknown, string[]]>([
    ["text", "prod", [`when ${SHAPE}`]],
    ["null", null, [`when ${SHAPE}`]],
    ["a list", [], [`when ${SHAPE}`]],
    ["an empty object", {}, [`when ${SHAPE}`]],
    ["a misspelled leaf", { regoin: "x" }, ['when has an unknown key: did you mean "region"?']],
    [
      "__proto__",
      JSON.parse('{"__proto__": {"region": "x"}}'),
      [expect.stringContaining("when has an unknown key: the keys are")],
    ],
    [
      "two leaves",
      { region: "x", account: "y" },
      ['when must have one condition; combine several with {"all": [...]} or {"any": [...]}'],
    ],
    [
      "a leaf and an operator",
      { region: "x", not: { vpc: "v" } },
      [expect.stringContaining("when must have one condition")],
    ],
    ["a leaf and an unknown key", { region: "x", of: "y" }, ['when has an unknown key: the keys are "region"']],
    ["a leaf of a number", { region: 1 }, [expect.stringMatching(/^when\.region must be text of up to 1024/)]],
    ["a leaf of no values", { region: [] }, [expect.stringMatching(/^when\.region must be a list of 1 to 200/)]],
    [
      "an invalid pattern",
      { any: [{ region: ["a", "/(/"] }] },
      [expect.stringMatching(/^when\.any\[0\]\.region\[1\] has a "\("/)],
    ],
    ["values without a tag", { in: ["prod"] }, ['when must have "tag" beside "in" or "present"']],
    ["a misspelled tag", { tga: "env", in: "prod" }, ['when has an unknown key: did you mean "tag"?']],
    ["a tag alone", { tag: "env" }, ['when must have either "in" or "present" beside "tag"']],
    [
      "a tag with both",
      { tag: "env", in: "x", present: true },
      ['when must have either "in" or "present" beside "tag"'],
    ],
    ["a tag with another key", { tag: "env", is: "x" }, ['when has an unknown key: did you mean "in"?']],
    ["a tag whose key is no text", { tag: 1, in: "x" }, [expect.stringMatching(/^when\.tag must be text/)]],
    [
      "a tag whose key is no text, with its presence",
      { tag: 1, present: true },
      [expect.stringMatching(/^when\.tag /)],
    ],
    ["a tag whose value is no text", { tag: "env", in: 1 }, [expect.stringMatching(/^when\.in must be text/)]],
    ["a tag whose presence is no flag", { tag: "env", present: "yes" }, ["when.present must be true or false"]],
    ["all of nothing", { all: [] }, ["when.all must be a list of one or more conditions"]],
    ["any of an object", { any: { region: "x" } }, ["when.any must be a list of one or more conditions"]],
    ["not of a list", { not: [{ region: "x" }] }, [`when.not ${SHAPE}`]],
    [
      "two problems",
      { all: [{ regoin: "x" }, { vpc: "v" }, 1] },
      ['when.all[0] has an unknown key: did you mean "region"?', `when.all[2] ${SHAPE}`],
    ],
    ["a tree of nine levels", nested(9), [`when${".not".repeat(8)} is too deep: a condition has up to 8 levels`]],
    [
      "a tree of nine levels of lists",
      nestedLists(9),
      [`when${".any[0]".repeat(8)} is too deep: a condition has up to 8 levels`],
    ],
    ["a tree of 201 parts", wide(201), ["when.any[199] is too large: a condition has up to 200 parts"]],
    [
      "a tree of 500 parts, with one problem",
      wide(500),
      ["when.any[199] is too large: a condition has up to 200 parts"],
    ],
  ])("is refused: %s", (_, value, problems) => {
    expect(read(value)).toEqual(problems);
    expect(condition.read(value, "when", startReading())).toBeUndefined();
  });

  it("is accepted up to its limits", () => {
    expect("test" in conditionOf(nested(8))).toBe(true);
    expect("test" in conditionOf(nestedLists(8))).toBe(true);
    expect("test" in conditionOf(wide(200))).toBe(true);
  });
});

describe("the schema of a condition", () => {
  it("has each operator, both conditions on tags and each leaf", () => {
    const { anyOf } = conditionSchema() as { anyOf: { properties: object; required: string[] }[] };
    const keys = anyOf.map(({ properties, required }) => {
      expect(required).toEqual(Object.keys(properties));
      return required.join();
    });
    expect(keys).toEqual(["all", "any", "not", "tag,in", "tag,present", ...Object.keys(LEAVES)]);
    expect(condition.schema()).toEqual({ $ref: "#/$defs/condition" });
  });
});
