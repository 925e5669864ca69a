import { describe, expect, test } from "vitest";
import { type Account, account, type Cause, type Expected, type Records } from "./ledger.ts";

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
    verdicts: verdicts({ "i-untagged": "violating", "i-tagged": "compliant", "i-late": "compliant" }),
    ...changes,
  };
}

/** What the function said last of each instance; it said so once. */
function verdicts(last: Readonly<Record<string, string>>): Records["verdicts"] {
  return new Map(
    Object.entries(last).map(([id, word]) => [id, { last: word, violating: word === "violating" ? 1 : 0 }]),
  );
}

/** A cause so many seconds after the launch. */
function cause(seconds: number, what: Cause) {
  return { instanceId: "i-untagged", cause: what, at: LAUNCHED + seconds * SECOND };
}

function instance(
  instanceId: string,
  story: Expected["story"],
  fate: Expected["fate"],
  more: Partial<Expected> = {},
): Expected {
  return { instanceId, story, fate, launchedAt: LAUNCHED, mendedAt: null, quiet: true, ...more };
}

function alert(seconds: number, ...instanceIds: string[]) {
  return { at: LAUNCHED + seconds * SECOND, instanceIds };
}

const OUT_OF_REACH = [instance("i-far", "untagged, out of reach", "dead letter")];
const LATE = (mendedAfter: number) => [
  instance("i-late", "tagged after the grace", "either", { mendedAt: LAUNCHED + mendedAfter * SECOND }),
];

describe("the accounts close", () => {
  test("when every launch ended as it should", () => {
    expect(account(records())).toMatchObject({ closes: true, launches: 2, lost: [], false: [], deadLetters: 0 });
  });

  test.each<[string, Partial<Records>]>([
    [
      "when an alert came again for a cause that is known",
      {
        alerts: [alert(60, "i-untagged"), alert(75, "i-untagged")],
        causes: [cause(60, "the answer to Publish was lost")],
      },
    ],
    [
      "when its event came twice, whatever else came between",
      {
        alerts: [alert(60, "i-untagged"), alert(75, "i-untagged")],
        causes: [cause(20, "its event came twice")],
        verdicts: new Map([
          ["i-untagged", { last: "violating", violating: 2 }],
          ["i-tagged", { last: "compliant", violating: 0 }],
        ]),
      },
    ],
    [
      "when what is out of reach is a dead letter, with its reason in the log",
      { expected: OUT_OF_REACH, alerts: [], deadLetters: [{ instanceId: "i-far", reason: "failed: AccessDenied" }] },
    ],
    [
      "when what is no event is a dead letter, with its reason in the log",
      { garbage: 1, deadLetters: [{ instanceId: null, reason: "malformed: it is not JSON" }] },
    ],
    [
      "when what was mended late was alerted before that, or not at all",
      { expected: LATE(300), alerts: [alert(60, "i-late")] },
    ],
    [
      "when what was mended late was not looked at before, in troubled times",
      { expected: LATE(300).map((each) => ({ ...each, quiet: false })), alerts: [] },
    ],
  ])("%s", (_, changes) => {
    expect(account(records(changes)).closes).toBe(true);
  });
});

