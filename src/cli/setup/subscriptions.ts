import {
  GetSubscriptionAttributesCommand,
  paginateListSubscriptionsByTopic,
  SetSubscriptionAttributesCommand,
  SubscribeCommand,
  type Subscription,
} from "@aws-sdk/client-sns";
import { DELIVERY_POLICY, isOtherAttributes } from "../../sns/subscription.ts";
import type { Aws } from "../aws.ts";
import { ifExists } from "../if-exists.ts";
import { shownUrl } from "../shown-url.ts";
import type { SubscriptionDifference } from "./difference.ts";
import { mark } from "./marks.ts";
import type { SetupPlan } from "./plan.ts";
import { type Inspection, inspected, type Resource } from "./resource.ts";

/** What SNS shows in place of the ARN of a subscription that waits for its confirmation. */
const PENDING = "PendingConfirmation";

/** And of one that has ended: SNS goes on showing it for some time. */
const DELETED = "Deleted";

/** Whether somebody has confirmed a subscription. */
export function isConfirmed({ SubscriptionArn = PENDING }: Subscription): boolean {
  return SubscriptionArn.startsWith("arn:");
}

/** Whether this was found of a function's subscription that the function has not confirmed: it can only be asked again. */
export function isUnconfirmed(found: Inspection): boolean {
  return found.state === "differs" && found.differences.some(({ property }) => property === "confirmation");
}

/** All subscriptions of a topic; none when there is no such topic. */
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
 * The command that subscribes a queue to a FIFO topic, which sends no e-mail. `at` are the AWS CLI's flags for its place; they start
 * with a space.
 */
export function subscribeQueue(topicArn: string, at: string): string {
  return `aws sns subscribe${at} --topic-arn ${topicArn} --protocol sqs --notification-endpoint <ARN of a queue>`;
}

/** Somebody who is told of alerts by e-mail, from when they have clicked on the link in SNS's own e-mail. */
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
          notes: ["SNS sends an e-mail with a link: no alert is sent before somebody has clicked on it."],
        };
      }
      const again = `aws sns subscribe --region ${plan.region} --topic-arn ${TopicArn} --protocol email --notification-endpoint ${address}`;
      const waits = ["It waits for the click on the link in SNS's e-mail. For another e-mail:", again];
      return inspected(null, [], isConfirmed(present) ? [] : waits);
    },
    async apply(found) {
      if (found.state !== "absent") return;
      const request = { TopicArn, Protocol: "email", Endpoint: address };
      await mark(aws, TopicArn, request);
      await aws.sns.send(new SubscribeCommand(request));
    },
  };
}

/** The subscription of the function's URL, which the function confirms itself. */
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
        ({ Endpoint = "" }) =>
          `${shownUrl(Endpoint)} is subscribed too: if that is a function, launches are alerted twice.`,
      );
      if (present === undefined) return { state: "absent", notes };
      if (!isConfirmed(present)) return inspected(null, [{ property: "confirmation" }], notes);
      const attributes = await attributesOf(aws, present.SubscriptionArn);
      const drift = differences(attributes, plan.deadLetterQueueArn);
      return inspected(null, drift, [...notes, ...(attributes.FilterPolicy ? [FILTERED] : [])]);
    },
    async apply(found) {
      if (found.state === "right") return;
      const present = (await subscriptionsOf(aws, TopicArn)).find(({ Endpoint }) => Endpoint === url);
      if (present === undefined || !isConfirmed(present)) {
        // For one that is pending, SNS asks for the confirmation again.
        const Protocol = new URL(url).protocol.slice(0, -1);
        const request = { TopicArn, Protocol, Endpoint: url };
        if (present === undefined) await mark(aws, TopicArn, request);
        await aws.sns.send(new SubscribeCommand({ ...request, Attributes: attributes })).catch((error: unknown) => {
          // The function has subscribed itself, its own way: what it lacks is put right when it has confirmed.
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

/** What is noted of a subscription that does not get every launch. */
export const FILTERED =
  "It has a filter policy (FilterPolicy): launches that do not match it never reach the function.";

/** The attributes of a confirmed subscription. */
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

/** The queue of what a subscription could not deliver, by its ARN; undefined when it has none. */
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
