import { describe, expect, it } from "vitest";
import type { DeliveryAttempt } from "../../src/local/aws/index.ts";
import { stateChange } from "../support/events.ts";
import { Killed } from "./function-process.ts";
import { Recorder } from "./recorder.ts";
import { UNTAGGED } from "./stories.ts";

const START = Date.parse("2026-11-23T03:00:00Z");
const SECOND = 1_000;
const ID = "i-0123456789abcdef0";
const EVENT = JSON.stringify(stateChange({ id: ID }));

/** A recorder and its clock. */
function recording(containers = 1) {
  const clock = { now: START };
  return { clock, recorder: new Recorder(() => clock.now, { hasRoutes: true, containers }) };
}

/** A delivery attempt without a response, which began this many seconds after the start. */
function withoutResponse(seconds: number, error: string): DeliveryAttempt {
  const body = JSON.stringify({ Message: EVENT });
  const at = START + seconds * SECOND;
  return { protocol: "http", status: undefined, error, body, at, type: "Notification" } as DeliveryAttempt;
}

const call = { Records: [{ body: EVENT }] };
const context = { awsRequestId: "1", invokedFunctionArn: "arn", deadline: START + 30 * SECOND };

describe("a delivery without a response", () => {
  it("is a cause when the function was killed while processing it", () => {
    const { clock, recorder } = recording();
    clock.now = START + 5 * SECOND;
    recorder.killed(10 * SECOND);
    recorder.delivery(withoutResponse(4, "socket hang up"));
    expect(recorder.causes).toEqual([
      { instanceId: ID, cause: "the function was killed while processing it", at: START + 5 * SECOND, topic: null },
    ]);
    expect(recorder.failures).toEqual([]);
  });

  it("is neither cause nor failure while the function is down", () => {
    const { recorder } = recording();
    recorder.killed(10 * SECOND);
    recorder.delivery(withoutResponse(3, "connect ECONNREFUSED 127.0.0.1"));
    expect([recorder.causes, recorder.failures]).toEqual([[], []]);
  });

  it("is no failure when the function was killed while the attempt waited for a connection", () => {
    const { clock, recorder } = recording();
    clock.now = START + 5 * SECOND;
    recorder.killed(10 * SECOND);
    recorder.delivery(withoutResponse(1, "connect ECONNREFUSED 127.0.0.1"));
    expect([recorder.causes, recorder.failures]).toEqual([[], []]);
  });

  it.each(["no response within 15 s", "socket hang up", "connect ECONNREFUSED 127.0.0.1"])(
    "is a failure when no process was killed: %s",
    (error) => {
      const { recorder } = recording();
      recorder.delivery(withoutResponse(4, error));
      expect(recorder.causes).toEqual([]);
      expect(recorder.failures).toEqual([`SNS got no response: ${error}`]);
    },
  );
});

describe("an invocation", () => {
  it("is a cause when its process was killed", async () => {
    const { recorder } = recording();
    const invoke = recorder.invoking(() => Promise.reject(new Killed("killed")));
    await expect(invoke(call, context)).rejects.toThrow("killed");
    expect(recorder.causes).toMatchObject([{ instanceId: ID, cause: "the function was killed while processing it" }]);
    expect(recorder.failures).toEqual([]);
  });

  it("is a failure when the function throws", async () => {
    const { recorder } = recording();
    const invoke = recorder.invoking(() => Promise.reject(new TypeError("x is not a function")));
    await expect(invoke(call, context)).rejects.toThrow();
    expect(recorder.causes).toEqual([]);
    expect(recorder.failures).toEqual(["an invocation failed: TypeError: x is not a function"]);
  });

  it("is a failure when it returns after its deadline", async () => {
    const { clock, recorder } = recording();
    const invoke = recorder.invoking(async () => {
      clock.now = START + 31 * SECOND;
    });
    await invoke(call, context);
    expect(recorder.failures).toEqual(["an invocation returned after its deadline"]);
  });
});

