import { hash } from "node:crypto";
import { type AlertTarget, publish } from "./alerts/publish.ts";
import { createClients } from "./aws/clients.ts";
import type { OwnAccount } from "./aws/own-account.ts";
import type { Send } from "./aws/send.ts";
import type { Config } from "./config.ts";
import { encodeState, type SweepState } from "./fleet/continuation.ts";
import { digestOf } from "./fleet/digest.ts";
import { beginSweep, continuedSweep, isFinished, type SweepAccess, sweepStep } from "./fleet/sweep.ts";
import type { Account } from "./fleet/targets.ts";
import { fleetTransport } from "./fleet/transport.ts";
import type { RunSweep } from "./launches/dispatch.ts";
import { SWEEP_CONTINUATION, type SweepEvent } from "./launches/events.ts";
import type { Outcome, SweepStep } from "./launches/outcome.ts";
import type { RunOnce } from "./sns/duplicates.ts";
import { pause } from "./util/deadline.ts";
import { describeError } from "./util/errors.ts";

/** What the steps of a sweep use of the function. */
export interface SweepHost {
  readonly own: OwnAccount;
  /** Sends the message that continues a sweep. */
  readonly send: Send;
  /** Returns the target of the alert topic. */
  readonly target: () => AlertTarget;
  /** Keeps copies of a message from being processed twice. */
  readonly once: RunOnce<Outcome>;
  /** The time now, in milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Creates the function that runs a step of a sweep: it reads what fits before the deadline. Then it sends the message that
 * continues the sweep, or publishes the digest.
 */
export function createSweeps(config: Config, { own, send, target, once, now }: SweepHost): RunSweep {
  let clients: ReturnType<typeof createClients> | null = null;
  const { auditRoleName, region, policy } = config;
  const sweepClients = () => {
    // `paced` makes the other attempts.
    clients ??= createClients(config, now, { requestHandler: fleetTransport(now), maxAttempts: 1 });
    return clients;
  };
  const accountOf = (id: string): Account => {
    const { ec2 } = sweepClients();
    if (id === own.account()) return { id, role: null, ec2: (where) => ec2(null, where) };
    const assume = () => ec2(id, region).config.credentials();
    return { id, role: { name: auditRoleName ?? "", assume }, ec2: (where) => ec2(id, where) };
  };
  const access = (): SweepAccess => ({
    policy,
    own: own.account(),
    hasRole: auditRoleName !== null,
    region,
    accountOf,
    listAccounts: (input) => sweepClients().organizations()("ListAccounts", input),
    pace: { now, pause, random: Math.random },
  });

  const run = async (
    event: SweepEvent,
    before: SweepState,
    from: string | null,
    deadline: number,
  ): Promise<Outcome> => {
    const state = await sweepStep(before, access(), deadline);
    const sweep = progressOf(state, before.step);
    const so = `${sweep.instances} instances, ${sweep.violating} of them violating`;
    if (!isFinished(state)) {
      if (from === null) return { kind: "failed", reason: TOO_LARGE };
      await send(from, JSON.stringify(continuationOf(event, state, config)));
      return { kind: "continued", sweep, reason: `the sweep continues after step ${before.step}: ${so} so far` };
    }
    const { time, sums } = state;
    const digest = digestOf({ time, sums, policy, account: own.account(), role: auditRoleName, now: now() });
    // A step that is killed after it has sent its continuation runs again, and then the sweep ends twice.
    const outcome = await once(time.id, async () => {
      if (digest !== null) await publish(digest, target(), () => now() < deadline);
      const end = digest === null ? "nothing is wrong, so there is no digest" : "the digest is published";
      return { kind: "swept", sweep, reason: `the sweep has ended: ${so}; ${end}` };
    });
    return outcome ?? { kind: "ignored", reason: "a copy of this sweep has ended before" };
  };

  return async (event, from, deadline) => {
    const begun = event.event === SWEEP_CONTINUATION ? continuedSweep(event) : beginSweep(event, access());
    if ("problem" in begun) return { kind: "malformed", reason: begun.problem };
    const others = [begun.accounts, [...begun.places, ...begun.begun].map(({ account }) => account)].flat();
    if (auditRoleName === null && others.some((id) => id !== own.account())) {
      return { kind: "misconfigured", problems: [{ key: "AUDIT_ROLE_NAME", problem: NO_ROLE }] };
    }
    const key = `${begun.time.id} ${begun.step} ${hash("sha256", JSON.stringify(event.detail), "hex")}`;
    try {
      const outcome = await once(key, () => run(event, begun, from, deadline));
      return outcome ?? { kind: "ignored", reason: "duplicate delivery" };
    } catch (error) {
      return { kind: "failed", reason: `step ${begun.step} of the sweep failed: ${describeError(error)}` };
    }
  };
}

const NO_ROLE = "is missing: the sweep is to read other accounts; set it to the name of a role in each of them";

const TOO_LARGE =
  "the fleet is too large for one invocation: send the scheduled event to the function's queue or topic, so that the sweep can continue";

function progressOf({ time, sums, accounts, places, begun, listing }: SweepState, step: number): SweepStep {
  const { instances, violating } = sums.counts;
  const partial = begun.reduce((sum, place) => sum + place.sums.counts.instances, instances);
  const alsoViolating = begun.reduce((sum, place) => sum + place.sums.counts.violating, violating);
  const accountsLeft = accounts.length + (listing === null ? 0 : 1);
  const placesLeft = places.length + begun.length;
  return { id: time.id, step, instances: partial, violating: alsoViolating, accountsLeft, placesLeft };
}

/** Returns the event that continues a sweep. The same state gives the same event. */
function continuationOf({ account, region }: SweepEvent, state: SweepState, { policy }: Config): object {
  return {
    version: "0",
    id: `${state.time.id}-${state.step}`,
    "detail-type": SWEEP_CONTINUATION,
    source: "ec2-audit",
    account,
    time: state.time.scheduledAt,
    region,
    resources: [],
    detail: { state: encodeState(state, policy) },
  };
}
