import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { identify, readScope } from "./caller.ts";
import type { ApiCall, CallLog } from "./calls.ts";
import type { Clock } from "./clock.ts";
import { AwsError } from "./errors.ts";
import { type Fault, faultError, isRefusal } from "./faults.ts";
import { jsonError, parseJson } from "./protocols/json.ts";
import { parseQuery, queryError, queryResponse } from "./protocols/query.ts";
import type { Caller, Service } from "./service.ts";
import type { Session } from "./sts.ts";

/** The parts of the embedded AWS that serve requests. */
export interface FrontDoor {
  readonly clock: Clock;
  readonly accountId: string;
  readonly sessions: ReadonlyMap<string, Session>;
  /** By the name in the credential scope. */
  readonly services: Readonly<Record<string, Service>>;
  readonly log: CallLog;
  nextFault(call: ApiCall): Fault | undefined;
  /** Counts a call, and returns whether it is within AWS's request limits. */
  withinLimits(call: ApiCall): boolean;
  /** Returns the error for a call that its caller may not make. */
  refusal(call: ApiCall, caller: Caller): AwsError | undefined;
}

/** A request that was read. */
interface Request extends ApiCall {
  readonly caller: Caller;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The actions of the links in SNS's messages, which need no signature. */
const UNSIGNED = ["ConfirmSubscription", "Unsubscribe"];
const HTML = "<!DOCTYPE html><html><head><title>Proxy</title></head><body><h1>Please sign in</h1></body></html>";

/**
 * The HTTP server of the embedded AWS. It reads each request by its protocol, applies faults and limits, runs the action, and
 * writes and records the response.
 */
export function createFrontDoor(door: FrontDoor): Server {
  return createServer((request, response) => {
    readBody(request)
      .then((body) => handle(door, request, body, response))
      .catch((error: unknown) => {
        // A client may disconnect; any other error is a bug here, and a test must see it.
        if (!response.destroyed) response.writeHead(500).end(error instanceof Error ? error.stack : String(error));
      });
  });
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function handle(door: FrontDoor, http: IncomingMessage, body: string, response: ServerResponse): Promise<void> {
  const requestId = randomUUID();
  const target = String(http.headers["x-amz-target"] ?? "");
  let read: Request | undefined;
  let fault: Fault | undefined;
  let answer: Answer;
  try {
    read = readRequest(door, http, target, body);
    fault = door.nextFault(read);
    if (fault?.kind === "timeout") return record(door, read, 0);
    if (fault?.kind === "html") {
      answer = { status: 200, body: HTML, headers: { "Content-Type": "text/html" } };
    } else {
      const kind = fault?.kind;
      const refusal = kind !== undefined && isRefusal(kind) ? kind : door.withinLimits(read) ? undefined : "throttle";
      if (refusal !== undefined) throw faultError(refusal, read.service, read.action, read.caller.arn);
      const denied = door.refusal(read, read.caller);
      if (denied !== undefined) throw denied;
      answer = await serve(door.services, read, requestId);
    }
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    answer = refuse(
      error,
      target === "" ? door.services[read?.service ?? scopeService(http)] : undefined,
      target,
      requestId,
    );
  }
  if (read !== undefined) record(door, read, answer.status);
  const ms = fault?.kind === "slow" ? (fault.ms ?? 1000) : 0;
  if (ms > 0) await new Promise<void>((resolve) => door.clock.after(ms, resolve));
  const headers = {
    ...answer.headers,
    "x-amzn-RequestId": requestId,
    "Content-Length": Buffer.byteLength(answer.body),
  };
  response.writeHead(answer.status, headers);
  if (fault?.kind !== "hangup") return void response.end(answer.body);
  const half = Buffer.from(answer.body);
  response.write(half.subarray(0, Math.floor(half.length / 2)), () => response.destroy());
}

function record({ log }: FrontDoor, request: Request, status: number): void {
  const { service, action, account, region, accessKeyId, params } = request;
  log.record({ service, action, account, region, accessKeyId, params, status });
}

function scopeService(http: IncomingMessage): string {
  return readScope(http.headers.authorization)?.service ?? "sns";
}

function readRequest(door: FrontDoor, http: IncomingMessage, target: string, body: string): Request {
  const scope = readScope(http.headers.authorization);
  const form = http.method === "GET" ? new URL(http.url ?? "/", "http://local").search : body;
  const params = target === "" ? parseQuery(form) : parseJson(body);
  const action = target === "" ? String(params.Action ?? "") : target.slice(target.indexOf(".") + 1);
  const context = { userAgent: String(http.headers["user-agent"] ?? ""), sourceIp: http.socket.remoteAddress ?? "" };
  if (scope === undefined) {
    if (target !== "" || !UNSIGNED.includes(action)) {
      throw new AwsError(
        target === "" ? "MissingAuthenticationToken" : "MissingAuthenticationTokenException",
        "Request is missing Authentication Token",
        403,
      );
    }
    const nobody = {
      account: "anonymous",
      region: "",
      arn: "anonymous",
      userId: "anonymous",
      accessKeyId: "",
      signed: false,
    };
    return requestOf("sns", action, params, { ...nobody, ...context });
  }
  const caller = identify(scope, door.sessions, door.accountId, door.clock.now());
  return requestOf(scope.service, action, params, { ...caller, ...context });
}

function requestOf(service: string, action: string, params: ApiCall["params"], caller: Caller): Request {
  const { account, region, accessKeyId } = caller;
  return { service, action, account, region, accessKeyId, params, caller };
}

async function serve(services: FrontDoor["services"], request: Request, requestId: string): Promise<Answer> {
  const { params, caller, action } = request;
  const service = Object.hasOwn(services, request.service) ? services[request.service] : undefined;
  if (service === undefined) {
    throw new AwsError("UnknownService", `The embedded AWS has no service ${request.service}.`, 404);
  }
  if (!Object.hasOwn(service.actions, action)) {
    if (service.protocol === "json") throw new AwsError("UnknownOperationException", "");
    throw new AwsError(
      "InvalidAction",
      service.protocol === "ec2"
        ? `The action ${action} is not valid for this web service.`
        : `Could not find operation ${action} for version ${String(params.Version ?? "NO_VERSION_SPECIFIED")}`,
    );
  }
  if (service.protocol === "json") {
    const fields = await service.actions[action]?.(params, caller);
    const headers = { "Content-Type": `application/x-amz-json-${service.version}` };
    return { status: 200, body: JSON.stringify(fields), headers };
  }
  const fields = (await service.actions[action]?.(params, caller)) ?? {};
  return {
    status: 200,
    body: queryResponse(service, action, fields, requestId),
    headers: { "Content-Type": "text/xml;charset=UTF-8" },
  };
}

function refuse(error: AwsError, service: Service | undefined, target: string, requestId: string): Answer {
  if (target !== "") {
    const { body, headers } = jsonError(error);
    return { status: error.status, body, headers: { ...headers, "Content-Type": "application/x-amz-json-1.0" } };
  }
  const dialect = service?.protocol === "json" ? undefined : service;
  return {
    status: error.status,
    body: queryError(dialect, error, requestId),
    headers: { "Content-Type": "text/xml;charset=UTF-8" },
  };
}
