import { describe, expect, it } from "vitest";
import { destinationsOf } from "../../src/alerts/destinations.ts";
import type { Finding, Resolved } from "../../src/alerts/finding.ts";
import { createSent, type Open } from "../../src/alerts/sent.ts";
import type { Facts } from "../../src/facts/facts.ts";
import { configOf } from "../support/config.ts";
import { factsOf, findingOf, instanceOf, resolvedFinding } from "../support/findings.ts";
import { policyOf } from "../support/policy.ts";

const TOPIC = "arn:aws:sns:us-east-1:123456789012:";
const { alertTopic } = configOf();

/** The topics and formats that a finding goes to, in the order of the routes. */
function whereTo(
  routes: readonly object[],
  changes: Partial<Facts> = {},
  finding: Finding | Resolved = findingOf(),
  open: Open | null = null,
): string[] {
  const policy = policyOf({ rules: [{ rule: "required-tags", tags: ["name"] }], routes });
  const destinations = destinationsOf(finding, factsOf(changes), policy.routes, alertTopic, open);
  return destinations.map(({ topic, format }) => `${topic.name} ${format}`);
}

const tagged = (tags: Record<string, string>) => ({ instance: instanceOf({ tags: new Map(Object.entries(tags)) }) });

describe("destinationsOf", () => {
  it("returns the default topic for a finding that no route matches", () => {
    expect(whereTo([])).toEqual(["ec2_audit_alert alert"]);
    expect(whereTo([{ severity: "high", topic: `${TOPIC}a` }])).toEqual(["ec2_audit_alert alert"]);
  });

  it("returns each route's topic beside the default topic", () => {
    expect(whereTo([{ topic: `${TOPIC}a` }, { topic: `${TOPIC}b`, format: "chat" }])).toEqual([
      "a alert",
      "b chat",
      "ec2_audit_alert alert",
    ]);
  });

  it("returns no default topic when a route takes the finding instead, also beside other routes", () => {
    const routes = [{ topic: `${TOPIC}a` }, { when: { tag: "team", in: "web" }, topic: `${TOPIC}b`, instead: true }];
    expect(whereTo(routes, tagged({ team: "web" }))).toEqual(["a alert", "b alert"]);
    expect(whereTo(routes, tagged({ team: "shop" }))).toEqual(["a alert", "ec2_audit_alert alert"]);
  });

  it("returns the default topic too when the condition of a route that takes it instead cannot be decided", () => {
    const routes = [{ when: { launchedBy: "*:role/ci" }, topic: `${TOPIC}a`, instead: true }];
    expect(whereTo(routes, { launchedBy: null })).toEqual(["a alert", "ec2_audit_alert alert"]);
    const image = [{ when: { imageOwner: "amazon" }, topic: `${TOPIC}a`, instead: true }];
    expect(whereTo(image)).toEqual(["a alert", "ec2_audit_alert alert"]);
  });

  it("returns for a resolved finding each topic that may have got the violation before a tag changed", () => {
    const routes = [
      { when: { tag: "team", in: "web" }, topic: `${TOPIC}a` },
      { when: { tag: "team", in: "shop" }, topic: `${TOPIC}b`, instead: true },
      { when: { tag: "env", in: "prod" }, topic: `${TOPIC}c`, instead: true },
    ];
    const facts = tagged({ team: "shop", env: "prod" });
    const to = (changedTags: Resolved["changedTags"]) => whereTo(routes, facts, resolvedFinding({ changedTags }));
    expect(to(["owner"])).toEqual(["b alert", "c alert"]);
    expect(to(["team"])).toEqual(["a alert", "b alert", "c alert"]);
    expect(to(["env"])).toEqual(["b alert", "c alert"]);
    expect(to("all")).toEqual(["a alert", "b alert", "c alert", "ec2_audit_alert alert"]);
  });

  it("returns for a resolved finding also each topic that is known to have got the violation", () => {
    const routes = [
      { when: { tag: "team", in: "web" }, topic: `${TOPIC}a`, instead: true },
      { when: { tag: "team", in: "shop" }, topic: `${TOPIC}b`, instead: true },
    ];
    const to = (finding: Finding | Resolved, ...got: string[]) => {
      const open: Open = createSent();
      open.add(finding.dedupKey, new Set(got.map((arn) => `alert ${arn}`)));
      return whereTo(routes, tagged({ team: "web" }), finding, open);
    };
    const resolved = resolvedFinding({ changedTags: ["owner"] });
    expect(to(resolved)).toEqual(["a alert"]);
    expect(to(resolved, `${TOPIC}b`)).toEqual(["a alert", "b alert"]);
    expect(to(resolved, alertTopic.arn)).toEqual(["a alert", "ec2_audit_alert alert"]);
    expect(to(findingOf(), `${TOPIC}b`, alertTopic.arn)).toEqual(["a alert"]);
  });

  it("returns a topic that several routes name once for each format", () => {
    const both = [{ topic: `${TOPIC}a` }, { severity: "low", topic: `${TOPIC}a` }, { topic: alertTopic.arn }];
    expect(whereTo(both)).toEqual(["a alert", "ec2_audit_alert alert"]);
    expect(whereTo([{ topic: `${TOPIC}a` }, { topic: `${TOPIC}a`, format: "chat" }])).toEqual([
      "a alert",
      "a chat",
      "ec2_audit_alert alert",
    ]);
  });
});
