import { AwsError } from "./errors.ts";

/** How one call, or many, shall go wrong. */
export interface Fault {
  /** `ec2`, `sns`, `sqs`, `events` or `sts`; any when missing. */
  service?: string;
  /** `DescribeTags`, …; any when missing. */
  action?: string;
  /**
   * throttle, deny, error: AWS's own answer of that kind; nothing is done.
   * html: 200 with a page of some proxy; nothing is done.
   * timeout: never answers; nothing is done.
   * hangup: does what was asked, sends half of the answer and drops the connection.
   * slow: does it and answers, `ms` later.
   */
  kind: "throttle" | "deny" | "error" | "timeout" | "hangup" | "html" | "slow";
  /** How many calls it hits. Default: all that follow. */
  times?: number;
  /** How many matching calls go well before the first one that does not. Default 0. */
  skip?: number;
  /** For `slow`, in ms of the clock. Default 1,000. */
  ms?: number;
}

/** The faults in force. */
export interface Faults {
  /** Adds a fault. Of several that match a call, the one added first strikes. */
  add(fault: Fault): void;
  /** Takes all of them away. */
  clear(): void;
}

/** The faults in force, with `next`: the one that strikes this call, if any (which counts as one of its times). */
export function faultBook(): Faults & { next(service: string, action: string): Fault | undefined } {
  let active: { fault: Fault; skip: number; left: number }[] = [];
  return {
    add: (fault) => {
      active.push({ fault, skip: fault.skip ?? 0, left: fault.times ?? Number.POSITIVE_INFINITY });
    },
    clear: () => {
      active = [];
    },
    next: (service, action) => {
      for (const entry of active) {
        if ((entry.fault.service ?? service) !== service || (entry.fault.action ?? action) !== action) continue;
        if (entry.left <= 0) continue;
        if (entry.skip > 0) {
          entry.skip -= 1;
          continue;
        }
        entry.left -= 1;
        return entry.fault;
      }
      return undefined;
    },
  };
}

/** The error that `service` answers for a fault of the kinds throttle, deny and error. Codes: each service's "Common errors" page. */
export function faultError(
  kind: "throttle" | "deny" | "error",
  service: string,
  action: string,
  user: string,
): AwsError {
  const refused = `User: ${user} is not authorized to perform: ${service}:${action}`;
  const inJson = service === "sqs" || service === "events";
  if (kind === "throttle") {
    if (service === "ec2") return new AwsError("RequestLimitExceeded", "Request limit exceeded.", 503);
    return new AwsError(inJson ? "ThrottlingException" : "Throttling", "Rate exceeded", 400);
  }
  if (kind === "deny") {
    if (service === "ec2") {
      return new AwsError("UnauthorizedOperation", `You are not authorized to perform this operation. ${refused}`, 403);
    }
    if (service === "sns") return new AwsError("AuthorizationError", refused, 403);
    return inJson ? new AwsError("AccessDeniedException", refused, 400) : new AwsError("AccessDenied", refused, 403);
  }
  return new AwsError(inJson ? "InternalFailure" : "InternalError", "An internal error has occurred", 500);
}
