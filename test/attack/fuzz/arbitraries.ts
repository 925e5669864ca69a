/** Random cases: a delivery that the function accepts, or an event for Lambda, with random changes. */
import fc from "fast-check";
import {
  autoScalingLaunch,
  refusedRunInstances,
  runInstances,
  scheduledEvent,
  stateChange,
  tagChange,
} from "../../support/events.ts";
import { snsEvent, sqsEvent } from "../../support/lambda.ts";
import { type Fields, headersOf, SIGNED_IN_CONFIRMATION, SIGNED_IN_NOTIFICATION } from "../../support/sns.ts";
import { type Base, basesOf, type Context, type Delivery, genuine } from "../corpus/case.ts";
import type { Expected } from "../oracle.ts";
import { byteChanges, changeBytes, changeJson, jsonChanges, spell, spellings } from "./change.ts";

/** The classes of cases: what is changed, and when. */
export const FUZZ_CLASSES = [
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
type HttpClass = Exclude<(typeof FUZZ_CLASSES)[number], "Lambda events">;

export type FuzzCase =
  | {
      readonly class: HttpClass;
      readonly host: "webtask" | "function URL";
      readonly delivery: Delivery & { readonly body: Buffer };
      readonly expected: Expected;
    }
  | { readonly class: "Lambda events"; readonly event: unknown };

const VIOLATING = ["i-1234567890abcdef0", "i-0bad0bad0bad0bad0", "i-12345678"];
const COMPLIANT = ["i-c0de0000000000001", "i-c0de0000000000002"];

/** Events about launches, and others, up to an hour before a time in milliseconds since 1970. */
function events(now: number): fc.Arbitrary<Readonly<Record<string, unknown>>> {
  const ids = fc.constantFrom(...VIOLATING, ...COMPLIANT);
  const where = fc.record({
    time: fc.constantFrom(0, 10_000, 60_000, 3_600_000).map((ago) => new Date(now - ago).toISOString()),
    region: fc.constantFrom("us-east-1", "eu-central-1", "cn-north-1"),
    account: fc.constantFrom("123456789012", "210987654321"),
  });
  return fc
    .tuple(where, ids, fc.array(ids, { maxLength: 2 }), fc.constantFrom("pending", "running", "stopped"), fc.nat(5))
    .map(([at, id, others, state, kind]) => {
      const builders = [
        () => stateChange({ id, state, ...at }),
        () => runInstances({ ids: [id, ...others], ...at }),
        () => autoScalingLaunch({ id, ...at }),
        () => tagChange({ id, ...at }),
        () => scheduledEvent(at),
        () => refusedRunInstances(),
      ];
      return builders[kind]?.() ?? stateChange(at);
    });
}

/** A delivery of any kind, for the launch topic, still to be signed. Its id is unique: a repeated delivery is not audited. */
function bases(context: Context, messages: fc.Arbitrary<string>): fc.Arbitrary<Base> {
  return fc
    .tuple(messages, fc.nat(3_600_000), fc.noShrink(fc.uuid()), fc.nat(7))
    .map(([message, ago, MessageId, kind]) => {
      const all = basesOf(context, message, context.now - ago, { MessageId });
      const base = all[kind];
      if (base === undefined) throw new Error("there are eight kinds of deliveries");
      return base;
    });
}

const garbage: fc.Arbitrary<Buffer> = fc.oneof(
  fc.uint8Array({ maxLength: 1_000 }).map((bytes) => Buffer.from(bytes)),
  fc
    .tuple(
      fc.constantFrom("[", "{", '{"a":', '"', "\\", "[[],", "0", " ", "\u00e9", "{}"),
      fc.constantFrom(0, 1, 10, 100, 1_000, 10_000, 300_000),
    )
    .map(([text, times]) => Buffer.from(text.repeat(times))),
  fc.string({ unit: "binary" }).map((text) => Buffer.from(text)),
  fc.json().map((text) => Buffer.from(text)),
  fc
    .object({ key: fc.constantFrom("Type", "Message", "TopicArn", "Signature", "__proto__", "detail-type", "x") })
    .map((value) => Buffer.from(JSON.stringify({ Type: "Notification", ...value }))),
);

const headers: fc.Arbitrary<Record<string, string>> = fc.dictionary(
  fc.constantFrom(
    ...["x-amz-sns-message-type", "x-amz-sns-topic-arn", "x-amz-sns-message-id", "x-amz-sns-rawdelivery"],
    ...["content-type", "content-encoding", "x-forwarded-for"],
  ),
  fc.constantFrom(
    ...["", "true", "false", "Notification", "SubscriptionConfirmation", "gzip", "x", "application/json", "null"],
    ...["1".repeat(5_000), "\ud800"],
  ),
  { minKeys: 1, maxKeys: 3, noNullPrototype: true },
);

/** The cases of every class, as often as each other. */
export function fuzzCases(context: Context): fc.Arbitrary<FuzzCase> {
  const event = events(context.now);
  const signedBase = bases(
    context,
    event.map((value) => JSON.stringify(value)),
  ).map((base) => genuine(base, context));
  const http = (kind: HttpClass, parts: fc.Arbitrary<Parts>): fc.Arbitrary<FuzzCase> =>
    fc
      .tuple(parts, fc.constantFrom("webtask", "function URL"), fc.boolean())
      .map(
        ([
          { envelope, body = Buffer.from(JSON.stringify(envelope)), method = "POST", headers: more = {} },
          host,
          plain,
        ]) => {
          const delivery = { method, headers: { ...(plain ? {} : headersOf(textsIn(envelope))), ...more }, body };
          return { class: kind, host, delivery, expected: expectedOf(kind, delivery, envelope) };
        },
      );
  const changedEvents = fc
    .tuple(event, jsonChanges, spellings)
    .map(([value, changes, spelling]) => spell(changeJson(value, changes), spelling));
  return fc.oneof(
    http("nothing", fc.record({ envelope: signedBase })),
    http(
      "fields after signing",
      fc.tuple(signedBase, jsonChanges).map(([envelope, changes]) => ({
        envelope,
        body: Buffer.from(JSON.stringify(changeJson(envelope, changes))),
      })),
    ),
    http(
      "text after signing",
      fc.tuple(signedBase, spellings).map(([envelope, spelling]) => ({
        envelope,
        body: Buffer.from(spell(envelope, spelling)),
      })),
    ),
    http(
      "bytes after signing",
      fc.tuple(signedBase, byteChanges).map(([envelope, changes]) => ({
        envelope,
        body: changeBytes(Buffer.from(JSON.stringify(envelope)), changes),
      })),
    ),
    http(
      "headers",
      fc.record({
        envelope: signedBase,
        headers,
        method: fc.constantFrom("POST", "POST", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"),
      }),
    ),
    http(
      "event before signing",
      bases(context, changedEvents).map((base) => ({ envelope: genuine(base, context) })),
    ),
    http(
      "fields before signing",
      fc.tuple(bases(context, changedEvents), jsonChanges).map(([base, changes]) => {
        const changed = changeJson(base.fields, changes);
        const isEnvelope = typeof changed === "object" && changed !== null && !Array.isArray(changed);
        return { envelope: genuine({ ...base, fields: isEnvelope ? (changed as Fields) : base.fields }, context) };
      }),
    ),
    http("garbage over HTTP", fc.record({ envelope: signedBase, body: garbage })),
    fc.tuple(event, jsonChanges, fc.nat(3)).map(([value, changes, shape]): FuzzCase => {
      const text = JSON.stringify(value);
      const envelope = JSON.stringify({ Type: "Notification", MessageId: "1", Message: text });
      const shapes = [value, snsEvent(text), sqsEvent(text, envelope), sqsEvent(text, text, "{}")];
      return { class: "Lambda events", event: changeJson(shapes[shape], changes) };
    }),
  );
}

/** The parts of a delivery: the envelope that SNS signed, and what is sent in place of it, by POST, and with its headers. */
interface Parts {
  readonly envelope: Fields;
  readonly body?: Buffer;
  readonly method?: string;
  readonly headers?: Record<string, string>;
}

/** Returns the fields that are text: a changed one may be an object that cannot be written as text. */
function textsIn(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => typeof value === "string"));
}

