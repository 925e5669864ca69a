import type { Subscription } from "@aws-sdk/client-sns";
import type { Format } from "../../policy/routes.ts";
import type { Aws } from "../aws.ts";
import { attributesOf, isConfirmed } from "../setup/subscriptions.ts";
import { shownUrl } from "../shown-url.ts";
import { type Check, reporter } from "./check.ts";
import { ALERT, CHAT, CHAT_ATTRIBUTES, DIGEST, type Fields, unmetIn } from "./filter-policy.ts";

const { warning, attempt } = reporter("topics and policies");

/** What is published to a topic: an alert, a chat notification or a digest. */
export type Message = Format | "digest";

const NOUNS: Readonly<Record<Message, string>> = { alert: "alert", chat: "chat notification", digest: "digest" };

/**
 * Returns what SNS compares with a filter policy: the body, if it is JSON, or the attributes, if they are sent ("Message attributes are
 * sent only when the message structure is String, not JSON", and only a chat notification is a string); null otherwise.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
 */
function filtered(message: Message, isByBody: boolean, isText: boolean): Fields | null {
  if (message === "chat") return isByBody ? CHAT : CHAT_ATTRIBUTES;
  return isByBody && !isText ? (message === "alert" ? ALERT : DIGEST) : null;
}

/** Subscribers with these protocols get the alert as readable text, not as JSON. */
const TEXT_PROTOCOLS = ["email", "sms"];

/**
 * Warns about subscribers of a topic whose filter policy may match none of the messages that are published there. `regionFlags` are the
 * AWS CLI's flags for the topic's region.
 */
export async function checkFilters(
  aws: Aws,
  subscriptions: readonly Subscription[],
  messages: readonly Message[],
  regionFlags: string,
): Promise<readonly Check[]> {
  const checks = subscriptions.filter(isConfirmed).map(({ SubscriptionArn = "", Protocol = "", Endpoint = "" }) => {
    const name = `filter policy of ${shownUrl(Endpoint)}`;
    return attempt(name, async () => {
      const { FilterPolicy = "{}", FilterPolicyScope } = await attributesOf(aws, SubscriptionArn);
      if (FilterPolicy === "{}") return [];
      const isText = TEXT_PROTOCOLS.includes(Protocol);
      const isByBody = FilterPolicyScope === "MessageBody";
      const compared = messages.map((each) => filtered(each, isByBody, isText)).filter((each) => each !== null);
      const unmet = unmetIn(FilterPolicy, compared);
      if (compared.length > 0 && unmet === null) return [];
      const all = messages.map((each) => `no ${NOUNS[each]}`).join(" and ");
      const message =
        unmet !== null
          ? `${all} meets its condition on ${unmet}, so it matches nothing`
          : isByBody
            ? "it filters by the body, which is not JSON for this protocol, so it matches no alert"
            : "it filters by message attributes, which SNS does not send with alerts, so it may match no alert";
      const set = (attribute: string, value: string) =>
        `aws sns set-subscription-attributes --subscription-arn ${SubscriptionArn} --attribute-name ${attribute} --attribute-value ${value}${regionFlags}`;
      const fix =
        isText || unmet !== null
          ? `Remove it: ${set("FilterPolicy", "'{}'")}`
          : `Filter by the alert's JSON document instead (account, region, severity, status): ${set("FilterPolicyScope", "MessageBody")}`;
      return warning(name, message, fix);
    });
  });
  return (await Promise.all(checks)).flat();
}
