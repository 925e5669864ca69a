import type { Params } from "./params.ts";

/** An API call, with its caller, account and region. */
export interface ApiCall {
  readonly service: string;
  readonly action: string;
  readonly account: string;
  readonly region: string;
  /** Empty for a call that was not signed. */
  readonly accessKeyId: string;
  readonly params: Params;
}

/** An API call and the status of its response; 0 if a fault left it without one. */
export interface RecordedCall extends ApiCall {
  readonly status: number;
}

/** The number of calls that are kept; older ones are only counted. */
const KEPT = 10_000;

/** The last calls in order, and the number of calls of each action. */
export interface CallLog {
  readonly calls: RecordedCall[];
  /** By `service:Action`, as in `ec2:DescribeTags`. */
  readonly counts: Map<string, number>;
  record(call: RecordedCall): void;
}

/**
 * Returns an empty call log of bounded size: it keeps the last 10,000 calls, and up to a tenth more.
 * @param onCall called with each call as it is recorded
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
