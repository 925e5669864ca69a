import { Timeline } from "./timeline.ts";

/** The time and the timers of the embedded AWS, which uses no others. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs `run` once when `ms` of AWS's time have passed; returns a function that cancels it. */
  after(ms: number, run: () => void): () => void;
  /** The milliseconds of AWS's time in one of `now()`. Default 1. */
  readonly speed?: number;
  /** Announces pending work to a virtual clock, which waits for it before it advances. */
  busy?(work: Promise<unknown>): void;
}

/** Returns the value of `now()` when `ms` of AWS's time have passed. */
export function dueAt(clock: Clock, ms: number): number {
  return clock.now() + ms / (clock.speed ?? 1);
}

/**
 * Returns the machine's clock. With `speed` 10, AWS's 20 s pass in 2 s; timestamps stay those of real time. The timers
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

/** Returns a clock whose timers can all be cancelled. It then accepts no timers. */
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

/** Real milliseconds for which `VirtualClock` waits once for work that does not end, before it treats the work as hung. */
const PATIENCE_MS = 500;

/** A clock that stands still until a test advances it. */
export class VirtualClock implements Clock {
  #now: number;
  readonly #timers = new Timeline<{ run: () => void; cancelled: boolean }>();
  readonly #working = new Set<Promise<unknown>>();
  readonly #hung = new WeakSet<Promise<unknown>>();

  /** @param start the first value of `now()`, in ms since the epoch */
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
   * Advances time by `ms`, and runs the timers that become due, in order, each at its own time. Before and after each, waits for
   * the work that was reported as `busy`, so a response arrives at the time of its delivery. Work that does
   * not end (an endpoint that hangs until a timeout) is waited for once, for a short real time.
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
