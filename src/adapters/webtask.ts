import type { IncomingMessage, ServerResponse } from "node:http";
import { fromConnect, type WebtaskContext, type WebtaskFunction } from "webtask-tools";
import type { App } from "../app.ts";
import type { Rejected } from "../launches/outcome.ts";
import { TOO_LARGE } from "../sns/envelope.ts";
import { answerHttp, HTTP_DEADLINE_MS, MAX_BODY_BYTES } from "./http.ts";

/** A request as webtask hosts give it: some have read the body before we see it, and each leaves it somewhere else. */
interface WebtaskRequest extends IncomingMessage {
  webtaskContext: WebtaskContext;
  raw_body?: unknown;
  body?: unknown;
}

/** The webtask `(ctx, req, res)`. Takes the app. */
export function webtask(app: App): WebtaskFunction {
  return fromConnect(async (request: WebtaskRequest, response: ServerResponse) => {
    const context = request.webtaskContext;
    const { status, headers, body } = await answerHttp(
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
 * The raw body, wherever the host left it: as text, still to be read, or parsed already. Text that was parsed is not
 * the text that came, but what SNS signs are the values in it, and these are the same.
 */
async function readBody(request: WebtaskRequest, context: WebtaskContext): Promise<string | Rejected> {
  const left = [context.body_raw, request.raw_body, request.body, context.body];
  const text = left.map(textOf).find((candidate) => candidate !== "");
  if (text !== undefined) return withinLimit(text);
  if (!request.readableEnded && !request.destroyed) return readStream(request);
  const parsed = left.find((candidate) => typeof candidate === "object" && candidate !== null);
  return parsed === undefined ? "" : withinLimit(textAgain(parsed));
}

/** A parsed body as JSON again; empty for one that is nested too deeply to be written, and so is none of SNS's. */
function textAgain(parsed: unknown): string {
  try {
    return JSON.stringify(parsed);
  } catch {
    return "";
  }
}

/** A body that was read and not parsed, as text; empty for anything else. */
function textOf(left: unknown): string {
  if (typeof left === "string") return left;
  return left instanceof Uint8Array ? Buffer.from(left).toString("utf8") : "";
}

function withinLimit(text: string): string | Rejected {
  return Buffer.byteLength(text) > MAX_BODY_BYTES ? TOO_LARGE : text;
}

/** The caller broke off, so no answer reaches it. */
const CUT_OFF: Rejected = { kind: "rejected", refusal: "foreign", reason: "the request ended before its body" };

/**
 * Reads to the end even what is too large, and keeps none of it: an answer sent half-way would be a broken connection.
 * By events, and not by iteration: the request that webtask-runtime simulates ends, but never closes.
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
