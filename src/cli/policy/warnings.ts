import { appliesTo, daysLeft } from "../../policy/exemptions.ts";
import type { Policy } from "../../policy/policy.ts";

/** A part of a valid policy that is probably not meant. */
export interface Warning {
  /** The place, such as `rules[2].when`. */
  readonly path: string;
  /** To follow the path, without a full stop. */
  readonly warning: string;
}

/** How many days before its end an exemption is reported. */
const ENDS_SOON_DAYS = 14;

/** Returns what is probably not meant in a policy. `now` is in milliseconds since 1970. */
export function warningsOf(policy: Policy, now: number): Warning[] {
  return exemptionWarnings(policy, now);
}

function exemptionWarnings({ rules, exemptions }: Policy, now: number): Warning[] {
  return exemptions.flatMap((exemption, index) => {
    const path = `exemptions[${index}]`;
    const days = daysLeft(exemption, now);
    const ends =
      days <= 0
        ? `ended with ${exemption.until}: its findings have returned; remove it or set a later "until"`
        : days <= ENDS_SOON_DAYS
          ? `ends ${days === 1 ? "today" : `in ${days} days`}: set a later "until" if the reason still holds`
          : null;
    const own = rules.filter((rule) => appliesTo(exemption, rule));
    const isForReports = own.every(({ mode }) => mode === "report");
    return [
      ...(ends === null ? [] : [{ path: `${path}.until`, warning: ends }]),
      ...(isForReports
        ? [{ path: `${path}.rules`, warning: "names only rules in report mode, which alert nobody anyway" }]
        : []),
    ];
  });
}
