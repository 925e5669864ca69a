import { describe, expect, it } from "vitest";
import { type Balance, type Cause, type Expected, type Records, reconcile } from "./ledger.ts";

const LAUNCHED = Date.parse("2026-11-23T03:00:00Z");
const SECOND = 1_000;

/** A run in which one untagged and one tagged instance were launched, and all went well. */
function records(changes: Partial<Records> = {}): Records {
  return {
    expected: [instance("i-untagged", "untagged", "alerted"), instance("i-tagged", "tagged", "silent")],
    alerts: [alert(60, "i-untagged")],
    deadLetters: [],
    garbage: 0,
    causes: [],
    outcomesById: outcomesById({ "i-untagged": "violating", "i-tagged": "compliant", "i-late": "compliant" }),
    ...changes,
  };
}

/** Returns the records of one logged outcome for each instance. */
function outcomesById(last: Readonly<Record<string, string>>): Records["outcomesById"] {
  return new Map(
    Object.entries(last).map(([id, word]) => [id, { last: word, violating: word === "violating" ? 1 : 0 }]),
  );
}

/** Returns a cause this many seconds after the launch. */
function cause(seconds: number, what: Cause) {
  return { instanceId: "i-untagged", cause: what, at: LAUNCHED + seconds * SECOND };
}

function instance(
  instanceId: string,
  lifecycle: Expected["lifecycle"],
  ending: Expected["ending"],
  more: Partial<Expected> = {},
): Expected {
  return { instanceId, lifecycle, ending, launchedAt: LAUNCHED, fixedAt: null, quiet: true, ...more };
}

function alert(seconds: number, ...instanceIds: string[]) {
  return { at: LAUNCHED + seconds * SECOND, instanceIds };
}

const OUT_OF_REACH = [instance("i-far", "untagged, out of reach", "dead-lettered")];
const LATE = (fixedAfter: number) => [
  instance("i-late", "tagged after the grace", "either", { fixedAt: LAUNCHED + fixedAfter * SECOND }),
];

describe("reconciling a run succeeds", () => {
  it("when every launch has the required ending", () => {
    expect(reconcile(records())).toMatchObject({ balanced: true, launches: 2, lost: [], false: [], deadLetters: 0 });
  });

  it.each<[string, Partial<Records>]>([
    [
      "when a duplicate alert has a known cause",
      {
        alerts: [alert(60, "i-untagged"), alert(75, "i-untagged")],
        causes: [cause(60, "the response to Publish was lost")],
      },
    ],
    [
      "when EventBridge delivered the event of a duplicate alert twice",
      {
        alerts: [alert(60, "i-untagged"), alert(75, "i-untagged")],
        causes: [cause(20, "EventBridge delivered the event twice")],
        outcomesById: new Map([
          ["i-untagged", { last: "violating", violating: 2 }],
          ["i-tagged", { last: "compliant", violating: 0 }],
        ]),
      },
    ],
    [
      "when a launch without a role is dead-lettered, with its reason in the log",
      { expected: OUT_OF_REACH, alerts: [], deadLetters: [{ instanceId: "i-far", reason: "failed: AccessDenied" }] },
    ],
    [
      "when a message that is no event is dead-lettered, with its reason in the log",
      { garbage: 1, deadLetters: [{ instanceId: null, reason: "malformed: it is not JSON" }] },
    ],
    ["when a violation was alerted before it was fixed", { expected: LATE(300), alerts: [alert(60, "i-late")] }],
    [
      "when a violation that was fixed during a fault was not alerted",
      { expected: LATE(300).map((each) => ({ ...each, quiet: false })), alerts: [] },
    ],
  ])("%s", (_, changes) => {
    expect(reconcile(records(changes)).balanced).toBe(true);
  });
});

