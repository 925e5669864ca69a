import { describe, expect, it } from "vitest";
import type { Facts } from "../../src/facts/facts.ts";
import { daysLeft, type Exemption, exemptions, exemptionsFor, sayExemption } from "../../src/policy/exemptions.ts";
import { startReading } from "../../src/policy/settings.ts";
import { factsOf } from "../support/findings.ts";

const WHOLE = { rules: ["a"], when: { tag: "env", in: "dev" }, reason: "a trial", until: "2027-03-31" };

function read(value: unknown, ids: ReadonlySet<string> | null = null): readonly Exemption[] | readonly string[] {
  const reading = startReading(ids);
  const result = exemptions.read(value, "exemptions", reading);
  return result ?? reading.problems.map(({ path, problem }) => `${path} ${problem}`);
}

function exemptionsOf(...values: readonly object[]): readonly Exemption[] {
  const result = read(values.map((each) => ({ ...WHOLE, ...each })));
  if (result.some((each) => typeof each === "string")) throw new Error(result.join());
  return result as readonly Exemption[];
}

describe("the exemptions of a policy", () => {
  it("are read, and none are needed", () => {
    expect(read([])).toEqual([]);
    expect(exemptionsOf({}, { rules: "*" }, { until: "2028-02-29" })).toMatchObject([
      { rules: ["a"], reason: "a trial", until: "2027-03-31" },
      { rules: ["*"] },
      { until: "2028-02-29" },
    ]);
  });

  it.each<[string, object, string]>([
    ["no rules", { rules: undefined }, "rules is missing: it must be the id of a rule"],
    ["an empty list of rules", { rules: [] }, "rules must be a list of 1 to 100 ids"],
    ["a rule that is no id", { rules: ["a b"] }, 'rules[0] must be the id of a rule, or "*" for all rules'],
    ["a wildcard in an id", { rules: "a*" }, 'rules must be the id of a rule, or "*" for all rules'],
    ["no condition", { when: undefined }, "when is missing: it must be a condition"],
    ["an invalid condition", { when: { tag: "env" } }, 'when must have either "in" or "present"'],
    ["no reason", { reason: undefined }, "reason is missing: it must be text of 1 to 500 characters"],
    ["a blank reason", { reason: " " }, "reason must be text of 1 to 500 characters"],
    ["no end", { until: undefined }, 'until is missing: it must be a date, such as "2027-03-31"'],
    ["a time", { until: "2027-03-31T00:00:00Z" }, 'until must be a date, such as "2027-03-31"'],
    ["a day that does not exist", { until: "2027-02-29" }, 'until must be a date, such as "2027-03-31"'],
    ["a month of a year of five digits", { until: "+012345-01" }, "until must be a date"],
    ["a list of dates", { until: ["2027-03-31"] }, "until must be a date"],
    ["a month that does not exist", { until: "2027-13-01" }, "until must be a date"],
    ["a date as a number", { until: 20270331 }, "until must be a date"],
    ["an unknown key", { reson: "x" }, 'has an unknown key: did you mean "reason"?'],
  ])("are refused with %s", (_, change, problem) => {
    const problems = read([WHOLE, { ...WHOLE, ...change }]);
    expect(problems).toHaveLength(1);
    expect(String(problems[0])).toContain(`exemptions[1]${problem.startsWith("has") ? " " : "."}${problem}`);
  });

  it("are refused with the id of a rule that the policy does not have, without naming the ids that it has", () => {
    const ids = new Set(["a", "b"]);
    const problem = 'must be the id of a rule of this policy, or "*"';
    expect(read([{ ...WHOLE, rules: ["a", "c", "*", "d"] }], ids)).toEqual([
      `exemptions[0].rules[1] ${problem}`,
      `exemptions[0].rules[3] ${problem}`,
    ]);
    expect(read([{ ...WHOLE, rules: "c" }], ids)).toEqual([`exemptions[0].rules ${problem}`]);
    expect(read([{ ...WHOLE, rules: "a b" }], ids)).toEqual([
      'exemptions[0].rules must be the id of a rule, or "*" for all rules',
    ]);
    expect(read([{ ...WHOLE, rules: ["b", "*"] }], ids)).toMatchObject([{ rules: ["b", "*"] }]);
  });

  it("are a list of up to 200 objects", () => {
    expect(read([1])).toEqual([
      'exemptions[0] must be an object: {"rules": [...], "when": ..., "reason": "...", "until": "2027-03-31"}',
    ]);
    expect(read(Array(201).fill(WHOLE))).toEqual(["exemptions must be a list of up to 200 exemptions"]);
    expect(exemptionsOf(...Array(200).fill({}))).toHaveLength(200);
  });

  it("are accepted with any id while the ids of the rules are not known", () => {
    expect(read([{ ...WHOLE, rules: "c" }])).toMatchObject([{ rules: ["c"] }]);
  });
});

