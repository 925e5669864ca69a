import type { DigestDocument } from "./digest-document.ts";

/** Returns the texts of a digest: the subject in ASCII, the e-mail, and the text message of at most 140 bytes. */
export function digestTexts(document: DigestDocument): {
  readonly subject: string;
  readonly text: string;
  readonly sms: string;
} {
  const subject = `EC2 audit: ${document.violating} instances violate the policy`;
  return { subject, text: subject, sms: subject };
}
