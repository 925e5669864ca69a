import type { Subscription } from "@aws-sdk/client-sns";
import type { Aws } from "../aws.ts";
import { isConfirmed, subscribeQueue, subscriptionsOf } from "../setup/subscriptions.ts";
import { readTopic } from "../setup/topics.ts";
import { shownUrl } from "../shown-url.ts";
import { checkFilters, type Message } from "./alert-filters.ts";
import { type Check, reporter } from "./check.ts";

const { ok, warning, wrong, attempt } = reporter("topics and policies");

/** A topic that gets alerts, whose region may differ from that of the launches. */
export interface AlertTopic {
  readonly arn: string;
  /** AWS in the topic's region. */
  readonly aws: Aws;
  /** The AWS CLI's flags for the topic's region and the profile; starts with a space. */
  readonly regionFlags: string;
  /** The fix when the topic does not exist. */
  readonly createFix: string;
  /** The command that subscribes an address. */
  readonly subscribeFix: string;
  /** What may be published to it. */
  readonly messages: readonly Message[];
  /** Whether it is the topic of a route, not the alert topic. */
  readonly isOfRoute: boolean;
}

/** Checks whether the topic exists and has confirmed subscribers whose filter policies match what is published to it. */
export async function checkAlertTopic(topic: AlertTopic): Promise<readonly Check[]> {
  const { arn, aws, createFix, regionFlags, messages, isOfRoute } = topic;
  const own = arn.split(":").at(-1);
  const name = isOfRoute ? `topic ${own} of a route` : `alert topic ${own}`;
  const recipientsOf = isOfRoute ? `recipients of ${own}` : "alert recipients";
  return attempt(name, async () => {
    if ((await readTopic(aws, arn)) === undefined) return wrong(name, `${arn} does not exist`, createFix);
    const recipients = await attempt(recipientsOf, async () => {
      const all = await subscriptionsOf(aws, arn);
      const filters = await checkFilters(aws, all, messages, regionFlags);
      return [judgeRecipients(recipientsOf, topic, all), ...filters];
    });
    return [ok(name, "exists"), ...recipients];
  });
}

function judgeRecipients(
  name: string,
  { arn, regionFlags, subscribeFix }: AlertTopic,
  all: readonly Subscription[],
): Check {
  const pending = all.filter((each) => !isConfirmed(each));
  const confirmed = all.length - pending.length;
  const byEmail = pending.filter(({ Protocol = "" }) => Protocol.startsWith("email"));
  const others = pending.filter((each) => !byEmail.includes(each));
  const message = [
    confirmed === 0 ? "alerts have no recipient" : confirmed === 1 ? "1 subscriber" : `${confirmed} subscribers`,
    ...(byEmail.length > 0 ? [`${endpoints(byEmail)} must click the link in SNS's e-mail`] : []),
    ...(others.length > 0 ? [`${endpoints(others)} must confirm the subscription`] : []),
  ].join("; ");
  if (pending.length === 0) {
    if (confirmed > 0) return ok(name, message);
    return wrong(name, message, arn.endsWith(".fifo") ? subscribeQueue(arn, regionFlags) : subscribeFix);
  }
  const report = confirmed === 0 ? wrong : warning;
  if (byEmail.length === 0) {
    return report(name, message, "The endpoint, or its owner, must confirm the request that SNS sent.");
  }
  const again = `aws sns subscribe --topic-arn ${arn} --protocol email --notification-endpoint`;
  const commands = byEmail.map(({ Endpoint = "" }) => `${again} ${Endpoint}${regionFlags}`);
  // https://docs.aws.amazon.com/sns/latest/api/API_ConfirmSubscription.html
  const fix = ["The link expires after two days. To send another e-mail:", ...commands].join("\n");
  return report(name, message, fix);
}

function endpoints(subscriptions: readonly Subscription[]): string {
  return subscriptions.map(({ Endpoint = "unknown" }) => shownUrl(Endpoint)).join(", ");
}
