import { within } from "../util/deadline.ts";
import { describeError } from "../util/errors.ts";
import type { Note } from "../util/note.ts";
import type { Clients } from "./clients.ts";

/** The account of the function's own credentials. Launches in it need no role. */
export interface OwnAccount {
  /**
   * Calls STS for the account unless it is known. Concurrent callers share one call, and after a failure the next call is a
   * minute later. Waits for at most two seconds, and not past the deadline, in milliseconds since 1970. Never throws.
   */
  ask(deadline: number): Promise<void>;
  /** Returns the account; null while it is unknown. */
  known(): string | null;
  /** Returns the account; while it is unknown, the assumed one. */
  account(): string;
}

/** STS usually responds within a fraction of a second. If it does not, a launch must not wait for long. */
const WAIT_MS = 2_000;

const ASK_AGAIN_AFTER_MS = 60_000;

const ASSUMED =
  "sts:GetCallerIdentity failed; until it succeeds, the function is assumed to be in the alert topic's account";

/**
 * Creates the function's own account. Takes the account that the engine reported, if any, and the account to assume while it
 * is unknown. `now` is in milliseconds since 1970.
 */
export function createOwnAccount(
  reported: string | null,
  assumed: string,
  clients: Pick<Clients, "ownAccount">,
  note: Note,
  now: () => number,
): OwnAccount {
  let known = reported;
  let asking: Promise<void> | null = null;
  let askAgainAt = 0;
  let warned = false;

  const askSts = async (): Promise<void> => {
    try {
      known = await clients.ownAccount();
      note("debug", "the function's account is known", { account: known });
    } catch (error) {
      askAgainAt = now() + ASK_AGAIN_AFTER_MS;
      if (!warned) note("warn", `${ASSUMED}: ${describeError(error)}`, { account: assumed });
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
