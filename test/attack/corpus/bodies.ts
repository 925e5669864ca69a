/** Bodies that are not envelopes, requests that are not deliveries, and certificates that are not valid. */
import { signed } from "../../support/sns.ts";
import {
  type AttackCase,
  basesOf,
  bodyCase,
  type CERTIFICATE_NUMBERS,
  type Context,
  caseOf,
  certificateUrl,
  genuine,
} from "./case.ts";

const KIB = 1024;
const NOT_JSON = "it is not JSON";
const NO_ENVELOPE = "it is not an envelope";
const TOO_LARGE = "it is larger than a delivery can be";

export function* malformedJson(context: Context): Iterable<AttackCase> {
  const texts = [
    "",
    " ",
    "\n",
    "\0",
    "\u0001\u0002",
    "{",
    "}",
    "[",
    "]",
    "{]",
    "[}",
    '"',
    "'",
    "{}{}",
    "{},",
    ",",
    ":",
    "nul",
    "NaN",
    "Infinity",
    "-",
    "+1",
    "01",
    "1e",
    "0x10",
    "1_000",
    ".5",
    "5.",
    "undefined",
    "function(){}",
    "<xml/>",
    "<!DOCTYPE html><html></html>",
    "Type=Notification&Message=x",
    "--boundary",
    '{"Type":}',
    '{"Type"}',
    "{Type:1}",
    "{'Type':'Notification'}",
    '{"Type":"Notification",}',
    '{"Type":"Notification"',
    '{"Type":"Notif',
    '{"a":"\\x"}',
    '{"a":"\\u12"}',
    '{"a":"\t"}',
    '{"a":"\n"}',
    "/* */{}",
    "{} // x",
    "\ufeff{}",
    "\u00a0{}",
    "{}\0",
    "{}\ufeff",
  ];
  for (const text of texts) {
    const isJson = canParse(text);
    yield bodyCase(JSON.stringify(text), isJson ? NO_ENVELOPE : NOT_JSON, 400, text);
  }
  const values = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1e400",
    "-1e-400",
    "9".repeat(5_000),
    "1.".concat("3".repeat(5_000)),
    '""',
    '"Notification"',
    '"\\ud800"',
    "[]",
    "[{}]",
    "[[]]",
    "{}",
    '{"":""}',
    '{"a":{"b":{"c":{}}}}',
    '{"Type":"Notification"}',
    '{"length":0}',
  ];
  for (const text of values) yield bodyCase(text.slice(0, 40), NO_ENVELOPE, 400, text);
  for (const base of basesOf(context)) {
    const text = JSON.stringify(genuine(base, context));
    const broken: Readonly<Record<string, string | Buffer>> = {
      "cut off": text.slice(0, -1),
      "cut in half": text.slice(0, text.length / 2),
      "with a byte order mark": `\ufeff${text}`,
      "with a NUL before it": `\0${text}`,
      "with a NUL after it": `${text}\0`,
      twice: text + text,
      "in a list": `[${text}]`,
      "as text": JSON.stringify(text),
      "in UTF-16": Buffer.from(text, "utf16le"),
      "in base64": Buffer.from(text).toString("base64"),
      "percent-encoded": encodeURIComponent(text),
      "with a comment": `/**/${text}`,
      "with single quotes": text.replaceAll('"', "'"),
      "with a byte before it that is not UTF-8": Buffer.concat([Buffer.of(0xff), Buffer.from(text)]),
      "with a trailing comma": `${text.slice(0, -1)},}`,
      "with a bare line break in a value": text
        .replace('"Notification"', '"Notif\nication"')
        .replace('Confirmation"', 'Confirm\nation"'),
    };
    for (const [how, body] of Object.entries(broken)) yield bodyCase(`${base.kind}: ${how}`, NOT_JSON, 400, body);
    // A byte that is not UTF-8 is read as U+FFFD, which is not the signed text.
    const bytes = Buffer.from(text.replace(/"MessageId":"./, '"MessageId":"~'));
    const at = bytes.indexOf("~");
    for (const byte of [0x80, 0xbf, 0xc0, 0xc3, 0xe2, 0xed, 0xf0, 0xf5, 0xfe, 0xff]) {
      const changed = Buffer.from(bytes);
      changed[at] = byte;
      yield bodyCase(
        `${base.kind}: a byte 0x${byte.toString(16)} in its MessageId`,
        "it is not what SNS signed",
        403,
        changed,
      );
    }
  }
}

function canParse(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

export function* nesting(context: Context): Iterable<AttackCase> {
  for (const depth of [100, 10_000, 100_000, 130_000]) {
    yield bodyCase(`${depth} lists`, NO_ENVELOPE, 400, "[".repeat(depth) + "]".repeat(depth));
    yield bodyCase(`${depth} lists, none closed`, NOT_JSON, 400, "[".repeat(depth));
    yield bodyCase(`${depth} objects, none closed`, NOT_JSON, 400, '{"a":'.repeat(Math.min(depth, 50_000)));
    const objects = Math.min(depth, 40_000);
    yield bodyCase(`${objects} objects`, NO_ENVELOPE, 400, `${'{"a":'.repeat(objects)}1${"}".repeat(objects)}`);
  }
  for (const base of basesOf(context)) {
    const text = JSON.stringify(genuine(base, context));
    for (const depth of [20_000, 100_000]) {
      const deep = "[".repeat(depth) + "]".repeat(depth);
      yield bodyCase(`${base.kind}: ${depth} lists beside it`, NO_ENVELOPE, 400, `${text.slice(0, -1)},"x":${deep}}`);
      yield bodyCase(
        `${base.kind}: ${depth} lists for its Message`,
        NO_ENVELOPE,
        400,
        text.replace(/"Message":"(?:[^"\\]|\\.)*"/, `"Message":${deep}`),
      );
    }
    yield bodyCase(
      `${base.kind}: 20,000 more keys`,
      NO_ENVELOPE,
      400,
      `${text.slice(0, -1)},${Array.from({ length: 20_000 }, (_, index) => `"${index}":0`).join()}}`,
    );
  }
}

export function* tooLarge(context: Context): Iterable<AttackCase> {
  const fills: Readonly<Record<string, string>> = {
    letters: "x",
    NUL: "\0",
    brackets: "[",
    quotes: '"',
    blanks: " ",
    "two bytes": "\u00e9",
    "four bytes": "\ud83d\ude00",
    backslashes: "\\",
    digits: "7",
  };
  for (const [what, fill] of Object.entries(fills)) {
    for (const size of [300_000, 530_000, 700_000, 2_000_000]) {
      yield bodyCase(
        `${size} bytes of ${what}`,
        TOO_LARGE,
        413,
        fill.repeat(Math.ceil(size / Buffer.byteLength(fill))),
      );
    }
  }
  for (const byte of [0x80, 0xff])
    yield bodyCase(`300,000 bytes 0x${byte.toString(16)}`, TOO_LARGE, 413, Buffer.alloc(300_000, byte));
  for (const base of basesOf(context)) {
    const { version } = base;
    const Message = "x".repeat(256 * KIB + 1);
    yield caseOf(
      `${base.kind}: a Message of 256 KiB and one byte, signed`,
      TOO_LARGE,
      413,
      signed({ ...base.fields, Message }, { version, signer: context.keys.sns }),
    );
    for (const field of ["Signature", "Subject", "Token", "SigningCertURL", "padding", "MessageAttributes"]) {
      const envelope = { ...genuine(base, context), [field]: "x".repeat(300_000) };
      yield caseOf(`${base.kind}: ${field} of 300,000 bytes`, TOO_LARGE, 413, envelope);
    }
    const spaces = " ".repeat(300_000);
    yield bodyCase(
      `${base.kind}: 300,000 blanks after it`,
      TOO_LARGE,
      413,
      JSON.stringify(genuine(base, context)) + spaces,
    );
  }
}

export function* methods(context: Context): Iterable<AttackCase> {
  const because = "SNS sends POST";
  for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "BREW", "POSTX"]) {
    for (const base of basesOf(context)) {
      yield { ...caseOf(`${method} of ${base.kind}`, because, 405, genuine(base, context)), method };
    }
  }
}

