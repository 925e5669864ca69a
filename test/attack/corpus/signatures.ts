/** Deliveries without a signature, with that of another key, or with one over other fields. */
import { type Fields, SIGNED_IN_CONFIRMATION, SIGNED_IN_NOTIFICATION, signed } from "../../support/sns.ts";
import { type AttackCase, type Base, basesOf, bodyCase, type Context, caseOf, genuine } from "./case.ts";

const TYPES = ["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"];
const UNSIGNED = "SNS did not sign it";
const CHANGED = "it is not what SNS signed";
const NO_ENVELOPE = "it is not an SNS envelope";

export function* unsigned(context: Context): Iterable<AttackCase> {
  for (const base of basesOf(context)) {
    const envelope = genuine(base, context);
    const { Signature, ...rest } = envelope;
    const { SignatureVersion: _, ...bare } = rest;
    const bytes = Buffer.from(String(Signature), "base64");
    yield caseOf(`${base.kind}: no Signature`, NO_ENVELOPE, 400, rest);
    yield caseOf(`${base.kind}: no Signature, no SignatureVersion`, NO_ENVELOPE, 400, bare);
    const stands: Readonly<Record<string, string>> = {
      empty: "",
      "a blank": " ",
      "not base64": "\u2026\u2026",
      "three zero bytes": "AAAA",
      "256 zero bytes": Buffer.alloc(256).toString("base64"),
      "256 bytes of 0xff": Buffer.alloc(256, 0xff).toString("base64"),
      "the number 1": Buffer.from([...Array(255).fill(0), 1]).toString("base64"),
      "one byte short": bytes.subarray(1).toString("base64"),
      "one byte long": Buffer.concat([bytes, Buffer.of(0)]).toString("base64"),
      "a zero byte before it": Buffer.concat([Buffer.of(0), bytes]).toString("base64"),
      reversed: Buffer.from(bytes).reverse().toString("base64"),
      "in hexadecimal": bytes.toString("hex"),
      twice: `${Signature}${Signature}`.replaceAll("=", ""),
      "the text null": "null",
      "100 kB": "A".repeat(100_000),
    };
    for (const [how, text] of Object.entries(stands)) {
      yield caseOf(`${base.kind}: the signature ${how}`, UNSIGNED, 403, { ...envelope, Signature: text });
    }
    for (let bit = 0; bit < bytes.length * 8; bit += 97) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const forged = { ...envelope, Signature: flipped.toString("base64") };
      yield caseOf(`${base.kind}: bit ${bit} of the signature`, UNSIGNED, 403, forged);
    }
  }
}

export function* otherKeys(context: Context): Iterable<AttackCase> {
  for (const base of basesOf(context)) {
    for (const [owner, signer] of [
      ["another key", context.keys.other],
      ["an expired key", context.keys.expired],
    ] as const) {
      const envelope = signed(base.fields, { version: base.version, signer });
      yield caseOf(
        `${base.kind}: signed by ${owner}`,
        "the key is not the key of the named certificate",
        403,
        envelope,
      );
      const inline = {
        ...envelope,
        SigningCert: signer.certificate,
        Certificate: signer.certificate,
        x5c: [signer.certificate],
      };
      yield caseOf(
        `${base.kind}: signed by ${owner}, with its certificate`,
        "a delivery must not bring its own certificate",
        403,
        inline,
      );
    }
  }
}

export function* wrongFieldsSigned(context: Context): Iterable<AttackCase> {
  for (const base of basesOf(context)) {
    const { version, fields, signedNames } = base;
    const signer = context.keys.sns;
    const choices: readonly (readonly string[])[] = [
      [],
      Object.keys(fields),
      [...signedNames, "SigningCertURL"],
      signedNames.includes("Token") ? SIGNED_IN_NOTIFICATION : [...SIGNED_IN_CONFIRMATION, "UnsubscribeURL"],
      ...signedNames.map((left) => signedNames.filter((name) => name !== left)),
      ...signedNames.map((only) => [only]),
    ];
    for (const names of choices) {
      const signedText = (of: readonly string[]) =>
        of
          .filter((name) => name in fields)
          .sort()
          .join();
      if (signedText(names) === signedText(signedNames)) continue;
      const envelope = signed(fields, { version, signer, names });
      yield caseOf(`${base.kind}: signed are [${names.join()}]`, "a field that SNS signs is not signed", 403, envelope);
    }
  }
}

