import { describe, expect, it } from "vitest";
import { expectation } from "./expectation.ts";
import { type Balance, type Cause, type PublishedAlert, type Records, reconcile } from "./ledger.ts";
import type { Topic } from "./policy.ts";
import { type Lifecycle, OUT_OF_REACH, TAGGED, UNTAGGED } from "./stories.ts";

const LAUNCHED = Date.parse("2026-11-23T03:00:00Z");
const SECOND = 1_000;

/** A run in which one untagged and one tagged instance of a group were launched, and all went well. */
function records(changes: Partial<Records> = {}): Records {
  return {
    expected: [instance("i-untagged", UNTAGGED), instance("i-tagged", TAGGED)],
    alerts: [alert(60, "i-untagged")],
    deadLetters: [],
    garbage: 0,
    causes: [],
    outcomesById: outcomesById({ "i-untagged": "violating", "i-tagged": "compliant", "i-late": "compliant" }),
    resolves: false,
    nights: [],
    digests: [],
    faultsOfSweeps: [],
    ...changes,
  };
}

/** Returns the records of one logged outcome for each instance. */
function outcomesById(last: Readonly<Record<string, string>>): Records["outcomesById"] {
  return new Map(
    Object.entries(last).map(([id, word]) => [
      id,
      { last: word, at: LAUNCHED, violating: word === "violating" ? 1 : 0 },
    ]),
  );
}

/** Returns a cause this many seconds after the launch. */
function cause(seconds: number, what: Cause, topic: Topic | null = null) {
  return { instanceId: "i-untagged", cause: what, at: LAUNCHED + seconds * SECOND, topic };
}

function instance(instanceId: string, lifecycle: Lifecycle, quiet = true, group: string | null = "group-1") {
  return expectation(instanceId, { lifecycle, group }, LAUNCHED, () => quiet, true);
}

/** Returns an alert of the rule on the tags at the default topic. */
function alert(seconds: number, ...instanceIds: string[]): PublishedAlert {
  return alertAt("ec2_audit_alert", seconds, ...instanceIds);
}

function alertAt(topic: Topic, seconds: number, ...instanceIds: string[]): PublishedAlert {
  const finding = { ruleId: "required-tags", status: "violating" } as const;
  const findings = instanceIds.map((instanceId) => ({ ...finding, instanceId, dedupKey: `key of ${instanceId}` }));
  return { at: LAUNCHED + seconds * SECOND, topic, findings };
}

const findingOf = (instanceId: string) => `${instanceId} required-tags ec2_audit_alert`;

const FAR = [instance("i-far", { ...UNTAGGED, kind: OUT_OF_REACH })];
const tagged = (seconds: number): Lifecycle => ({
  ...UNTAGGED,
  kind: "tagged after the grace",
  changes: [{ after: seconds * SECOND, tags: { service: "shop" } }],
});
const LATE = (fixedAfter: number, quiet = true) => [instance("i-late", tagged(fixedAfter), quiet)];

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
      "when two messages were retried, of which each was published before the function was killed",
      {
        alerts: [60, 300, 310].map((seconds) => alert(seconds, "i-untagged")),
        causes: [200, 200].map((at) => cause(at, "another container retried after one topic had failed")),
      },
    ],
    [
      "when EventBridge delivered the event of a duplicate alert twice",
      {
        alerts: [alert(60, "i-untagged"), alert(75, "i-untagged")],
        causes: [cause(20, "EventBridge delivered the event twice")],
        outcomesById: new Map([
          ["i-untagged", { last: "violating", at: LAUNCHED, violating: 2 }],
          ["i-tagged", { last: "compliant", at: LAUNCHED, violating: 0 }],
        ]),
      },
    ],
    [
      "when a launch without a role is dead-lettered, with its reason in the log",
      { expected: FAR, alerts: [], deadLetters: [{ instanceId: "i-far", reason: "failed: AccessDenied" }] },
    ],
    [
      "when a message that is no event is dead-lettered, with its reason in the log",
      { garbage: 1, deadLetters: [{ instanceId: null, reason: "malformed: it is not JSON" }] },
    ],
    ["when a violation was alerted before it was fixed", { expected: LATE(300), alerts: [alert(60, "i-late")] }],
    ["when a violation that was fixed during a fault was not alerted", { expected: LATE(300, false), alerts: [] }],
  ])("%s", (_, changes) => {
    expect(reconcile(records(changes)).balanced).toBe(true);
  });
});

