import type { ApiCall } from "../calls.ts";
import { integer, texts } from "../params.ts";

/** The tokens of a call, and the bucket of its account and region. */
export interface Charge {
  readonly bucket: string;
  readonly capacity: number;
  readonly perSecond: number;
  readonly tokens: number;
}

type Size = readonly [capacity: number, perSecond: number];

/** https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html#throttling-limits-rate-based, by category. */
const NON_MUTATING: Size = [100, 20];
const UNFILTERED: Size = [50, 10];
const MUTATING: Size = [50, 5];
/** Non-mutating actions with a smaller bucket for calls without filters and pagination. */
const UNFILTERED_ACTIONS = [
  "DescribeInstances",
  "DescribeInstanceStatus",
  "DescribeNetworkInterfaces",
  "DescribeSecurityGroups",
  "DescribeSnapshots",
  "DescribeSpotInstanceRequests",
  "DescribeVolumes",
];
/** The page's "uncategorized actions" that the embedded AWS has. */
const UNCATEGORIZED: ReadonlyMap<string, Size> = new Map([
  ["CreateTags", [100, 10]],
  ["DeleteTags", [100, 10]],
  ["RunInstances", [5, 2]],
  ["StartInstances", [5, 2]],
  ["TerminateInstances", [100, 5]],
]);
/** https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html#throttling-limits-cost-based: a token an instance. */
const RESOURCES: ReadonlyMap<string, Size> = new Map([
  ["RunInstances", [1000, 2]],
  ["StartInstances", [1000, 2]],
  ["StopInstances", [1000, 20]],
  ["TerminateInstances", [1000, 20]],
]);
/**
 * 600 requests a second in each region of the calling account, which these actions share.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-sts-requests
 */
const STS_REQUESTS: Size = [600, 600];
const STS_ACTIONS = [
  "AssumeRole",
  "DecodeAuthorizationMessage",
  "GetAccessKeyInfo",
  "GetCallerIdentity",
  "GetFederationToken",
  "GetSessionToken",
];

/**
 * Returns the tokens of a call by AWS's documented limits; none without a documented limit (SQS, and SNS, whose quotas are above
 * the rate of one machine). EC2 evaluates "each API individually": each action has a bucket of its category's size.
 */
export function chargesOf(call: ApiCall): Charge[] {
  const { service, action } = call;
  if (service === "sts" && STS_ACTIONS.includes(action)) return [charge("sts", STS_REQUESTS, 1)];
  if (service !== "ec2") return [];
  const request = charge(...requestBucket(call), 1);
  const resources = RESOURCES.get(action);
  if (resources === undefined) return [request];
  const instances =
    action === "RunInstances" ? (integer(call.params, "MaxCount") ?? 0) : texts(call.params, "InstanceId").length;
  return [request, charge(`${action} resources`, resources, Number.isNaN(instances) ? 0 : instances)];
}

function requestBucket({ action, params }: ApiCall): [bucket: string, size: Size] {
  const own = UNCATEGORIZED.get(action);
  if (own !== undefined) return [action, own];
  if (!/^(Describe|List|Search|Get)/.test(action)) return [action, MUTATING];
  const narrowed = ["Filter", "MaxResults", "NextToken"].some((name) => params[name] !== undefined);
  return UNFILTERED_ACTIONS.includes(action) && !narrowed
    ? [`${action} unfiltered`, UNFILTERED]
    : [action, NON_MUTATING];
}

function charge(bucket: string, [capacity, perSecond]: Size, tokens: number): Charge {
  return { bucket, capacity, perSecond, tokens };
}
