/** The function from source with everything around it in the test's hands: the clock, the log, the certificates, the host. */
import diagnostics from "node:diagnostics_channel";
import { type LambdaResult, lambdaHandler } from "../../src/adapters/lambda.ts";
import { webtask } from "../../src/adapters/webtask.ts";
import { createApp } from "../../src/app.ts";
import { readCertificate } from "../../src/aws/signing-certificate.ts";
import type { EmbeddedAws } from "../../src/local/aws/index.ts";
import { fetchedCertificates, pinnedCertificate } from "../../src/sns/certificate.ts";
import { FOUR_SECRETS } from "./config.ts";
import { AT } from "./events.ts";
import {
  type AuditFunction,
  callFunctionUrl,
  callWebtask,
  type HttpRequest,
  type HttpResponse,
  type Settings,
} from "./hosts.ts";
import { contextWith, snsEvent, sqsEvent } from "./lambda.ts";
import { clockAt } from "./launches.ts";
import { type Fields, headersOf, SNS_SIGNER } from "./sns.ts";

export const SESSION_TOKEN = "IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJHMEUCIQEXAMPLE";
/** The default configuration of a test. */
export const SETTINGS: Settings = { ...FOUR_SECRETS, AWS_SESSION_TOKEN: SESSION_TOKEN };

/** A minute after the sample events: the default grace is over. */
export const NOW = AT + 60_000;

/** The function from source. Takes the environment variables, and the clock, log and certificates of its host. */
export function fromSource(...given: Parameters<typeof createApp>): AuditFunction {
  const app = createApp(...given);
  return Object.assign(webtask(app), { handler: lambdaHandler(app) });
}

/** The function from source for an embedded AWS, whose signing certificate it trusts. Default: no settings, no log. */
export function sourceFor(
  aws: EmbeddedAws,
  {
    env = {},
    now = Date.now,
    write = () => {},
  }: { env?: Settings; now?: () => number; write?: (line: string) => void },
): AuditFunction {
  return fromSource(env, { now, write, certificates: pinnedCertificate(readCertificate(aws.signingCert), now) });
}

export interface TestStack {
  readonly clock: ReturnType<typeof clockAt>;
  /** The lines that were logged. */
  readonly lines: readonly string[];
  /** The URLs of the certificates that were requested. */
  readonly certificatesRequested: readonly string[];
  /** Everything that was logged, returned or thrown. */
  readonly output: () => string;
  /** The secrets of the configuration and of the requests so far: none may be in the output. */
  readonly secrets: () => readonly string[];
}

interface Options {
  readonly clock?: ReturnType<typeof clockAt>;
  readonly fetchText?: (url: string) => Promise<string>;
}

/** Creates the app and the stack around it. Takes the environment variables, and the settings that hold its secrets. */
export function createTestStack(
  env: Settings,
  settings: Settings,
  { clock = clockAt(NOW), fetchText = async () => SNS_SIGNER.certificate }: Options = {},
) {
  const lines: string[] = [];
  const certificatesRequested: string[] = [];
  const responses: string[] = [];
  const sent: string[] = [];
  const fetching = (url: string) => {
    certificatesRequested.push(url);
    return fetchText(url);
  };
  const app = createApp(env, {
    now: clock.now,
    write: (line) => lines.push(line),
    certificates: fetchedCertificates(fetching, clock.now),
  });
  const stack: TestStack = {
    clock,
    lines,
    certificatesRequested,
    output: () => [...lines, ...responses].join("\n"),
    secrets: () => {
      const { AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, SNS_SIGNING_CERT } = settings;
      const certificates = [SNS_SIGNER.certificate, SNS_SIGNING_CERT ?? ""].flatMap((pem) => pem.split(/\r?\n|\\n/));
      const values = [AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, ...certificates, ...sent.flatMap(secretsIn)];
      return values.filter(
        (value): value is string => value !== undefined && value.length >= 16 && !value.startsWith("-----"),
      );
    },
  };
  return { app, stack, responses, sent };
}

/** The signature and the token in a request body. */
function secretsIn(body: string): string[] {
  try {
    const { Signature, Token } = JSON.parse(body);
    return [Signature, Token].filter((value) => typeof value === "string");
  } catch {
    return [];
  }
}

/** The function on a host that serves HTTP. */
export interface HttpStack extends TestStack {
  request(request: HttpRequest): Promise<HttpResponse>;
  /** Posts an envelope as SNS does; `headers` override SNS's. */
  deliver(envelope: Fields, headers?: Readonly<Record<string, string>>): Promise<HttpResponse>;
}

