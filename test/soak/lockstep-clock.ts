import type { Clock } from "../../src/local/aws/clock.ts";
import { Timeline } from "../../src/local/aws/timeline.ts";

/** A process on the clock's time. */
export interface Participant {
  /** Sends the time; resolves with the progress after one turn of its event loop. */
  tick(now: number): Promise<Progress>;
}

/** The progress of a participant. */
export interface Progress {
  /** When its next timer is due, in ms since the epoch; null when it has none. */
  readonly nextAt: number | null;
  /** Grows with its work; the same number twice means that it waits. */
  readonly activity: number;
  /** The number of its pending operations on real time. */
  readonly outside: number;
}

/** The number of consecutive ticks without any activity after which all participants count as waiting for the clock. */
const STILL = 3;

/**
 * A virtual clock that several processes share. It advances only when each of them waits for it. So hours pass in minutes,
 * and a slow machine makes nothing late.
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

  /** Stops the clock until this work of the test is done: it takes no virtual time. */
  hold(work: Promise<unknown>): void {
    this.#held.add(work);
    const done = () => this.#held.delete(work);
    work.then(done, done);
  }

  /** Records activity outside the participants. */
  noteActivity(): void {
    this.#activity += 1;
  }

  join(participant: Participant): void {
    this.#participants.add(participant);
  }

  leave(participant: Participant): void {
    this.#participants.delete(participant);
  }

  /** Advances the time to `end`, in ms since the epoch, from timer to timer of all participants. */
  async advanceTo(end: number): Promise<void> {
    await this.#settle();
    for (;;) {
      const next = Math.min(this.#timers.nextAt ?? Number.POSITIVE_INFINITY, this.#nextElsewhere);
      if (next > end) break;
      this.#now = Math.max(this.#now, next);
      // The participants must know the time before anything of this moment reaches them.
      await this.#sendTime();
      for (let timer = this.#timers.take(this.#now); timer !== undefined; timer = this.#timers.take(this.#now)) {
        timer.run?.();
      }
      await this.#settle();
    }
    this.#now = end;
    await this.#sendTime();
  }

  /** Waits until no work holds the clock, and all other work is done or waits for the clock. */
  async #settle(): Promise<void> {
    let before = await this.#sendTime();
    for (let still = 0; this.#held.size > 0 || (this.#working.size > 0 && still < STILL); ) {
      if (this.#held.size > 0) await Promise.allSettled([...this.#held]);
      const activity = await this.#sendTime();
      still = activity === before && this.#outside === 0 ? still + 1 : 0;
      before = activity;
    }
  }

  /** Sends the time to all participants, lets every event loop turn, and returns the total activity so far. */
  async #sendTime(): Promise<number> {
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