describe("the function's log", () => {
  const line = (outcome: string, seconds: number, more = {}) =>
    JSON.stringify({ time: new Date(START + seconds * SECOND).toISOString(), outcome, message: "because", ...more });

  it("gives the last outcome of each instance, in any order of two processes' lines", () => {
    const { recorder } = recording();
    recorder.log(line("compliant", 9, { instanceId: ID }));
    recorder.log(line("deferred", 1, { instanceId: ID }));
    expect(recorder.outcomesById.get(ID)).toEqual({ last: "compliant", at: START + 9 * SECOND, violating: 0 });
  });

  it("gives the reason of a dead-lettered message, by its instance or its id", () => {
    const { recorder } = recording();
    recorder.log(line("failed", 1, { instanceId: ID }));
    recorder.log(line("malformed", 1, { messageId: "m-1" }));
    expect(recorder.deadLetter(JSON.stringify({ Message: EVENT }), "m-0")).toEqual({
      instanceId: ID,
      reason: "failed: because",
    });
    expect(recorder.deadLetter("hello", "m-1")).toEqual({ instanceId: null, reason: "malformed: because" });
  });

  it("gives no reason when the last outcome was a success", () => {
    const { recorder } = recording();
    recorder.log(line("failed", 1, { instanceId: ID }));
    recorder.log(line("compliant", 2, { instanceId: ID }));
    expect(recorder.deadLetter(EVENT, "m-0").reason).toBeNull();
  });

  it.each(["not JSON", JSON.stringify({ key: "soak/secret+access+key/that+nobody+may+see" })])(
    "must be JSON without the secret key: %s",
    (bad) => {
      const { recorder } = recording();
      recorder.log(bad);
      expect(recorder.badLines).toEqual([bad]);
    },
  );
});

describe("an alert that failed at one topic", () => {
  const failed = JSON.stringify({
    time: new Date(START).toISOString(),
    outcome: "failed",
    message: "the alert was not published to the topic of routes[1]: denied",
    instanceId: ID,
    messageId: "1",
  });
  const violating = (messageId: string) =>
    JSON.stringify({ time: new Date(START).toISOString(), outcome: "violating", instanceId: ID, messageId });
  const cause = "another container retried after one topic had failed";

  it("is a cause when another container may retry it", () => {
    const { recorder } = recording(2);
    recorder.log(failed);
    expect(recorder.causes).toEqual([{ instanceId: ID, cause, at: START, topic: null }]);
  });

  it("is a cause for the only container when it is killed before the alert is complete", () => {
    const { recorder } = recording();
    recorder.log(failed);
    expect(recorder.causes).toEqual([]);
    recorder.killed(0);
    expect(recorder.causes).toEqual([{ instanceId: ID, cause, at: START, topic: null }]);
  });

  it("is no cause when the container is killed after the alert is complete", () => {
    const { recorder } = recording();
    recorder.log(failed);
    recorder.log(violating("1"));
    recorder.killed(0);
    expect(recorder.causes).toEqual([]);
  });

  it("is a cause when only the alert of another event of the instance is complete", () => {
    const { recorder } = recording();
    recorder.log(failed);
    recorder.log(violating("2"));
    recorder.killed(0);
    expect(recorder.causes).toEqual([{ instanceId: ID, cause, at: START, topic: null }]);
  });
});

describe("a time is quiet", () => {
  const launch = { at: 0, place: { account: "1", region: "r" }, group: null, count: 1, lifecycle: UNTAGGED };
  const quietOf = (recorder: Recorder) =>
    recorder.expected().map(({ instanceId, occasions }) => [instanceId, occasions[0]?.quiet]);

  it("unless the function was killed shortly before or after a launch", () => {
    const { clock, recorder } = recording();
    for (const minutes of [0, 9, 20]) {
      clock.now = START + minutes * 60 * SECOND;
      recorder.launch(`i-${minutes}`, launch, () => true);
    }
    clock.now = START + 10 * 60 * SECOND;
    recorder.killed(30 * SECOND);
    expect(quietOf(recorder)).toEqual([
      ["i-0", true],
      ["i-9", false],
      ["i-20", true],
    ]);
  });

  it("unless the event came late", () => {
    const { recorder } = recording();
    recorder.event([ID], [5_000]);
    recorder.launch(ID, launch, () => true);
    expect(quietOf(recorder)).toEqual([[ID, false]]);
  });
});
