import { counted, dateOf, grouped, percent } from "../../util/figures.ts";
import type { Report } from "./read-lines.ts";
import { total } from "./resolutions.ts";

/** What a report is about, without its findings. */
export type About = Pick<Report, "header" | "places" | "sums">;

/** The answer of a report in a figure and a sentence. */
export interface Answer {
  /** The figure, such as `94.2 % compliant`. */
  readonly figure: string;
  readonly sentence: string;
}

/** Returns the answer of a report. Compliance is the share of the judged instances that comply with every rule. */
export function answerOf({ places, sums }: About): Answer {
  const { instances, compliant, violating } = sums.totals;
  const read = places.filter(({ status }) => status === "complete").length;
  const judged = compliant + violating;
  if (instances === 0 && read === 0) {
    return { figure: "Unknown", sentence: "No place could be read, so nothing is known about compliance." };
  }
  if (instances === 0) {
    const where = read === 1 ? "the place that was" : `the ${grouped(read)} places that were`;
    return { figure: "No instances", sentence: `No instance was found in ${where} read.` };
  }
  if (judged === 0) return { figure: "Unknown", sentence: "No instance could be judged." };
  const were = judged === 1 ? "was" : "were";
  const which = judged < instances ? " that could be judged" : read < places.length ? ` that ${were} read` : "";
  const all = judged === 1 ? `The only instance${which} complies` : `All ${grouped(judged)} instances${which} comply`;
  const some = `${grouped(violating)} of ${counted(instances, "instance")} ${violating === 1 ? "violates" : "violate"}`;
  return {
    figure: `${percent(compliant, judged)} compliant`,
    sentence: violating > 0 ? `${some} the policy.` : `${all} with the policy.`,
  };
}

/** Compares the number of violating instances with that of the previous report. Without some places, it would mislead. */
export function comparison({ header, places, sums }: About): string | false {
  if (header.since === null || sums.since === null) return false;
  const { previous, new: fresh, resolved } = sums.since;
  const then = `the report of ${dateOf(header.since)}`;
  if (places.some(({ status }) => status !== "complete")) {
    return ` Since ${then}, ${grouped(fresh)} findings are new and ${grouped(total(resolved))} are resolved.`;
  }
  const difference = sums.totals.violating - previous.violating;
  const share = percent(previous.compliant, previous.compliant + previous.violating);
  const compliance = share === null ? "" : `, which had ${share}`;
  if (difference === 0) return ` That is as many as in ${then}${compliance}.`;
  return ` That is ${grouped(Math.abs(difference))} ${difference > 0 ? "more" : "fewer"} than in ${then}${compliance}.`;
}
