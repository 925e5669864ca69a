import type { Subscription } from "@aws-sdk/client-sns";
import type { Aws } from "../aws.ts";
import { shownUrl } from "../setup/plan.ts";
import { attributesOf, isConfirmed } from "../setup/subscriptions.ts";
import { type Check, reporter } from "./check.ts";

const { warning, attempt } = reporter("topics and policies");

/** These get the readable text of an alert, which is no JSON. */
const TEXT_PROTOCOLS = ["email", "sms"];

/**
 * Warns of subscribers of the alert topic whose filter policy may match no alert. One looks at the message attributes: "Message
 * attributes are sent only when the message structure is String, not JSON"
 * (https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html), and alerts are JSON. One looks at the body, and the
 * subscriber gets text. `at` are the AWS CLI's flags for where the topic is.
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
        ? "it looks at the body, which is no JSON for this protocol: no alert matches it"
        : "it looks at message attributes, which SNS does not send with alerts, by its documentation: no alert may match it";
      const set = (attribute: string, value: string) =>
        `aws sns set-subscription-attributes --subscription-arn ${SubscriptionArn} --attribute-name ${attribute} --attribute-value ${value}${at}`;
      const mend = isText
        ? `Remove it: ${set("FilterPolicy", "'{}'")}`
        : `Have it look at the alert's document, which has account, region, severity and status: ${set("FilterPolicyScope", "MessageBody")}`;
      return warning(name, told, mend);
    });
  });
  return (await Promise.all(checks)).flat();
}
