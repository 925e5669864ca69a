import type { Subscription } from "@aws-sdk/client-sns";
import { DEFAULT_RETRY_POLICY, retryDelays } from "../../aws/retry-policy.ts";
import { isObject } from "../../util/json.ts";
import type { Aws } from "../aws.ts";
import { differenceText } from "../setup/difference.ts";
import type { SetupPlan } from "../setup/plan.ts";
import { attributesOf, FILTERED, functionSubscription, isConfirmed, subscriptionsOf } from "../setup/subscriptions.ts";
import { shownUrl } from "../shown-url.ts";
import { type Check, INVALID_CONFIGURATION, reporter } from "./check.ts";

const { ok, warning, wrong, attempt } = reporter("subscription");
const grace = reporter("grace");

/** The function's URLs and the checks of its subscription. */
export interface Subscribed {
  /** The given URL, else those that the topic calls. */
  readonly urls: readonly string[];
  readonly checks: readonly Check[];
}

/**
 * Checks whether the launch topic calls the function, with a signature, for long enough, and with a dead-letter queue. `url`
 * and `graceSeconds` are null where they are not known. `flags` name the installation in commands of `ec2-audit`, `regionFlags`
 * the region in those of the AWS CLI.
 */
export async function checkSubscription(
  aws: Aws,
  plan: SetupPlan,
  url: string | null,
  graceSeconds: number | null,
  { flags, regionFlags }: { readonly flags: string; readonly regionFlags: string },
): Promise<Subscribed> {
  const urls: string[] = url === null ? [] : [url];
  const checks = await attempt("function", async () => {
    const all = (await subscriptionsOf(aws, plan.launchTopicArn)).filter(({ Protocol = "" }) =>
      /^https?$/.test(Protocol),
    );
    const confirmed = all.filter(isConfirmed);
    // Beside a confirmed subscription, an unconfirmed one may be a typing error. SNS deletes it after two days.
    const pending = url === null && confirmed.length > 0 ? all.filter((each) => !isConfirmed(each)) : [];
    if (url === null) urls.push(...(confirmed.length > 0 ? confirmed : all).flatMap(({ Endpoint }) => Endpoint ?? []));
    if (urls.length === 0) {
      const fix = `ec2-audit setup${flags} --url <the function's URL>`;
      return wrong("function", "the launch topic has no HTTP subscription: no launch is audited", fix);
    }
    const found = urls.map((each) =>
      checkOne(aws, plan, each, all, graceSeconds, { flags, isOneOfMany: urls.length > 1 }),
    );
    const waiting = pending.map(({ Endpoint = "" }) => {
      const fix = `${NOTHING_TO_DO} ec2-audit setup${flags} --url ${shownUrl(Endpoint)}`;
      return warning(shownUrl(Endpoint), "also subscribed, not confirmed yet", fix);
    });
    return [...(await Promise.all(found)).flat(), ...waiting, ...checkDuplicates(url, all, regionFlags)];
  });
  return { urls, checks };
}

/** Checks the subscription of one URL; `all` are the HTTP subscriptions of the launch topic. */
async function checkOne(
  aws: Aws,
  plan: SetupPlan,
  url: string,
  all: readonly Subscription[],
  graceSeconds: number | null,
  { flags, isOneOfMany }: { readonly flags: string; readonly isOneOfMany: boolean },
): Promise<readonly Check[]> {
  const name = shownUrl(url);
  const graceName = `retries outlast GRACE_SECONDS${isOneOfMany ? ` (${name})` : ""}`;
  const fix = `ec2-audit setup${flags} --url ${name}`;
  const present = all.find(({ Endpoint }) => Endpoint === url);
  if (present === undefined || !isConfirmed(present)) {
    const others = all.map(({ Endpoint = "" }) => shownUrl(Endpoint));
    const instead = others.length > 0 ? `; subscribed: ${others.join(", ")}` : "";
    return [
      present === undefined
        ? wrong(name, `is not subscribed to the launch topic: no launch is audited${instead}`, fix)
        : wrong(name, "subscribed, but not confirmed yet", `${NOTHING_TO_DO} ${fix}`),
      grace.skipped(graceName, "the function is not subscribed"),
    ];
  }
  const found = await functionSubscription(aws, plan, url).inspect();
  const differences = found.state === "differs" ? found.differences : [];
  const attributes = await attributesOf(aws, present.SubscriptionArn);
  return [
    ...(differences.length === 0 ? [ok(name, "subscribed and confirmed, with retries and a dead-letter queue")] : []),
    ...differences.map((difference) => wrong(name, differenceText(difference), fix)),
    ...(attributes.FilterPolicy ? [warning(name, FILTERED, FILTER_FIX)] : []),
    judgeGrace(graceName, attributes, graceSeconds, fix),
  ];
}

const FILTER_FIX = "Remove the filter policy if it is not intended: setup does not change it.";

/** After 48 hours. https://docs.aws.amazon.com/sns/latest/dg/sns-delete-subscription-topic.html */
const NOTHING_TO_DO =
  "If this URL is wrong, do nothing: SNS deletes an unconfirmed subscription within days. If it is right:";

/** Warns if the topic calls more than one endpoint: each function among them sends alerts. */
function checkDuplicates(url: string | null, all: readonly Subscription[], regionFlags: string): readonly Check[] {
  const confirmed = all.filter(isConfirmed);
  if (confirmed.length < 2) return [];
  const others = confirmed.filter(({ Endpoint }) => Endpoint !== url);
  const list = others.map(({ Endpoint = "" }) => shownUrl(Endpoint)).join(", ");
  const message =
    others.length < confirmed.length
      ? `${list} ${others.length === 1 ? "is" : "are"} also subscribed`
      : `${list} are subscribed`;
  const ends = others.map(
    ({ SubscriptionArn }) => `aws sns unsubscribe --subscription-arn ${SubscriptionArn}${regionFlags}`,
  );
  const fix = ["End the subscriptions that are no longer used:", ...ends].join("\n");
  return [warning("function", `${message}: if more than one is a function, each alert arrives twice`, fix)];
}

/** Checks whether SNS retries for at least the grace: otherwise a deferred launch is never audited. */
function judgeGrace(
  name: string,
  { EffectiveDeliveryPolicy, DeliveryPolicy }: Readonly<Record<string, string>>,
  graceSeconds: number | null,
  fix: string,
): Check {
  if (graceSeconds === null) return grace.skipped(name, INVALID_CONFIGURATION);
  const lasts = secondsOf(EffectiveDeliveryPolicy ?? DeliveryPolicy ?? "{}");
  const message = `SNS retries for ${lasts} s, the grace is ${graceSeconds} s`;
  if (lasts >= graceSeconds) return grace.ok(name, message);
  return grace.wrong(
    name,
    `${message}: no alert is sent for a launch without its tags`,
    `${fix}, or reduce GRACE_SECONDS.`,
  );
}

/** Returns how long SNS retries with a delivery policy, in seconds. Other fields, including any AWS adds, are ignored. */
function secondsOf(json: string): number {
  const document: unknown = JSON.parse(json);
  const policy = isObject(document) ? (document.healthyRetryPolicy ?? document.defaultHealthyRetryPolicy) : null;
  const given = Object.keys(DEFAULT_RETRY_POLICY).flatMap((key) => {
    const value = isObject(policy) ? policy[key] : undefined;
    return value === undefined || value === null ? [] : [[key, value]];
  });
  const retry = { ...DEFAULT_RETRY_POLICY, ...Object.fromEntries(given) };
  return Math.round(retryDelays(retry).reduce((sum, delay) => sum + delay, 0));
}
