import type { Params } from "./params.ts";

/** One API call that was answered (or left hanging by a fault: status 0). */
export interface RecordedCall {
  readonly service: string;
  readonly action: string;
  readonly account: string;
  readonly region: string;
  readonly params: Params;
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

/** An empty call log whose memory stays bounded: it keeps at least the last 10,000 calls, and never twice as many. */
export function callLog(): CallLog {
  const calls: RecordedCall[] = [];
  const counts = new Map<string, number>();
  return {
    calls,
    counts,
    record: (call) => {
      const name = `${call.service}:${call.action}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
      calls.push(call);
      if (calls.length >= 2 * KEPT) calls.splice(0, calls.length - KEPT);
    },
  };
}
