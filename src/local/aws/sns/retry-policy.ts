import {
  type BackoffFunction,
  DEFAULT_RETRY_POLICY,
  type RetryPolicy,
  retryDelays,
} from "../../../aws/retry-policy.ts";
import { invalidParameter } from "./errors.ts";

/** The total time of SNS's retries to an HTTP endpoint with any policy, in seconds. */
export const TOTAL_LIMIT = 3_600;

/** The delivery settings of a subscription. */
export interface DeliveryPolicy {
  readonly retry: RetryPolicy;
  readonly maxReceivesPerSecond: number | undefined;
  readonly contentType: string | undefined;
}

/** Reads a subscription's DeliveryPolicy. @throws AwsError InvalidParameter for a policy that violates a constraint of that page */
export function parseSubscriptionPolicy(json: string): DeliveryPolicy {
  const policy = parseObject(json, "DeliveryPolicy");
  only(policy, ["healthyRetryPolicy", "sicklyRetryPolicy", "throttlePolicy", "requestPolicy", "guaranteed"], "");
  const request = child(policy, "requestPolicy");
  const contentType = request.headerContentType;
  if (
    contentType !== undefined &&
    !(typeof contentType === "string" && /^(text|application)\/[\w.+-]+(;.*)?$/.test(contentType))
  ) {
    throw refuse("requestPolicy.headerContentType is not supported");
  }
  return {
    retry: retryPolicy(child(policy, "healthyRetryPolicy"), "healthyRetryPolicy"),
    maxReceivesPerSecond: throttle(child(policy, "throttlePolicy"), "throttlePolicy"),
    contentType,
  };
}

/**
 * Returns a subscription's policy as GetSubscriptionAttributes does: not as it was set, but with every field, those without a
 * value null. A caller must compare the fields.
 */
export function shownPolicy({ retry, maxReceivesPerSecond, contentType }: DeliveryPolicy): string {
  return JSON.stringify({
    healthyRetryPolicy: retry,
    sicklyRetryPolicy: null,
    throttlePolicy: maxReceivesPerSecond === undefined ? null : { maxReceivesPerSecond },
    requestPolicy: contentType === undefined ? null : { headerContentType: contentType },
    guaranteed: false,
  });
}

/** Reads a topic's DeliveryPolicy, which applies to its HTTP(S) subscriptions without their own. @throws as above */
export function parseTopicPolicy(json: string): DeliveryPolicy & { disableSubscriptionOverrides: boolean } {
  const http = child(parseObject(json, "DeliveryPolicy"), "http");
  only(
    http,
    [
      "defaultHealthyRetryPolicy",
      "defaultSicklyRetryPolicy",
      "defaultThrottlePolicy",
      "defaultRequestPolicy",
      "disableSubscriptionOverrides",
    ],
    "http.",
  );
  return {
    retry: retryPolicy(child(http, "defaultHealthyRetryPolicy"), "http.defaultHealthyRetryPolicy"),
    maxReceivesPerSecond: throttle(child(http, "defaultThrottlePolicy"), "http.defaultThrottlePolicy"),
    contentType: undefined,
    disableSubscriptionOverrides: http.disableSubscriptionOverrides === true,
  };
}

/** Returns the policy in force for a subscription, from the two DeliveryPolicy attributes (both already valid). */
export function effectivePolicy(subscription: string | undefined, topic: string | undefined): DeliveryPolicy {
  const general = topic === undefined ? undefined : parseTopicPolicy(topic);
  if (subscription !== undefined && general?.disableSubscriptionOverrides !== true)
    return parseSubscriptionPolicy(subscription);
  return general ?? { retry: DEFAULT_RETRY_POLICY, maxReceivesPerSecond: undefined, contentType: undefined };
}

type Json = Readonly<Record<string, unknown>>;

const refuse = (what: string) => invalidParameter(`DeliveryPolicy: ${what}`);

function parseObject(json: string, name: string): Json {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Reported below, together with JSON that is not an object.
  }
  throw invalidParameter(`${name}: failed to parse JSON.`);
}

function child(parent: Json, name: string): Json {
  const value = parent[name];
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw refuse(`${name} must be an object`);
  return { ...value };
}

function only(value: Json, known: readonly string[], path: string): void {
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw refuse(`${path}${unknown} is not supported`);
}

function retryPolicy(given: Json, path: string): RetryPolicy {
  only(given, Object.keys(DEFAULT_RETRY_POLICY), `${path}.`);
  const number = (key: Exclude<keyof RetryPolicy, "backoffFunction">, least: number, most: number): number => {
    const value = given[key] ?? DEFAULT_RETRY_POLICY[key];
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
    const bound = most === Number.POSITIVE_INFINITY ? `at least ${least}` : `between ${least} and ${most}`;
    throw refuse(`${path}.${key} must be an integer ${bound}`);
  };
  const maxDelayTarget = number("maxDelayTarget", 1, TOTAL_LIMIT);
  const policy: RetryPolicy = {
    maxDelayTarget,
    minDelayTarget: number("minDelayTarget", 1, maxDelayTarget),
    numRetries: number("numRetries", 0, 100),
    numMaxDelayRetries: number("numMaxDelayRetries", 0, Number.POSITIVE_INFINITY),
    numNoDelayRetries: number("numNoDelayRetries", 0, Number.POSITIVE_INFINITY),
    numMinDelayRetries: number("numMinDelayRetries", 0, Number.POSITIVE_INFINITY),
    backoffFunction: backoff(given.backoffFunction, path),
  };
  if (policy.numNoDelayRetries + policy.numMinDelayRetries + policy.numMaxDelayRetries > policy.numRetries) {
    throw refuse(
      `${path}.numRetries must be greater than or equal to the sum of numNoDelayRetries, numMinDelayRetries and numMaxDelayRetries`,
    );
  }
  if (retryDelays(policy).reduce((sum, delay) => sum + delay, 0) > TOTAL_LIMIT) {
    throw refuse(`${path}: Total policy retry time cannot be greater than ${TOTAL_LIMIT} seconds`);
  }
  return policy;
}

function backoff(value: unknown, path: string): BackoffFunction {
  const known: readonly BackoffFunction[] = ["linear", "arithmetic", "geometric", "exponential"];
  const found = known.find((name) => name === (value ?? DEFAULT_RETRY_POLICY.backoffFunction));
  if (found === undefined) throw refuse(`${path}.backoffFunction must be one of ${known.join(", ")}`);
  return found;
}

function throttle(given: Json, path: string): number | undefined {
  only(given, ["maxReceivesPerSecond"], `${path}.`);
  const value = given.maxReceivesPerSecond ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= 1) return value;
  throw refuse(`${path}.maxReceivesPerSecond must be an integer greater than 0`);
}
