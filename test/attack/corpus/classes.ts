import * as bodies from "./bodies.ts";
import type { AttackClass } from "./case.ts";
import * as envelopes from "./envelopes.ts";
import * as signatures from "./signatures.ts";

/** The classes of attacks, each with the number of cases that it has at least. */
export const CLASSES: readonly {
  readonly name: string;
  readonly cases: AttackClass;
  readonly least: number;
  /** Whether its cases name other certificates than the valid one. */
  readonly otherCertificates?: true;
}[] = [
  { name: "without a valid signature", cases: signatures.unsigned, least: 300 },
  { name: "signed with another key", cases: signatures.otherKeys, least: 32 },
  { name: "signed over other fields than SNS signs", cases: signatures.wrongFieldsSigned, least: 90 },
  { name: "with a signed field changed", cases: signatures.fieldsChanged, least: 1_000 },
  { name: "with a signed field removed", cases: signatures.fieldsRemoved, least: 100 },
  { name: "with a field of another type", cases: signatures.fieldsRetyped, least: 900 },
  { name: "with a signed field twice", cases: signatures.fieldsDuplicated, least: 140 },
  { name: "with another signature version", cases: envelopes.versions, least: 160 },
  { name: "with a certificate of another URL", cases: envelopes.certificateUrls, least: 800 },
  { name: "with the same signed text in other values", cases: envelopes.canonicalisation, least: 150 },
  { name: "with the envelope in a key", cases: envelopes.prototypes, least: 250 },
  { name: "signed by SNS for another topic", cases: envelopes.otherTopics, least: 450 },
  { name: "replayed, or ahead of time", cases: envelopes.otherTimes, least: 350 },
  { name: "with headers that contradict the body", cases: envelopes.headers, least: 100 },
  { name: "by raw delivery", cases: envelopes.rawDeliveries, least: 25 },
  { name: "as malformed JSON", cases: bodies.malformedJson, least: 270 },
  { name: "with deep nesting or many parts", cases: bodies.nesting, least: 50 },
  { name: "that is too large", cases: bodies.tooLarge, least: 90 },
  { name: "with another method", cases: bodies.methods, least: 70 },
  { name: "with another content type", cases: bodies.contentTypes, least: 130 },
  { name: "with a certificate that is not valid", cases: bodies.certificates, least: 60, otherCertificates: true },
];