describe("the days until an exemption ends", () => {
  const [exemption] = exemptionsOf({});
  const left = (time: string) => exemption && daysLeft(exemption, Date.parse(time));

  it("include its last day, in UTC", () => {
    expect(left("2027-03-31T00:00:00Z")).toBe(1);
    expect(left("2027-03-31T23:59:59.999Z")).toBe(1);
    expect(left("2027-04-01T00:00:00Z")).toBe(0);
    expect(left("2027-04-02T00:00:00Z")).toBe(-1);
    expect(left("2027-03-30T12:00:00Z")).toBe(2);
  });
});

describe("an exemption in words", () => {
  it.each([
    [["a"], 'exempt from "a" until 2027-03-31 when the tag "env" is "dev": a trial'],
    [["a", "b"], 'exempt from "a" and "b" until 2027-03-31 when the tag "env" is "dev": a trial'],
    [["a", "*"], 'exempt from every rule until 2027-03-31 when the tag "env" is "dev": a trial'],
  ])("from %j", (rules, words) => {
    expect(exemptionsOf({ rules }).map(sayExemption)).toEqual([words]);
  });
});

describe("the exemption of an instance from a rule", () => {
  const NOW = Date.parse("2027-01-01T00:00:00Z");
  const dev = { tags: new Map([["env", "dev"]]) };
  const of = (all: readonly Exemption[], facts: Partial<Facts> = dev, id = "a") =>
    exemptionsFor(factsOf(facts), all, NOW)({ id });

  it("is the first one that names the rule, holds and has not ended", () => {
    const all = exemptionsOf(
      { rules: "b", reason: "another rule" },
      { until: "2026-12-31", reason: "ended" },
      { when: { tag: "env", in: "prod" }, reason: "another instance" },
      { rules: "*", reason: "the first" },
      { reason: "the second" },
    );
    expect(of(all)).toEqual({ exemption: all[3] });
    expect(of(all.slice(4))).toEqual({ exemption: all[4] });
    expect(of(all.slice(0, 3))).toBeNull();
    expect(of(all.slice(0, 3), dev, "b")).toEqual({ exemption: all[0] });
  });

  it("cannot be decided when a fact is unknown, unless another one holds", () => {
    const image = { unknown: "EC2 does not show the image", late: true };
    const all = exemptionsOf({ when: { imageName: "x" } }, { when: { launchedBy: "x" } }, {});
    const facts = { image, launchedBy: null };
    expect(of(all.slice(0, 2), facts)).toEqual(image);
    expect(of(all, { ...facts, ...dev })).toEqual({ exemption: all[2] });
    expect(of(all, { ...facts, tags: new Map() })).toEqual(image);
  });

  it("tests each condition once, however many rules ask", () => {
    let tests = 0;
    const all = exemptionsOf({ rules: "*" }).map((each) => ({
      ...each,
      when: {
        ...each.when,
        test: () => {
          tests += 1;
          return false;
        },
      },
    }));
    const exemptionOf = exemptionsFor(factsOf(dev), all, NOW);
    expect(["a", "b", "c"].map((id) => exemptionOf({ id }))).toEqual([null, null, null]);
    expect(tests).toBe(1);
  });
});