describe("reconciling a run fails and names the instance", () => {
  it.each<[string, Partial<Records>, Partial<Balance>]>([
    ["when an alert is lost", { alerts: [] }, { lost: ["i-untagged"] }],
    ["when a compliant launch is alerted", { alerts: [alert(60, "i-untagged", "i-tagged")] }, { false: ["i-tagged"] }],
    [
      "when an alert names an instance that was never launched",
      { alerts: [alert(60, "i-untagged", "i-unknown")] },
      { false: ["i-unknown"] },
    ],
    [
      "when an instance is alerted long after it was fixed",
      { expected: LATE(300), alerts: [alert(316, "i-late")] },
      { false: ["i-late"] },
    ],
    [
      "when a duplicate alert has no cause",
      { alerts: [alert(60, "i-untagged"), alert(75, "i-untagged")] },
      { unexplained: ["i-untagged"] },
    ],
    [
      "when two duplicate alerts have one cause",
      {
        alerts: [alert(60, "i-untagged"), alert(75, "i-untagged"), alert(90, "i-untagged")],
        causes: [cause(10, "EventBridge delivered the event twice")],
      },
      { unexplained: ["i-untagged"] },
    ],
    [
      "when the cause precedes the first alert",
      {
        alerts: [alert(60, "i-untagged"), alert(75, "i-untagged")],
        causes: [cause(45, "the delivery timed out")],
      },
      { unexplained: ["i-untagged"] },
    ],
    [
      "when the cause follows the duplicate alert",
      {
        alerts: [alert(60, "i-untagged"), alert(75, "i-untagged")],
        causes: [cause(80, "EventBridge delivered the event twice")],
      },
      { unexplained: ["i-untagged"] },
    ],
    [
      "when a violation that was fixed late, without a fault, was not alerted",
      { expected: LATE(300), alerts: [] },
      { lost: ["i-late"] },
    ],
    [
      "when an instance was settled as violating twice and its event was delivered once",
      {
        outcomesById: new Map([
          ...outcomesById({ "i-tagged": "compliant" }),
          ["i-untagged", { last: "violating", violating: 2 }],
        ]),
      },
      { settledAgain: ["i-untagged"] },
    ],
    [
      "when a launch was never settled, though no alert is missing",
      { outcomesById: outcomesById({ "i-untagged": "violating", "i-tagged": "deferred" }) },
      { unsettled: ["i-tagged"] },
    ],
    [
      "when the log never mentions a launch",
      { outcomesById: outcomesById({ "i-untagged": "violating" }) },
      { unsettled: ["i-tagged"] },
    ],
    [
      "when a launch that could be audited is dead-lettered",
      { deadLetters: [{ instanceId: "i-tagged", reason: "failed: throttled" }] },
      { wrongDeadLetters: ["i-tagged"] },
    ],
    [
      "when the log has no reason for a dead-lettered message",
      { expected: OUT_OF_REACH, alerts: [], deadLetters: [{ instanceId: "i-far", reason: null }] },
      { wrongDeadLetters: ["i-far"] },
    ],
    [
      "when a launch without a role is not dead-lettered",
      { expected: OUT_OF_REACH, alerts: [] },
      { wrongDeadLetters: ["i-far"] },
    ],
    [
      "when a message that is no event is not dead-lettered",
      { garbage: 2 },
      { wrongDeadLetters: ["0 of 2 messages that are no events"] },
    ],
  ])("%s", (_, changes, expected) => {
    expect(reconcile(records(changes))).toMatchObject({ balanced: false, ...expected });
  });
});

describe("the figures of a run", () => {
  it("measure the delay from the launch to its first alert, in any order of the records", () => {
    const alerts = [alert(75, "i-untagged"), alert(60, "i-untagged")];
    expect(reconcile(records({ alerts })).delays).toEqual([60 * SECOND]);
  });

  it("separate delays during faults from the others", () => {
    const expected = [instance("i-untagged", "untagged", "alerted", { quiet: false })];
    expect(reconcile(records({ expected }))).toMatchObject({ delays: [60 * SECOND], quietDelays: [] });
  });

  it("count duplicates by cause", () => {
    const balance = reconcile(
      records({
        alerts: [alert(60, "i-untagged"), alert(75, "i-untagged")],
        causes: [cause(10, "EventBridge delivered the event twice")],
      }),
    );
    expect([...balance.duplicates]).toEqual([["EventBridge delivered the event twice", 1]]);
  });

  it("prefer a cause since the previous alert to an earlier one", () => {
    const alerts = [alert(60, "i-untagged"), alert(75, "i-untagged")];
    const causes = [cause(10, "EventBridge delivered the event twice"), cause(60, "the response to Publish was lost")];
    expect([...reconcile(records({ alerts, causes })).duplicates]).toEqual([["the response to Publish was lost", 1]]);
  });

  it("count the endings of each lifecycle", () => {
    expect([...reconcile(records()).lifecycles]).toEqual([
      ["untagged", { alerted: 1, silent: 0, "dead-lettered": 0 }],
      ["tagged", { alerted: 0, silent: 1, "dead-lettered": 0 }],
    ]);
  });
});
