import { gunzipSync, gzipSync } from "node:zlib";
import { isAccountId, isRegion } from "../aws/regions.ts";
import type { Policy } from "../policy/policy.ts";
import { isObject, parseJson } from "../util/json.ts";
import type { Place } from "./place.ts";
import type { SweepSums, SweepTime } from "./sweep-sums.ts";
import { SweepTotals } from "./sweep-totals.ts";

/** A place of which some pages were read. */
export interface BegunPlace extends Place {
  /** The token of its next page. */
  readonly next: string;
  /** The sums of its pages so far. */
  readonly sums: SweepSums;
}

/** Everything that the next step of a sweep needs to know. */
export interface SweepState {
  readonly time: SweepTime;
  /** The number of the step, from 1. */
  readonly step: number;
  /** How many steps in a row have read nothing. */
  readonly stalled: number;
  /** How often EC2 has refused a token, so that a place was read again from its beginning. */
  readonly restarts: number;
  /** The regions to read; null for all enabled ones of each account. */
  readonly regions: readonly string[] | null;
  /** Where the list of the organization's accounts goes on: a token, "" for its beginning; null if it is complete. */
  readonly listing: string | null;
  /** The accounts whose regions are not known yet. */
  readonly accounts: readonly string[];
  /** The places of which nothing was read yet. */
  readonly places: readonly Place[];
  readonly begun: readonly BegunPlace[];
  /** The sums of all finished places. */
  readonly sums: SweepSums;
}

/**
 * The maximum length of an encoded state. SNS takes messages of 256 KiB, and the rest of the event is short.
 * https://docs.aws.amazon.com/general/latest/gr/sns.html#limits_sns
 */
export const MAX_STATE = 200_000;

/** The maximum size of a decoded state, in bytes. A forged one could expand to a thousand times its size. */
const MAX_BYTES = 16 * 1024 * 1024;

/** How many owners and accounts a state has at most, tried in this order until it fits. The others are summed up. */
const GROUPS = [1_000, 300, 100, 30, 10, 3, 0];

/** Returns a state as text. The same state gives the same text. */
export function encodeState(state: SweepState, policy: Policy): string {
  for (const groups of GROUPS) {
    const text = textOf(fewer(state, groups, policy));
    if (text.length <= MAX_STATE) return text;
  }
  // The sums of places that are not finished take the most. Those places are read again from their beginning.
  const { begun, places } = state;
  const again = [...begun.map(({ account, region }) => ({ account, region })), ...places];
  return textOf(fewer({ ...state, begun: [], places: again }, 0, policy));
}

function textOf(state: SweepState): string {
  return gzipSync(JSON.stringify(state)).toString("base64url");
}

function fewer(state: SweepState, groups: number, policy: Policy): SweepState {
  const cut = (sums: SweepSums): SweepSums => {
    const totals = new SweepTotals(policy, state.time);
    totals.merge(sums);
    return totals.sums(groups);
  };
  return { ...state, sums: cut(state.sums), begun: state.begun.map((place) => ({ ...place, sums: cut(place.sums) })) };
}

/** Returns the state in a text; null if it is none. */
export function decodeState(text: string): SweepState | null {
  try {
    const state = parseJson(gunzipSync(Buffer.from(text, "base64url"), { maxOutputLength: MAX_BYTES }).toString());
    return isState(state) ? state : null;
  } catch {
    return null;
  }
}

/** An example of each value: a text, a number, null for a text or null, a list, an object, or an object with any keys. */
type Shape = string | number | null | readonly [Shape] | { readonly [key: string]: Shape };

const ANY = "*";
const SEVERITIES = { low: 0, medium: 0, high: 0, critical: 0 };
const SUM = { instances: 0, violating: 0, severities: SEVERITIES };
const GROUPS_SHAPE = { groups: [{ ...SUM, value: null }], others: { ...SUM, values: 0 } } as const;
const SUMS = {
  counts: { instances: 0, compliant: 0, violating: 0, notJudged: 0, findings: 0 },
  places: { complete: 0, unread: [{ account: "", region: "", status: "", reason: null }], unreadCount: 0 },
  rules: { [ANY]: 0 },
  notJudged: { [ANY]: { instances: 0, reason: "" } },
  owners: GROUPS_SHAPE,
  accounts: GROUPS_SHAPE,
  fresh: SEVERITIES,
  older: SEVERITIES,
  ages: { week: 0, month: 0, more: 0, unknown: 0 },
  settling: 0,
  exemptions: { [ANY]: 0 },
  worst: [{ account: "", region: "", instanceId: "", name: null, ruleId: "", severity: "", message: "", dedupKey: "" }],
} as const satisfies Shape;
const STATE = {
  time: { id: "", scheduledAt: "", hours: 0 },
  step: 0,
  stalled: 0,
  restarts: 0,
  listing: null,
  accounts: [""],
  places: [{ account: "", region: "" }],
  begun: [{ account: "", region: "", next: "", sums: SUMS }],
  sums: SUMS,
} as const satisfies Shape;

function hasShape(value: unknown, shape: Shape): boolean {
  if (shape === null) return value === null || typeof value === "string";
  if (typeof shape === "number") return Number.isFinite(value);
  if (typeof shape === "string") return typeof value === "string";
  if (isList(shape)) return Array.isArray(value) && value.every((each) => hasShape(each, shape[0]));
  if (!isObject(value)) return false;
  const any = shape[ANY];
  if (any !== undefined) return Object.values(value).every((each) => hasShape(each, any));
  return Object.entries(shape).every(([key, each]) => hasShape(value[key], each));
}

function isList(shape: object): shape is readonly [Shape] {
  return Array.isArray(shape);
}

/** Accounts and regions become parts of host names and ARNs, so each is checked. */
function isState(value: unknown): value is SweepState {
  if (!hasShape(value, STATE) || !isObject(value)) return false;
  const { regions, accounts, places, begun, time } = value;
  const isPlace = (place: unknown) =>
    isObject(place) && isAccountId(String(place.account)) && isRegion(String(place.region));
  const areRegions = (names: unknown) => Array.isArray(names) && names.every((name) => isRegion(String(name)));
  return (
    (regions === null || areRegions(regions)) &&
    [accounts].flat().every((account) => isAccountId(String(account))) &&
    [places, begun].flat().every(isPlace) &&
    isObject(time) &&
    !Number.isNaN(Date.parse(String(time.scheduledAt)))
  );
}
