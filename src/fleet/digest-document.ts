import { hash } from "node:crypto";
import { daysLeft } from "../policy/exemptions.ts";
import type { Policy } from "../policy/policy.ts";
import { SEVERITIES, type Severity } from "../policy/rule.ts";
import { hideSecret } from "../policy/secrets.ts";
import { cut, oneLine } from "../util/text.ts";
import type { Groups } from "./groups.ts";
import type { SweepSums, SweepTime } from "./sweep-sums.ts";

/** What a digest is made of. */
export interface Swept {
  readonly time: SweepTime;
  readonly sums: SweepSums;
  /** The policy by which the sweep judged. */
  readonly policy: Pick<Policy, "rules" | "exemptions">;
  /** The function's account. */
  readonly account: string;
  /** The name of the role that is assumed in other accounts; null if there is none. */
  readonly role: string | null;
  /** The time now in milliseconds since 1970. */
  readonly now: number;
}

/** The value of the document's `schema`, and the `$id` of `digest.schema.json`. */
export const DIGEST_SCHEMA = "urn:ec2-audit:digest:1";

/** An exemption ends soon if it has at most this number of days left. */
const SOON_DAYS = 14;

/**
 * The maximum lengths of lists and of texts from AWS. With them, the message stays below SNS's 256 KiB: a UTF-16 unit of
 * a document inside JSON takes up to 7 bytes. https://docs.aws.amazon.com/general/latest/gr/sns.html#limits_sns
 */
const MAX = { groups: 40, unread: 40, notJudged: 30, exemptions: 20, exemptRules: 10, worst: 10, name: 128, text: 200 };

/** The digest for programs, as `digest.schema.json` describes it. Its texts contain no control characters. */
export type DigestDocument = ReturnType<typeof digestDocument>;

/** Returns the document of a sweep's digest. */
export function digestDocument({ time, sums, policy, account, now }: Swept) {
  const { instances, compliant, violating, notJudged, findings } = sums.counts;
  const { complete, unread, unreadCount } = sums.places;
  const swept = [...sums.accounts.groups.map(({ value }) => value), ...unread.map((place) => place.account)];
  return {
    schema: DIGEST_SCHEMA,
    // The same for each copy of the sweep, whatever its sums are: a FIFO topic drops the second one.
    id: hash("sha256", `${DIGEST_SCHEMA} ${time.id}`, "hex").slice(0, 32),
    account,
    time: new Date(now).toISOString(),
    scheduledAt: time.scheduledAt,
    hours: time.hours,
    instances,
    compliant,
    violating,
    notJudged,
    findings,
    new: { violating: total(sums.fresh), severities: sums.fresh },
    older: { violating: total(sums.older), severities: sums.older, ages: sums.ages },
    worst: sums.worst.slice(0, MAX.worst).map(({ name, message, ...finding }) => ({
      ...finding,
      name: (name && clean(name, MAX.name)) || null,
      message: clean(message, MAX.text),
    })),
    rules: rulesOf(sums, policy),
    owners: bounded(sums.owners),
    accounts: bounded(sums.accounts),
    places: {
      accounts: new Set(swept).size + sums.accounts.others.values,
      complete,
      unreadCount,
      unread: unread.slice(0, MAX.unread).map((place) => ({ ...place, reason: clean(place.reason ?? "", MAX.text) })),
    },
    notJudgedRules: Object.entries(sums.notJudged)
      .map(([ruleId, rule]) => ({ ruleId, instances: rule.instances, reason: clean(rule.reason, MAX.text) }))
      .sort((a, b) => b.instances - a.instances)
      .slice(0, MAX.notJudged),
    exemptionsEnding: policy.exemptions
      .map((exemption, index) => ({
        exemption,
        violations: sums.exemptions[index] ?? 0,
        days: daysLeft(exemption, now),
      }))
      .filter(({ days }) => days > 0 && days <= SOON_DAYS)
      .sort((a, b) => a.days - b.days || b.violations - a.violations)
      .slice(0, MAX.exemptions)
      .map(({ exemption: { reason, rules, until }, violations, days }) => ({
        reason: clean(reason, MAX.text),
        rules: rules.slice(0, MAX.exemptRules),
        until,
        days,
        violations,
      })),
  } as const;
}

/** Returns the violated rules, those that most instances violate first. */
function rulesOf({ rules }: SweepSums, policy: Swept["policy"]) {
  const known = new Map(policy.rules.map((rule) => [rule.id, rule]));
  return Object.entries(rules)
    .flatMap(([ruleId, violating]) => {
      const rule = known.get(ruleId);
      return rule && violating > 0 ? [{ ruleId, rule: rule.name, severity: rule.severity, violating }] : [];
    })
    .sort((a, b) => b.violating - a.violating || gravity(b) - gravity(a));
}

/** Returns a number that is higher for a more severe rule or finding. */
export function gravity({ severity }: { readonly severity: Severity }): number {
  return SEVERITIES.indexOf(severity);
}

/** Returns the first groups. The others are summed up. */
function bounded({ groups, others }: Groups) {
  const rest = groups.slice(MAX.groups);
  const sumOf = (name: "instances" | "violating") => rest.reduce((sum, group) => sum + group[name], others[name]);
  return {
    groups: groups.slice(0, MAX.groups).map(({ value, instances, violating }) => ({
      value: (value && clean(value, MAX.name)) || null,
      instances,
      violating,
    })),
    others: { values: others.values + rest.length, instances: sumOf("instances"), violating: sumOf("violating") },
  };
}

function total(severities: Readonly<Record<Severity, number>>): number {
  return SEVERITIES.reduce((sum, severity) => sum + severities[severity], 0);
}

/** Returns text from AWS on one line, without secrets, cut to a length. */
function clean(text: string, length: number): string {
  return cut(oneLine(hideSecret(text)).trim(), length);
}
