import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Fact, Facts } from "../../src/facts/facts.ts";
import type { Image } from "../../src/facts/images.ts";
import type { SecurityGroup } from "../../src/facts/security-groups.ts";
import type { Volume } from "../../src/facts/volumes.ts";
import { evaluate, type Verdict } from "../../src/policy/evaluate.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { compliant, notJudged, ruleKind, violates } from "../../src/policy/rule.ts";
import { RULE_KINDS } from "../../src/policy/rules/index.ts";
import { flag, optional, required, startReading, text, withDefault } from "../../src/policy/settings.ts";
import { anyRule } from "../support/any-policy.ts";
import { AT } from "../support/events.ts";
import { factsOf, instanceOf } from "../support/findings.ts";

describe("a judgement", () => {
  it("is compliant, a violation, or not judged, by default for good", () => {
    const violation = { message: "m", summary: () => "s", action: () => "a", remedy: () => [], details: {} };
    expect(compliant("it is")).toEqual({ kind: "compliant", because: "it is" });
    expect(violates(violation)).toEqual({ kind: "violation", violation });
    expect(notJudged("no")).toEqual({ kind: "not-judged", because: "no", late: false });
    expect(notJudged("not yet", true)).toEqual({ kind: "not-judged", because: "not yet", late: true });
  });
});

describe("ruleKind", () => {
  const kind = ruleKind({
    name: "owner",
    what: "An instance must have an owner.",
    why: "Someone must answer.",
    settles: "soon",
    fields: {
      owner: optional(text({ max: 8, shape: "a name" }), { about: "The owner.", demand: "the owner must be {}" }),
      strict: withDefault(flag, false, { about: "Whether it is strict.", demand: "strictly" }),
    },
    atLeastOne: ["owner"],
    example: { rule: { rule: "owner", owner: "ada" }, fails: [], passes: [] },
    configure: ({ owner, strict }) => ({ needs: ["tags"], check: () => compliant(`${owner} ${strict}`) }),
  });
  const setting = kind.ruleWith({ rule: required(text({ max: 64, shape: "a kind" }), { about: "The kind." }) });
  const read = (value: unknown) => {
    const reading = startReading();
    return { rule: setting.read(value, "rules[0]", reading), problems: reading.problems };
  };

  it("reads the common settings and its own, and configures the check with them", () => {
    const { rule, problems } = read({ rule: "owner", owner: "ada" });
    expect(problems).toEqual([]);
    expect(rule?.common).toMatchObject({ rule: "owner" });
    expect(rule?.body.needs).toEqual(["tags"]);
    expect(rule?.body.check(factsOf(), AT)).toEqual(compliant("ada false"));
  });

  it("says what the rule demands, by its own settings only", () => {
    expect(read({ rule: "owner", owner: "ada" }).rule?.demands()).toBe('the owner must be "ada"');
    const strict = read({ rule: "owner", owner: "ada", strict: true }).rule;
    expect(strict?.demands()).toBe('the owner must be "ada"; strictly');
    expect(strict && setting.say(strict)).toBe(strict?.demands());
  });

  it("refuses a rule that is not an object, has an unknown key, or has none of the settings of which it needs one", () => {
    expect(read([]).problems).toEqual([
      { path: "rules[0]", problem: 'must be an object: {"rule": "owner", ...}', found: "a list" },
    ]);
    expect(read({ rule: "owner", strict: true, ownr: "x" })).toEqual({
      rule: undefined,
      problems: [
        { path: "rules[0]", problem: 'has an unknown key: did you mean "owner"?', found: '"ownr"' },
        { path: "rules[0]", problem: 'must have "owner"', found: null },
      ],
    });
  });
});

