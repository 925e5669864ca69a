/** The part of webtask-tools that the adapter uses. The package has no types of its own. */
declare module "webtask-tools" {
  import type { IncomingMessage, ServerResponse } from "node:http";

  /** The context that a webtask host passes beside the request. */
  export interface WebtaskContext {
    readonly secrets?: Readonly<Record<string, unknown>>;
    /** The body as text, if the host has read it. */
    readonly body_raw?: unknown;
    /** The parsed body, if the host has parsed it. */
    readonly body?: unknown;
  }

  export type WebtaskFunction = (
    context: WebtaskContext,
    request: IncomingMessage,
    response: ServerResponse,
  ) => unknown;

  /** Creates a webtask from a connect-style function. The function's request has a `webtaskContext`. */
  export function fromConnect<R extends IncomingMessage>(
    handle: (request: R, response: ServerResponse) => unknown,
  ): WebtaskFunction;
}
