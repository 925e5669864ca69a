import { randomUUID } from "node:crypto";
import type { Matcher } from "../patterns.ts";

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
  /** For a FIFO queue. */
  readonly messageGroupId: string | undefined;
}

/** A rule of the default bus. */
export interface Rule {
  readonly name: string;
  readonly arn: string;
  pattern: string | undefined;
  matches: Matcher;
  schedule: string | undefined;
  description: string | undefined;
  roleArn: string | undefined;
  state: string;
  readonly targets: Map<string, Target>;
}

/** The rules of each account and region, by name. */
export class Rules {
  readonly #buses = new Map<string, Map<string, Rule>>();

  /** The rules of one account in one region; changes to the map stay. */
  of({ account, region }: { account: string; region: string }): Map<string, Rule> {
    const key = `${account} ${region}`;
    const rules = this.#buses.get(key) ?? new Map<string, Rule>();
    this.#buses.set(key, rules);
    return rules;
  }
}

/**
 * The bus: every event goes, as the JSON document AWS documents, to the targets of the enabled rules that match it.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
 * @param send delivers the text of an event to a target
 */
export function createBus(rules: Rules, now: () => number, send: (target: Target, body: string) => void): Emit {
  return (event) => {
    const id = randomUUID();
    const document = {
      version: "0",
      id,
      "detail-type": event.detailType,
      source: event.source,
      account: event.account,
      time: `${new Date(event.time ?? now()).toISOString().slice(0, 19)}Z`,
      region: event.region,
      resources: event.resources,
      detail: event.detail,
    };
    let body: string | undefined;
    for (const rule of rules.of(event).values()) {
      if (rule.state !== "ENABLED" || !rule.matches(document)) continue;
      body ??= JSON.stringify(document);
      for (const target of rule.targets.values()) send(target, body);
    }
    return id;
  };
}
