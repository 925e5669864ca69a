import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLog, type Logged, NAMESPACE } from "../src/log.ts";
import { LOG_LEVELS, type LogLevel } from "../src/util/note.ts";
import { ACCOUNT, AT, INSTANCE, REGION } from "./support/events.ts";
import { launchOf } from "./support/launches.ts";

const launch = launchOf({ launchedBy: "arn:aws:iam::123456789012:user/Mateo" });
const SWEEP = { id: "0123456789abcdef", step: 2, instances: 1_000, violating: 7, accountsLeft: 1, placesLeft: 3 };
const OUTCOMES: Readonly<Record<Logged["kind"], Logged>> = {
  compliant: { kind: "compliant", launch },
  violating: {
    kind: "violating",
    launch,
    rules: ["required-tags"],
    reason: "a tag is missing",
    alertIds: ["a1"],
    notJudged: [],
    resolved: [],
  },
  resolved: {
    kind: "resolved",
    launch,
    rules: ["required-tags"],
    reason: "required-tags is resolved: it has the tags",
    alertIds: ["a2"],
    notJudged: [],
  },
  deferred: { kind: "deferred", launch, reason: "within its grace", retryAfterSeconds: 7 },
  ignored: { kind: "ignored", reason: "not ours" },
  continued: { kind: "continued", reason: "the sweep continues", sweep: SWEEP },
  swept: { kind: "swept", reason: "the sweep has ended", sweep: SWEEP },
  unseen: { kind: "unseen", launch, reason: "EC2 does not show it" },
  "not-judged": { kind: "not-judged", launch, rules: ["open-ports"], reason: "not judged: open-ports" },
  confirmed: { kind: "confirmed", reason: "confirmed" },
  failed: { kind: "failed", launch, reason: "throttled" },
  malformed: { kind: "malformed", reason: "not JSON" },
  rejected: { kind: "rejected", refusal: "unverified", reason: "forged" },
  misconfigured: { kind: "misconfigured", problems: [{ key: "AWS_REGION", problem: "is missing" }] },
};
const METRICS = [
  "audited",
  "compliant",
  "violating",
  "resolved",
  "deferred",
  "ignored",
  "swept",
  "unseen",
  "notJudged",
  "rejected",
  "failed",
  "milliseconds",
];

/** Returns the lines that are logged. */
function linesOf(
  use: (log: ReturnType<typeof createLog>) => void,
  level: LogLevel = "debug",
  functionName?: string,
): string[] {
  const lines: string[] = [];
  const write = (line: string) => lines.push(line);
  use(createLog(level, write, () => AT, functionName));
  return lines;
}

/** Returns the one line of an outcome, parsed. */
function lineOf(outcome: Logged, milliseconds = 12) {
  const [line = "", ...others] = linesOf((log) => log.outcome(outcome, milliseconds, null));
  expect(others).toEqual([]);
  return JSON.parse(line);
}

describe("the message id of an outcome's line", () => {
  const idIn = (messageId: unknown) => {
    const [line = ""] = linesOf((log) => log.outcome({ kind: "malformed", reason: "x" }, 1, messageId));
    return JSON.parse(line).messageId;
  };

  it("is the id that the message has in a dead-letter queue", () => {
    expect(idIn("059f36b4-87a3-44ab-83d2-661975830a7d")).toBe("059f36b4-87a3-44ab-83d2-661975830a7d");
  });

  it.each([undefined, null, 7, { toString: () => "x" }])("is omitted if it is not text: %s", (id) => {
    expect(idIn(id)).toBeUndefined();
  });

  it("is cut to 100 characters", () => {
    expect(idIn("x".repeat(300_000))).toBe("x".repeat(100));
  });
});

