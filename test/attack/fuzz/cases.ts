/** The cases of a run: a delivery that would be accepted, and what was done to it. */
import {
  autoScalingLaunch,
  refusedRunInstances,
  runInstances,
  scheduledEvent,
  stateChange,
  tagChange,
} from "../../support/events.ts";
import { snsEvent, sqsEvent } from "../../support/lambda.ts";
import {
  type Fields,
  headersOf,
  notification,
  type Signer,
  signed,
  subscriptionConfirmation,
  unsubscribeConfirmation,
} from "../../support/sns.ts";
import { mutateBytes, mutateJson, rewriteText } from "./mutate.ts";
import { type Random, randomOf } from "./random.ts";

/** What is done to a delivery, and when. */
export const CLASSES = [
  "nothing",
  "fields after signing",
  "text after signing",
  "bytes after signing",
  "headers",
  "event before signing",
  "fields before signing",
  "garbage over HTTP",
  "Lambda events",
] as const;
export type CaseClass = (typeof CLASSES)[number];

/** A case, whole: what is sent, and what of it SNS has signed. */
export type FuzzCase =
  | {
      readonly kind: "http";
      readonly class: CaseClass;
      readonly face: "webtask" | "function URL";
      readonly method: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: Buffer;
      /** The envelope that SNS has signed. */
      readonly genuine: Fields;
    }
  | { readonly kind: "lambda"; readonly class: CaseClass; readonly event: unknown };

/** Who signs in SNS's place, and for which topic. */
export interface World {
  readonly signer: Signer;
  readonly topic: string;
  readonly certificateUrl: string;
  /** In milliseconds since 1970; the same throughout a run. */
  readonly now: number;
}

const BROKEN = ["i-1234567890abcdef0", "i-0bad0bad0bad0bad0", "i-12345678"];
const KEPT = ["i-c0de0000000000001", "i-c0de0000000000002"];

function eventOf(random: Random, now: number): unknown {
  const time = new Date(now - random.pick([0, 10_000, 60_000, 3_600_000])).toISOString();
  const region = random.pick(["us-east-1", "eu-central-1", "cn-north-1"]);
  const account = random.pick(["123456789012", "123456789012", "210987654321"]);
  const id = random.pick([...BROKEN, ...KEPT]);
  const where = { time, region, account };
  return random.pick<() => unknown>([
    () => stateChange({ id, state: random.pick(["pending", "running", "stopped"]), ...where }),
    () => runInstances({ ids: [id, random.pick(BROKEN), random.pick(KEPT)], ...where }),
    () => autoScalingLaunch({ id, ...where }),
    () => tagChange({ id, ...where }),
    () => scheduledEvent(where),
    () => refusedRunInstances(),
  ])();
}

function fieldsOf(random: Random, message: string, { topic, certificateUrl, now }: World): Fields {
  const common = {
    // Unique: a case must not repeat another.
    MessageId: `${random.below(2 ** 31)}-${random.below(2 ** 31)}`,
    TopicArn: topic,
    SigningCertURL: certificateUrl,
    Timestamp: new Date(now - random.below(3_600_000)).toISOString(),
  };
  switch (random.below(8)) {
    case 0:
      return subscriptionConfirmation(common);
    case 1:
      return unsubscribeConfirmation(common);
    case 2:
    case 3:
      return { ...notification(message, common), Subject: "A launch" };
    default:
      return notification(message, common);
  }
}

