import { describe, expect, it } from "vitest";
import { LockstepClock, type Participant, type Progress } from "./lockstep-clock.ts";

const START = Date.parse("2026-11-23T03:00:00Z");

/** A participant with one timer, which records the times it receives. */
function participantDue(at: number) {
  const received: number[] = [];
  const participant: Participant = {
    async tick(now) {
      received.push(now - START);
      return { nextAt: now < at ? at : null, activity: 0, outside: 0 };
    },
  };
  return { participant, received };
}

describe("a clock in lockstep", () => {
  it("runs timers in order, each at its moment", async () => {
    const clock = new LockstepClock(START);
    const ran: [string, number][] = [];
    clock.after(2_000, () => ran.push(["second", clock.now() - START]));
    clock.after(1_000, () => ran.push(["first", clock.now() - START]));
    await clock.advanceTo(START + 5_000);
    expect(ran).toEqual([
      ["first", 1_000],
      ["second", 2_000],
    ]);
    expect(clock.now()).toBe(START + 5_000);
  });

  it("does not run a cancelled timer", async () => {
    const clock = new LockstepClock(START);
    clock.after(1_000, () => expect.unreachable())();
    await clock.advanceTo(START + 5_000);
  });

  it("stops at the timers of other processes", async () => {
    const clock = new LockstepClock(START);
    const { participant, received } = participantDue(START + 1_500);
    clock.join(participant);
    await clock.advanceTo(START + 3_000);
    expect(received).toContain(1_500);
  });

  it("sends the time to all processes before anything of that moment happens", async () => {
    const clock = new LockstepClock(START);
    const { participant, received } = participantDue(0);
    clock.join(participant);
    const known: (number | undefined)[] = [];
    clock.after(1_000, () => known.push(received.at(-1)));
    await clock.advanceTo(START + 2_000);
    expect(known).toEqual([1_000]);
  });

  it.each<[string, (turns: number) => Pick<Progress, "activity" | "outside">]>([
    ["while a process is active", (turns) => ({ activity: turns, outside: 0 })],
    ["while a process has an operation on real time", () => ({ activity: 0, outside: 1 })],
  ])("waits for pending work %s", async (_, progress) => {
    const clock = new LockstepClock(START);
    let turns = 0;
    let done = (): void => {};
    const work = new Promise<void>((resolve) => {
      done = resolve;
    });
    clock.join({
      async tick() {
        turns += 1;
        if (turns === 20) done();
        return { nextAt: null, activity: 0, outside: 0, ...(turns < 20 && progress(turns)) };
      },
    });
    const finishedAt = work.then(() => clock.now() - START);
    clock.after(1_000, () => clock.busy(work));
    await clock.advanceTo(START + 60_000);
    expect(await finishedAt).toBe(1_000);
  });

  it("advances when all pending work waits for the clock", async () => {
    const clock = new LockstepClock(START);
    const answered = new Promise<number>((resolve) => {
      clock.after(3_000, () => resolve(clock.now() - START));
    });
    clock.busy(answered);
    await clock.advanceTo(START + 5_000);
    expect(await answered).toBe(3_000);
  });

  it("stands still while work holds it, even without activity", async () => {
    const clock = new LockstepClock(START);
    const { participant } = participantDue(START + 1_500);
    clock.join(participant);
    let finish = (): void => {};
    const held = new Promise<void>((resolve) => {
      finish = resolve;
    });
    clock.after(1_000, () => clock.hold(held));
    const advanced = clock.advanceTo(START + 60_000);
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(clock.now()).toBe(START + 1_000);
    finish();
    await advanced;
    expect(clock.now()).toBe(START + 60_000);
  });

  it("does not tick a process that has left", async () => {
    const clock = new LockstepClock(START);
    const { participant, received } = participantDue(0);
    clock.join(participant);
    clock.leave(participant);
    await clock.advanceTo(START + 5_000);
    expect(received).toEqual([]);
  });
});
