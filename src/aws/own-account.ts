import type { Config } from "../config.ts";
import type { Log } from "../log.ts";
import { within } from "../util/deadline.ts";
import { describeError } from "../util/errors.ts";
import type { Clients } from "./clients.ts";

/** The account of the function's own credentials: launches there need no role. */
export interface OwnAccount {
  /**
   * Asks STS for it where the engine did not report it. Callers at the same time share one call, and after a failure STS is
   * not asked again for a minute. Waits for the answer for at most two seconds, and not past the deadline, in milliseconds
   * since 1970. Never throws.
   */
  ask(deadline: number): Promise<void>;
  /** The account; null while it is unknown. */
  known(): string | null;
  /** The account; while it is unknown, that of the alert topic. */
  account(): string;
}

/** STS usually answers within a fraction of a second. If it does not, a launch must not wait for long. */
const WAIT_MS = 2_000;

const ASK_AGAIN_AFTER_MS = 60_000;

const ASSUMED =
  "sts:GetCallerIdentity failed; until it succeeds, the function's keys are assumed to belong to the alert topic's account";

/** Makes the own account of one configuration. `now` is in milliseconds since 1970. */
export function createOwnAccount(config: Config, clients: Clients, log: Log, now: () => number): OwnAccount {
  const assumed = config.alertTopic.account;
  let known = config.account;
  let asking: Promise<void> | null = null;
  let askAgainAt = 0;
  let warned = false;

  const askSts = async (): Promise<void> => {
    try {
      known = await clients.ownAccount();
      log.note("debug", "the account of the function's keys is known", { account: known });
    } catch (error) {
      askAgainAt = now() + ASK_AGAIN_AFTER_MS;
      if (!warned) log.note("warn", `${ASSUMED}: ${describeError(error)}`, { account: assumed });
      warned = true;
    }
    asking = null;
  };

  return {
    async ask(deadline) {
      if (known !== null) return;
      if (asking === null && now() >= askAgainAt) asking = askSts();
      if (asking !== null) await within(Math.min(WAIT_MS, deadline - now()), asking, undefined);
    },
    known: () => known,
    account: () => known ?? assumed,
  };
}
