import type { Aws } from "../aws.ts";
import type { Cli } from "../cli.ts";
import { shownUrl } from "../shown-url.ts";
import type { SetupPlan } from "./plan.ts";
import type { Resource } from "./resource.ts";
import { isConfirmed, subscriptionsOf } from "./subscriptions.ts";

/** How often the subscription is checked, and the time between two checks in milliseconds: one minute in total. */
const CHECKS = 30;
const PAUSE_MS = 2_000;

/**
 * Waits for the function to confirm its subscription, for at most one minute. Returns whether it confirmed. Then repairs the
 * attributes that SNS did not accept while the subscription was pending. Throws what AWS throws.
 */
export async function confirmed(cli: Cli, aws: Aws, plan: SetupPlan, subscription: Resource): Promise<boolean> {
  for (let check = 0; check < CHECKS; check += 1) {
    const all = await subscriptionsOf(aws, plan.launchTopicArn);
    if (all.some((each) => each.Endpoint === plan.url && isConfirmed(each))) {
      await subscription.apply(await subscription.inspect());
      return true;
    }
    await cli.pause(PAUSE_MS);
  }
  return false;
}

/** Returns what to check when the function does not confirm. `flags` are the options to repeat in the next command. */
export function unconfirmedText({ launchTopicArn }: SetupPlan, url: string, flags: string): string {
  return `The function has not confirmed its subscription within a minute. Check, in this order:
  1. curl ${shownUrl(url)}
     must respond from outside your network, with "configured":true. If it is false, the response names the invalid settings.
  2. LAUNCH_TOPIC_ARN, if set, must be ${launchTopicArn}.
     If it is not set, the launch topic is ec2_launches_check in the account and region of the alert topic.
  3. The function's user must have sns:ConfirmSubscription on that topic.
     ec2-audit setup${flags} --show-policy prints all its permissions.
  4. wt logs prints the function's own errors.
Then run setup again, which requests the confirmation again.`;
}
