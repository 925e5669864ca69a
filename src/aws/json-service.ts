import type { HttpHandler } from "@smithy/core/protocols";
import { HttpRequest } from "@smithy/core/protocols";
import { isObject, parseJson } from "../util/json.ts";
import type { Credentials } from "./credentials.ts";
import { createSigner } from "./signer.ts";

/** A service with AWS's JSON protocol. */
export interface JsonServiceSettings {
  /** The name of the service in the signature. */
  readonly service: string;
  /** The version of the protocol. */
  readonly version: "1.0" | "1.1";
  /** The part of `X-Amz-Target` before the name of the action. */
  readonly target: string;
  readonly region: string;
  readonly endpoint: string;
  readonly credentials: () => Promise<Credentials>;
  readonly handler: Pick<HttpHandler, "handle">;
  /** The time now, in milliseconds since 1970. */
  readonly now: () => number;
}

/** Calls an action with its input. Returns its output. Throws an Error whose name is AWS's error code, and errors of the network. */
export type JsonService = (action: string, input: object) => Promise<Readonly<Record<string, unknown>>>;

/**
 * Creates the caller of a service. Two actions with the protocol are called, of SQS and of Organizations: their clients of the SDK would
 * add 50 kB to the deployed file, this adds 1 kB.
 * https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
 */
export function createJsonService(settings: JsonServiceSettings): JsonService {
  const { service, version, target, region, credentials, handler, now } = settings;
  const signer = createSigner(service, region, credentials);
  const url = new URL(settings.endpoint);
  return async (action, input) => {
    const body = JSON.stringify(input);
    const request = new HttpRequest({
      method: "POST",
      protocol: url.protocol,
      hostname: url.hostname,
      ...(url.port !== "" && { port: Number(url.port) }),
      path: url.pathname,
      headers: {
        "content-type": `application/x-amz-json-${version}`,
        "content-length": String(Buffer.byteLength(body)),
        host: url.host,
        "x-amz-target": `${target}.${action}`,
      },
      body,
    });
    const { response } = await handler.handle(await signer.sign(request, { signingDate: new Date(now()) }));
    const output = parseJson(await textOf(response.body));
    if (response.statusCode === 200 && isObject(output)) return output;
    throw errorOf(response.statusCode, output, action);
  };
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** The code may have the namespace of its shape before it: `com.amazonaws.organizations#AccessDeniedException`. */
function errorOf(status: number, output: unknown, action: string): Error {
  const { __type: code, message, Message = message } = isObject(output) ? output : {};
  const error = new Error(typeof Message === "string" ? Message : `the response to ${action} has the status ${status}`);
  if (typeof code === "string") error.name = code.slice(code.indexOf("#") + 1).slice(0, 100);
  return error;
}
