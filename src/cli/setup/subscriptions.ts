import {
  GetSubscriptionAttributesCommand,
  paginateListSubscriptionsByTopic,
  SetSubscriptionAttributesCommand,
  SubscribeCommand,
  type Subscription,
} from "@aws-sdk/client-sns";
import { DELIVERY_POLICY } from "../../aws/retry-policy.ts";
import { isOtherAttributes } from "../../sns/subscription.ts";
import type { Aws } from "../aws.ts";
import { ifExists } from "../if-exists.ts";
import { shownUrl } from "../shown-url.ts";
import type { SubscriptionDifference } from "./difference.ts";
import { mark } from "./marks.ts";
import type { SetupPlan } from "./plan.ts";
import { type Inspection, inspected, type Resource } from "./resource.ts";

/** SNS shows this instead of the ARN of a pending subscription. */
const PENDING = "PendingConfirmation";

/** SNS shows this for some time instead of the ARN of a deleted subscription. */
const DELETED = "Deleted";

/** Returns whether a subscription is confirmed. */
export function isConfirmed({ SubscriptionArn = PENDING }: Subscription): boolean {
  return SubscriptionArn.startsWith("arn:");
}

/** Returns whether a function's subscription exists and the function has not confirmed it. */
export function isUnconfirmed(found: Inspection): boolean {
  return found.state === "differs" && found.differences.some(({ property }) => property === "confirmation");
}

/** Returns the subscriptions of a topic; none when it does not exist. Throws what AWS throws. */
export async function subscriptionsOf({ sns: client }: Aws, TopicArn: string): Promise<readonly Subscription[]> {
  const read = async () => {
    const all: Subscription[] = [];
    for await (const { Subscriptions = [] } of paginateListSubscriptionsByTopic({ client }, { TopicArn })) {
      all.push(...Subscriptions.filter(({ SubscriptionArn }) => SubscriptionArn !== DELETED));
    }
    return all;
  };
  return (await ifExists(read())) ?? [];
}

/**
 * Returns the command that subscribes a queue to a FIFO topic, which sends no e-mail. `regionFlags` are the AWS CLI's flags for
 * the topic's region, with a leading space.
 */
export function subscribeQueue(topicArn: string, regionFlags: string): string {
  return `aws sns subscribe${regionFlags} --topic-arn ${topicArn} --protocol sqs --notification-endpoint <ARN of a queue>`;
}

/** Returns the subscription of an e-mail address to alerts, which its owner confirms by the link in an e-mail from SNS. */
export function emailSubscription(aws: Aws, plan: SetupPlan, address: string): Resource {
  const TopicArn = plan.alertTopicArn;
  return {
    kind: "e-mail subscription",
    name: address,
    arn: null,
    requested: true,
    async inspect() {
      const present = (await subscriptionsOf(aws, TopicArn)).find(
        ({ Protocol, Endpoint }) => Protocol === "email" && Endpoint?.toLowerCase() === address.toLowerCase(),
      );
      if (present === undefined) {
        return {
          state: "absent",
          notes: ["SNS sends an e-mail with a link. The address receives alerts after someone opens the link."],
        };
      }
      const again = `aws sns subscribe --region ${plan.region} --topic-arn ${TopicArn} --protocol email --notification-endpoint ${address}`;
      const pending = ["Not confirmed: someone must open the link in the e-mail from SNS. To send it again:", again];
      return inspected(null, [], isConfirmed(present) ? [] : pending);
    },
    async apply(found) {
      if (found.state !== "absent") return;
      const request = { TopicArn, Protocol: "email", Endpoint: address };
      await mark(aws, TopicArn, request);
      await aws.sns.send(new SubscribeCommand(request));
    },
  };
}

