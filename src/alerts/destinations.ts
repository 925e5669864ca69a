import type { TopicArn } from "../aws/topic-arn.ts";
import type { Facts } from "../facts/facts.ts";
import { readsAny } from "../policy/before.ts";
import type { Condition, Truth } from "../policy/condition.ts";
import { type Format, type Route, takes } from "../policy/routes.ts";
import { type Finding, isResolved, type Resolved } from "./finding.ts";
import type { Open } from "./sent.ts";

/** A topic, and the format of its messages. */
export interface Destination {
  readonly topic: TopicArn;
  readonly format: Format;
  /** The path of the route in the policy; null for the default topic. */
  readonly route: string | null;
}

/**
 * Returns where a finding goes, each destination once: to the topics of the routes that match it, and to the default topic, unless
 * a route takes it instead. Takes the facts of its instance. A route whose condition cannot be decided gets the finding, but does not
 * keep it from the default topic, so that no finding is lost. Nor can a condition on a changed tag be decided for a resolved finding,
 * which goes to every topic that may have got the violation, and to those that got it as far as `open` knows.
 */
export function destinationsOf(
  finding: Finding | Resolved,
  facts: Facts,
  routes: readonly Route[],
  alertTopic: TopicArn,
  open: Open | null,
): readonly Destination[] {
  const destinations = new Map<string, Destination>();
  const { ruleId: id, severity } = finding;
  const alerted = isResolved(finding) ? open?.get(finding.dedupKey) : undefined;
  let isTaken = false;
  for (const [index, route] of routes.entries()) {
    if (!takes(route, { id, severity })) continue;
    const truth = truthOf(route.when, finding, facts);
    if (truth === false && !alerted?.has(keyOf(route))) continue;
    isTaken ||= route.instead && truth === true;
    const { topic, format } = route;
    destinations.set(keyOf(route), { topic, format, route: `routes[${index}]` });
  }
  const standard: Destination = { topic: alertTopic, format: "alert", route: null };
  if (!isTaken || alerted?.has(keyOf(standard))) destinations.set(keyOf(standard), standard);
  return [...destinations.values()];
}

function truthOf(when: Condition | null, finding: Finding | Resolved, facts: Facts): Truth {
  if (when === null) return true;
  return isResolved(finding) && mayDiffer(when, finding) ? { unknown: "a tag changed", late: false } : when.test(facts);
}

/** Returns whether a condition may have had another result when the violation was alerted. */
function mayDiffer(when: Condition, { changedTags }: Resolved): boolean {
  return changedTags === "all" ? when.needs.includes("tags") : readsAny(when, changedTags);
}

/** Returns the text that identifies a destination. */
export function keyOf({ topic, format }: Pick<Destination, "topic" | "format">): string {
  return `${format} ${topic.arn}`;
}
