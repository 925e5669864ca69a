import { describe, expect, test } from "vitest";
import { LockstepClock, type Participant, type Progress } from "./lockstep-clock.ts";

const START = Date.parse("2026-11-23T03:00:00Z");

/** A process with one timer, which writes down the times it was told. */
function participantDue(at: number) {
  const told: number[] = [];
  const participant: Participant = {
    async tick(now) {
      told.push(now - START);
      return { nextAt: now < at ? at : null, activity: 0, outside: 0 };
    },
  };
  return { participant, told };
}

describe("a clock in lockstep", () => {
  test("runs what is due in its order, each at its moment", async () => {
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

  test("does not run what was cancelled", async () => {
    const clock = new LockstepClock(START);
    clock.after(1_000, () => expect.unreachable())();
    await clock.advanceTo(START + 5_000);
  });

  test("stops at the moment at which another process has a timer", async () => {
    const clock = new LockstepClock(START);
    const { participant, told } = participantDue(START + 1_500);
    clock.join(participant);
    await clock.advanceTo(START + 3_000);
    expect(told).toContain(1_500);
  });

  test("tells the others the time before anything of that moment happens", async () => {
    const clock = new LockstepClock(START);
    const { participant, told } = participantDue(0);
    clock.join(participant);
    const known: (number | undefined)[] = [];
    clock.after(1_000, () => known.push(told.at(-1)));
    await clock.advanceTo(START + 2_000);
    expect(known).toEqual([1_000]);
  });

  test.each<[string, (turns: number) => Pick<Progress, "activity" | "outside">]>([
    ["as long as somebody is doing something", (turns) => ({ activity: turns, outside: 0 })],
    ["as long as a process has something under way outside of this time", () => ({ activity: 0, outside: 1 })],
  ])("waits for work under way %s", async (_, progress) => {
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

  test("moves on when all that is under way waits for the time", async () => {
    const clock = new LockstepClock(START);
    const answered = new Promise<number>((resolve) => {
      clock.after(3_000, () => resolve(clock.now() - START));
    });
    clock.busy(answered);
    await clock.advanceTo(START + 5_000);
    expect(await answered).toBe(3_000);
  });

  test("stands still for as long as the stage itself is at work, however long nobody does anything", async () => {
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

  test("does not ask a process that has left", async () => {
    const clock = new LockstepClock(START);
    const { participant, told } = participantDue(0);
    clock.join(participant);
    clock.leave(participant);
    await clock.advanceTo(START + 5_000);
    expect(told).toEqual([]);
  });
});
