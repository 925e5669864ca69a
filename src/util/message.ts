/** A message, unwrapped: an EventBridge event as parsed JSON, or the reason why there is none. */
export type Message = { readonly event: unknown } | { readonly malformed: string };
