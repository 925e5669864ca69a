import type { Subscription } from "@aws-sdk/client-sns";
import type { Aws } from "../aws.ts";
import { attributesOf, isConfirmed } from "../setup/subscriptions.ts";
import { shownUrl } from "../shown-url.ts";
import { type Check, reporter } from "./check.ts";

const { warning, attempt } = reporter("topics and policies");

/** Subscribers with these protocols get the alert as readable text, not as JSON. */
const TEXT_PROTOCOLS = ["email", "sms"];

/**
 * Warns about subscribers of the alert topic whose filter policy may match no alert. It may filter by message attributes
 * ("Message attributes are sent only when the message structure is String, not JSON", and alerts are JSON), or by the body
 * although the subscriber gets text. `regionFlags` are the AWS CLI's flags for the topic's region.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
 */
export async function checkFilters(
  aws: Aws,
  subscriptions: readonly Subscription[],
  regionFlags: string,
): Promise<readonly Check[]> {
  const checks = subscriptions.filter(isConfirmed).map(({ SubscriptionArn = "", Protocol = "", Endpoint = "" }) => {
    const name = `filter policy of ${shownUrl(Endpoint)}`;
    return attempt(name, async () => {
      const { FilterPolicy = "{}", FilterPolicyScope } = await attributesOf(aws, SubscriptionArn);
      if (FilterPolicy === "{}") return [];
      const isText = TEXT_PROTOCOLS.includes(Protocol);
      const isByBody = FilterPolicyScope === "MessageBody";
      if (isByBody && !isText) return [];
      const message = isByBody
        ? "it filters by the body, which is not JSON for this protocol, so it matches no alert"
        : "it filters by message attributes, which SNS does not send with alerts, so it may match no alert";
      const set = (attribute: string, value: string) =>
        `aws sns set-subscription-attributes --subscription-arn ${SubscriptionArn} --attribute-name ${attribute} --attribute-value ${value}${regionFlags}`;
      const fix = isText
        ? `Remove it: ${set("FilterPolicy", "'{}'")}`
        : `Filter by the alert's JSON document instead (account, region, severity, status): ${set("FilterPolicyScope", "MessageBody")}`;
      return warning(name, message, fix);
    });
  });
  return (await Promise.all(checks)).flat();
}
