import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { decodeState, encodeState, MAX_STATE, type SweepState } from "../../src/fleet/continuation.ts";
import { policyOf } from "../support/policy.ts";
import { ACCOUNT, groupsOf, MEMBER, SATURDAY, sumsOf, worstOf } from "./sweeps.ts";

const POLICY = policyOf({ rules: [{ rule: "required-tags", tags: ["owner"] }] });

function stateOf(changes: Partial<SweepState> = {}): SweepState {
  return {
    time: { id: "91a1bf6cd6295a78a0c96c3171afb671", scheduledAt: SATURDAY, hours: 24 },
    step: 3,
    stalled: 1,
    restarts: 2,
    regions: null,
    listing: "token",
    accounts: [MEMBER],
    places: [{ account: ACCOUNT, region: "us-east-1" }],
    begun: [{ account: ACCOUNT, region: "eu-west-1", next: "token", sums: sumsOf() }],
    sums: sumsOf({ worst: [worstOf()] }),
    ...changes,
  };
}

const textOf = (value: unknown) => gzipSync(JSON.stringify(value)).toString("base64url");

describe("encodeState", () => {
  it("returns a text from which decodeState returns the same state", () => {
    expect(decodeState(encodeState(stateOf(), POLICY))).toEqual(stateOf());
  });

  it("returns the same text for the same state", () => {
    expect(encodeState(stateOf(), POLICY)).toBe(encodeState(stateOf(), POLICY));
  });

  it("fits 10,000 accounts and 1,000 owners that cannot be compressed, and keeps every account", () => {
    const accounts = Array.from({ length: 10_000 }, () =>
      `${randomBytes(6).readUIntBE(0, 6) % 1e12}`.padStart(12, "0"),
    );
    const owners = groupsOf(...Array.from({ length: 1_000 }, () => [randomBytes(128).toString("hex"), 1, 0] as const));
    const text = encodeState(stateOf({ accounts, sums: sumsOf({ owners }) }), POLICY);

    expect(text.length).toBeLessThanOrEqual(MAX_STATE);
    expect(decodeState(text)?.accounts).toEqual(accounts);
  });
});

describe("decodeState", () => {
  it.each([
    ["an account that is no id", stateOf({ accounts: ["evil.example/"] })],
    ["a region that is no name", stateOf({ places: [{ account: ACCOUNT, region: "evil.example/" }] })],
    ["a begun place without sums", { ...stateOf(), begun: [{ account: ACCOUNT, region: "eu-west-1", next: "token" }] }],
    ["a time that is none", stateOf({ time: { id: "a", scheduledAt: "soon", hours: 24 } })],
    ["no object", null],
  ])("returns null for %s", (_name, state) => {
    expect(decodeState(textOf(state))).toBeNull();
  });

  it("returns null for a text that expands to more than a state may have", () => {
    expect(decodeState(gzipSync(Buffer.alloc(17 * 1024 * 1024)).toString("base64url"))).toBeNull();
  });

  it("returns null for random bytes", () => {
    for (let length = 0; length < 200; length += 1) {
      expect(decodeState(randomBytes(length).toString("base64url"))).toBeNull();
    }
  });
});
