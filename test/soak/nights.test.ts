import { describe, expect, it } from "vitest";
import { expectation } from "./expectation.ts";
import { type Digest, digestIn, reconcileNights, type SweepFault, sweepEvent } from "./nights.ts";
import { NO_ROLE } from "./places.ts";
import { OUT_OF_REACH, TAGGED, UNTAGGED } from "./stories.ts";

const NIGHT = Date.parse("2026-11-24T06:00:00Z");
const SECOND = 1_000;

/** A fleet of three instances: one complies, one violates the policy, and one is terminated ten seconds after the night begins. */
const FLEET = [TAGGED, UNTAGGED, { ...TAGGED, changes: [{ after: 3_610 * SECOND, tags: null }] }]
  .map((lifecycle, index) =>
    expectation(`i-${index}`, { lifecycle, group: null }, NIGHT - 3_600 * SECOND, () => true, true),
  )
  .concat(
    expectation("i-far", { lifecycle: { ...UNTAGGED, kind: OUT_OF_REACH }, group: null }, NIGHT, () => true, true),
  );
const DENIED = { account: NO_ROLE.account, reason: "denied" };
const night = (quiet = true, copies = 1) => ({ scheduledAt: NIGHT, copies, quiet });

function digest(seconds: number, changes: Partial<Digest> = {}): Digest {
  const counts = { instances: 3, violating: 1, findings: 1 };
  return { id: "a", at: NIGHT + seconds * SECOND, scheduledAt: NIGHT, ...counts, unread: [DENIED], ...changes };
}

const wrongIn = (digests: readonly Digest[], of = night(), faults: readonly SweepFault[] = []) =>
  reconcileNights([of], digests, FLEET, faults).wrong;

describe("a night is right", () => {
  it.each<[string, readonly Digest[], ReturnType<typeof night>]>([
    ["with one digest of the fleet", [digest(5)], night()],
    ["with a count between those of the fleet during the sweep", [digest(20, { instances: 2 })], night()],
    ["with two digests, when its event came twice", [digest(5), digest(9)], night(true, 2)],
    [
      "with a digest that names the places which a fault kept from being read",
      [digest(5, { instances: 0, unread: [DENIED, { account: "1", reason: "throttled" }] })],
      night(false),
    ],
  ])("%s", (_, digests, of) => {
    expect(wrongIn(digests, of)).toEqual([]);
  });

  it("with two digests, when the function was killed between them", () => {
    const faults = [{ cause: "the function was killed during the sweep", at: NIGHT + 5 * SECOND } as const];
    const { wrong, duplicates } = reconcileNights([night()], [digest(5), digest(9)], FLEET, faults);
    expect([wrong, [...duplicates]]).toEqual([[], [["the function was killed during the sweep", 1]]]);
  });
});

describe("a night is wrong", () => {
  it.each<[string, readonly Digest[], string]>([
    ["without a digest", [], "has no digest"],
    ["with a second digest without a cause", [digest(5), digest(9)], "has 2 digests"],
    ["with digests of several ids", [digest(5), digest(9, { id: "b" })], "several ids"],
    ["with another count than the fleet's", [digest(5, { violating: 2 })], "counts 2 violating, not 1 to 1"],
    [
      "with an unread place that no fault explains",
      [digest(5, { unread: [DENIED, { ...DENIED, account: "1" }] })],
      "did not read",
    ],
    ["with an unread place without a reason", [digest(5, { unread: [{ ...DENIED, reason: "" }] })], "without a reason"],
    ["without the place that cannot be read", [digest(5, { unread: [] })], "does not name"],
    ["with a digest of another night", [digest(5), digest(5, { scheduledAt: 0 })], "of no night"],
  ])("%s", (_, digests, problem) => {
    expect(wrongIn(digests).join()).toContain(problem);
  });
});

describe("a message", () => {
  it("is a digest by its schema", () => {
    const counts = { instances: 3, violating: 1, findings: 1 };
    const places = { unread: [DENIED] };
    const scheduledAt = new Date(NIGHT).toISOString();
    const document = { schema: "urn:ec2-audit:digest:1", id: "a", scheduledAt, ...counts, places };
    expect(digestIn(JSON.stringify(document), NIGHT)).toEqual(digest(0));
    expect(digestIn(sweepEvent(NIGHT), NIGHT)).toBeNull();
  });
});
