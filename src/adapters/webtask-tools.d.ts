/** The part of webtask-tools that is used here; the package has no types of its own. */
declare module "webtask-tools" {
  import type { IncomingMessage, ServerResponse } from "node:http";

  /** What a webtask host gives its function beside the request. */
  export interface WebtaskContext {
    readonly secrets?: Readonly<Record<string, unknown>>;
    /** The body as text, where the host has read it. */
    readonly body_raw?: unknown;
    /** The body parsed, where the host has done so. */
    readonly body?: unknown;
  }

  export type WebtaskFunction = (
    context: WebtaskContext,
    request: IncomingMessage,
    response: ServerResponse,
  ) => unknown;

  /** Makes a webtask of a connect-style function; the request it gives that function has a `webtaskContext`. */
  export function fromConnect<R extends IncomingMessage>(
    handle: (request: R, response: ServerResponse) => unknown,
  ): WebtaskFunction;
}
