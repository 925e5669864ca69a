/** What is done to a delivery: to its values as JSON, to its text, or to its bytes. */
import type { Random } from "./random.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Values that programs trip over. */
const ODD_VALUES: readonly Json[] = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  2 ** 31,
  2 ** 53,
  -(2 ** 63),
  1e308,
  5e-324,
  "",
  " ",
  "\n",
  "\0",
  "\ud800",
  "\ufffd",
  "\u2028",
  "null",
  "__proto__",
  "constructor",
  [],
  {},
  [[]],
  [null],
  [""],
  { length: 1 },
  { "": "" },
  "i-",
  "i-*",
  "*",
  "i-1234567890abcdef0",
  "arn:aws:ec2:us-east-1:123456789012:instance/i-1234567890abcdef0",
  "us-east-1",
  "evil.com/",
  "us-east-1.evil.com",
  "000000000000",
  "9999-12-31T23:59:59Z",
  "1970-01-01T00:00:00Z",
  "-000001-01-01T00:00:00Z",
  "pending",
  "running",
  "terminated",
  "Notification",
  "SubscriptionConfirmation",
  "1",
  "2",
  "RunInstances",
  "EC2 Instance State-change Notification",
  "Tag Change on Resource",
  "AWS API Call via CloudTrail",
];
const ODD_KEYS = [
  "__proto__",
  "constructor",
  "toString",
  "",
  " ",
  "Type",
  "type",
  "TYPE",
  "Subject",
  "Message",
  "detail",
  "detail-type",
  "TopicArn",
  "Signature",
  "length",
  "0",
  "\ud83d\ude00",
  "toJSON",
  "then",
];
const ODD_TEXT = [
  "\n",
  "\r",
  "\0",
  "\t",
  " ",
  "\\",
  '"',
  "'",
  "\u00e9",
  "\ud83d\ude00",
  "\ud800",
  "\u202e",
  "\u0430",
  "%0a",
  "../../../",
  "@",
  "#",
  "?",
  "&",
  "<",
  "\nMessageId\n",
  "\nSubject\n",
  "\nTopicArn\n",
  "\nType\nNotification\n",
  "a",
  "0",
];

/** A value with so many changes in it. Never changes what it is given. */
export function mutateJson(random: Random, value: unknown, changes: number): Json {
  let mutated = structuredClone(value) as Json;
  for (let change = 0; change < changes; change += 1) mutated = mutateOnce(random, mutated);
  return mutated;
}

/** Every place in a value where something stands: what holds it, and under which key. */
function placesIn(value: Json, places: { holder: { [key: string]: Json }; key: string }[] = []) {
  if (typeof value !== "object" || value === null) return places;
  // A list is held by its indexes as an object is by its keys.
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

/** A copy, so that what is done to it is not done to the next case. */
function oddValue(random: Random): Json {
  return structuredClone(random.pick(ODD_VALUES));
}

function mutateOnce(random: Random, value: Json): Json {
  const places = placesIn(value);
  if (places.length === 0) return oddValue(random);
  const { holder, key } = random.pick(places);
  const old = holder[key] ?? null;
  const elsewhere = random.pick(places);
  switch (random.below(10)) {
    case 0:
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[key];
      break;
    case 1:
      put(holder, Array.isArray(holder) ? String(holder.length) : random.pick(ODD_KEYS), structuredClone(old));
      break;
    case 2:
      put(holder, key, oddValue(random));
      break;
    case 3:
      put(holder, key, structuredClone(elsewhere.holder[elsewhere.key] ?? null));
      break;
    case 4: {
      const other = structuredClone(elsewhere.holder[elsewhere.key] ?? null);
      put(elsewhere.holder, elsewhere.key, structuredClone(old));
      put(holder, key, other);
      break;
    }
    case 5:
      put(holder, key, random.oneIn(2) ? [old] : { [random.pick(ODD_KEYS)]: old });
      break;
    case 6:
      put(holder, key, nested(old, 1 + random.below(200)));
      break;
    case 7:
      put(holder, key, typeof old === "number" ? "7" : String(typeof old === "object" ? JSON.stringify(old) : old));
      break;
    default:
      put(holder, key, typeof old === "string" ? spliceText(random, old) : oddValue(random));
  }
  return value;
}

function nested(value: Json, depth: number): Json {
  let held = value;
  for (let level = 0; level < depth; level += 1) held = [held];
  return held;
}

function spliceText(random: Random, text: string): string {
  const at = random.below(text.length + 1);
  const to = Math.min(text.length, at + random.below(4));
  switch (random.below(6)) {
    case 0:
      return text.slice(0, at) + text.slice(to);
    case 1:
      return text.slice(0, at) + text.slice(at, to).toUpperCase() + text.slice(to);
    case 2:
      return text.slice(at) + text.slice(0, at);
    case 3:
      return text + text;
    default:
      return text.slice(0, at) + random.pick(ODD_TEXT) + text.slice(random.oneIn(2) ? at : to);
  }
}

/** JSON text of the same object, written otherwise: blanks, escapes, or a key that stands twice. */
export function rewriteText(random: Random, value: unknown): string {
  const text = JSON.stringify(value) ?? "null";
  switch (random.below(5)) {
    case 0:
      return JSON.stringify(value, null, random.pick([1, "\t", "  "])) ?? "null";
    case 1:
      return text.replaceAll(/"(?:[^"\\]|\\.)*"/g, (string) => escapeSome(random, string));
    case 2: {
      const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
      if (entries.length === 0) return text;
      const [key, first] = random.pick(entries);
      const second = random.oneIn(2) ? first : oddValue(random);
      const pair = `${JSON.stringify(key)}:${JSON.stringify(second)}`;
      return random.oneIn(2) ? `${text.slice(0, -1)},${pair}}` : `{${pair},${text.slice(1)}`;
    }
    default:
      return text;
  }
}

/** A JSON string with some of its characters escaped, which changes nothing. */
function escapeSome(random: Random, string: string): string {
  return string.replaceAll(/\\u[0-9a-f]{4}|\\.|[^"\\]/g, (unit) => {
    const isEscaped = unit.length === 1 && random.oneIn(3);
    return isEscaped ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}` : unit;
  });
}

/** Bytes with so many changes in them: flipped, cut, put in, taken out, or twice. */
export function mutateBytes(random: Random, from: Buffer, changes: number): Buffer {
  let bytes = Buffer.from(from);
  for (let change = 0; change < changes; change += 1) {
    const at = random.below(bytes.length + 1);
    const to = Math.min(bytes.length, at + 1 + random.below(32));
    switch (random.below(7)) {
      case 0:
      case 1:
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
        break;
      case 2:
        bytes = bytes.subarray(0, at);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(random.pick(ODD_TEXT)), bytes.subarray(at)]);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
        break;
      case 5:
        bytes = Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
        break;
      default:
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          Buffer.of(random.below(256)),
          bytes.subarray(Math.min(bytes.length, at + 1)),
        ]);
    }
  }
  return bytes;
}
