import type { Clock } from "../../src/local/aws/clock.ts";
import { Timeline } from "../../src/local/aws/timeline.ts";

/** A process that lives in the clock's time. */
export interface Participant {
  /** Tells it the time now, and hears how far it is when its event loop has turned. */
  tick(now: number): Promise<Progress>;
}

/** How far a participant is. */
export interface Progress {
  /** When its next timer is due, in ms since the epoch; null when it has none. */
  readonly nextAt: number | null;
  /** Grows with all that it does; the same number twice means that it waits. */
  readonly activity: number;
  /** How much it has under way that goes by the wall's time, and ends by itself. */
  readonly outside: number;
}

/** How often in a row nobody must have done anything, until all are taken to wait for the time. */
const STILL = 3;

/**
 * A virtual clock that several processes share: time only moves on when each of them has nothing left to do but to wait
 * for it. So hours pass in minutes, and nothing is late because the machine is slow.
 */
export class LockstepClock implements Clock {
  readonly #participants = new Set<Participant>();
  readonly #timers = new Timeline<{ run: (() => void) | null }>();
  readonly #working = new Set<Promise<unknown>>();
  readonly #held = new Set<Promise<unknown>>();
  #now: number;
  #activity = 0;
  #outside = 0;
  #nextElsewhere = Number.POSITIVE_INFINITY;

  /** @param start what `now()` says first, in ms since the epoch */
  constructor(start: number) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const timer: { run: (() => void) | null } = { run };
    this.#timers.add(this.#now + Math.max(0, ms), timer);
    return () => {
      timer.run = null;
    };
  }

  busy(work: Promise<unknown>): void {
    this.#working.add(work);
    this.#activity += 1;
    const done = () => {
      this.#working.delete(work);
      this.#activity += 1;
    };
    work.then(done, done);
  }

  /** Stops the clock until this is done: it is the stage's own work, and takes no time of the world's. */
  hold(work: Promise<unknown>): void {
    this.#held.add(work);
    const done = () => this.#held.delete(work);
    work.then(done, done);
  }

  /** Takes note that something was done, by whoever is not a participant. */
  stir(): void {
    this.#activity += 1;
  }

  join(participant: Participant): void {
    this.#participants.add(participant);
  }

  leave(participant: Participant): void {
    this.#participants.delete(participant);
  }

  /** Moves time on to `end`, in ms since the epoch, from one timer to the next, whoever it belongs to. */
  async advanceTo(end: number): Promise<void> {
    await this.#settle();
    for (;;) {
      const next = Math.min(this.#timers.nextAt ?? Number.POSITIVE_INFINITY, this.#nextElsewhere);
      if (next > end) break;
      this.#now = Math.max(this.#now, next);
      // The others must know the time before anything of this moment reaches them.
      await this.#tellTime();
      for (let timer = this.#timers.take(this.#now); timer !== undefined; timer = this.#timers.take(this.#now)) {
        timer.run?.();
      }
      await this.#settle();
    }
    this.#now = end;
    await this.#tellTime();
  }

  /** Waits until nothing is held, and no work is under way, or all of it waits for the time. */
  async #settle(): Promise<void> {
    let before = await this.#tellTime();
    for (let still = 0; this.#held.size > 0 || (this.#working.size > 0 && still < STILL); ) {
      if (this.#held.size > 0) await Promise.allSettled([...this.#held]);
      const activity = await this.#tellTime();
      still = activity === before && this.#outside === 0 ? still + 1 : 0;
      before = activity;
    }
  }

  /** Tells everybody the time, lets every event loop turn, and answers how much was done by all up to now. */
  async #tellTime(): Promise<number> {
    const progress = await Promise.all([...this.#participants].map((participant) => participant.tick(this.#now)));
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#nextElsewhere = Math.min(
      Number.POSITIVE_INFINITY,
      ...progress.map(({ nextAt }) => nextAt ?? Number.POSITIVE_INFINITY),
    );
    this.#outside = progress.reduce((sum, { outside }) => sum + outside, 0);
    return progress.reduce((sum, { activity }) => sum + activity, this.#activity);
  }
}
