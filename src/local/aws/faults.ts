import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";
import type { ApiCall } from "./calls.ts";
import { AwsError } from "./errors.ts";

/** The faults that are an error response of AWS. */
type RefusalKind = "throttle" | "deny" | "error" | "bad-key";

/** A fault that applies to one call or many. */
export interface Fault {
  /** `ec2`, `sns`, `sqs`, `events`, `sts`, `iam` or `organizations`; any when missing. */
  service?: string;
  /** `DescribeTags`, …; any when missing. */
  action?: string;
  /** A further condition: the fault does not apply to calls for which it is false. */
  when?(call: ApiCall): boolean;
  /**
   * throttle, deny, error: AWS's error response; the action does not run.
   * bad-key: AWS's response to an unknown access key id; the action does not run.
   * html: 200 with the page of a proxy; the action does not run.
   * timeout: no response; the action does not run.
   * hangup: runs the action, sends half of the response and drops the connection.
   * slow: runs the action, and responds `ms` later.
   */
  kind: RefusalKind | "timeout" | "hangup" | "html" | "slow";
  /** The number of calls to which it applies. Default: all. */
  times?: number;
  /** The number of matching calls that succeed first. Default 0. */
  skip?: number;
  /** The share of the matching calls to which it applies, the same ones each time, from 0 to 1. Default 1. */
  share?: number;
  /** Selects other calls for the same share. Default 1. */
  seed?: number;
  /** For `slow`, in ms of the clock. Default 1,000. */
  ms?: number;
}

/** The faults in force. */
export interface Faults {
  /** Adds a fault. Of several that match a call, the first one added applies. */
  add(fault: Fault): void;
  /** Removes all faults. */
  clear(): void;
}

/** Returns an empty set of faults. `next` returns the fault that applies to a call, and counts it. */
export function faultBook(): Faults & { next(call: ApiCall): Fault | undefined } {
  let active: { fault: Fault; skip: number; left: number; random: RandomGenerator }[] = [];
  return {
    add: (fault) => {
      const { skip = 0, times = Number.POSITIVE_INFINITY, seed = 1 } = fault;
      active.push({ fault, skip, left: times, random: xoroshiro128plus(seed) });
    },
    clear: () => {
      active = [];
    },
    next: (call) => {
      for (const entry of active) {
        const { service = call.service, action = call.action, when } = entry.fault;
        if (entry.left <= 0 || service !== call.service || action !== call.action) continue;
        if (when !== undefined && !when(call)) continue;
        if (entry.skip > 0) {
          entry.skip -= 1;
          continue;
        }
        if (uniformFloat64(entry.random) >= (entry.fault.share ?? 1)) continue;
        entry.left -= 1;
        return entry.fault;
      }
      return undefined;
    },
  };
}

/** Returns whether a fault is an error response of AWS. */
export function isRefusal(kind: Fault["kind"]): kind is RefusalKind {
  return kind === "throttle" || kind === "deny" || kind === "error" || kind === "bad-key";
}

/** Returns the error response of a service for a fault. The codes are those of each service's "Common errors" page. */
export function faultError(kind: RefusalKind, service: string, action: string, user: string): AwsError {
  const refused = `User: ${user} is not authorized to perform: ${service}:${action}`;
  const inJson = speaksJson(service);
  if (kind === "throttle") {
    if (service === "ec2") return new AwsError("RequestLimitExceeded", "Request limit exceeded.", 503);
    if (service === "organizations") return new AwsError("TooManyRequestsException", "Rate exceeded", 400);
    return new AwsError(inJson ? "ThrottlingException" : "Throttling", "Rate exceeded", 400);
  }
  if (kind === "deny") return deniedError(service, refused);
  if (kind === "bad-key") return badKey(service);
  return new AwsError(inJson ? "InternalFailure" : "InternalError", "An internal error has occurred", 500);
}

/** Returns the error of a service for a call without permission; `refused` names the caller and the action. */
export function deniedError(service: string, refused: string): AwsError {
  if (service === "ec2") {
    return new AwsError("UnauthorizedOperation", `You are not authorized to perform this operation. ${refused}`, 403);
  }
  if (service === "sns") return new AwsError("AuthorizationError", refused, 403);
  return speaksJson(service)
    ? new AwsError("AccessDeniedException", refused, 400)
    : new AwsError("AccessDenied", refused, 403);
}

function speaksJson(service: string): boolean {
  return service === "sqs" || service === "events" || service === "organizations";
}

/**
 * Returns the error of each service for an unknown access key id. EC2:
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (AuthFailure); SNS and STS:
 * https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html (InvalidClientTokenId, 403). SQS keeps that code for
 * clients of the query protocol; services with only JSON return UnrecognizedClientException with 400.
 */
function badKey(service: string): AwsError {
  if (service === "ec2") {
    return new AwsError("AuthFailure", "AWS was not able to validate the provided access credentials", 401);
  }
  const message = "The security token included in the request is invalid.";
  if (service === "sqs") return new AwsError("UnrecognizedClientException", message, 403, "InvalidClientTokenId");
  if (speaksJson(service)) return new AwsError("UnrecognizedClientException", message, 400);
  return new AwsError("InvalidClientTokenId", message, 403);
}
