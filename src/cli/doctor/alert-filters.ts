import type { Subscription } from "@aws-sdk/client-sns";
import alertSchema from "../../alerts/alert.schema.json" with { type: "json" };
import { ALERT_SCHEMA } from "../../alerts/alert.ts";
import digestSchema from "../../fleet/digest.schema.json" with { type: "json" };
import { DIGEST_SCHEMA } from "../../fleet/digest-document.ts";
import { SEVERITIES } from "../../policy/rule.ts";
import { isObject, parseJson, quote } from "../../util/json.ts";
import type { Aws } from "../aws.ts";
import { attributesOf, isConfirmed } from "../setup/subscriptions.ts";
import { shownUrl } from "../shown-url.ts";
import { type Check, reporter } from "./check.ts";

const { warning, attempt } = reporter("topics and policies");

/** The fields of each kind of document that is published, and the values of those with few values. */
const DOCUMENTS: readonly {
  readonly fields: readonly string[];
  readonly values: Readonly<Record<string, readonly string[]>>;
}[] = [
  {
    fields: Object.keys(alertSchema.properties),
    values: { schema: [ALERT_SCHEMA], status: alertSchema.properties.status.enum, severity: SEVERITIES },
  },
  { fields: Object.keys(digestSchema.properties), values: { schema: [DIGEST_SCHEMA] } },
];

/**
 * Returns the first field of a filter policy that no document meets together with the fields before it; null if a document may match.
 * Judges fields and texts. Other operators, such as `prefix`, count as met.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
 */
function unmetIn(filterPolicy: string): string | null {
  const policy = parseJson(filterPolicy);
  if (!isObject(policy) || Object.hasOwn(policy, "$or")) return null;
  const unmet = DOCUMENTS.map(({ fields, values }) =>
    Object.entries(policy).find(([field, demand]) => {
      const demands: readonly unknown[] = Array.isArray(demand) ? demand : [demand];
      if (demands.some(isObject)) return false;
      const possible = values[field];
      return (
        !fields.includes(field) ||
        (possible !== undefined && !demands.some((each) => possible.some((one) => one === each)))
      );
    }),
  );
  const [first] = unmet;
  return unmet.every((each) => each !== undefined) && first ? quote(first[0]) : null;
}

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
      const unmet = isByBody && !isText ? unmetIn(FilterPolicy) : null;
      if (isByBody && !isText && unmet === null) return [];
      const message = isByBody
        ? unmet === null
          ? "it filters by the body, which is not JSON for this protocol, so it matches no alert"
          : `no alert and no digest meets its condition on ${unmet}, so it matches nothing`
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