describe("RULE_KINDS", () => {
  it("have names and settings that differ from each other and from those that every rule has", () => {
    expect(new Set(RULE_KINDS.map(({ name }) => name)).size).toBe(RULE_KINDS.length);
    for (const { fields, atLeastOne = [] } of RULE_KINDS) {
      expect(Object.keys(fields)).not.toEqual(
        expect.arrayContaining([expect.stringMatching(/^(?:rule|id|severity|mode|when|link)$/)]),
      );
      expect(Object.keys(fields)).toEqual(expect.arrayContaining([...atLeastOne]));
    }
  });

  it.each(RULE_KINDS.map((kind) => [kind.name, kind] as const))("describe %s in sentences", (_, kind) => {
    for (const words of [kind.what, kind.why, ...Object.values(kind.fields).map(({ about }) => about)])
      expect(words).toMatch(/^[A-Z`"].*\.$/s);
    expect(kind.example.fails.length).toBeGreaterThan(0);
    expect(kind.example.passes.length).toBeGreaterThan(0);
  });
});

const word = fc.constantFrom("name", "Name", "env", "owner", "web", "prod", "ops-1", "t3.micro", "us-east-1", "", " ");
const factOf = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<Fact<T>> =>
  fc.oneof(
    value.map((each) => ({ value: each })),
    fc.boolean().map((late) => ({ unknown: "EC2 does not show it", late })),
  );
const group: fc.Arbitrary<SecurityGroup> = fc.record({
  groupId: fc.constantFrom("sg-1", "sg-2"),
  name: fc.constantFrom("default", "web"),
  tags: fc.array(fc.tuple(word, word), { maxLength: 2 }).map((entries) => new Map(entries)),
  ingress: fc.array(
    fc.record({
      protocol: fc.constantFrom("tcp", "udp", "icmp", "-1", "50"),
      from: fc.constantFrom(null, 22, 80),
      to: fc.constantFrom(null, 22, 443),
      ipv4: fc.subarray(["0.0.0.0/0", "10.0.0.0/8", "0.0.0.0/1", "128.0.0.0/1"]),
      ipv6: fc.subarray(["::/0"]),
      prefixLists: fc.subarray(["pl-1"]),
    }),
    { maxLength: 2 },
  ),
});
const image: fc.Arbitrary<Image> = fc.record({
  imageId: fc.constantFrom("ami-0abcdef1234567890", "ami-1"),
  name: fc.option(word),
  ownerId: fc.option(fc.constantFrom("123456789012", "679593333241")),
  ownerAlias: fc.option(fc.constantFrom("amazon")),
  state: fc.option(fc.constantFrom("available", "deregistered")),
  creationDate: fc.option(fc.constantFrom("2021-11-01T00:00:00.000Z", "2019-11-01T00:00:00.000Z", "soon")),
  deprecationTime: fc.option(fc.constantFrom("2021-11-01T00:00:00.000Z", "2030-11-01T00:00:00.000Z")),
  isAllowed: fc.option(fc.boolean()),
  isPublic: fc.option(fc.boolean()),
});
const volume: fc.Arbitrary<Volume> = fc.record({
  volumeId: fc.constantFrom("vol-1", "vol-2"),
  isEncrypted: fc.boolean(),
  kmsKeyId: fc.option(fc.constantFrom("arn:aws:kms:us-east-1:123456789012:key/1")),
});
const anyFacts: fc.Arbitrary<Facts> = fc
  .record({
    tags: fc.uniqueArray(fc.tuple(word, word), { selector: ([key]) => key, maxLength: 6 }),
    state: fc.constantFrom("pending", "running", "stopped"),
    keyName: fc.option(word),
    instanceProfile: fc.option(fc.constant("arn:aws:iam::123456789012:instance-profile/web")),
    publicIps: fc.subarray(["203.0.113.7", "203.0.113.8"]),
    volumeIds: fc.subarray(["vol-1", "vol-2"]),
    metadata: fc.option(
      fc.record({
        tokens: fc.option(fc.constantFrom("required", "optional")),
        endpoint: fc.option(fc.constantFrom("enabled", "disabled")),
        hopLimit: fc.option(fc.integer({ min: 1, max: 3 })),
      }),
    ),
    groups: fc.array(group, { maxLength: 2 }),
    hasInstance: fc.boolean(),
    launchedBy: fc.option(word),
    image: factOf(image),
    volumes: factOf(fc.array(volume, { maxLength: 2 })),
    defaultVpc: factOf(fc.option(fc.constantFrom("vpc-0a1b2c3d4e5f67890", "vpc-1"))),
    groupsLate: fc.boolean(),
  })
  .map(({ tags, groups, hasInstance, launchedBy, image, volumes, defaultVpc, groupsLate, ...instance }) => {
    const own = new Map(tags);
    const shown = instanceOf({
      ...instance,
      tags: own,
      groups: groups.map(({ groupId, name }) => ({ groupId, name })),
    });
    return factsOf({
      tags: own,
      launchedBy,
      image,
      volumes,
      defaultVpc,
      instance: hasInstance ? shown : null,
      securityGroups: groupsLate ? { unknown: "EC2 does not show sg-1", late: true } : { value: groups },
    });
  });

/** A verdict without its functions. */
function plain(verdict: Verdict) {
  const violation = "violation" in verdict ? verdict.violation : null;
  return {
    ...verdict,
    rule: verdict.rule.id,
    exemption: "exemption" in verdict ? verdict.exemption.reason : null,
    violation: violation && {
      ...violation,
      summary: [1, 2].map(violation.summary),
      action: violation.action("web-1"),
      remedy: violation.remedy(["i-1"], "us-east-1"),
    },
  };
}

describe("a rule of any kind", () => {
  const policyFor = (rules: readonly object[]) => {
    const reading = parsePolicy(JSON.stringify({ rules: rules.map((rule, index) => ({ ...rule, id: `r${index}` })) }));
    return "policy" in reading ? reading.policy : null;
  };

  it("gives the same verdict in any order of the tags, and of the rules", () => {
    const shuffledRules = fc
      .array(anyRule, { minLength: 1, maxLength: 4 })
      .map(policyFor)
      .filter((policy) => policy !== null)
      .chain((policy) =>
        fc.shuffledSubarray([...policy.rules], { minLength: policy.rules.length }).map((rules) => ({ policy, rules })),
      );
    const shuffledFacts = anyFacts.chain((facts) =>
      fc.shuffledSubarray([...facts.tags], { minLength: facts.tags.size }).map((entries) => {
        const tags = new Map(entries);
        return { facts, shuffled: { ...facts, tags, instance: facts.instance && { ...facts.instance, tags } } };
      }),
    );
    fc.assert(
      fc.property(shuffledRules, shuffledFacts, ({ policy, rules }, { facts, shuffled }) => {
        const sorted = (verdicts: readonly Verdict[]) =>
          verdicts.map(plain).sort((one, other) => (one.rule < other.rule ? -1 : 1));
        expect(sorted(evaluate(shuffled, { ...policy, rules }, AT))).toEqual(sorted(evaluate(facts, policy, AT)));
      }),
      { numRuns: 500 },
    );
  });

  it("states its verdict on one line", () => {
    fc.assert(
      fc.property(
        anyRule.map((rule) => policyFor([rule])),
        anyFacts,
        (policy, facts) => {
          fc.pre(policy !== null);
          for (const verdict of evaluate(facts, policy, AT)) {
            const words = "because" in verdict ? verdict.because : verdict.violation.message;
            expect(words).toMatch(/^\S[^\n\r]*$/);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