/** Returns variants of a value, each different from it. */
function variantsOf(value: string): string[] {
  const flipped = value.replace(/[a-z]/i, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );
  const middle = value.length >> 1;
  const variants = [
    `${value}x`,
    `x${value}`,
    `${value} `,
    ` ${value}`,
    `${value}\t`,
    `${value}\r`,
    `${value}\0`,
    `${value}\u200b`,
    value.slice(1),
    value.slice(0, -1),
    value.slice(0, middle) + value.slice(middle + 1),
    flipped,
    `${value}${value}`,
    value.replace("a", "\u0430"),
    value.replace("e", "e\u0301"),
    [...value].reverse().join(""),
    value.replace("1", "2"),
    "",
    " ",
    "null",
    "undefined",
    "[object Object]",
  ];
  return [...new Set(variants)].filter((variant) => variant !== value);
}

/** Returns the status for an envelope with another text in one field. */
function statusOf(field: string, text: string, base: Base): number {
  if (field === "Timestamp")
    return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(text) && !Number.isNaN(Date.parse(text)) ? 403 : 400;
  if (field !== "Type") return 403;
  if (!TYPES.includes(text)) return 400;
  return text === "Notification" || base.signedNames.includes("Token") ? 403 : 400;
}

export function* fieldsChanged(context: Context): Iterable<AttackCase> {
  for (const base of basesOf(context)) {
    const envelope = genuine(base, context);
    for (const field of base.signedNames) {
      const value = String(envelope[field]);
      const swapped = base.signedNames.filter((other) => other !== field).map((other) => String(envelope[other]));
      const oneLine = swapped.filter((text) => field === "Message" || !text.includes("\n"));
      for (const text of [...variantsOf(value), ...oneLine]) {
        const status = statusOf(field, text, base);
        yield caseOf(`${base.kind}: ${field} becomes ${JSON.stringify(text).slice(0, 40)}`, CHANGED, status, {
          ...envelope,
          [field]: text,
        });
      }
    }
    for (const Type of TYPES.filter((other) => other !== envelope.Type)) {
      const forged = { Token: "t", SubscribeURL: "https://example.com/", ...envelope, Type };
      yield caseOf(`${base.kind}: only the Type becomes ${Type}`, "the Type is signed", 403, forged);
    }
  }
}

export function* fieldsRemoved(context: Context): Iterable<AttackCase> {
  for (const base of basesOf(context)) {
    const envelope = genuine(base, context);
    for (const field of [...base.signedNames, "SignatureVersion", "SigningCertURL"]) {
      const status = field === "Subject" ? 403 : 400;
      const rest = Object.fromEntries(Object.entries(envelope).filter(([name]) => name !== field));
      yield caseOf(`${base.kind}: without ${field}`, status === 403 ? CHANGED : NO_ENVELOPE, status, rest);
      const elsewhere: Fields = { ...rest, [field.toLowerCase()]: envelope[field], [`${field} `]: envelope[field] };
      yield caseOf(`${base.kind}: ${field} under other spellings`, CHANGED, status, elsewhere);
    }
    if (!base.signedNames.includes("Subject") && base.signedNames.length === 5) {
      for (const Subject of ["", " ", "x", "null"]) {
        yield caseOf(`${base.kind}: a Subject ${JSON.stringify(Subject)} is added`, CHANGED, 403, {
          ...envelope,
          Subject,
        });
      }
    }
  }
}

export function* fieldsRetyped(context: Context): Iterable<AttackCase> {
  for (const base of basesOf(context)) {
    const envelope = genuine(base, context);
    for (const field of [...base.signedNames, "Signature", "SignatureVersion", "SigningCertURL"]) {
      const value = envelope[field];
      const others = [
        [value],
        { value },
        { 0: value, length: 1 },
        7,
        0,
        -1,
        1e308,
        true,
        false,
        null,
        [],
        {},
        [[value]],
      ];
      for (const other of others) {
        const status = field === "Subject" && other === null ? 403 : 400;
        yield caseOf(`${base.kind}: ${field} as ${JSON.stringify(other).slice(0, 30)}`, NO_ENVELOPE, status, {
          ...envelope,
          [field]: other,
        });
      }
    }
  }
}

export function* fieldsDuplicated(context: Context): Iterable<AttackCase> {
  for (const base of basesOf(context)) {
    const envelope = genuine(base, context);
    const text = JSON.stringify(envelope);
    for (const field of base.signedNames) {
      const wrong = field === "Timestamp" ? new Date(context.now - 60_000).toISOString() : `${envelope[field]}x`;
      const status = field === "Type" ? 400 : 403;
      for (const spelling of [JSON.stringify(field), `"\\u00${field.charCodeAt(0).toString(16)}${field.slice(1)}"`]) {
        const body = `${text.slice(0, -1)},${spelling}:${JSON.stringify(wrong)}}`;
        yield bodyCase(`${base.kind}: ${spelling} a second time, changed`, CHANGED, status, body);
      }
      yield bodyCase(
        `${base.kind}: ${field} a second time, null`,
        CHANGED,
        field === "Subject" ? 403 : 400,
        `${text.slice(0, -1)},${JSON.stringify(field)}:null}`,
      );
    }
  }
}