/** CloudWatch's own schema for an embedded-metric line, as its specification prints it, without its titles.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html */
const validateEmf = new Ajv2020().compile({
  type: "object",
  required: ["_aws"],
  properties: {
    _aws: {
      type: "object",
      required: ["Timestamp", "CloudWatchMetrics"],
      properties: {
        Timestamp: { type: "integer" },
        CloudWatchMetrics: {
          type: "array",
          items: {
            type: "object",
            required: ["Namespace", "Dimensions", "Metrics"],
            properties: {
              Namespace: { type: "string", minLength: 1, maxLength: 1024 },
              Dimensions: {
                type: "array",
                minItems: 1,
                items: {
                  type: "array",
                  minItems: 0,
                  maxItems: 30,
                  items: { type: "string", minLength: 1, maxLength: 250 },
                },
              },
              Metrics: {
                type: "array",
                minItems: 1,
                maxItems: 100,
                items: {
                  type: "object",
                  required: ["Name"],
                  properties: {
                    Name: { type: "string", minLength: 1, maxLength: 1024 },
                    Unit: { enum: ["Count", "Milliseconds", "Seconds", "None"] },
                  },
                },
              },
            },
          },
        },
      },
    },
  },
});

describe("the line of an outcome", () => {
  it("has the outcome of a launch, its reason and the launch", () => {
    const { _aws, ...line } = lineOf(OUTCOMES.violating, 34);
    expect(line).toEqual({
      level: "warn",
      time: "2021-11-11T21:29:54.000Z",
      outcome: "violating",
      message: "a tag is missing",
      account: ACCOUNT,
      region: REGION,
      instanceId: INSTANCE,
      event: "EC2 Instance State-change Notification",
      launchedBy: "arn:aws:iam::123456789012:user/Mateo",
      rules: ["required-tags"],
      alertIds: ["a1"],
      milliseconds: 34,
      audited: 1,
      violating: 1,
    });
  });

  it("is an error with the metric notJudged when rules could not be judged, and names them", () => {
    const reason = "not judged: open-ports: the credentials do not allow ec2:DescribeSecurityGroups";
    expect(lineOf({ kind: "not-judged", launch, rules: ["open-ports"], reason })).toMatchObject({
      level: "error",
      outcome: "not-judged",
      message: reason,
      rulesNotJudged: ["open-ports"],
    });
  });

  it("is an error with the metrics violating and notJudged when an alert went out but rules could not be judged", () => {
    const outcome: Logged = {
      kind: "violating",
      launch,
      rules: ["a"],
      reason: "x",
      alertIds: ["a1"],
      notJudged: ["b"],
      resolved: [],
    };
    const line = lineOf(outcome);
    expect(line).toMatchObject({ level: "error", rules: ["a"], rulesNotJudged: ["b"] });
    expect(line).toMatchObject({ audited: 1, violating: 1, notJudged: 1 });
    const names = line._aws.CloudWatchMetrics[0].Metrics.map(({ Name }: { Name: string }) => Name);
    expect(names).toEqual(["audited", "violating", "notJudged", "milliseconds"]);
  });

  it("names the rules that a change of tags resolved beside an alert, and counts resolved launches", () => {
    expect(
      lineOf({
        kind: "violating",
        launch,
        rules: ["a"],
        reason: "x",
        alertIds: ["a1"],
        notJudged: [],
        resolved: ["b"],
      }),
    ).toMatchObject({ rules: ["a"], rulesResolved: ["b"] });
    expect(lineOf(OUTCOMES.violating)).not.toHaveProperty("rulesResolved");
    expect(lineOf(OUTCOMES.resolved)).toMatchObject({
      level: "info",
      message: "required-tags is resolved: it has the tags",
      rules: ["required-tags"],
      alertIds: ["a2"],
      audited: 1,
      resolved: 1,
    });
  });

  it("has the time until a deferred launch is due", () => {
    expect(lineOf(OUTCOMES.deferred)).toMatchObject({
      outcome: "deferred",
      retryAfterSeconds: 7,
      instanceId: INSTANCE,
    });
  });

  it("has no instance if there is no launch", () => {
    const line = lineOf(OUTCOMES.rejected);
    expect(line).toMatchObject({ level: "warn", outcome: "rejected", message: "forged" });
    expect(line).not.toHaveProperty("instanceId");
  });

  it.each(Object.values(OUTCOMES))("has metrics for CloudWatch: $kind", (outcome) => {
    const line = lineOf(outcome);
    validateEmf(line);
    expect(validateEmf.errors ?? []).toEqual([]);
    const [directive] = line._aws.CloudWatchMetrics;
    expect(directive.Namespace).toBe(NAMESPACE);
    expect(line._aws.Timestamp).toBe(AT);
    const names: string[] = directive.Metrics.map(({ Name }: { Name: string }) => Name);
    // Every metric of the directive is a number in the line, and the line has no other metrics.
    for (const name of names) expect(line[name]).toEqual(expect.any(Number));
    expect(METRICS.filter((name) => name in line)).toEqual(METRICS.filter((name) => names.includes(name)));
  });

  it.each<[Logged["kind"], string[]]>([
    ["compliant", ["audited", "compliant"]],
    ["violating", ["audited", "violating"]],
    ["deferred", ["audited", "deferred"]],
    ["ignored", ["ignored"]],
    ["not-judged", ["audited", "notJudged"]],
    ["confirmed", []],
    ["failed", ["failed"]],
    ["malformed", ["rejected"]],
    ["rejected", ["rejected"]],
    ["misconfigured", ["failed"]],
  ])("counts %s in %j", (kind, counters) => {
    const line = lineOf(OUTCOMES[kind]);
    expect(METRICS.filter((name) => line[name] === 1 && name !== "milliseconds")).toEqual(counters);
  });

  it("names the invalid settings", () => {
    expect(lineOf(OUTCOMES.misconfigured).message).toBe("AWS_REGION is missing");
  });

  it("is one line of JSON with the original values, whatever it quotes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (reason, launchedBy) => {
        const [line = ""] = linesOf((log) =>
          log.outcome({ kind: "failed", reason, launch: { ...launch, launchedBy } }, 1, null),
        );
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        expect(JSON.parse(line)).toMatchObject({ message: reason, launchedBy });
      }),
    );
  });

  it("does not get another level or outcome from a quoted value", () => {
    const reason = '", "level": "debug", "outcome": "compliant';
    expect(lineOf({ kind: "failed", reason })).toMatchObject({ level: "error", outcome: "failed", message: reason });
  });
});

