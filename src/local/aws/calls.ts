import type { Params } from "./params.ts";

/** An API call as it was asked: who wants what, where. */
export interface ApiCall {
  readonly service: string;
  readonly action: string;
  readonly account: string;
  readonly region: string;
  /** Empty for a call that was not signed. */
  readonly accessKeyId: string;
  readonly params: Params;
}

/** One API call that was answered (or left hanging by a fault: status 0). */
export interface RecordedCall extends ApiCall {
  readonly status: number;
}

/** How many calls are kept; of older ones only the count remains. */
const KEPT = 10_000;

/** What was called: the last calls in order, and how often each action was called in all. */
export interface CallLog {
  readonly calls: RecordedCall[];
  /** By `service:Action`, as in `ec2:DescribeTags`. */
  readonly counts: Map<string, number>;
  record(call: RecordedCall): void;
}

/**
 * An empty call log whose memory stays bounded: it keeps at least the last 10,000 calls, and never a tenth more.
 * @param onCall told of each call as it is recorded
 */
export function callLog(onCall: (call: RecordedCall) => void): CallLog {
  const calls: RecordedCall[] = [];
  const counts = new Map<string, number>();
  return {
    calls,
    counts,
    record: (call) => {
      const name = `${call.service}:${call.action}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
      calls.push(call);
      if (calls.length >= 1.1 * KEPT) calls.splice(0, calls.length - KEPT);
      onCall(call);
    },
  };
}
