import { describe, expect, it } from "vitest";
import { fromFragment, START, type State, toFragment } from "../../../../../src/cli/report/page/client/state.ts";

const STATE: State = {
  search: "etl & co = 100 %",
  filters: new Map([
    ["severity", "high"],
    ["owner", null],
  ]),
  sort: "launchTime",
  descending: true,
  page: 2,
  size: 500,
};

describe("the state in the URL", () => {
  it("is read as it was written", () => {
    expect(fromFragment(toFragment(STATE))).toEqual(STATE);
    expect(toFragment(START)).toBe("#findings");
  });

  it("is not in the fragment of a place of the page", () => {
    expect(["", "#rules", "#findings", "#findings-lead"].map(fromFragment)).toEqual([null, null, null, null]);
  });

  it("leaves out what it does not understand", () => {
    expect(fromFragment("#findings?sort=-constructor&page=-3&size=7&colour=red")).toEqual(START);
    expect(fromFragment("#findings?page=x&sort=&__proto__=1")).toEqual(START);
  });
});