describe("invisible and control characters in the log", () => {
  const foreign = "\u009b31m \u202e \u2028 \u200b";
  const escaped = "\\u009b31m \\u202e \\u2028 \\u200b";

  it.each<[string, (log: ReturnType<typeof createLog>) => void]>([
    ["the id of a message", (log) => log.outcome(OUTCOMES.rejected, 1, foreign)],
    ["a reason", (log) => log.outcome({ kind: "failed", reason: foreign }, 1, null)],
    ["a launcher", (log) => log.outcome({ kind: "compliant", launch: { ...launch, launchedBy: foreign } }, 1, null)],
    [
      "the type of an event",
      (log) => log.outcome({ kind: "ignored", reason: "x", launch: { event: foreign } }, 1, null),
    ],
    ["a note", (log) => log.note("warn", foreign)],
    ["a note's field", (log) => log.note("warn", "x", { topic: foreign })],
  ])("are escaped in %s", (_, use) => {
    const [line = ""] = linesOf(use);
    expect(line).toMatch(/^[ -~]+$/);
    expect(line).toContain(escaped);
  });
});

describe("the metrics of a line", () => {
  const metricsOf = (functionName?: string) => {
    const [line = ""] = linesOf((log) => log.outcome(OUTCOMES.compliant, 1, null), "info", functionName);
    return JSON.parse(line);
  };

  it("have the function's name as their dimension on Lambda, to separate two stacks in one account", () => {
    const line = metricsOf("ec2-audit-Function-8Q1");
    expect(line._aws.CloudWatchMetrics[0].Dimensions).toEqual([["FunctionName"]]);
    expect(line.FunctionName).toBe("ec2-audit-Function-8Q1");
    validateEmf(line);
    expect(validateEmf.errors ?? []).toEqual([]);
  });

  it("have no dimension elsewhere", () => {
    const line = metricsOf();
    expect(line._aws.CloudWatchMetrics[0].Dimensions).toEqual([[]]);
    expect(line).not.toHaveProperty("FunctionName");
  });
});

