import { describe, expect, it, vi } from "vitest";
import { isStoppable, stoppable } from "../../src/cli/interruption.ts";

describe("stoppable work", () => {
  it("is notified of the first signal, and the second one ends the process", async () => {
    const kill = vi.spyOn(process, "kill").mockReturnValue(true);
    const [onStop, onEnd] = [vi.fn(), vi.fn()];
    await stoppable({ onStop, onEnd }, async (stopped) => {
      expect([isStoppable(), stopped.aborted]).toEqual([true, false]);
      process.emit("SIGINT", "SIGINT");
      expect([stopped.aborted, onStop.mock.calls.length, kill.mock.calls.length]).toEqual([true, 1, 0]);
      process.emit("SIGINT", "SIGINT");
    });
    expect(onEnd).toHaveBeenCalledOnce();
    expect(kill).toHaveBeenCalledWith(process.pid, "SIGINT");
  });

  it("leaves no listener behind when it fails", async () => {
    const before = process.listenerCount("SIGINT");
    const failing = stoppable({ onStop: () => {}, onEnd: () => {} }, async () => {
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect([isStoppable(), process.listenerCount("SIGINT")]).toEqual([false, before]);
  });
});
