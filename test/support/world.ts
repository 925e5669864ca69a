/** The app in a world that a test holds in its hands: the clock, the log, the certificates, and both faces to call. */
import diagnostics from "node:diagnostics_channel";
import { createRequire } from "node:module";
import { type LambdaAnswer, lambdaHandler } from "../../src/adapters/lambda.ts";
import { webtask } from "../../src/adapters/webtask.ts";
import { type App, createApp } from "../../src/app.ts";
import { fetchedCertificates } from "../../src/sns/certificate.ts";
import { FOUR_SECRETS } from "./config.ts";
import { AT } from "./events.ts";
import { contextWith, snsEvent, sqsEvent, urlEvent } from "./lambda.ts";
import { clockAt } from "./launches.ts";
import { type Fields, headersOf, SNS_SIGNER } from "./sns.ts";

export const SESSION_TOKEN = "IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJHMEUCIQEXAMPLE";
/** What every test is configured with. */
export const SETTINGS: Settings = { ...FOUR_SECRETS, AWS_SESSION_TOKEN: SESSION_TOKEN };
export type Settings = Readonly<Record<string, string>>;

/** A minute after the sample events: the default grace is over. */
export const NOW = AT + 60_000;

export interface Answer {
  readonly status: number;
  /** With names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Request {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface World {
  readonly clock: ReturnType<typeof clockAt>;
  /** The lines that were logged. */
  readonly lines: readonly string[];
  /** The URLs of the certificates that were asked for. */
  readonly certificatesAsked: readonly string[];
  /** All that was logged, answered or thrown. */
  readonly told: () => string;
  /** What must not be told: of the configuration, and of the requests so far. */
  readonly secrets: () => readonly string[];
}

interface Options {
  readonly clock?: ReturnType<typeof clockAt>;
  readonly fetchText?: (url: string) => Promise<string>;
}

/** A world with an app in it. Takes the environment variables. */
export function createWorld(
  env: Settings,
  settings: Settings,
  { clock = clockAt(NOW), fetchText = async () => SNS_SIGNER.certificate }: Options = {},
) {
  const lines: string[] = [];
  const certificatesAsked: string[] = [];
  const answers: string[] = [];
  const sent: string[] = [];
  const fetching = (url: string) => {
    certificatesAsked.push(url);
    return fetchText(url);
  };
  const app: App = createApp(env, {
    now: clock.now,
    write: (line) => lines.push(line),
    certificates: fetchedCertificates(fetching, clock.now),
  });
  const world: World = {
    clock,
    lines,
    certificatesAsked,
    told: () => [...lines, ...answers].join("\n"),
    secrets: () => {
      const { AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, SNS_SIGNING_CERT } = settings;
      const certificates = [SNS_SIGNER.certificate, SNS_SIGNING_CERT ?? ""].flatMap((pem) => pem.split(/\r?\n|\\n/));
      const values = [AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, ...certificates, ...sent.flatMap(secretsIn)];
      return values.filter(
        (value): value is string => value !== undefined && value.length >= 16 && !value.startsWith("-----"),
      );
    },
  };
  return { app, world, answers, sent };
}

/** The signature and the token in a body that was sent to us. */
function secretsIn(body: string): string[] {
  try {
    const { Signature, Token } = JSON.parse(body);
    return [Signature, Token].filter((value) => typeof value === "string");
  } catch {
    return [];
  }
}

/** An app behind one of its HTTP faces. */
export interface HttpFace extends World {
  request(request: Request): Promise<Answer>;
  /** Posts an envelope as SNS does; other headers win. */
  deliver(envelope: Fields, headers?: Readonly<Record<string, string>>): Promise<Answer>;
}

type OpenFace = (settings?: Settings, options?: Options) => HttpFace;

function httpFace(
  world: World,
  answers: string[],
  sent: string[],
  send: (request: Request) => Promise<Answer>,
): HttpFace {
  const request = async (asked: Request) => {
    sent.push(asked.body ?? "");
    const answer = await send(asked);
    answers.push(JSON.stringify(answer.headers), answer.body);
    return answer;
  };
  return {
    ...world,
    request,
    deliver: (envelope, headers = {}) =>
      request({ headers: { ...headersOf(envelope), ...headers }, body: JSON.stringify(envelope) }),
  };
}

