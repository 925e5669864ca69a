/**
 * A property of a resource that has another value than setup gives it. `undefined` is a property without a value. Programs
 * decide by `property`; `differenceText` is for people.
 */
export type Difference =
  | { readonly property: "confirmation" }
  | { readonly property: "topic policy" }
  | { readonly property: "queue policy"; readonly sender: string }
  | { readonly property: "extra target"; readonly id: string | undefined }
  | { readonly property: "target input"; readonly id: string | undefined; readonly field: string }
  | ({ readonly property: "target queue"; readonly id: string | undefined } & Values)
  | ({ readonly property: "tag"; readonly key: string } & Values)
  | ({ readonly property: ValueProperty } & Values)
  | SubscriptionDifference;

/** A difference of a subscription's attribute, by the attribute's name in SNS. */
export type SubscriptionDifference =
  | {
      readonly property: "DeliveryPolicy";
      /** The retry policy in it. */
      readonly actual: Fields | undefined;
      readonly expected: Fields;
    }
  | ({ readonly property: "RedrivePolicy" | "RawMessageDelivery" } & Values);

type ValueProperty =
  | "state"
  | "pattern"
  | "schedule"
  | "target"
  | "SignatureVersion"
  | "MessageRetentionPeriod"
  | "SqsManagedSseEnabled";

interface Values {
  readonly actual: string | undefined;
  readonly expected: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** Returns a difference as a line for the operator: "property: actual → expected". */
export function differenceText(difference: Difference): string {
  switch (difference.property) {
    case "confirmation":
      return "confirmation: pending";
    case "topic policy":
      return "policy: EventBridge may not publish → may publish";
    case "queue policy":
      return `policy: ${difference.sender} may not send → may send`;
    case "extra target":
      return `target ${difference.id}: duplicate of the launch topic → none`;
    case "target input":
      return `target ${difference.id}: ${difference.field} → none`;
    case "target queue":
      return `target ${difference.id}: dead-letter queue ${change(difference)}`;
    case "tag":
      return `tag ${difference.key}: ${change(difference)}`;
    case "DeliveryPolicy":
      return `delivery policy: ${retries(difference.actual, difference.expected)} → ${JSON.stringify(difference.expected)}`;
    case "RedrivePolicy":
      return `dead-letter queue: ${change(difference)}`;
    case "RawMessageDelivery":
      return `RawMessageDelivery: ${difference.actual} (deliveries have no signature) → ${difference.expected}`;
    default:
      return `${difference.property}: ${change(difference)}`;
  }
}

function change({ actual = "none", expected = "none" }: Values): string {
  return `${actual} → ${expected}`;
}

/** SNS adds fields of its own to a delivery policy: only those of `expected` are shown. */
function retries(actual: Fields | undefined, expected: Fields): string {
  if (actual === undefined) return "SNS's default (3 retries, 20 s apart)";
  return JSON.stringify(Object.fromEntries(Object.keys(expected).map((key) => [key, actual[key]])));
}