/** The case of a number. Takes the seed of the run. */
export function caseOf(seed: number, number: number, world: World): FuzzCase {
  const random = randomOf(seed, number);
  const kind = random.pick(CLASSES);
  const changes = 1 + random.below(random.oneIn(4) ? 12 : 3);
  const event = eventOf(random, world.now);
  if (kind === "Lambda events") return { kind: "lambda", class: kind, event: lambdaEvent(random, event, changes) };

  const message =
    kind === "event before signing" ? messageOf(random, mutateJson(random, event, changes)) : JSON.stringify(event);
  const plain = fieldsOf(random, message, world);
  const fields = kind === "fields before signing" ? objectOr(plain, mutateJson(random, plain, changes)) : plain;
  const genuine = signed(fields, { version: random.pick(["1", "2"]), signer: world.signer });
  const body = bodyOf(random, kind, genuine, changes);
  const headers: Record<string, string> = random.oneIn(3) ? {} : headersOf(textsIn(genuine));
  if (kind === "headers") mutateHeaders(random, headers);
  const method =
    kind === "headers" && random.oneIn(4) ? random.pick(["PUT", "DELETE", "PATCH", "OPTIONS", "BREW"]) : "POST";
  return {
    kind: "http",
    class: kind,
    face: random.oneIn(2) ? "webtask" : "function URL",
    method,
    headers,
    body,
    genuine,
  };
}

function bodyOf(random: Random, kind: CaseClass, genuine: Fields, changes: number): Buffer {
  switch (kind) {
    case "fields after signing":
      return Buffer.from(JSON.stringify(mutateJson(random, genuine, changes)));
    case "text after signing":
      return Buffer.from(rewriteText(random, genuine));
    case "bytes after signing":
      return mutateBytes(random, Buffer.from(JSON.stringify(genuine)), changes);
    case "garbage over HTTP":
      return garbage(random);
    default:
      return Buffer.from(JSON.stringify(genuine));
  }
}

function garbage(random: Random): Buffer {
  const length = random.pick([0, 1, 10, 100, 1_000, 10_000, 300_000]);
  switch (random.below(4)) {
    case 0:
      return Buffer.from(Array.from({ length: Math.min(length, 1_000) }, () => random.below(256)));
    case 1:
      return Buffer.from(random.pick(["[", "{", '{"a":', '"', "\\", "[[],", "0", " ", "\u00e9", "{}"]).repeat(length));
    case 2:
      return Buffer.from(
        JSON.stringify(mutateJson(random, { Type: "Notification", Message: "{}", a: [1, "x", null] }, 10)),
      );
    default:
      return Buffer.from(JSON.stringify(random.pick([null, 1, "x", [], {}, [[]], { Type: "Notification" }])));
  }
}

function messageOf(random: Random, event: unknown): string {
  const text = rewriteText(random, event);
  return random.oneIn(8) ? mutateBytes(random, Buffer.from(text), 2).toString() : text;
}

/** The fields that are text: a mutated one may be an object that no text can be made of. */
function textsIn(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => typeof value === "string"));
}

/** Only an object can be an envelope to sign. */
function objectOr(otherwise: Fields, mutated: unknown): Fields {
  return typeof mutated === "object" && mutated !== null && !Array.isArray(mutated) ? (mutated as Fields) : otherwise;
}

function mutateHeaders(random: Random, headers: Record<string, string>): void {
  const name = random.pick([
    "x-amz-sns-message-type",
    "x-amz-sns-topic-arn",
    "x-amz-sns-message-id",
    "x-amz-sns-rawdelivery",
    "content-type",
    "x-forwarded-for",
    "content-encoding",
  ]);
  headers[name] = random.pick([
    "",
    "true",
    "false",
    "Notification",
    "SubscriptionConfirmation",
    "gzip",
    "x",
    "application/json",
    "1".repeat(5_000),
    "\ud800",
    "null",
  ]);
}

function lambdaEvent(random: Random, event: unknown, changes: number): unknown {
  const text = JSON.stringify(event);
  const envelope = JSON.stringify({ Type: "Notification", MessageId: "1", Message: text });
  const whole = random.pick<() => unknown>([
    () => event,
    () => snsEvent(text),
    () => sqsEvent(text, envelope),
    () => sqsEvent(text, text, "{}"),
  ])();
  return mutateJson(random, whole, changes);
}
