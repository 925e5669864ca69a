import type { IncomingMessage, ServerResponse } from "node:http";
import { fromConnect, type WebtaskContext, type WebtaskFunction } from "webtask-tools";
import type { App } from "../app.ts";
import { type Rejected, TOO_LARGE } from "../sns/envelope.ts";
import { HTTP_DEADLINE_MS, handleHttp, limited, MAX_BODY_BYTES } from "./http.ts";

/** A request of a webtask host. Some hosts have read the body already, and each stores it in another place. */
interface WebtaskRequest extends IncomingMessage {
  webtaskContext: WebtaskContext;
  raw_body?: unknown;
  body?: unknown;
}

/** Creates the webtask `(ctx, req, res)`. */
export function webtask(app: App): WebtaskFunction {
  return fromConnect(async (request: WebtaskRequest, response: ServerResponse) => {
    const context = request.webtaskContext;
    const { status, headers, body } = await handleHttp(
      app,
      {
        method: request.method ?? "",
        headers: singleHeaders(request),
        body: () => readBody(request, context),
      },
      context.secrets ?? {},
      app.now() + HTTP_DEADLINE_MS,
    );
    response.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(body) });
    response.end(request.method === "HEAD" ? undefined : body);
  });
}

/**
 * Returns the body, which the host may have stored as text, left unread, or parsed. A parsed body is not the original text,
 * but it has the same values, and SNS signs only values.
 */
async function readBody(request: WebtaskRequest, context: WebtaskContext): Promise<string | Rejected> {
  const left = [context.body_raw, request.raw_body, request.body, context.body];
  const text = left.map(textOf).find((candidate) => candidate !== "");
  if (text !== undefined) return limited(text);
  if (!request.readableEnded && !request.destroyed) return readStream(request);
  const parsed = left.find((candidate) => typeof candidate === "object" && candidate !== null);
  return parsed === undefined ? "" : limited(textAgain(parsed));
}

/** Returns a parsed body as JSON; empty for one that is nested too deeply to be stringified, and so is not from SNS. */
function textAgain(parsed: unknown): string {
  try {
    return JSON.stringify(parsed);
  } catch {
    return "";
  }
}

/** Returns an unparsed body as text; empty for anything else. */
function textOf(left: unknown): string {
  if (typeof left === "string") return left;
  return left instanceof Uint8Array ? Buffer.from(left).toString("utf8") : "";
}

/** The caller closed the connection, so no response reaches it. */
const CUT_OFF: Rejected = {
  kind: "rejected",
  refusal: "foreign",
  reason: "the connection closed before the body was complete",
};

/**
 * Reads the stream. A body that is too large is read to its end and discarded: an early response would break the connection.
 * This uses events instead of iteration, because the requests that webtask-runtime simulates end but never close.
 */
function readStream(stream: IncomingMessage): Promise<string | Rejected> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    stream.on("data", (chunk: Buffer | string) => {
      const buffer = Buffer.from(chunk);
      bytes += buffer.length;
      if (bytes <= MAX_BODY_BYTES) chunks.push(buffer);
      else chunks.length = 0;
    });
    stream.on("end", () => resolve(bytes > MAX_BODY_BYTES ? TOO_LARGE : Buffer.concat(chunks).toString("utf8")));
    stream.on("error", () => resolve(CUT_OFF));
    stream.on("close", () => resolve(CUT_OFF));
  });
}

function singleHeaders(request: IncomingMessage): Record<string, string | undefined> {
  const single: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(request.headers)) single[name] = Array.isArray(value) ? value[0] : value;
  return single;
}
