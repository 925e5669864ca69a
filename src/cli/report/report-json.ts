import type { Report } from "./read-lines.ts";
import { total } from "./resolutions.ts";

/** Returns a report as the JSON document of `--json`. */
export function reportJson({ places, sums }: Report): string {
  const { instances, compliant, violating, notJudged, findings } = sums.totals;
  const { since } = sums;
  const document = {
    instances,
    compliant,
    violating,
    notJudged,
    findings,
    places: places.map(({ account, region, status, instances, calls }) => ({
      account,
      region,
      status,
      instances,
      calls,
    })),
    ...(since && {
      since: {
        new: since.new,
        resolved: total(since.resolved),
        open: since.open + since.unknown,
      },
    }),
  };
  return JSON.stringify(document, null, 2);
}
