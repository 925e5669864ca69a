import { isObject, parseJson } from "../util/json.ts";
import type { Message } from "../util/message.ts";

/** Reads the event in an envelope's `Message`. */
export function unwrapMessage(message: string): Message {
  const event = parseJson(message);
  return event === undefined ? { malformed: "the envelope's Message is not JSON" } : { event };
}

/**
 * Reads the event in the body of a queue's message: SNS's envelope, or, with raw message delivery or an EventBridge target,
 * the event itself. There is nothing to verify: the queue's policy decides who may send to it.
 */
export function unwrapQueued(body: string): Message {
  const outer = parseJson(body);
  if (outer === undefined) return { malformed: "the message is not JSON" };
  if (!isObject(outer) || outer.Type !== "Notification" || typeof outer.Message !== "string") {
    return { event: outer };
  }
  return unwrapMessage(outer.Message);
}
