import type { Subscription } from "@aws-sdk/client-sns";
import type { Aws } from "../aws.ts";
import { attributesOf, isConfirmed } from "../setup/subscriptions.ts";
import { shownUrl } from "../shown-url.ts";
import { type Check, reporter } from "./check.ts";

const { warning, attempt } = reporter("topics and policies");

/** These get the readable text of an alert, which is not JSON. */
const TEXT_PROTOCOLS = ["email", "sms"];

/**
 * Warns of subscribers of the alert topic whose filter policy may match no alert, because it filters by message attributes
 * ("Message attributes are sent only when the message structure is String, not JSON", and alerts are JSON), or by the body
 * although the subscriber gets text. `at` are the AWS CLI's flags for where the topic is.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
 */
export async function checkFilters(
  aws: Aws,
  subscriptions: readonly Subscription[],
  at: string,
): Promise<readonly Check[]> {
  const checks = subscriptions.filter(isConfirmed).map(({ SubscriptionArn = "", Protocol = "", Endpoint = "" }) => {
    const name = `filter policy of ${shownUrl(Endpoint)}`;
    return attempt(name, async () => {
      const { FilterPolicy = "{}", FilterPolicyScope } = await attributesOf(aws, SubscriptionArn);
      if (FilterPolicy === "{}") return [];
      const isText = TEXT_PROTOCOLS.includes(Protocol);
      const isByBody = FilterPolicyScope === "MessageBody";
      if (isByBody && !isText) return [];
      const told = isByBody
        ? "it filters by the body, which is not JSON for this protocol, so it matches no alert"
        : "it filters by message attributes; AWS documents that SNS does not send them with alerts, so it may match none";
      const set = (attribute: string, value: string) =>
        `aws sns set-subscription-attributes --subscription-arn ${SubscriptionArn} --attribute-name ${attribute} --attribute-value ${value}${at}`;
      const mend = isText
        ? `Remove it: ${set("FilterPolicy", "'{}'")}`
        : `Filter by the alert's document instead, which has account, region, severity and status: ${set("FilterPolicyScope", "MessageBody")}`;
      return warning(name, told, mend);
    });
  });
  return (await Promise.all(checks)).flat();
}
