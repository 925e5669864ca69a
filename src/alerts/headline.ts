import type { Instance } from "../facts/instances.ts";
import { cut } from "../util/text.ts";
import type { Findings } from "./finding.ts";
import { nameOf } from "./instance-names.ts";

/** SNS takes subjects of up to 100 characters. https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
export const MAX_SUBJECT = 99;
const MAX_NAME = 24;

/**
 * Returns the subject and the text message: the most severe finding in a few words, and the number of other violated rules.
 * Takes findings of one account and region, the most severe first.
 */
export function headlineOf(findings: Findings): { readonly subject: string; readonly sms: string } {
  const [{ severity, ruleId, violation, instance, account, region }] = findings;
  const all = new Set(findings.map((finding) => finding.instance.instanceId)).size;
  const sameRule = findings.filter((finding) => finding.ruleId === ruleId);
  const isAlike = sameRule.every((finding) => finding.violation.message === violation.message);
  const name = asciiName(instance);
  const count = sameRule.length < all ? `${sameRule.length} of ${all}` : String(all);
  const instances = all === 1 ? (name ?? instance.instanceId) : `${count} instances`;
  const problem = isAlike
    ? violation.summary(sameRule.length)
    : `${sameRule.length === 1 ? "violates" : "violate"} ${ruleId}`;
  const others = new Set(findings.map((finding) => finding.ruleId)).size - 1;
  const more = others === 0 ? "" : `, +${others} ${others === 1 ? "rule" : "rules"}`;
  const place = ` (${region}, ${account})`;
  const length = MAX_SUBJECT - `[${severity}] ${more}${place}`.length;
  const text = `${cut(ascii(`${instances} ${problem}`), length)}${more}${place}`;
  const id = name !== null && all === 1 ? ` ${instance.instanceId}` : "";
  const label = severity.toUpperCase();
  return { subject: `[${label}] ${text}`, sms: `${label} ${text}${id}` };
}

/** Returns the instance's name in ASCII; null if nothing of it would be left. */
export function asciiName({ tags }: Instance): string | null {
  const name = ascii(nameOf(tags) ?? "");
  return /\w/.test(name) ? cut(name, MAX_NAME) : null;
}

/** Returns text in ASCII. */
export function ascii(text: string): string {
  return text.replaceAll(/[^ -~]+/g, "?");
}