describe("the accounts do not close, and name the instance", () => {
  test.each<[string, Partial<Records>, Partial<Account>]>([
    ["when an alert is lost", { alerts: [] }, { lost: ["i-untagged"] }],
    [
      "when a launch that keeps the rules is alerted",
      { alerts: [alert(60, "i-untagged", "i-tagged")] },
      { false: ["i-tagged"] },
    ],
    [
      "when something is alerted that was never launched",
      { alerts: [alert(60, "i-untagged", "i-unknown")] },
      { false: ["i-unknown"] },
    ],
    [
      "when an instance is alerted long after it was mended",
      { expected: LATE(300), alerts: [alert(316, "i-late")] },
      { false: ["i-late"] },
    ],
    [
      "when an alert comes again without a cause",
      { alerts: [alert(60, "i-untagged"), alert(75, "i-untagged")] },
      { unexplained: ["i-untagged"] },
    ],
    [
      "when an alert comes twice more, and there is a cause for once",
      {
        alerts: [alert(60, "i-untagged"), alert(75, "i-untagged"), alert(90, "i-untagged")],
        causes: [cause(10, "its event came twice")],
      },
      { unexplained: ["i-untagged"] },
    ],
    [
      "when the cause was there before the first alert",
      {
        alerts: [alert(60, "i-untagged"), alert(75, "i-untagged")],
        causes: [cause(45, "the delivery's time was over")],
      },
      { unexplained: ["i-untagged"] },
    ],
    [
      "when the cause came after the alert that it should explain",
      {
        alerts: [alert(60, "i-untagged"), alert(75, "i-untagged")],
        causes: [cause(80, "its event came twice")],
      },
      { unexplained: ["i-untagged"] },
    ],
    [
      "when what was mended late was not looked at before, in quiet times",
      { expected: LATE(300), alerts: [] },
      { lost: ["i-late"] },
    ],
    [
      "when an instance was settled as violating twice, and its event came once",
      {
        verdicts: new Map([
          ...verdicts({ "i-tagged": "compliant" }),
          ["i-untagged", { last: "violating", violating: 2 }],
        ]),
      },
      { settledAgain: ["i-untagged"] },
    ],
    [
      "when the function was never done with a launch, though nothing is missing",
      { verdicts: verdicts({ "i-untagged": "violating", "i-tagged": "deferred" }) },
      { unsettled: ["i-tagged"] },
    ],
    [
      "when the function never said a word of a launch",
      { verdicts: verdicts({ "i-untagged": "violating" }) },
      { unsettled: ["i-tagged"] },
    ],
    [
      "when a launch that could be audited is a dead letter",
      { deadLetters: [{ instanceId: "i-tagged", reason: "failed: throttled" }] },
      { wrongDeadLetters: ["i-tagged"] },
    ],
    [
      "when the log does not say why a message is a dead letter",
      { expected: OUT_OF_REACH, alerts: [], deadLetters: [{ instanceId: "i-far", reason: null }] },
      { wrongDeadLetters: ["i-far"] },
    ],
    ["when what is out of reach is nowhere", { expected: OUT_OF_REACH, alerts: [] }, { wrongDeadLetters: ["i-far"] }],
    ["when what is no event is nowhere", { garbage: 2 }, { wrongDeadLetters: ["0 of 2 that are no events"] }],
  ])("%s", (_, changes, told) => {
    expect(account(records(changes))).toMatchObject({ closes: false, ...told });
  });
});

describe("figures", () => {
  test("the delay is from the launch to its first alert, whatever order the alerts are read in", () => {
    const alerts = [alert(75, "i-untagged"), alert(60, "i-untagged")];
    expect(account(records({ alerts })).delays).toEqual([60 * SECOND]);
  });

  test("a delay in troubled times does not count among those of quiet times", () => {
    const expected = [instance("i-untagged", "untagged", "alerted", { quiet: false })];
    expect(account(records({ expected }))).toMatchObject({ delays: [60 * SECOND], quietDelays: [] });
  });

  test("duplicates are counted by their cause", () => {
    const told = account(
      records({
        alerts: [alert(60, "i-untagged"), alert(75, "i-untagged")],
        causes: [cause(10, "its event came twice")],
      }),
    );
    expect([...told.duplicates]).toEqual([["its event came twice", 1]]);
  });

  test("a duplicate is named by what happened since the alert before, not by what was there already", () => {
    const alerts = [alert(60, "i-untagged"), alert(75, "i-untagged")];
    const causes = [cause(10, "its event came twice"), cause(60, "the answer to Publish was lost")];
    expect([...account(records({ alerts, causes })).duplicates]).toEqual([["the answer to Publish was lost", 1]]);
  });

  test("each story is told by how its instances ended", () => {
    expect([...account(records()).stories]).toEqual([
      ["untagged", { alerted: 1, silent: 0, "dead letter": 0 }],
      ["tagged", { alerted: 0, silent: 1, "dead letter": 0 }],
    ]);
  });
});