describe("reconciling a run fails and names the instance", () => {
  it.each<[string, Partial<Records>, Partial<Balance>]>([
    ["when an alert is lost", { alerts: [] }, { lost: [findingOf("i-untagged")] }],
    [
      "when a compliant launch is alerted",
      { alerts: [alert(60, "i-untagged", "i-tagged")] },
      { false: [findingOf("i-tagged")] },
    ],
    [
      "when an alert names an instance that was never launched",
      { alerts: [alert(60, "i-untagged", "i-unknown")] },
      { false: ["i-unknown"] },
    ],
    [
      "when an instance is alerted long after it was fixed",
      { expected: LATE(300), alerts: [alert(316, "i-late")] },
      { false: [findingOf("i-late")] },
    ],
    [
      "when a duplicate alert has no cause",
      { alerts: [alert(60, "i-untagged"), alert(75, "i-untagged")] },
      { unexplained: [findingOf("i-untagged")] },
    ],
    [
      "when two duplicate alerts have one cause",
      {
        alerts: [alert(60, "i-untagged"), alert(75, "i-untagged"), alert(90, "i-untagged")],
        causes: [cause(10, "EventBridge delivered the event twice")],
      },
      { unexplained: [findingOf("i-untagged")] },
    ],
    [
      "when the cause precedes the first alert",
      {
        alerts: [alert(60, "i-untagged"), alert(75, "i-untagged")],
        causes: [cause(45, "the delivery timed out")],
      },
      { unexplained: [findingOf("i-untagged")] },
    ],
    [
      "when the cause follows the duplicate alert",
      {
        alerts: [alert(60, "i-untagged"), alert(75, "i-untagged")],
        causes: [cause(80, "EventBridge delivered the event twice")],
      },
      { unexplained: [findingOf("i-untagged")] },
    ],
    [
      "when a violation that was fixed late, without a fault, was not alerted",
      { expected: LATE(300), alerts: [] },
      { lost: [findingOf("i-late")] },
    ],
    [
      "when an instance was settled as violating twice and its event was delivered once",
      {
        outcomesById: new Map([
          ...outcomesById({ "i-tagged": "compliant" }),
          ["i-untagged", { last: "violating", at: LAUNCHED, violating: 2 }],
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
      { expected: FAR, alerts: [], deadLetters: [{ instanceId: "i-far", reason: null }] },
      { wrongDeadLetters: ["i-far"] },
    ],
    [
      "when a launch without a role is not dead-lettered",
      { expected: FAR, alerts: [] },
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

describe("the topics of a finding", () => {
  const PAYMENTS = { ...UNTAGGED, tags: { ...UNTAGGED.tags, team: "payments" } };
  const AFTERWARDS = { ...UNTAGGED, changes: [{ after: 20 * SECOND, tags: { team: "payments" } }] };
  const both = [alert(60, "i-untagged"), alertAt("payments", 60, "i-untagged")];
  const expected = (lifecycle: Lifecycle, group: string | null = "group-1") => [
    instance("i-untagged", lifecycle, true, group),
  ];

  it.each<[string, Records["expected"], readonly PublishedAlert[]]>([
    ["are that of a route by a tag, and the default one", expected(PAYMENTS), both],
    ["are the same when the tag arrives within the grace", expected(AFTERWARDS), both],
    [
      "are only that of a route that takes the finding instead",
      expected(UNTAGGED, "lab-1"),
      [alertAt("lab", 60, "i-untagged")],
    ],
    [
      "are both when the launcher, which decides the route, is unknown",
      expected(UNTAGGED, null),
      [alert(60, "i-untagged"), alertAt("lab", 60, "i-untagged")],
    ],
  ])("%s", (_, instances, alerts) => {
    expect(reconcile(records({ expected: instances, alerts }))).toMatchObject({ balanced: true });
    for (const alone of alerts) {
      const lost = reconcile(records({ expected: instances, alerts: alerts.filter((each) => each !== alone) })).lost;
      expect(lost).toEqual([`i-untagged required-tags ${alone.topic}`]);
    }
  });

  it("are no others", () => {
    const alerts = [...both, alertAt("lab", 60, "i-untagged"), alertAt("oncall", 60, "i-untagged")];
    expect(reconcile(records({ expected: expected(PAYMENTS), alerts })).false).toEqual([
      "i-untagged required-tags lab",
      "i-untagged required-tags oncall",
    ]);
  });

  it("have duplicates of their own, with causes at that topic only", () => {
    const causes = [cause(60, "the response to Publish was lost", "payments")];
    const at = (topic: Topic) => [...both, alertAt(topic, 80, "i-untagged")];
    const judged = (topic: Topic) => reconcile(records({ expected: expected(PAYMENTS), alerts: at(topic), causes }));
    expect(judged("payments").unexplained).toEqual([]);
    expect(judged("ec2_audit_alert").unexplained).toEqual([findingOf("i-untagged")]);
  });

  it("have duplicates between the alerts of a launch and of a later tag change", () => {
    const alerts = [60, 63, 80, 83].map((seconds) => alert(seconds, "i-untagged"));
    const causes = [60, 80].map((seconds) => cause(seconds, "the response to Publish was lost", "ec2_audit_alert"));
    const changed = { ...UNTAGGED, changes: [{ after: 20 * SECOND, tags: { owner: "alice" } }] };
    const { unexplained, duplicates } = reconcile(records({ expected: expected(changed), alerts, causes }));
    expect([unexplained, [...duplicates.values()]]).toEqual([[], [2]]);
  });

  it("get one dedupKey", () => {
    const [first, second] = both;
    const findings = second?.findings.map((finding) => ({ ...finding, dedupKey: "another key" })) ?? [];
    const alerts = first && second ? [first, { ...second, findings }] : [];
    expect(reconcile(records({ expected: expected(PAYMENTS), alerts })).false).toEqual([
      "i-untagged required-tags: several dedupKeys",
    ]);
  });
});

describe("the figures of a run", () => {
  it("measure the delay from the launch to its first alert, in any order of the records", () => {
    const alerts = [alert(75, "i-untagged"), alert(60, "i-untagged")];
    expect(reconcile(records({ alerts })).delays).toEqual([60 * SECOND]);
  });

  it("separate delays during faults from the others", () => {
    const expected = [instance("i-untagged", UNTAGGED, false)];
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
      ["untagged", { alerted: 1, resolved: 0, silent: 0, "dead-lettered": 0 }],
      ["tagged", { alerted: 0, resolved: 0, silent: 1, "dead-lettered": 0 }],
    ]);
  });
});
