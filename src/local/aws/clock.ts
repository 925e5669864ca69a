import { Timeline } from "./timeline.ts";

/** Where the embedded AWS takes the time from, and all that it does later: nothing else in it reads a clock or sets a timer. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs `run` once when `ms` of AWS's time have passed; gives a function that cancels it. */
  after(ms: number, run: () => void): () => void;
  /** How many milliseconds of AWS's time pass in one of `now()`. Default 1. */
  readonly speed?: number;
  /** Announces pending work to a virtual clock, which waits for it before it advances. */
  busy?(work: Promise<unknown>): void;
}

/** What `now()` of this clock will say when `ms` of AWS's time have passed. */
export function dueAt(clock: Clock, ms: number): number {
  return clock.now() + ms / (clock.speed ?? 1);
}

/**
 * The machine's clock. With `speed` 10, what takes AWS 20 s takes 2 s here; timestamps stay those of the wall. The timers
 * do not keep a process alive: the HTTP server of the embedded AWS does, until it is closed.
 */
export function systemClock(options: { speed?: number } = {}): Clock {
  const speed = options.speed ?? 1;
  if (!(speed > 0)) throw new RangeError(`a clock's speed must be above 0, not ${speed}`);
  return {
    speed,
    now: () => Date.now(),
    after: (ms, run) => {
      const timer = setTimeout(run, ms / speed).unref();
      return () => clearTimeout(timer);
    },
  };
}

/** A clock with everything asked of it cancellable at once, for closing: it takes nothing on afterwards. */
export function cancellable(clock: Clock): Clock & { cancelAll(): void } {
  const pending = new Set<() => void>();
  let closed = false;
  return {
    speed: clock.speed ?? 1,
    now: () => clock.now(),
    after: (ms, run) => {
      if (closed) return () => {};
      const cancel = clock.after(ms, () => {
        pending.delete(cancel);
        run();
      });
      pending.add(cancel);
      return () => {
        pending.delete(cancel);
        cancel();
      };
    },
    busy: (work) => clock.busy?.(work),
    cancelAll: () => {
      closed = true;
      for (const cancel of pending) cancel();
      pending.clear();
    },
  };
}

/** Real milliseconds for which `VirtualClock` waits for one piece of work that does not end, once, before it takes it for hung. */
const PATIENCE_MS = 500;

/** A clock that stands still until a test moves it. */
export class VirtualClock implements Clock {
  #now: number;
  readonly #timers = new Timeline<{ run: () => void; cancelled: boolean }>();
  readonly #working = new Set<Promise<unknown>>();
  readonly #hung = new WeakSet<Promise<unknown>>();

  /** @param start what `now()` says first, in ms since the epoch. */
  constructor(start: number) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  /** When the next timer is due, in ms since the epoch; undefined without one. */
  get nextAt(): number | undefined {
    return this.#timers.nextAt;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { run, cancelled: false };
    this.#timers.add(this.#now + Math.max(0, ms), timer);
    return () => {
      timer.cancelled = true;
    };
  }

  busy(work: Promise<unknown>): void {
    this.#working.add(work);
    const done = () => this.#working.delete(work);
    work.then(done, done);
  }

  /**
   * Moves time on by `ms`, firing what becomes due in order, each at its own moment. Before and after each, waits for the
   * work that was reported as `busy`: so a delivery that is answered is answered at the moment it was sent. Work that does
   * not end (an endpoint that hangs, which only time can end) is waited for once, for a moment of real time.
   */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.#settle();
    for (;;) {
      const next = this.#timers.nextAt;
      if (next === undefined || next > end) break;
      this.#now = Math.max(this.#now, next);
      const timer = this.#timers.take(this.#now);
      if (timer === undefined || timer.cancelled) continue;
      timer.run();
      await this.#settle();
    }
    this.#now = end;
  }

  async #settle(): Promise<void> {
    const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
    const waiting = () => [...this.#working].filter((work) => !this.#hung.has(work));
    await turn();
    let started = performance.now();
    let count = waiting().length;
    while (count > 0) {
      await turn();
      const left = waiting();
      if (left.length !== count) started = performance.now();
      count = left.length;
      if (performance.now() - started < PATIENCE_MS) continue;
      for (const work of left) this.#hung.add(work);
    }
  }
}