type OpenHttp = (settings?: Settings, options?: Options) => HttpStack;

function httpStack(
  { stack, responses, sent }: ReturnType<typeof createTestStack>,
  send: (request: HttpRequest) => Promise<HttpResponse>,
): HttpStack {
  const request = async (asked: HttpRequest) => {
    sent.push(String(asked.body ?? ""));
    const response = await send(asked);
    responses.push(JSON.stringify(response.headers), response.body);
    return response;
  };
  return {
    ...stack,
    request,
    deliver: (envelope, headers = {}) =>
      request({ headers: { ...headersOf(envelope), ...headers }, body: JSON.stringify(envelope) }),
  };
}

/** The function as a webtask; the settings are its secrets. */
export const onWebtask: OpenHttp = (settings = SETTINGS, options) => {
  const made = createTestStack({}, settings, options);
  const task = webtask(made.app);
  return httpStack(made, (request) => callWebtask(task, settings, request));
};

/** The function on Lambda behind a function URL; the settings are its environment variables. */
export const onFunctionUrl: OpenHttp = (settings = SETTINGS, options) => {
  const made = createTestStack(settings, settings, options);
  const handler = lambdaHandler(made.app);
  return httpStack(made, (request) => callFunctionUrl({ handler }, request));
};

/** Both hosts that serve HTTP, for `describe.each`. */
export const HTTP_HOSTS: readonly { readonly host: string; readonly open: OpenHttp }[] = [
  { host: "webtask", open: onWebtask },
  { host: "function URL", open: onFunctionUrl },
];

/** The function on Lambda; the settings are its environment variables. */
export function onLambda(settings: Settings = SETTINGS, options?: Options) {
  const { app, stack, responses } = createTestStack(settings, settings, options);
  const handler = lambdaHandler(app);
  return {
    ...stack,
    handler,
    /** Invokes the function. An error that it throws counts as output, because Lambda logs it. */
    async invoke(event: unknown, milliseconds?: number): Promise<LambdaResult> {
      try {
        const result = await handler(event, contextWith(milliseconds));
        responses.push(JSON.stringify(result));
        return result;
      } catch (error) {
        responses.push(String(error));
        throw error;
      }
    },
  };
}

/** The shapes in which Lambda receives a message that was published to SNS. Each takes the message's text. */
export const MESSAGE_SHAPES: readonly { readonly shape: string; readonly wrap: (message: string) => unknown }[] = [
  { shape: "an SNS record", wrap: (message) => snsEvent(message) },
  {
    shape: "an SQS record with SNS's envelope",
    wrap: (message) => sqsEvent(JSON.stringify({ Type: "Notification", MessageId: "1", Message: message })),
  },
  { shape: "an SQS record with the message itself", wrap: (message) => sqsEvent(message) },
];

/** The same, and an event as EventBridge sends it to Lambda directly. */
export const EVENT_SHAPES: readonly { readonly shape: string; readonly wrap: (event: unknown) => unknown }[] = [
  ...MESSAGE_SHAPES.map(({ shape, wrap }) => ({ shape, wrap: (event: unknown) => wrap(JSON.stringify(event)) })),
  { shape: "an EventBridge event", wrap: (event) => event },
];

/** Returns "done" when the engine deletes the message of a call, "retried" when it delivers the message again. */
export async function resultOf(call: Promise<LambdaResult>): Promise<"done" | "retried"> {
  try {
    const result = await call;
    return "batchItemFailures" in result && result.batchItemFailures.length > 0 ? "retried" : "done";
  } catch {
    return "retried";
  }
}

/** Records the method and host of every HTTP request that this process starts from now on, with any client of Node. */
export function watchRequests(): { readonly requests: string[]; stop(): void } {
  const requests: string[] = [];
  const onHttp = (message: unknown) => {
    const { request } = message as { request: { method: string; host: string } };
    requests.push(`${request.method} ${request.host}`);
  };
  const onFetch = (message: unknown) => {
    const { request } = message as { request: { method: string; origin: string } };
    requests.push(`${request.method} ${request.origin}`);
  };
  diagnostics.subscribe("http.client.request.start", onHttp);
  diagnostics.subscribe("undici:request:create", onFetch);
  return {
    requests,
    stop() {
      diagnostics.unsubscribe("http.client.request.start", onHttp);
      diagnostics.unsubscribe("undici:request:create", onFetch);
    },
  };
}
