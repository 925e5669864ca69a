/** How SNS retries a delivery over HTTPS, with delays in seconds. https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html */
export interface RetryPolicy {
  readonly minDelayTarget: number;
  readonly maxDelayTarget: number;
  readonly numRetries: number;
  readonly numMaxDelayRetries: number;
  readonly numNoDelayRetries: number;
  readonly numMinDelayRetries: number;
  readonly backoffFunction: BackoffFunction;
}

export type BackoffFunction = "linear" | "arithmetic" | "geometric" | "exponential";

/**
 * The delivery policy of our subscriptions. It must outlast every grace that the configuration allows, not only the current
 * one: SNS refuses to subscribe an endpoint again with other attributes, and changing them takes one more permission. SNS
 * retries every 15 s at first, so that a launch is audited soon after its grace; then every minute, for 3,540 s in total. The
 * maximum is 3,600 s.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html#creating-delivery-policy
 */
export const DELIVERY_POLICY = {
  healthyRetryPolicy: {
    numRetries: 65,
    numNoDelayRetries: 0,
    minDelayTarget: 15,
    numMinDelayRetries: 8,
    maxDelayTarget: 60,
    numMaxDelayRetries: 57,
    backoffFunction: "linear",
  },
} satisfies { readonly healthyRetryPolicy: RetryPolicy };

/** SNS's default policy. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  minDelayTarget: 20,
  maxDelayTarget: 20,
  numRetries: 3,
  numMaxDelayRetries: 0,
  numNoDelayRetries: 0,
  numMinDelayRetries: 0,
  backoffFunction: "linear",
};

/**
 * Returns the delay before each retry, in seconds: the four phases of the policy, one after the other. AWS adds jitter, and
 * does not publish the formulas of its backoff functions. Here, each starts at the minimum delay and ends at the maximum, with
 * the growth that its name implies (equal steps, growing steps, equal ratios, doubling steps).
 */
export function retryDelays(policy: RetryPolicy): number[] {
  const { minDelayTarget: least, maxDelayTarget: most } = policy;
  const immediate = Array.from({ length: policy.numNoDelayRetries }, () => 0);
  const before = Array.from({ length: policy.numMinDelayRetries }, () => least);
  const after = Array.from({ length: policy.numMaxDelayRetries }, () => most);
  const steps = Math.max(0, policy.numRetries - immediate.length - before.length - after.length);
  const last = steps - 1;
  const curves: Readonly<Record<BackoffFunction, (step: number) => number>> = {
    linear: (step) => least + ((most - least) * step) / last,
    arithmetic: (step) => least + ((most - least) * step * (step + 1)) / (last * steps),
    geometric: (step) => least * (most / least) ** (step / last),
    exponential: (step) => least + ((most - least) * (2 ** step - 1)) / (2 ** last - 1),
  };
  const backoffs = Array.from({ length: steps }, (_, step) =>
    step === 0 ? least : curves[policy.backoffFunction](step),
  );
  return [...immediate, ...before, ...backoffs, ...after];
}
