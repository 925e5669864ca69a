import type { Subscription } from "@aws-sdk/client-sns";
import { isObject } from "../../json.ts";
import { DEFAULT_RETRY_POLICY, parseSubscriptionPolicy, retryDelays } from "../../local/aws/sns/retry-policy.ts";
import type { Aws } from "../aws.ts";
import { type Plan, shownUrl } from "../setup/plan.ts";
import { attributesOf, functionSubscription, isConfirmed, subscriptionsOf } from "../setup/subscriptions.ts";
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
 * function's where it is known; `graceSeconds` is null where it is not.
 */
export async function checkSubscription(
  aws: Aws,
  plan: Plan,
  url: string | null,
  graceSeconds: number | null,
  flags: string,
): Promise<Subscribed> {
  const urls: string[] = url === null ? [] : [url];
  const checks = await attempt("function", async () => {
    const all = (await subscriptionsOf(aws, plan.launchTopicArn)).filter(({ Protocol = "" }) =>
      /^https?$/.test(Protocol),
    );
    if (url === null) urls.push(...all.flatMap(({ Endpoint }) => Endpoint ?? []));
    if (urls.length === 0) {
      const mend = `ec2-audit setup${flags} --url <the function's URL>`;
      return wrong("function", "the launch topic calls no function: no launch is audited", mend);
    }
    const found = urls.map(async (each) => [
      ...(await checkOne(aws, plan, each, all, flags)),
      ...(await checkGrace(aws, each, all, graceSeconds, flags)),
    ]);
    return (await Promise.all(found)).flat();
  });
  return { urls, checks };
}

async function checkOne(
  aws: Aws,
  plan: Plan,
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
  const differences = found.state === "differs" ? found.differences : [];
  return [
    ...(differences.length === 0
      ? [ok(name, "is subscribed and has confirmed, with retries and a dead-letter queue")]
      : []),
    ...differences.map((difference) => wrong(name, difference, mend)),
    ...found.notes.map((note) =>
      warning(name, note.replace(/\.$/, ""), "End the one that is no longer used: aws sns unsubscribe."),
    ),
  ];
}

/** Whether SNS calls again for as long as the grace lasts: else a launch in its grace is never looked at after it. */
async function checkGrace(
  aws: Aws,
  url: string,
  all: readonly Subscription[],
  graceSeconds: number | null,
  flags: string,
): Promise<readonly Check[]> {
  const present = all.find((each) => each.Endpoint === url && isConfirmed(each));
  const name = "SNS outlasts GRACE_SECONDS";
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
  const known = Object.keys(DEFAULT_RETRY_POLICY).map((key) => [key, isObject(policy) ? policy[key] : undefined]);
  const { retry } = parseSubscriptionPolicy(JSON.stringify({ healthyRetryPolicy: Object.fromEntries(known) }));
  return Math.round(retryDelays(retry).reduce((sum, delay) => sum + delay, 0));
}
