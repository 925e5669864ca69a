import { describe, expect, it } from "vitest";
import { createSent, MAX_SENT } from "../../src/alerts/sent.ts";

describe("the memory of what was published", () => {
  it("returns the alert of each key that was added, and evicts the oldest", () => {
    const sent = createSent();
    expect(sent.get("a")).toBeUndefined();
    sent.add("a", "1");
    for (let index = 1; index < MAX_SENT; index += 1) sent.add(String(index), "2");
    sent.add("a", "1");
    sent.add("last", "3");
    expect([sent.get("a"), sent.get("1"), sent.get("2"), sent.get("last")]).toEqual(["1", undefined, "2", "3"]);
    sent.delete("a");
    expect(sent.get("a")).toBeUndefined();
  });
});
