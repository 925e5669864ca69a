import type { ApiCall } from "./calls.ts";
import { AwsError } from "./errors.ts";

/** The faults that are an error of AWS's own. */
type RefusalKind = "throttle" | "deny" | "error" | "bad-key";

/** How one call, or many, shall go wrong. */
export interface Fault {
  /** `ec2`, `sns`, `sqs`, `events`, `sts` or `iam`; any when missing. */
  service?: string;
  /** `DescribeTags`, …; any when missing. */
  action?: string;
  /** A further condition: calls for which it does not hold pass as if the fault were not there. */
  when?(call: ApiCall): boolean;
  /**
   * throttle, deny, error: AWS's own answer of that kind; nothing is done.
   * bad-key: AWS's own answer to an access key id that does not exist (any more); nothing is done.
   * html: 200 with a page of some proxy; nothing is done.
   * timeout: never answers; nothing is done.
   * hangup: does what was asked, sends half of the answer and drops the connection.
   * slow: does it and answers, `ms` later.
   */
  kind: RefusalKind | "timeout" | "hangup" | "html" | "slow";
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
export function faultBook(): Faults & { next(call: ApiCall): Fault | undefined } {
  let active: { fault: Fault; skip: number; left: number }[] = [];
  return {
    add: (fault) => {
      active.push({ fault, skip: fault.skip ?? 0, left: fault.times ?? Number.POSITIVE_INFINITY });
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
        entry.left -= 1;
        return entry.fault;
      }
      return undefined;
    },
  };
}

/** Whether a fault is an error of AWS's own, which `faultError` words. */
export function isRefusal(kind: Fault["kind"]): kind is RefusalKind {
  return kind === "throttle" || kind === "deny" || kind === "error" || kind === "bad-key";
}

/** The error that `service` answers for a fault that is one. Codes: each service's "Common errors" page. */
export function faultError(kind: RefusalKind, service: string, action: string, user: string): AwsError {
  const refused = `User: ${user} is not authorized to perform: ${service}:${action}`;
  const inJson = speaksJson(service);
  if (kind === "throttle") {
    if (service === "ec2") return new AwsError("RequestLimitExceeded", "Request limit exceeded.", 503);
    return new AwsError(inJson ? "ThrottlingException" : "Throttling", "Rate exceeded", 400);
  }
  if (kind === "deny") return deniedError(service, refused);
  if (kind === "bad-key") return badKey(service);
  return new AwsError(inJson ? "InternalFailure" : "InternalError", "An internal error has occurred", 500);
}

/** The error of `service` for what a caller may not do; `refused` says who may not do what. */
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
  return service === "sqs" || service === "events";
}

/**
 * What each service says to an access key id that it does not know. EC2:
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (AuthFailure); SNS and STS:
 * https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html (InvalidClientTokenId, 403). SQS keeps that code for those
 * who know it from the query protocol; the services of JSON alone say UnrecognizedClientException with 400.
 */
function badKey(service: string): AwsError {
  if (service === "ec2") {
    return new AwsError("AuthFailure", "AWS was not able to validate the provided access credentials", 401);
  }
  const message = "The security token included in the request is invalid.";
  if (service === "sqs") return new AwsError("UnrecognizedClientException", message, 403, "InvalidClientTokenId");
  if (service === "events") return new AwsError("UnrecognizedClientException", message, 400);
  return new AwsError("InvalidClientTokenId", message, 403);
}
