import type { Report } from "./read-lines.ts";

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
        resolved: Object.values(since.resolved).reduce((sum, count) => sum + count, 0),
        open: since.open + since.unknown,
      },
    }),
  };
  return JSON.stringify(document, null, 2);
}
