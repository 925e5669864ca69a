import { ALL_REGIONS, type Place } from "../../fleet/place.ts";
import { daysLeft } from "../../policy/exemptions.ts";
import { counted, grouped } from "../../util/figures.ts";
import { groupBy } from "../../util/group-by.ts";
import { answerOf, comparison } from "./answer.ts";
import type { ExemptionLine, Header, PlaceLine, SinceSums } from "./lines.ts";
import type { Report } from "./read-lines.ts";
import { reasonsOf, total } from "./resolutions.ts";
import { list } from "./words.ts";

/** What the short forms of a report tell: the terminal's summary, and Markdown. */

/** Returns what changed since the previous report: `40 new findings, 206 resolved (171 fixed, 35 terminated), 684 still open`. */
export function changesOf({ new: fresh, resolved, open, unknown }: SinceSums): string {
  const reasons = reasonsOf(resolved);
  const why = reasons.length > 0 ? ` (${list(reasons)})` : "";
  const unsure = unknown > 0 ? `, and ${grouped(unknown)} not confirmed` : "";
  return `${counted(fresh, "new finding")}, ${grouped(total(resolved))} resolved${why}, ${grouped(open)} still open${unsure}`;
}

/**
 * Returns the answer of a report, compared with the previous report if every place was read: without some places, its figure would
 * mislead. What is new and resolved does not.
 */
export function answerAndChange(report: Report): { readonly figure: string; readonly text: string } {
  const { figure, sentence } = answerOf(report);
  const isWhole = !report.sums.interrupted && unreadOf(report.places).length === 0;
  return { figure, text: sentence + ((isWhole && comparison(report)) || "") };
}

/** Places that could not be read completely, for one reason. */
export interface Unread {
  readonly status: Exclude<PlaceLine["status"], "complete">;
  readonly reason: string | null;
  readonly places: readonly PlaceLine[];
}

/** What to do about a place that could not be read. */
export const ADVICE: Readonly<Record<Unread["status"], string>> = {
  denied:
    "Allow the action in the policy of the role or user that reads the account, and in the organization’s service control policies. Then make the report again.",
  off: "Enable the region for the account, or leave the region out with --regions.",
  failed: "Make the report again. If it fails again, check the network and AWS Health.",
  partial: "Make the report again. If it ends early again, the reason tells what to check.",
};

/** Returns the places that could not be read completely, by status and reason, those with the most places first. */
export function unreadOf(places: readonly PlaceLine[]): Unread[] {
  const unread = places.flatMap((place) => (place.status === "complete" ? [] : [{ place, status: place.status }]));
  return [...groupBy(unread, ({ place, status }) => JSON.stringify([status, place.reason])).values()]
    .flatMap((own) =>
      own
        .slice(0, 1)
        .map(({ status, place: { reason } }) => ({ status, reason, places: own.map(({ place }) => place) })),
    )
    .sort((a, b) => b.places.length - a.places.length);
}

/** A rule that could not be judged, for one reason. */
export interface Unjudged {
  readonly ruleId: string;
  readonly reason: string;
  readonly instances: number;
  readonly places: number;
}

/** Returns the rules that could not be judged, by reason, those with the most instances first. */
export function unjudgedOf(places: readonly PlaceLine[]): Unjudged[] {
  const rules = places.flatMap(({ notJudgedRules }) => notJudgedRules);
  return [...groupBy(rules, ({ ruleId, reason }) => JSON.stringify([ruleId, reason])).values()]
    .flatMap((own) =>
      own.slice(0, 1).map(({ ruleId, reason }) => ({
        ruleId,
        reason,
        instances: own.reduce((sum, { instances }) => sum + instances, 0),
        places: own.length,
      })),
    )
    .sort((a, b) => b.instances - a.instances);
}

/** An exemption that ends soon. */
export interface Ending extends ExemptionLine {
  /** The days until its end, rounded up; zero or less if it has ended. */
  readonly days: number;
  readonly violations: number;
}

/** An exemption ends soon if it has at most this number of days left. */
export const SOON_DAYS = 30;

/** Returns the exemptions that end within 30 days of the report, and those that have ended. The next one to end comes first. */
export function endingOf({ header, sums }: Pick<Report, "header" | "sums">): Ending[] {
  return header.exemptions
    .map((exemption, index) => ({
      ...exemption,
      days: daysLeft(exemption, Date.parse(header.time)),
      violations: sums.totals.exemptions[index] ?? 0,
    }))
    .filter(({ days }) => days <= SOON_DAYS)
    .sort((a, b) => a.days - b.days);
}

/** Returns when an exemption ends: `ends in 6 days`. */
export function endingIn(days: number): string {
  return days <= 0 ? "has ended" : days === 1 ? "ends today" : `ends in ${days} days`;
}

/** Returns the name of an account; its id if it has none. */
export function accountName({ accounts }: Header, account: string): string {
  return accounts[account] ?? account;
}

/** Returns the name of a place: `prod-core us-east-1`. */
export function placeName(header: Header, { account, region }: Place): string {
  return `${accountName(header, account)} ${region === ALL_REGIONS ? "all regions" : region}`;
}
