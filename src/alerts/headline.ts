import type { Instance } from "../facts/instances.ts";
import { cut } from "../util/text.ts";
import type { Findings } from "./finding.ts";
import { nameOf } from "./instance-names.ts";

/** SNS takes subjects of up to 100 characters. https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
const MAX_SUBJECT = 99;
/** The part of a subject that every list of messages shows. It ends with the region. */
const GLANCE = 60;
/** A text message of one part. https://docs.aws.amazon.com/sns/latest/dg/sns-mobile-phone-number-as-subscriber.html */
const MAX_SMS = 140;
/** What stays of a name beside a long problem, and of a problem beside a long name. */
const MIN_NAME = 14;
const MIN_PROBLEM = 8;

/** The subject and the text message of an alert. */
export interface Headline {
  readonly subject: string;
  readonly sms: string;
}

/**
 * Returns the subject and the text message: the most severe finding in a few words, where it is, and how much else there is.
 * Takes findings of one account and region, the most severe first.
 */
export function headlineOf(findings: Findings): Headline {
  const [{ severity, ruleId, violation, instance }] = findings;
  const all = instancesIn(findings);
  const sameRule = findings.filter((finding) => finding.ruleId === ruleId);
  const count = instancesIn(sameRule);
  const summary = violation.summary(count);
  const isAlike = sameRule.every((finding) => finding.violation.summary(count) === summary);
  const problem = isAlike ? ascii(summary) : `${count === 1 ? "violates" : "violate"} ${ruleId}`;
  const others = new Set(findings.map((finding) => finding.ruleId)).size - 1;
  const more = [
    others > 0 && `, +${others} ${others === 1 ? "rule" : "rules"}`,
    count < all && `, ${all} instances`,
  ].filter(Boolean);
  return headline(severity.toUpperCase(), instance, count, problem, findings[0], more.join(""));
}

/**
 * Returns the subject and the text message that say, after a label, which instance has a problem or how many have it, where they are,
 * and what else there is.
 */
export function headline(
  label: string,
  instance: Instance,
  count: number,
  problem: string,
  { account, region }: Pick<Findings[0], "account" | "region">,
  more = "",
): Headline {
  const name = asciiName(instance);
  const affected = count === 1 ? (name ?? instance.instanceId) : `${count} instances`;
  const end = `, ${account})${more}`;
  const id = name !== null && count === 1 ? ` ${instance.instanceId}` : "";
  const text = (length: number, least: number) =>
    `${shortened(affected, least, problem, length - ` (${region}`.length)} (${region}`;
  const start = `[${label}] `;
  return {
    subject: cut(`${start}${text(GLANCE - start.length, MIN_NAME)}${end}`, MAX_SUBJECT),
    // A text message has no body: the id of an unnamed instance stays whole.
    sms: `${label} ${text(MAX_SMS - `${label} ${end}${id}`.length, name === null ? affected.length : MIN_NAME)}${end}${id}`,
  };
}

/** Returns a name and a problem in a number of characters: shortens a long name first, then the problem. */
function shortened(name: string, least: number, problem: string, length: number): string {
  const short = cut(name, Math.max(least, length - 1 - problem.length));
  return `${short} ${cut(problem, Math.max(MIN_PROBLEM, length - 1 - short.length))}`;
}

function instancesIn(findings: readonly Findings[0][]): number {
  return new Set(findings.map(({ instance }) => instance.instanceId)).size;
}

/** Returns the instance's name in ASCII; null if nothing of it would be left. */
function asciiName({ tags }: Instance): string | null {
  const name = ascii(nameOf(tags) ?? "");
  return /\w/.test(name) ? name : null;
}

/** Returns text in ASCII. */
export function ascii(text: string): string {
  return text.replaceAll(/[^ -~]+/g, "?");
}
