import type { Instance } from "../facts/instances.ts";
import { cut } from "../util/text.ts";
import type { Findings } from "./finding.ts";
import { nameOf } from "./instance-names.ts";

/** SNS takes subjects of up to 100 characters. https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
export const MAX_SUBJECT = 99;
/** The part of a subject that every list of messages shows. It ends with the region. */
const GLANCE = 60;
/** A text message of one part. https://docs.aws.amazon.com/sns/latest/dg/sns-mobile-phone-number-as-subscriber.html */
const MAX_SMS = 140;
/** What stays of a name beside a long problem, and of a problem beside a long name. */
const MIN_NAME = 14;
const MIN_PROBLEM = 8;

/**
 * Returns the subject and the text message: the most severe finding in a few words, where it is, and how much else there is.
 * Takes findings of one account and region, the most severe first.
 */
export function headlineOf(findings: Findings): { readonly subject: string; readonly sms: string } {
  const [{ severity, ruleId, violation, instance, account, region }] = findings;
  const all = instancesIn(findings);
  const sameRule = findings.filter((finding) => finding.ruleId === ruleId);
  const count = instancesIn(sameRule);
  const summary = violation.summary(count);
  const isAlike = sameRule.every((finding) => finding.violation.summary(count) === summary);
  const name = asciiName(instance);
  const affected = count === 1 ? (name ?? instance.instanceId) : `${count} instances`;
  const problem = isAlike ? ascii(summary) : `${count === 1 ? "violates" : "violate"} ${ruleId}`;
  const others = new Set(findings.map((finding) => finding.ruleId)).size - 1;
  const more = [
    others > 0 && `, +${others} ${others === 1 ? "rule" : "rules"}`,
    count < all && `, ${all} instances`,
  ].filter(Boolean);
  const label = severity.toUpperCase();
  const end = `, ${account})${more.join("")}`;
  const id = name !== null && count === 1 ? ` ${instance.instanceId}` : "";
  const text = (length: number) => `${shortened(affected, problem, length - ` (${region}`.length)} (${region}`;
  const start = `[${label}] `;
  return {
    subject: cut(`${start}${text(GLANCE - start.length)}${end}`, MAX_SUBJECT),
    sms: `${label} ${text(MAX_SMS - `${label} ${end}${id}`.length)}${end}${id}`,
  };
}

/** Returns a name and a problem in a number of characters: shortens a long name first, then the problem. */
function shortened(name: string, problem: string, length: number): string {
  const short = cut(name, Math.max(MIN_NAME, length - 1 - problem.length));
  return `${short} ${cut(problem, Math.max(MIN_PROBLEM, length - 1 - short.length))}`;
}

function instancesIn(findings: readonly Findings[0][]): number {
  return new Set(findings.map(({ instance }) => instance.instanceId)).size;
}

/** Returns the instance's name in ASCII; null if nothing of it would be left. */
export function asciiName({ tags }: Instance): string | null {
  const name = ascii(nameOf(tags) ?? "");
  return /\w/.test(name) ? name : null;
}

/** Returns text in ASCII. */
export function ascii(text: string): string {
  return text.replaceAll(/[^ -~]+/g, "?");
}
