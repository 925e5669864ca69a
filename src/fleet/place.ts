import type { Counts } from "./counts.ts";

/** An account and a region. */
export interface Place {
  readonly account: string;
  readonly region: string;
}

/** The region of a place that stands for all regions of an account: which ones it has enabled could not be read. */
export const ALL_REGIONS = "*";

/**
 * How a place was read. `complete`: every instance was judged or counted as not judged. `denied`: the credentials do not allow it.
 * `off`: the region is not enabled for the account. `failed`: AWS or the network failed, also after retries. `partial`: only some of
 * its instances were read, because of a failure in the middle or an interruption.
 */
export type PlaceStatus = "complete" | "denied" | "off" | "failed" | "partial";

/** The result of a place. */
export interface PlaceResult extends Place, Counts {
  readonly status: PlaceStatus;
  /** The reason for any status but `complete`, in one sentence without a full stop. */
  readonly reason: string | null;
  /** The calls to EC2, each attempt counted. */
  readonly calls: number;
  /** The rules that could not be judged, with the first of their reasons. */
  readonly notJudgedRules: readonly { readonly ruleId: string; readonly reason: string; readonly instances: number }[];
}
