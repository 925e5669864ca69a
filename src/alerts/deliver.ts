import type { TopicArn } from "../aws/topic-arn.ts";
import type { Facts } from "../facts/facts.ts";
import type { Route } from "../policy/routes.ts";
import { groupBy } from "../util/group-by.ts";
import { alertsFor } from "./alert.ts";
import { type Destination, destinationsOf, keyOf } from "./destinations.ts";
import type { Finding, Resolved, Unjudged } from "./finding.ts";
import { type AlertTarget, publishAll } from "./publish.ts";
import type { Open, Sent } from "./sent.ts";

/** Where the findings of a batch are published. */
export interface Publisher extends AlertTarget {
  readonly routes: readonly Route[];
  /** Returns the target of a route's topic. */
  readonly targetOf: (topic: TopicArn) => AlertTarget;
  /** What was published for deliveries that are repeated. */
  readonly sent: Sent;
  /** The open findings; null without RESOLVED_ALERTS. */
  readonly open: Open | null;
}

/** The findings of one launch or change, and the facts of its instance. */
export interface LaunchFindings {
  readonly findings: readonly (Finding | Resolved)[];
  readonly unjudged: readonly Unjudged[];
  readonly facts: Facts;
}

/** The result of publishing a finding at one destination. */
export interface Publication {
  /** Identifies the finding at the destination. */
  readonly key: string;
  readonly finding: Finding | Resolved;
  readonly destination: Destination;
  readonly result: { readonly alertId: string } | { readonly error: unknown };
}

/**
 * Publishes the findings of launches at their destinations, in alerts that contain only the findings of their destination. Does not
 * publish again what `sent` has. Returns the publications of each launch, in the order of the launches. `now` is in milliseconds
 * since 1970.
 */
export async function deliver(
  launches: readonly LaunchFindings[],
  publisher: Publisher,
  now: number,
  isAwaited: () => boolean,
): Promise<readonly (readonly Publication[])[]> {
  const { routes, alertTopic, sent, open } = publisher;
  const all = launches.map(({ findings, unjudged, facts }) =>
    findings.flatMap((finding) =>
      destinationsOf(finding, facts, routes, alertTopic, open).map((destination) => {
        const to = keyOf(destination);
        return { finding, unjudged, destination, to, key: keyAt(to, finding) };
      }),
    ),
  );
  const due = all.flat().filter(({ key }) => sent.get(key) === undefined);
  const results = new Map<string, Publication["result"]>();
  await Promise.all(
    [...groupBy(due, ({ to }) => to).values()].map(async (own) => {
      const [first] = own;
      if (first === undefined) return;
      const { topic, format } = first.destination;
      const target = topic.arn === alertTopic.arn ? publisher : publisher.targetOf(topic);
      const unjudged = [...new Set(own.map((each) => each.unjudged))].flat();
      const alerts = alertsFor(
        own.map(({ finding }) => finding),
        now,
        unjudged,
      );
      const published = await publishAll(alerts, target, isAwaited, format);
      for (const { finding, key } of own) {
        results.set(key, published.get(finding.id) ?? { error: new Error("the finding is in no alert") });
      }
    }),
  );
  return all.map((own) =>
    own.map(({ key, finding, destination }) => {
      const alertId = sent.get(key);
      const result = alertId === undefined ? results.get(key) : { alertId };
      return { key, finding, destination, result: result ?? { error: new Error("the finding was not published") } };
    }),
  );
}

/** Returns the text that identifies a finding, with all that the id of its alert covers, at a destination. */
function keyAt(to: string, { id, launchedBy, occasion }: Finding | Resolved): string {
  return JSON.stringify([to, id, launchedBy, occasion]);
}
