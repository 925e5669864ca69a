/** Changes to JSON values and to bytes, as data, so that fast-check can shrink them. */
import fc from "fast-check";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const ODD_VALUES: readonly Json[] = [
  ...[null, true, false, 0, -0, -1, 2 ** 31, 2 ** 53, -(2 ** 63), 1e308, 5e-324],
  ...["", " ", "\n", "\0", "\ud800", "\ufffd", "\u2028", "null", "__proto__", "constructor", "1", "2"],
  ...[[], {}, [[]], [null], [""], { length: 1 }, { "": "" }],
  ...["i-", "i-*", "*", "i-1234567890abcdef0", "000000000000", "us-east-1", "evil.com/", "us-east-1.evil.com"],
  "arn:aws:ec2:us-east-1:123456789012:instance/i-1234567890abcdef0",
  ...["9999-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "-000001-01-01T00:00:00Z"],
  ...["pending", "running", "terminated", "Notification", "SubscriptionConfirmation", "RunInstances"],
  ...["EC2 Instance State-change Notification", "Tag Change on Resource", "AWS API Call via CloudTrail"],
];
const ODD_KEYS = [
  ...["__proto__", "constructor", "toString", "toJSON", "then", "length", "", " ", "0", "\ud83d\ude00"],
  ...["Type", "type", "TYPE", "Subject", "Message", "TopicArn", "Signature", "detail", "detail-type"],
];
const ODD_TEXT = [
  ...["", "\n", "\r", "\0", "\t", " ", "\\", '"', "'", "\u00e9", "\ud83d\ude00", "\ud800", "\u202e", "\u0430"],
  ...["%0a", "../../../", "@", "#", "?", "&", "<", "a", "0", "\nMessageId\n", "\nSubject\n", "\nTopicArn\n"],
  "\nType\nNotification\n",
];

/** A change to a JSON value. The numbers count the places in the value, or the characters of a text. */
interface JsonChange {
  readonly kind: "remove" | "copy" | "replace" | "swap" | "wrap" | "nest" | "stringify" | "splice";
  readonly place: number;
  readonly other: number;
  readonly length: number;
  readonly value: Json;
  readonly key: string;
  readonly text: string;
}

/** Changes to a JSON value, up to twelve. */
export const jsonChanges: fc.Arbitrary<readonly JsonChange[]> = fc.array(
  fc.record({
    kind: fc.constantFrom("splice", "replace", "remove", "copy", "swap", "wrap", "nest", "stringify"),
    place: fc.nat(10_000),
    other: fc.nat(10_000),
    length: fc.nat(200),
    value: fc.oneof(fc.constantFrom(...ODD_VALUES), fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>),
    key: fc.constantFrom(...ODD_KEYS),
    text: fc.constantFrom(...ODD_TEXT),
  }),
  { minLength: 1, maxLength: 12, size: "-1" },
);

/** Returns a changed copy of a JSON value. */
export function changeJson(value: unknown, changes: readonly JsonChange[]): unknown {
  const root: { [key: string]: Json } = { value: structuredClone(value) as Json };
  for (const change of changes) changeOnce(root, change);
  return root.value;
}

function changeOnce(
  root: { [key: string]: Json },
  { kind, place, other, length, value, key: oddKey, text }: JsonChange,
): void {
  const places = placesIn(root.value ?? null);
  const { holder, key } = places[place % places.length] ?? { holder: root, key: "value" };
  const elsewhere = places[other % places.length] ?? { holder: root, key: "value" };
  const old = holder[key] ?? null;
  switch (kind) {
    case "remove":
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[key];
      return;
    case "copy":
      put(holder, Array.isArray(holder) ? String(holder.length) : oddKey, structuredClone(old));
      return;
    case "replace":
      put(holder, key, structuredClone(value));
      return;
    case "swap":
      put(holder, key, structuredClone(elsewhere.holder[elsewhere.key] ?? null));
      put(elsewhere.holder, elsewhere.key, structuredClone(old));
      return;
    case "wrap":
      put(holder, key, length % 2 === 0 ? [old] : { [oddKey]: old });
      return;
    case "nest": {
      let nested = old;
      for (let level = 0; level < length; level += 1) nested = [nested];
      put(holder, key, nested);
      return;
    }
    case "stringify":
      put(holder, key, typeof old === "string" ? old + old : JSON.stringify(old));
      return;
    case "splice": {
      const from = typeof old === "string" ? other % (old.length + 1) : 0;
      const spliced = typeof old === "string" ? old.slice(0, from) + text + old.slice(from + (length % 4)) : value;
      put(holder, key, structuredClone(spliced));
    }
  }
}

/** A list holds its values under their indexes, as an object does under its keys. */
type Place = { holder: { [key: string]: Json }; key: string };

/** Returns the place of every value within a value. */
function placesIn(value: Json, places: Place[] = []): Place[] {
  if (typeof value !== "object" || value === null) return places;
  const holder = value as { [key: string]: Json };
  for (const key of Object.keys(value)) {
    places.push({ holder, key });
    if (places.length < 2_000) placesIn(holder[key] ?? null, places);
  }
  return places;
}

function put(holder: object, key: string, value: Json): void {
  // `holder["__proto__"] = value` would change the prototype, which JSON never does.
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

/** A way to write the same object as JSON text: with blanks, with escapes, or with one key twice. */
interface Spelling {
  readonly kind: "compact" | "indented" | "escaped" | "twice";
  readonly number: number;
  readonly value: Json;
}

export const spellings: fc.Arbitrary<Spelling> = fc.record({
  kind: fc.constantFrom("compact", "indented", "escaped", "twice"),
  number: fc.nat(1_000),
  value: fc.constantFrom(...ODD_VALUES),
});

/** Returns a value as JSON text, spelled in the given way. */
export function spell(value: unknown, { kind, number, value: second }: Spelling): string {
  const text = JSON.stringify(value) ?? "null";
  if (kind === "indented") return JSON.stringify(value, null, (number % 4) + 1) ?? "null";
  if (kind === "escaped") return text.replaceAll(/"(?:[^"\\]|\\.)*"/g, (string) => escapeSome(string, number));
  const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
  const [key, first] = entries[number % entries.length] ?? [];
  if (kind !== "twice" || key === undefined) return text;
  const pair = `${JSON.stringify(key)}:${JSON.stringify(number % 3 === 0 ? first : second)}`;
  return number % 2 === 0 ? `${text.slice(0, -1)},${pair}}` : `{${pair},${text.slice(1)}`;
}

/** Escapes some characters of a JSON string, which changes nothing of its value. */
function escapeSome(string: string, number: number): string {
  let index = number;
  return string.replaceAll(/\\u[0-9a-f]{4}|\\.|[^"\\]/g, (unit) => {
    index += 1;
    return unit.length === 1 && index % 3 === 0 ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}` : unit;
  });
}

/** A change to bytes: a bit flipped, the end cut off, or bytes replaced by others. */
interface ByteChange {
  readonly kind: "flip" | "cut" | "replace";
  readonly at: number;
  readonly length: number;
  readonly insert: Uint8Array;
}

export const byteChanges: fc.Arbitrary<readonly ByteChange[]> = fc.array(
  fc.record({
    kind: fc.constantFrom("flip", "replace", "cut"),
    at: fc.nat(10_000),
    length: fc.nat(32),
    insert: fc.oneof(
      fc.uint8Array({ maxLength: 8 }),
      fc.constantFrom(...ODD_TEXT).map((text) => Buffer.from(text)),
    ),
  }),
  { minLength: 1, maxLength: 12, size: "-1" },
);

/** Returns changed bytes. */
export function changeBytes(bytes: Buffer, changes: readonly ByteChange[]): Buffer {
  return changes.reduce((changed: Buffer, { kind, at, length, insert }) => {
    const from = at % (changed.length + 1);
    if (kind === "cut") return changed.subarray(0, from);
    const flipped = Buffer.of((changed[from] ?? 0) ^ (1 << (length % 8)));
    const [middle, to] = kind === "flip" ? [flipped, from + 1] : [insert, from + length];
    return Buffer.concat([changed.subarray(0, from), middle, changed.subarray(to)]);
  }, bytes);
}
