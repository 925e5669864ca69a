import { describe, expect, test } from "vitest";
import type { Unit } from "../../src/launches/batch.ts";
import { createLanes } from "../../src/launches/lanes.ts";
import type { Outcome } from "../../src/launches/outcome.ts";
import { instanceId, instanceIds } from "../support/events.ts";
import { launchOf } from "../support/launches.ts";

const unitOf = (id: string, where: { account?: string; region?: string } = {}): Unit => ({
  launches: [launchOf({ instanceId: id, ...where })],
  retryWindowSeconds: 3_600,
  isAwaited: () => true,
});
const compliant = (unit: Unit): Outcome[] => unit.launches.map((launch) => ({ kind: "compliant", launch }));
const idsOf = (units: readonly Unit[]) => units.flatMap((unit) => unit.launches.map((launch) => launch.instanceId));
const idsIn = (outcomes: readonly Outcome[]) =>
  outcomes.map((outcome) => ("launch" in outcome ? outcome.launch?.instanceId : null));

/** Lanes whose batches each wait for the test to end them; a breath between two of them is drawn at once, or as the test says. */
function held(breathe: () => Promise<void> = async () => {}) {
  const batches: {
    place: string;
    ids: string[];
    end: (outcomes?: Outcome[][]) => void;
    fail: (error: unknown) => void;
  }[] = [];
  const submit = createLanes((account, region, units) => {
    return new Promise((resolve, reject) => {
      batches.push({
        place: `${account}/${region}`,
        ids: idsOf(units),
        end: (outcomes = units.map(compliant)) => resolve(outcomes),
        fail: reject,
      });
    });
  }, breathe);
  return { batches, submit };
}
/** All that is due now has happened. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("deliveries", () => {
  test("of one account and region that come together are one batch, and each gets its own outcomes", async () => {
    const { batches, submit } = held();
    const ids = instanceIds(10);
    const answers = ids.map((id) => submit(unitOf(id)));
    await settled();
    expect(batches.map((batch) => batch.ids)).toEqual([ids]);
    batches[0]?.end();
    expect((await Promise.all(answers)).map(idsIn)).toEqual(ids.map((id) => [id]));
  });

  test("a lone one is at work at once", async () => {
    const { batches, submit } = held();
    void submit(unitOf(instanceId(1)));
    await Promise.resolve();
    expect(batches).toHaveLength(1);
  });

  test("that come while a batch is at work are the next batch: a burst of a hundred is two or three", async () => {
    const { batches, submit } = held();
    const [first = "", ...others] = instanceIds(100);
    const answers = [submit(unitOf(first))];
    await settled();
    for (const id of others) {
      answers.push(submit(unitOf(id)));
      await settled();
    }
    expect(batches.map((batch) => batch.ids)).toEqual([[first]]);
    batches[0]?.end();
    await settled();
    expect(batches.map((batch) => batch.ids)).toEqual([[first], others]);
    batches[1]?.end();
    expect((await Promise.all(answers)).map(idsIn)).toEqual([first, ...others].map((id) => [id]));
  });

  test("of other accounts and regions do not wait for each other", async () => {
    const { batches, submit } = held();
    void submit(unitOf(instanceId(1)));
    const elsewhere = submit(unitOf(instanceId(2), { region: "eu-west-1" }));
    void submit(unitOf(instanceId(3), { account: "210987654321" }));
    await settled();
    expect(batches.map(({ place }) => place)).toEqual([
      "123456789012/us-east-1",
      "123456789012/eu-west-1",
      "210987654321/us-east-1",
    ]);
    batches[1]?.end();
    expect(idsIn(await elsewhere)).toEqual([instanceId(2)]);
  });

  test("after a lane has run dry it opens again", async () => {
    const { batches, submit } = held();
    for (const id of instanceIds(3)) {
      const answer = submit(unitOf(id));
      await settled();
      batches.at(-1)?.end();
      expect(idsIn(await answer)).toEqual([id]);
      await settled();
    }
    expect(batches).toHaveLength(3);
  });

  test("of an event with many launches keep them together", async () => {
    const { batches, submit } = held();
    const launches = instanceIds(3).map((id) => launchOf({ instanceId: id }));
    const answer = submit({ ...unitOf(""), launches });
    await settled();
    batches[0]?.end();
    expect(idsIn(await answer)).toEqual(instanceIds(3));
  });

  test("without a launch are done without a batch", async () => {
    const { batches, submit } = held();
    expect(await submit({ ...unitOf(""), launches: [] })).toEqual([]);
    expect(batches).toEqual([]);
  });
});

describe("a delivery whose engine waits no longer", () => {
  test("is not audited when its turn comes, so that it does not keep those waiting that somebody waits for", async () => {
    const { batches, submit } = held();
    const [first = "", late = "", next = ""] = instanceIds(3);
    void submit(unitOf(first));
    await settled();
    let awaited = true;
    const lateAnswer = submit({ ...unitOf(late), isAwaited: () => awaited });
    const nextAnswer = submit(unitOf(next));
    awaited = false;
    batches[0]?.end();
    await settled();
    expect(batches[1]?.ids).toEqual([next]);
    expect(await lateAnswer).toMatchObject([{ kind: "failed", launch: { instanceId: late } }]);
    batches[1]?.end();
    expect(idsIn(await nextAnswer)).toEqual([next]);
  });
});

describe("between two batches", () => {
  test("of a burst a breath is drawn, and what comes meanwhile joins the next", async () => {
    const breaths: (() => void)[] = [];
    const { batches, submit } = held(() => new Promise((resolve) => breaths.push(resolve)));
    const [first = "", second = "", third = "", fourth = ""] = instanceIds(4);
    void submit(unitOf(first));
    void submit(unitOf(second));
    await settled();
    void submit(unitOf(third));
    batches[0]?.end();
    await settled();
    expect(batches).toHaveLength(1);
    void submit(unitOf(fourth));
    for (const drawn of breaths) drawn();
    await settled();
    expect(batches[1]?.ids).toEqual([third, fourth]);
  });

  test("none is drawn when the last was of a lone launch: two launches are no burst", async () => {
    const { batches, submit } = held(() => expect.unreachable());
    void submit(unitOf(instanceId(1)));
    await settled();
    void submit(unitOf(instanceId(2)));
    batches[0]?.end();
    await settled();
    expect(batches).toHaveLength(2);
  });

  test("none is drawn when nobody waits", async () => {
    const { batches, submit } = held(() => expect.unreachable());
    const answers = [submit(unitOf(instanceId(1))), submit(unitOf(instanceId(2)))];
    await settled();
    batches[0]?.end();
    await Promise.all(answers);
    void submit(unitOf(instanceId(3)));
    await settled();
    expect(batches).toHaveLength(2);
  });
});

describe("a batch that fails", () => {
  test("fails each of its launches with the reason, and the lane goes on", async () => {
    const { batches, submit } = held();
    const failing = [submit(unitOf(instanceId(1))), submit(unitOf(instanceId(2)))];
    await settled();
    const next = submit(unitOf(instanceId(3)));
    batches[0]?.fail(new Error("out of memory"));
    expect(await Promise.all(failing)).toEqual(
      instanceIds(2).map((id) => [
        { kind: "failed", launch: launchOf({ instanceId: id }), reason: "Error: out of memory" },
      ]),
    );
    await settled();
    batches[1]?.end();
    expect((await next).map(({ kind }) => kind)).toEqual(["compliant"]);
  });

  test("at once, before it gives a promise, fails its launches too, and the lane goes on", async () => {
    let broken = true;
    const submit = createLanes(
      (_account, _region, units) => {
        if (broken) throw new Error("no such region");
        return Promise.resolve(units.map(compliant));
      },
      async () => {},
    );
    const answer = async () =>
      (await Promise.race([submit(unitOf(instanceId(1))), settled().then(() => [])])) as Outcome[];
    expect((await answer()).map(({ kind }) => kind)).toEqual(["failed"]);
    broken = false;
    expect((await answer()).map(({ kind }) => kind)).toEqual(["compliant"]);
  });

  test("in another lane is not this lane's concern", async () => {
    const { batches, submit } = held();
    const failing = submit(unitOf(instanceId(1)));
    const other = submit(unitOf(instanceId(2), { region: "eu-west-1" }));
    await settled();
    batches[0]?.fail(new Error("x"));
    batches[1]?.end();
    expect((await Promise.all([failing, other])).flat().map(({ kind }) => kind)).toEqual(["failed", "compliant"]);
  });

  test("to answer for a launch does not make it done", async () => {
    const { batches, submit } = held();
    const answers = [submit(unitOf(instanceId(1))), submit(unitOf(instanceId(2)))];
    await settled();
    batches[0]?.end([[{ kind: "compliant", launch: launchOf({ instanceId: instanceId(1) }) }]]);
    expect((await Promise.all(answers)).map((outcomes) => outcomes.map(({ kind }) => kind))).toEqual([
      ["compliant"],
      ["failed"],
    ]);
  });
});
