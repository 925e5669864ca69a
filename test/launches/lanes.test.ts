import { describe, expect, it } from "vitest";
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

/** Lanes whose batches wait until the test ends them. The test can also control the pause between batches. */
function held(pause: () => Promise<void> = async () => {}) {
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
  }, pause);
  return { batches, submit };
}
/** Runs everything that waits for no timer. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("deliveries", () => {
  it("of one account and region that arrive together form one batch, and each gets its own outcomes", async () => {
    const { batches, submit } = held();
    const ids = instanceIds(10);
    const answers = ids.map((id) => submit(unitOf(id)));
    await settled();
    expect(batches.map((batch) => batch.ids)).toEqual([ids]);
    batches[0]?.end();
    expect((await Promise.all(answers)).map(idsIn)).toEqual(ids.map((id) => [id]));
  });

  it("are audited at once if there is only one", async () => {
    const { batches, submit } = held();
    void submit(unitOf(instanceId(1)));
    await Promise.resolve();
    expect(batches).toHaveLength(1);
  });

  it("that arrive during a batch form the next batch: a hundred form two or three", async () => {
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

  it("of different accounts and regions do not wait for each other", async () => {
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

  it("are processed after their lane was empty", async () => {
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

  it("have all their launches in one batch", async () => {
    const { batches, submit } = held();
    const launches = instanceIds(3).map((id) => launchOf({ instanceId: id }));
    const answer = submit({ ...unitOf(""), launches });
    await settled();
    batches[0]?.end();
    expect(idsIn(await answer)).toEqual(instanceIds(3));
  });

  it("without a launch cause no batch", async () => {
    const { batches, submit } = held();
    expect(await submit({ ...unitOf(""), launches: [] })).toEqual([]);
    expect(batches).toEqual([]);
  });
});

describe("a delivery whose caller no longer waits", () => {
  it("is not audited, so that it does not delay the others", async () => {
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

describe("the pause between batches", () => {
  it("follows a batch of a burst, and deliveries that arrive meanwhile join the next batch", async () => {
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

  it("does not follow a batch of one launch", async () => {
    const { batches, submit } = held(() => expect.unreachable());
    void submit(unitOf(instanceId(1)));
    await settled();
    void submit(unitOf(instanceId(2)));
    batches[0]?.end();
    await settled();
    expect(batches).toHaveLength(2);
  });

  it("does not follow a batch if the lane is empty", async () => {
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
  it("fails each of its launches with the reason, and the lane continues", async () => {
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

  it("fails its launches also when it throws synchronously, and the lane continues", async () => {
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

  it("does not affect another lane", async () => {
    const { batches, submit } = held();
    const failing = submit(unitOf(instanceId(1)));
    const other = submit(unitOf(instanceId(2), { region: "eu-west-1" }));
    await settled();
    batches[0]?.fail(new Error("x"));
    batches[1]?.end();
    expect((await Promise.all([failing, other])).flat().map(({ kind }) => kind)).toEqual(["failed", "compliant"]);
  });

  it("fails a launch for which it returns no outcome", async () => {
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
