import { randomUUID } from "node:crypto";
import { arn, parseArn } from "../arns.ts";
import type { Clock } from "../clock.ts";
import type { Matcher } from "../patterns.ts";
import type { Tags } from "../tags.ts";

/** What happened, before the bus gives it its id and time. */
export interface EventInput {
  readonly account: string;
  readonly region: string;
  readonly source: string;
  readonly detailType: string;
  readonly resources: readonly string[];
  readonly detail: object;
  /** ms epoch; default: now. */
  readonly time?: number;
}

/** Puts an event on the default bus of its account and region; gives its id. */
export type Emit = (event: EventInput) => string;

/** Where a rule sends what it matches. */
export interface Target {
  readonly id: string;
  readonly arn: string;
  /** The rule it belongs to. */
  readonly ruleArn: string;
  /** For a FIFO queue. */
  readonly messageGroupId: string | undefined;
  /** The role EventBridge sends with; what that may do is not checked. */
  readonly roleArn: string | undefined;
  /** The queue for what could not be delivered. */
  readonly deadLetterArn: string | undefined;
  /** Kept and shown; what fails here fails for good, so that there is nothing to retry. */
  readonly retryPolicy: RetryPolicy | undefined;
}

/** https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_RetryPolicy.html */
export interface RetryPolicy {
  readonly MaximumRetryAttempts?: number;
  readonly MaximumEventAgeInSeconds?: number;
}

/** A bus: its account, its region and its name. */
export interface BusId {
  readonly account: string;
  readonly region: string;
  /** Default: "default", the bus that every account has in every region. */
  readonly bus?: string;
}

/** A rule of a bus. */
export interface Rule {
  readonly name: string;
  readonly arn: string;
  /** The name of its bus. */
  readonly bus: string;
  pattern: string | undefined;
  matches: Matcher;
  schedule: string | undefined;
  description: string | undefined;
  roleArn: string | undefined;
  state: string;
  readonly tags: Tags;
  readonly targets: Map<string, Target>;
}

/** The buses, and the rules of each by name. */
export class Rules {
  readonly #buses = new Map<string, Map<string, Rule>>();

  /** Whether there is such a bus; every account has a default one. */
  has({ bus = DEFAULT_BUS, ...place }: BusId): boolean {
    return bus === DEFAULT_BUS || this.#buses.has(busArn({ ...place, bus }));
  }

  /** The rules of a bus, as a map that may be changed. Makes the bus if it does not exist. */
  of(place: BusId): Map<string, Rule> {
    const key = busArn(place);
    const rules = this.#buses.get(key) ?? new Map<string, Rule>();
    this.#buses.set(key, rules);
    return rules;
  }

  delete(place: BusId): void {
    this.#buses.delete(busArn(place));
  }
}

/** An event as EventBridge hands it out. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html */
export type EventDocument = {
  readonly version: "0";
  readonly id: string;
  readonly "detail-type": string;
  readonly source: string;
  readonly account: string;
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: object;
};

/** What the bus needs. */
export interface BusContext {
  readonly rules: Rules;
  readonly clock: Clock;
  /** Delivers the text of an event to a topic or a queue, or to the dead-letter queue of the target. */
  send(target: Target, body: string): void;
  /** Whether the bus that a target is takes the event; what it refuses goes to the target's dead-letter queue. */
  admits(target: Target, body: string): boolean;
  /** The delay of each copy of an event, in ms of the clock. */
  copies(event: EventDocument): readonly number[];
}

/**
 * The buses: every event goes, in as many copies as it is given, to the targets of the enabled rules of its account's and
 * region's default bus that match it, as AWS's own events do. The rules of a target that is another bus match the unchanged
 * event.
 * From there it goes to no third bus: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html ("if
 * a receiver account sets up a rule that sends events received from a sender account on to a third account, these events
 * are not sent", and likewise for three buses of one account).
 */
export function createBus({ rules, clock, send, admits, copies }: BusContext): Emit {
  function targetsOf(place: BusId, document: EventDocument): Target[] {
    const enabled = [...rules.of(place).values()].filter(({ state }) => state === "ENABLED");
    return enabled.filter((rule) => rule.matches(document)).flatMap(({ targets }) => [...targets.values()]);
  }

  function hand(targets: readonly Target[], document: EventDocument, body: string): void {
    for (const target of targets) {
      const bus = parseBusArn(target.arn);
      if (bus === undefined) send(target, body);
      else if (admits(target, body)) {
        for (const next of targetsOf(bus, document)) if (parseBusArn(next.arn) === undefined) send(next, body);
      }
    }
  }

  return (event) => {
    const id = randomUUID();
    const document: EventDocument = {
      version: "0",
      id,
      "detail-type": event.detailType,
      source: event.source,
      account: event.account,
      time: `${new Date(event.time ?? clock.now()).toISOString().slice(0, 19)}Z`,
      region: event.region,
      resources: event.resources,
      detail: event.detail,
    };
    const targets = targetsOf(event, document);
    if (targets.length === 0) return id;
    const delays = copies(document);
    if (delays.length === 0 || !delays.every((ms) => ms >= 0)) {
      throw new RangeError(`EventBridge delivers each event at least once, not ${JSON.stringify(delays)}`);
    }
    const body = JSON.stringify(document);
    for (const ms of delays) {
      if (ms === 0) hand(targets, document, body);
      else clock.after(ms, () => hand(targets, document, body));
    }
    return id;
  };
}

/** The bus that AWS's own events come to. */
export const DEFAULT_BUS = "default";

/** The ARN of a bus. */
export function busArn({ account, region, bus = DEFAULT_BUS }: BusId): string {
  return arn("events", region, account, `event-bus/${bus}`);
}

/** What `arn:aws:events:<region>:<account>:event-bus/<name>` names; undefined for any other ARN. */
export function parseBusArn(value: string): Required<BusId> | undefined {
  const parsed = parseArn(value);
  const bus = /^event-bus\/(.+)$/.exec(parsed?.resource ?? "")?.[1];
  if (parsed?.service !== "events" || bus === undefined) return undefined;
  return { account: parsed.account, region: parsed.region, bus };
}