export function* contentTypes(context: Context): Iterable<AttackCase> {
  const types = [
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/html",
    "application/xml",
    "text/plain; charset=utf-16",
    "text/plain; charset=utf-7",
    "application/octet-stream",
    "",
    "x",
    "application/json, text/plain",
  ];
  for (const type of types) {
    for (const base of basesOf(context)) {
      const forged = signed(base.fields, { version: base.version, signer: context.keys.other });
      yield caseOf(`${type}: forged ${base.kind}`, "a content type proves nothing", 403, forged, {
        "content-type": type,
      });
    }
    for (const body of ["", "{}", "x", "Type=Notification&Message=x", "--x\r\n\r\n{}\r\n--x--"]) {
      yield { ...bodyCase(`${type}: ${body}`, NO_ENVELOPE, 400, body), headers: { "content-type": type } };
    }
  }
}

/** Deliveries that are signed with the key of the named certificate, which is not valid. */
export function* certificates(context: Context): Iterable<AttackCase> {
  const { keys, configuration } = context;
  const wrong: Readonly<Record<Exclude<keyof typeof CERTIFICATE_NUMBERS, "sns">, readonly [number, string]>> = {
    expired: [503, "it has expired, or the function's clock is fast"],
    notYet: [503, "it is not valid yet, or the function's clock is slow"],
    elliptic: [503, "SNS signs with RSA"],
    page: [503, "it is a web page"],
    redirect: [503, "a redirect is not followed"],
    huge: [503, "it is too large"],
    missing: [503, "it does not exist"],
    hangUp: [503, "the server hung up"],
  };
  const signers = { expired: keys.expired, notYet: keys.notYet };
  for (const base of basesOf(context)) {
    for (const which of Object.keys(wrong) as (keyof typeof wrong)[]) {
      const [status, because] = wrong[which];
      const SigningCertURL = certificateUrl(configuration.region, which);
      const signer = which === "expired" || which === "notYet" ? signers[which] : keys.other;
      yield caseOf(
        `${base.kind}: ${which}`,
        because,
        status,
        signed({ ...base.fields, SigningCertURL }, { version: base.version, signer }),
      );
    }
  }
}
