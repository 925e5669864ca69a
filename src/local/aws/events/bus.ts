import { randomUUID } from "node:crypto";
import { arn, parseArn } from "../arns.ts";
import type { Clock } from "../clock.ts";
import type { Matcher } from "../patterns.ts";
import type { Tags } from "../tags.ts";

/** An event without its id. */
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

/** Puts an event on the default bus of its account and region; returns its id. */
export type Emit = (event: EventInput) => string;

/** A target of a rule. */
export interface Target {
  readonly id: string;
  readonly arn: string;
  /** The rule it belongs to. */
  readonly ruleArn: string;
  /** For a FIFO queue. */
  readonly messageGroupId: string | undefined;
  /** The role with which EventBridge sends. Its permissions are not checked. */
  readonly roleArn: string | undefined;
  /** The dead-letter queue. */
  readonly deadLetterArn: string | undefined;
  /** Stored and returned only: a failed delivery would fail again, so there are no retries. */
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

  /** Returns whether a bus exists; every account has a default one. */
  has({ bus = DEFAULT_BUS, ...place }: BusId): boolean {
    return bus === DEFAULT_BUS || this.#buses.has(busArn({ ...place, bus }));
  }

  /** Returns the rules of a bus, as a map that may be changed. Creates the bus if it does not exist. */
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

/** An event as EventBridge delivers it. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html */
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

/** The dependencies of the buses. */
export interface BusContext {
  readonly rules: Rules;
  readonly clock: Clock;
  /** Delivers the text of an event to a topic or a queue, or to the dead-letter queue of the target. */
  send(target: Target, body: string): void;
  /** Returns whether a target bus accepts the event; refused events go to the target's dead-letter queue. */
  admits(target: Target, body: string): boolean;
  /** Returns the delay of each copy of an event, in ms of the clock. */
  copies(event: EventDocument): readonly number[];
}

/**
 * Returns the buses. Every copy of an event goes to the targets of the enabled and matching rules of its account's and
 * region's default bus, as AWS's own events do. The rules of a target that is another bus match the unchanged event. That bus
 * sends it to no third bus: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html ("if
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

/** Returns the bus that gets AWS's own events. */
export const DEFAULT_BUS = "default";

/** The ARN of a bus. */
export function busArn({ account, region, bus = DEFAULT_BUS }: BusId): string {
  return arn("events", region, account, `event-bus/${bus}`);
}

/** Returns the bus of `arn:aws:events:<region>:<account>:event-bus/<name>`; undefined for any other ARN. */
export function parseBusArn(value: string): Required<BusId> | undefined {
  const parsed = parseArn(value);
  const bus = /^event-bus\/(.+)$/.exec(parsed?.resource ?? "")?.[1];
  if (parsed?.service !== "events" || bus === undefined) return undefined;
  return { account: parsed.account, region: parsed.region, bus };
}
