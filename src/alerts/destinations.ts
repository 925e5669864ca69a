import type { TopicArn } from "../aws/topic-arn.ts";
import type { Facts } from "../facts/facts.ts";
import { type Format, type Route, takes } from "../policy/routes.ts";
import type { Finding } from "./finding.ts";

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
 * keep it from the default topic, so that no finding is lost.
 */
export function destinationsOf(
  { ruleId: id, severity }: Pick<Finding, "ruleId" | "severity">,
  facts: Facts,
  routes: readonly Route[],
  alertTopic: TopicArn,
): readonly Destination[] {
  const destinations = new Map<string, Destination>();
  let isTaken = false;
  for (const [index, route] of routes.entries()) {
    if (!takes(route, { id, severity })) continue;
    const truth = route.when?.test(facts) ?? true;
    if (truth === false) continue;
    isTaken ||= route.instead && truth === true;
    const { topic, format } = route;
    destinations.set(keyOf(route), { topic, format, route: `routes[${index}]` });
  }
  const standard: Destination = { topic: alertTopic, format: "alert", route: null };
  if (!isTaken) destinations.set(keyOf(standard), standard);
  return [...destinations.values()];
}

/** Returns the text that identifies a destination. */
export function keyOf({ topic, format }: Pick<Destination, "topic" | "format">): string {
  return `${format} ${topic.arn}`;
}