/** A delivery may be accepted only if its signed fields are those that SNS signed; it must be, if nothing of it was changed. */
function expectedOf(kind: HttpClass, { method, headers, body }: FuzzDelivery, envelope: Fields): Expected {
  const sent = parsed(body);
  if (method !== "POST" || headers["x-amz-sns-rawdelivery"] === "true" || sent === null) return { kind: "refused" };
  const names = envelope.Type === "Notification" ? SIGNED_IN_NOTIFICATION : SIGNED_IN_CONFIRMATION;
  if (names.some((name) => (sent.get(name) ?? null) !== (envelope[name] ?? null))) return { kind: "refused" };
  const isUnchanged =
    [...sent].every(([name, value]) => envelope[name] === value) && sent.size === Object.keys(envelope).length;
  return { kind: isUnchanged && (kind === "nothing" || kind === "text after signing") ? "accepted" : "any" };
}

type FuzzDelivery = Delivery & { readonly body: Buffer };

/** Returns the fields of a body; null for a body that is not an object. */
function parsed(body: Buffer): ReadonlyMap<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body.toString());
    const isEnvelope = typeof value === "object" && value !== null && !Array.isArray(value);
    return isEnvelope ? new Map(Object.entries(value)) : null;
  } catch {
    return null;
  }
}