/** The app as a webtask, in the public webtask runtime; the settings are its secrets. */
export const webtaskFace: OpenFace = (settings = SETTINGS, options) => {
  const { app, world, answers, sent } = createWorld({}, settings, options);
  const task = webtask(app);
  return httpFace(world, answers, sent, ({ method = "POST", headers = {}, body }) => {
    const simulation = {
      method,
      headers,
      secrets: settings,
      parseBody: 0,
      ...(body !== undefined && { payload: body }),
    };
    return new Promise((resolve) => {
      runtime.simulate(task, simulation, ({ statusCode, headers: answered, payload }) => {
        resolve({ status: statusCode, headers: lowerCased(answered), body: payload });
      });
    });
  });
};

/** The app as a Lambda function behind a function URL; the settings are its environment variables. */
export const functionUrlFace: OpenFace = (settings = SETTINGS, options) => {
  const { app, world, answers, sent } = createWorld(settings, settings, options);
  const handler = lambdaHandler(app);
  return httpFace(world, answers, sent, async (request) => {
    const answer = await handler(urlEvent(request), contextWith());
    if (!("statusCode" in answer)) throw new Error("that is no HTTP answer");
    return { status: answer.statusCode, headers: lowerCased(answer.headers), body: answer.body };
  });
};

/** Both HTTP faces, for `describe.each`. */
export const HTTP_FACES: readonly { readonly face: string; readonly open: OpenFace }[] = [
  { face: "webtask", open: webtaskFace },
  { face: "function URL", open: functionUrlFace },
];

/** The app as a Lambda function; the settings are its environment variables. */
export function lambdaFace(settings: Settings = SETTINGS, options?: Options) {
  const { app, world, answers } = createWorld(settings, settings, options);
  const handler = lambdaHandler(app);
  return {
    ...world,
    handler,
    /** Calls the function; what it throws is told too, for Lambda logs it. */
    async invoke(event: unknown, milliseconds?: number): Promise<LambdaAnswer> {
      try {
        const answer = await handler(event, contextWith(milliseconds));
        answers.push(JSON.stringify(answer));
        return answer;
      } catch (error) {
        answers.push(String(error));
        throw error;
      }
    },
  };
}

/** What becomes of a message: the engine is done with it, or brings it again until its dead-letter queue takes it. */
export type Fate = "done" | "again";

/** The shapes in which Lambda gets a message that SNS took; each is told the message as text. */
export const MESSAGE_SHAPES: readonly { readonly shape: string; readonly wrap: (message: string) => unknown }[] = [
  { shape: "an SNS record", wrap: (message) => snsEvent(message) },
  {
    shape: "an SQS record with SNS's envelope",
    wrap: (message) => sqsEvent(JSON.stringify({ Type: "Notification", MessageId: "1", Message: message })),
  },
  { shape: "an SQS record with the message itself", wrap: (message) => sqsEvent(message) },
];

/** Those, and an event as EventBridge itself gives it to Lambda. */
export const EVENT_SHAPES: readonly { readonly shape: string; readonly wrap: (event: unknown) => unknown }[] = [
  ...MESSAGE_SHAPES.map(({ shape, wrap }) => ({ shape, wrap: (event: unknown) => wrap(JSON.stringify(event)) })),
  { shape: "an EventBridge event", wrap: (event) => event },
];

/** What becomes of a call with a single message. */
export async function fateOf(call: Promise<LambdaAnswer>): Promise<Fate> {
  try {
    const answer = await call;
    return "batchItemFailures" in answer && answer.batchItemFailures.length > 0 ? "again" : "done";
  } catch {
    return "again";
  }
}

/** Every HTTP request that this process starts from now on, by any client of Node, as its method and host. */
export function watchRequests(): { readonly requests: readonly string[]; stop(): void } {
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

function lowerCased(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
}

interface Simulated {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly payload: string;
}

/** The part of the public webtask-runtime that is used here; the package has no types of its own. */
export interface WebtaskRuntime {
  simulate(task: unknown, options: Readonly<Record<string, unknown>>, answer: (answer: Simulated) => void): void;
  createServer(task: unknown, options: Readonly<Record<string, unknown>>): import("node:http").Server;
}

export const runtime: WebtaskRuntime = createRequire(import.meta.url)("webtask-runtime");
