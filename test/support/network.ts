import { NodeHttpHandler } from "@smithy/node-http-handler";
import { vi } from "vitest";
import { type Call, callOf, cannedResponse } from "./canned-aws.ts";

/** A request that would leave this machine. */
export interface Sent extends Call {
  readonly protocol: string;
  readonly hostname: string;
  readonly accessKeyId: string | undefined;
  /** The region and service of its signature. */
  readonly scope: string | undefined;
  readonly sessionToken: string | undefined;
}

/** Returns a body with status 200, an error response, or an error for a connection that failed. */
export type Respond = (sent: Sent) => string | ErrorResponse | Error;

interface ErrorResponse {
  readonly statusCode: number;
  readonly body: string;
}

/**
 * Replaces the network below the SDK by a canned AWS: every request that arrives here is signed. Returns the list of
 * requests, which grows.
 */
export function interceptNetwork(respond: Respond = (sent) => cannedResponse(sent)): Sent[] {
  const sent: Sent[] = [];
  vi.spyOn(NodeHttpHandler.prototype, "handle").mockImplementation(async ({ protocol, hostname, headers, body }) => {
    const [, accessKeyId, scope] =
      /Credential=([^/]+)\/\d{8}\/([^/]+\/[^/]+)\//.exec(headers.authorization ?? "") ?? [];
    const sessionToken = headers["x-amz-security-token"];
    const request = { ...callOf(String(body)), protocol, hostname, accessKeyId, scope, sessionToken };
    sent.push(request);
    const response = respond(request);
    if (response instanceof Error) throw response;
    const { statusCode, body: text } = typeof response === "string" ? { statusCode: 200, body: response } : response;
    return { response: { statusCode, headers: {}, body: new TextEncoder().encode(text) } } as never;
  });
  return sent;
}

/** EC2's error response with a code. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html */
export function refusedByEc2(code: string): ErrorResponse {
  const error = `<Errors><Error><Code>${code}</Code><Message>-</Message></Error></Errors>`;
  return { statusCode: 403, body: `<Response>${error}<RequestID>ea966190</RequestID></Response>` };
}
