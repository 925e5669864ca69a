/** A message, unwrapped: an EventBridge event as parsed JSON, or the reason why there is none. */
export type Message =
  | {
      readonly event: unknown;
      /** The ARN of the queue or topic that delivered it; missing for an event that was sent to the function directly. */
      readonly from?: string;
      /** How long its queue kept it before the first delivery, in seconds; missing without a queue. */
      readonly delayedSeconds?: number;
    }
  | { readonly malformed: string };
