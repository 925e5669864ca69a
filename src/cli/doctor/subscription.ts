import type { Subscription } from "@aws-sdk/client-sns";
import { DEFAULT_RETRY_POLICY, retryDelays } from "../../aws/retry-policy.ts";
import { isObject } from "../../util/json.ts";
import type { Aws } from "../aws.ts";
import { differenceText } from "../setup/difference.ts";
import type { SetupPlan } from "../setup/plan.ts";
import { attributesOf, FILTERED, functionSubscription, isConfirmed, subscriptionsOf } from "../setup/subscriptions.ts";
import { shownUrl } from "../shown-url.ts";
import { type Check, reporter } from "./check.ts";

const { ok, warning, wrong, attempt } = reporter("subscription");
const grace = reporter("grace");

/** How the launch topic calls the function. */
export interface Subscribed {
  /** The function's URLs: the one that is known, else those that the topic calls. */
  readonly urls: readonly string[];
  readonly checks: readonly Check[];
}

/**
 * Whether the launch topic calls the function, with a signature, for long enough, and with a dead-letter queue. `url` is the
 * function's where it is known; `graceSeconds` is null where it is not. `flags` say in the next command which installation it
 * is, and `at` in one of the AWS CLI where.
 */
export async function checkSubscription(
  aws: Aws,
  plan: SetupPlan,
  url: string | null,
  graceSeconds: number | null,
  { flags, at }: { readonly flags: string; readonly at: string },
): Promise<Subscribed> {
  const urls: string[] = url === null ? [] : [url];
  const checks = await attempt("function", async () => {
    const all = (await subscriptionsOf(aws, plan.launchTopicArn)).filter(({ Protocol = "" }) =>
      /^https?$/.test(Protocol),
    );
    const confirmed = all.filter(isConfirmed);
    // Beside one that is confirmed, one that is not may be a slip of the pen: it is gone by itself in two days.
    const pending = url === null && confirmed.length > 0 ? all.filter((each) => !isConfirmed(each)) : [];
    if (url === null) urls.push(...(confirmed.length > 0 ? confirmed : all).flatMap(({ Endpoint }) => Endpoint ?? []));
    if (urls.length === 0) {
      const mend = `ec2-audit setup${flags} --url <the function's URL>`;
      return wrong("function", "the launch topic calls no function: no launch is audited", mend);
    }
    const found = urls.map(async (each) => [
      ...(await checkOne(aws, plan, each, all, flags)),
      ...(await checkGrace(aws, each, all, graceSeconds, { flags, isOneOfMany: urls.length > 1 })),
    ]);
    const waiting = pending.map(({ Endpoint = "" }) => {
      const mend = `${NOTHING_TO_DO} ec2-audit setup${flags} --url ${shownUrl(Endpoint)}`;
      return warning(shownUrl(Endpoint), "subscribed too, and has not confirmed yet", mend);
    });
    return [...(await Promise.all(found)).flat(), ...waiting, ...checkDoubled(url, all, at)];
  });
  return { urls, checks };
}

async function checkOne(
  aws: Aws,
  plan: SetupPlan,
  url: string,
  all: readonly Subscription[],
  flags: string,
): Promise<readonly Check[]> {
  const name = shownUrl(url);
  const found = await functionSubscription(aws, plan, url).inspect();
  const mend = `ec2-audit setup${flags} --url ${name}`;
  if (found.state === "absent") {
    const others = all.map(({ Endpoint = "" }) => shownUrl(Endpoint));
    const instead = others.length > 0 ? `; subscribed are ${others.join(", ")}` : "";
    return [wrong(name, `is not subscribed to the launch topic: no launch is audited${instead}`, mend)];
  }
  const present = all.find(({ Endpoint }) => Endpoint === url);
  if (present !== undefined && !isConfirmed(present))
    return [wrong(name, "subscribed, and has not confirmed yet", `${NOTHING_TO_DO} ${mend}`)];
  const { FilterPolicy } = await attributesOf(aws, present?.SubscriptionArn);
  const differences = found.state === "differs" ? found.differences : [];
  return [
    ...(differences.length === 0
      ? [ok(name, "is subscribed and has confirmed, with retries and a dead-letter queue")]
      : []),
    ...differences.map((difference) => wrong(name, differenceText(difference), mend)),
    ...(FilterPolicy ? [warning(name, FILTERED, "Is that meant? Else take it away: setup does not touch it.")] : []),
  ];
}

