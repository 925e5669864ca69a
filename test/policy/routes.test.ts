import { describe, expect, it } from "vitest";
import { type Route, routes, takes } from "../../src/policy/routes.ts";
import { startReading } from "../../src/policy/settings.ts";
import { policyOf } from "../support/policy.ts";

const TOPIC = "arn:aws:sns:us-east-1:123456789012:oncall";

function read(value: unknown, ids: ReadonlySet<string> | null = null): readonly Route[] | readonly string[] {
  const reading = startReading(ids);
  return routes.read(value, "routes", reading) ?? reading.problems.map(({ path, problem }) => `${path} ${problem}`);
}

function routeOf(change: object = {}): Route {
  const [route] = read([{ topic: TOPIC, ...change }]);
  if (route === undefined || typeof route === "string") throw new Error(route);
  return route;
}

describe("the routes of a policy", () => {
  it("take all findings as alerts, also sent to the default topic, unless they say otherwise", () => {
    expect(routeOf()).toMatchObject({
      ...{ severities: null, rules: null, when: null, format: "alert", instead: false },
      topic: { arn: TOPIC, region: "us-east-1", fifo: false },
    });
    expect(routeOf({ format: "chat", instead: true })).toMatchObject({ format: "chat", instead: true });
    expect(read([])).toEqual([]);
  });

  it("take a severity with the higher ones, or exactly a list of severities", () => {
    expect(routeOf({ severity: "high" }).severities).toEqual(["high", "critical"]);
    expect(routeOf({ severity: ["low", "high"] }).severities).toEqual(["low", "high"]);
  });

  it("have topics of any region and partition, FIFO topics included", () => {
    for (const arn of [
      "arn:aws:sns:eu-west-1:210987654321:team.fifo",
      "arn:aws-cn:sns:cn-north-1:123456789012:oncall",
      "arn:aws-us-gov:sns:us-gov-west-1:123456789012:oncall",
    ]) {
      expect(routeOf({ topic: arn }).topic.arn).toBe(arn);
    }
  });

  it.each<[string, object, string]>([
    ["no topic", { topic: undefined }, ".topic is missing: it must be the ARN of an SNS topic"],
    ["the name of a topic", { topic: "oncall" }, ".topic must be the ARN of an SNS topic"],
    ["a queue", { topic: "arn:aws:sqs:us-east-1:123456789012:oncall" }, ".topic must be the ARN of an SNS topic"],
    [
      "a region of another partition",
      { topic: "arn:aws:sns:cn-north-1:123456789012:oncall" },
      ".topic must name a supported region of its partition",
    ],
    ["an unknown severity", { severity: "hihg" }, '.severity must be one of "low", "medium", "high", "critical"'],
    ["an empty list of severities", { severity: [] }, ".severity must be a list of 1 to 4 severities"],
    ["an unknown rule", { rules: ["c"] }, ".rules[0] must be the id of a rule of this policy"],
    ["an invalid condition", { when: { tag: "env" } }, '.when must have either "in" or "present"'],
    ["an unknown format", { format: "slack" }, '.format must be one of "alert", "chat"'],
    ["a text for instead", { instead: "yes" }, ".instead must be true or false"],
    ["an unknown key", { sevrity: "high" }, ' has an unknown key: did you mean "severity"?'],
  ])("are refused with %s", (_, change, problem) => {
    const problems = read([{ topic: TOPIC, ...change }], new Set(["a"]));
    expect(problems).toEqual([expect.stringContaining(`routes[0]${problem}`)]);
    expect(problems.join()).not.toContain("123456789012");
  });

  it("are a list of up to 20", () => {
    expect(read(Array(20).fill({ topic: TOPIC }))).toHaveLength(20);
    expect(read(Array(21).fill({ topic: TOPIC }))).toEqual(["routes must be a list of up to 20 routes"]);
  });
});

describe("takes", () => {
  it("returns whether both the rule and its severity are the route's", () => {
    const route = routeOf({ severity: "high", rules: ["a"] });
    expect(takes(route, { id: "a", severity: "critical" })).toBe(true);
    expect(takes(route, { id: "a", severity: "medium" })).toBe(false);
    expect(takes(route, { id: "b", severity: "critical" })).toBe(false);
    expect(takes(routeOf(), { id: "b", severity: "low" })).toBe(true);
  });
});

describe("a rule whose findings are routed by a tag", () => {
  it("waits for the grace, because tags may arrive within it", () => {
    const routed = (severity: string) =>
      policyOf({
        rules: [{ rule: "imdsv2" }],
        routes: [{ severity, when: { tag: "team", in: "web" }, topic: TOPIC }],
      }).rules.map(({ isCorrectable }) => isCorrectable);
    const unrouted = policyOf({ rules: [{ rule: "imdsv2" }] }).rules.map(({ isCorrectable }) => isCorrectable);
    expect([routed("low"), routed("critical")]).toEqual([[true], unrouted]);
  });
});
