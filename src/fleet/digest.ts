import type { Publishable } from "../alerts/publish.ts";
import { DIGEST_SCHEMA, type DigestDocument, digestDocument, type Swept } from "./digest-document.ts";
import { digestTexts } from "./digest-text.ts";

/** The message with the result of a sweep. */
export interface Digest extends Publishable {
  /** The text of the e-mail. */
  readonly text: string;
  readonly document: DigestDocument;
}

/** The number that Date has for it. */
const MONDAY = 1;

/**
 * Returns the digest of a sweep. Returns null if nothing is wrong: no instance violates the policy, each place was read, each rule
 * was judged, and no exemption ends within 14 days. Instances that may still get their tags do not count as wrong. On a Monday (UTC) there is always a digest, as a sign of life.
 */
export function digestOf(swept: Swept): Digest | null {
  const document = digestDocument(swept);
  const { violating, places, notJudgedRules, exemptionsEnding, scheduledAt } = document;
  const lasting = violating - swept.sums.settling;
  const isWrong = lasting + places.unreadCount + notJudgedRules.length + exemptionsEnding.length > 0;
  if (!isWrong && new Date(scheduledAt).getUTCDay() !== MONDAY) return null;
  const { subject, text, sms } = digestTexts(document, swept.role);
  return {
    id: document.id,
    subject,
    text,
    document,
    message: JSON.stringify({ default: JSON.stringify(document), email: text, sms }),
    attributes: {
      account: { DataType: "String", StringValue: document.account },
      schema: { DataType: "String", StringValue: DIGEST_SCHEMA },
    },
    group: `${document.account}-digest`,
  };
}