/** Returns the subscription of the function's URL to launches, which the function confirms itself. */
export function functionSubscription(aws: Aws, plan: SetupPlan, url: string): Resource {
  const TopicArn = plan.launchTopicArn;
  const attributes = {
    DeliveryPolicy: JSON.stringify(DELIVERY_POLICY),
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: plan.deadLetterQueueArn }),
  };
  return {
    kind: "function subscription",
    name: shownUrl(url),
    arn: null,
    requested: true,
    async inspect() {
      const all = await subscriptionsOf(aws, TopicArn);
      const present = all.find(({ Endpoint }) => Endpoint === url);
      const others = all.filter(({ Protocol = "", Endpoint }) => Protocol.startsWith("http") && Endpoint !== url);
      const notes = others.map(
        ({ Endpoint = "" }) => `${shownUrl(Endpoint)} is also subscribed. If it is a function, alerts are sent twice.`,
      );
      if (present === undefined) return { state: "absent", notes };
      if (!isConfirmed(present)) return inspected(null, [{ property: "confirmation" }], notes);
      const attributes = await attributesOf(aws, present.SubscriptionArn);
      const drift = differences(attributes, plan.deadLetterQueueArn);
      return inspected(null, drift, [...notes, ...(attributes.FilterPolicy ? [FILTERED] : [])]);
    },
    async apply(found) {
      if (found.state === "correct") return;
      const present = (await subscriptionsOf(aws, TopicArn)).find(({ Endpoint }) => Endpoint === url);
      if (present === undefined || !isConfirmed(present)) {
        // For a pending subscription, SNS requests the confirmation again.
        const Protocol = new URL(url).protocol.slice(0, -1);
        const request = { TopicArn, Protocol, Endpoint: url };
        if (present === undefined) await mark(aws, TopicArn, request);
        await aws.sns.send(new SubscribeCommand({ ...request, Attributes: attributes })).catch((error: unknown) => {
          // The function has subscribed itself with other attributes: they are repaired after its confirmation.
          if (!isOtherAttributes(error)) throw error;
          return aws.sns.send(new SubscribeCommand(request));
        });
        return;
      }
      const { SubscriptionArn } = present;
      for (const { property } of differences(await attributesOf(aws, SubscriptionArn), plan.deadLetterQueueArn)) {
        const AttributeValue = property === "RawMessageDelivery" ? "false" : attributes[property];
        await aws.sns.send(
          new SetSubscriptionAttributesCommand({ SubscriptionArn, AttributeName: property, AttributeValue }),
        );
      }
    },
  };
}

/** The note on a subscription that does not receive every launch. */
export const FILTERED =
  "It has a filter policy (FilterPolicy): launches that do not match it never reach the function.";

/** Returns the attributes of a confirmed subscription. Throws what AWS throws. */
export async function attributesOf(aws: Aws, SubscriptionArn: string | undefined): Promise<Record<string, string>> {
  const { Attributes = {} } = await aws.sns.send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
  return Attributes;
}

function differences(
  attributes: Readonly<Record<string, string>>,
  queueArn: string,
): readonly SubscriptionDifference[] {
  const { DeliveryPolicy, RawMessageDelivery } = attributes;
  const retries = {
    actual: parsed(DeliveryPolicy)?.healthyRetryPolicy,
    expected: DELIVERY_POLICY.healthyRetryPolicy,
  };
  const queue = { actual: deadLetterQueueOf(attributes), expected: queueArn };
  return [
    // SNS adds fields of its own to a delivery policy: only ours are compared.
    ...(Object.entries(retries.expected).every(([key, value]) => retries.actual?.[key] === value)
      ? []
      : [{ property: "DeliveryPolicy" as const, ...retries }]),
    ...(queue.actual === queue.expected ? [] : [{ property: "RedrivePolicy" as const, ...queue }]),
    ...(RawMessageDelivery === "true"
      ? [{ property: "RawMessageDelivery" as const, actual: "true", expected: "false" }]
      : []),
  ];
}

/** Returns the ARN of a subscription's dead-letter queue; undefined when it has none. */
export function deadLetterQueueOf({ RedrivePolicy }: Readonly<Record<string, string>>): string | undefined {
  return parsed(RedrivePolicy)?.deadLetterTargetArn;
}

interface SubscriptionPolicies {
  readonly healthyRetryPolicy?: Readonly<Record<string, unknown>>;
  readonly deadLetterTargetArn?: string;
}

function parsed(json: string | undefined): SubscriptionPolicies | undefined {
  return json ? JSON.parse(json) : undefined;
}
