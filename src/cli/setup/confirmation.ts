import type { Aws } from "../aws.ts";
import type { Cli } from "../cli.ts";
import { shownUrl } from "../shown-url.ts";
import type { SetupPlan } from "./plan.ts";
import type { Resource } from "./resource.ts";
import { isConfirmed, subscriptionsOf } from "./subscriptions.ts";

/** How often it is looked whether the function has confirmed, and how much time is between, in milliseconds: a minute in all. */
const LOOKS = 30;
const PAUSE_MS = 2_000;

/**
 * Waits until the function has confirmed its subscription, a minute at the most, and answers whether it has. What the
 * subscription was given while it was pending is put right then, should SNS not have taken it.
 */
export async function confirmed(cli: Cli, aws: Aws, plan: SetupPlan, subscription: Resource): Promise<boolean> {
  for (let look = 0; look < LOOKS; look += 1) {
    const all = await subscriptionsOf(aws, plan.launchTopicArn);
    if (all.some((each) => each.Endpoint === plan.url && isConfirmed(each))) {
      await subscription.apply(await subscription.inspect());
      return true;
    }
    await cli.pause(PAUSE_MS);
  }
  return false;
}

/** What to look at when the function does not confirm. Takes the options that the next command is to be given, too. */
export function unconfirmedText({ launchTopicArn }: SetupPlan, url: string, flags: string): string {
  return `The function has not confirmed its subscription within a minute. Look, in this order:
  1. curl ${shownUrl(url)}
     answers from outside your network, and with "configured":true? If not, it names the keys that are wrong.
  2. Is its LAUNCH_TOPIC_ARN, if it is set, ${launchTopicArn}?
     Without it, the launch topic is ec2_launches_check beside the alert topic.
  3. May its user do sns:ConfirmSubscription on that topic? ec2-audit setup${flags} --show-policy prints all that it needs.
  4. wt logs shows what the function says about it.
Then run setup again: SNS asks once more.`;
}