/** After 48 hours. https://docs.aws.amazon.com/sns/latest/dg/sns-delete-subscription-topic.html */
const NOTHING_TO_DO =
  "If this URL is wrong, do nothing: SNS drops an unconfirmed subscription by itself within days. If it is right:";

/** Whether the topic calls more than one endpoint: each that is a function alerts. */
function checkDoubled(url: string | null, all: readonly Subscription[], at: string): readonly Check[] {
  const confirmed = all.filter(isConfirmed);
  if (confirmed.length < 2) return [];
  const others = confirmed.filter(({ Endpoint }) => Endpoint !== url);
  const list = others.map(({ Endpoint = "" }) => shownUrl(Endpoint)).join(", ");
  const told =
    others.length < confirmed.length
      ? `${list} ${others.length === 1 ? "is" : "are"} subscribed beside it`
      : `${list} are subscribed`;
  const ends = others.map(({ SubscriptionArn }) => `aws sns unsubscribe --subscription-arn ${SubscriptionArn}${at}`);
  const mend = ["End what is no longer used:", ...ends].join("\n");
  return [warning("function", `${told}: if more than one is a function, launches are alerted twice`, mend)];
}

/** Whether SNS calls again for as long as the grace lasts: else a launch in its grace is never looked at after it. */
async function checkGrace(
  aws: Aws,
  url: string,
  all: readonly Subscription[],
  graceSeconds: number | null,
  { flags, isOneOfMany }: { readonly flags: string; readonly isOneOfMany: boolean },
): Promise<readonly Check[]> {
  const present = all.find((each) => each.Endpoint === url && isConfirmed(each));
  const name = `SNS outlasts GRACE_SECONDS${isOneOfMany ? ` (${shownUrl(url)})` : ""}`;
  if (present === undefined) return [grace.skipped(name, "the function is not subscribed")];
  if (graceSeconds === null) return [grace.skipped(name, "the configuration is not whole")];
  return grace.attempt(name, async () => {
    const { EffectiveDeliveryPolicy, DeliveryPolicy } = await attributesOf(aws, present.SubscriptionArn);
    const lasts = secondsOf(EffectiveDeliveryPolicy ?? DeliveryPolicy ?? "{}");
    const told = `SNS calls again for ${lasts} s, and the grace is ${graceSeconds} s`;
    if (lasts >= graceSeconds) return grace.ok(name, told);
    return grace.wrong(
      name,
      `${told}: a launch without its tags is never alerted`,
      `ec2-audit setup${flags} --url ${shownUrl(url)}, or a shorter GRACE_SECONDS.`,
    );
  });
}

/** For how long SNS calls again by a delivery policy, in seconds. Its other members, which AWS adds to, are of no account. */
function secondsOf(json: string): number {
  const shown: unknown = JSON.parse(json);
  const policy = isObject(shown) ? (shown.healthyRetryPolicy ?? shown.defaultHealthyRetryPolicy) : null;
  const given = Object.keys(DEFAULT_RETRY_POLICY).flatMap((key) => {
    const value = isObject(policy) ? policy[key] : undefined;
    return value === undefined || value === null ? [] : [[key, value]];
  });
  const retry = { ...DEFAULT_RETRY_POLICY, ...Object.fromEntries(given) };
  return Math.round(retryDelays(retry).reduce((sum, delay) => sum + delay, 0));
}
