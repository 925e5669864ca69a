import { describe, expect, it } from "vitest";
import type { Findings } from "../../../../../src/cli/report/page/client/findings.ts";
import { selector } from "../../../../../src/cli/report/page/client/select.ts";
import { type Sort, START, type State } from "../../../../../src/cli/report/page/client/state.ts";
import type { Name } from "../../../../../src/cli/report/page/packed.ts";
import { findingsOf } from "./findings.ts";

const NAMES = ["web-10", "web-9", null, "Web-1", "web-9", "api"];

function named(): Promise<Findings> {
  return findingsOf(NAMES.length, (line, index) => ({ ...line, name: NAMES[index] ?? null, account: "210000000000" }));
}

function shown(findings: Findings, column: Name, state: Partial<State>): string[] {
  return Array.from(selector(findings)({ ...START, ...state }).rows, (row) => findings.text(column, row));
}

describe("selector", () => {
  it("sorts names as people do, rows without one last in both directions", async () => {
    const findings = await named();
    const ascending = ["api", "Web-1", "web-9", "web-9", "web-10"];
    expect(shown(findings, "name", { sort: "name", descending: false })).toEqual([...ascending, ""]);
    expect(shown(findings, "name", { sort: "name", descending: true })).toEqual([...ascending.toReversed(), ""]);
  });

  it.each<Sort>(["severity", "ruleId", "account", "owner", "launchTime", "firstSeen"])(
    "keeps every row when it sorts by %s",
    async (sort) => {
      const findings = await findingsOf(500);
      const ids = shown(findings, "instanceId", { sort, descending: false });
      expect(ids.toSorted()).toEqual(shown(findings, "instanceId", {}).toSorted());
    },
  );

  it("sorts by the launch from the oldest to the newest", async () => {
    const times = shown(await findingsOf(500), "launchTime", { sort: "launchTime", descending: false });
    expect(times).toEqual(times.toSorted());
  });

  it("sorts by account and then by region", async () => {
    const findings = await findingsOf(100);
    const state = { sort: "account", descending: false } as const;
    const accounts = shown(findings, "account", state).map((account) => findings.accountName(account));
    const places = shown(findings, "region", state).map((region, index) => `${accounts[index]} ${region}`);
    expect(places).toEqual(places.toSorted());
  });

  it("finds a row by words of different texts, in any case, also by the name of its account", async () => {
    const findings = await named();
    expect(shown(findings, "name", { search: "WEB- port PROD-core" })).toHaveLength(4);
    expect(shown(findings, "name", { search: "web-9 sg-0a1b2c3d4e5f60004" })).toEqual(["web-9"]);
    expect(shown(findings, "name", { search: "web nothing" })).toEqual([]);
  });

  it("finds a row by the instance and region of its remedy", async () => {
    const findings = await findingsOf(100);
    const [id = ""] = shown(findings, "instanceId", {});
    expect(shown(findings, "instanceId", { search: id })).toEqual([id]);
  });

  it("counts the rows of each value as if its column had no filter", async () => {
    const findings = await findingsOf(1_000);
    const { rows, counts } = selector(findings)({
      ...START,
      filters: new Map([
        ["severity", "high"],
        ["ruleId", "imdsv2"],
      ]),
    });
    const countOf = (column: "severity" | "ruleId", value: string) =>
      counts.get(column)?.[findings.column(column).values.indexOf(value)];
    expect(rows).toHaveLength(200);
    expect([countOf("severity", "high"), countOf("severity", "medium")]).toEqual([200, 0]);
    expect([countOf("ruleId", "imdsv2"), countOf("ruleId", "approved-images")]).toEqual([200, 170]);
  });

  it("shows nothing for a value that no finding has", async () => {
    expect(shown(await findingsOf(100), "ruleId", { filters: new Map([["ruleId", "gone"]]) })).toEqual([]);
  });
});