describe("a deferred launch", () => {
  const linesAt = (level: LogLevel, functionName?: string) =>
    linesOf((log) => log.outcome(OUTCOMES.deferred, 1, null), level, functionName).map((line) => JSON.parse(line));

  it("has a line at debug", () => {
    expect(linesAt("debug")).toMatchObject([{ level: "debug", outcome: "deferred", message: "within its grace" }]);
  });

  it("has a line with only its metrics at info on Lambda", () => {
    const [line, ...others] = linesAt("info", "ec2-audit");
    expect(others).toEqual([]);
    expect(Object.keys(line)).toEqual([
      "level",
      "time",
      "outcome",
      "milliseconds",
      "audited",
      "deferred",
      "FunctionName",
      "_aws",
    ]);
    validateEmf(line);
    expect(validateEmf.errors ?? []).toEqual([]);
  });

  it.each<[LogLevel, string | undefined]>([
    ["info", undefined],
    ["warn", "ec2-audit"],
    ["error", "ec2-audit"],
  ])("has no line at %s in the function %s", (level, functionName) => {
    expect(linesAt(level, functionName)).toEqual([]);
  });
});

describe("an ignored event", () => {
  const lineOfIgnored = (ignored: Partial<Logged>, level: LogLevel) =>
    linesOf((log) => log.outcome({ ...OUTCOMES.ignored, ...ignored } as Logged, 1, null), level).map((line) =>
      JSON.parse(line),
    );

  it("has its known account, region and type in the line", () => {
    const about = { account: ACCOUNT, region: REGION, event: "EBS Snapshot Notification" };
    expect(lineOfIgnored({ launch: about }, "info")).toMatchObject([{ level: "info", ...about }]);
  });

  it("is logged at warn only with a warning", () => {
    expect(lineOfIgnored({ warning: true }, "warn")).toMatchObject([{ level: "warn", outcome: "ignored", ignored: 1 }]);
    expect(lineOfIgnored({}, "warn")).toEqual([]);
  });
});

describe("a note", () => {
  it("is one line of JSON with its level, time and fields", () => {
    expect(
      linesOf((log) => log.note("info", "subscription confirmed", { topic: "arn" })).map((line) => JSON.parse(line)),
    ).toEqual([{ level: "info", time: "2021-11-11T21:29:54.000Z", message: "subscription confirmed", topic: "arn" }]);
  });

  it("has no metric", () => {
    expect(linesOf((log) => log.note("error", "x")).join()).not.toContain("_aws");
  });
});

describe("LOG_LEVEL", () => {
  it.each(LOG_LEVELS)("%s logs notes of this level and above", (level) => {
    const through = linesOf((log) => {
      for (const each of LOG_LEVELS) log.note(each, each);
    }, level);
    expect(through.map((line) => JSON.parse(line).level)).toEqual(LOG_LEVELS.slice(LOG_LEVELS.indexOf(level)));
  });

  it.each<[LogLevel, Logged["kind"][]]>([
    ["debug", Object.keys(OUTCOMES) as Logged["kind"][]],
    ["info", (Object.keys(OUTCOMES) as Logged["kind"][]).filter((kind) => kind !== "deferred")],
    ["warn", ["violating", "unseen", "not-judged", "failed", "malformed", "rejected", "misconfigured"]],
    ["error", ["not-judged", "failed", "malformed", "misconfigured"]],
  ])("%s logs the outcomes %j", (level, kinds) => {
    const lines = linesOf((log) => {
      for (const outcome of Object.values(OUTCOMES)) log.outcome(outcome, 1, null);
    }, level);
    expect(lines.map((line) => JSON.parse(line).outcome)).toEqual(kinds);
  });
});
