import type { Place, PlaceResult } from "../../fleet/place.ts";
import { grouped } from "../../util/figures.ts";
import type { Terminal } from "../terminal.ts";

/** A place that is being read, as far as progress needs it. */
interface Reading {
  result(): Pick<PlaceResult, "account" | "region" | "instances" | "findings" | "calls">;
}

/** The progress of a report, as text for a terminal. */
export interface Progress {
  /** Tells what is being done while no place is read, such as "Writing fleet.html". */
  doing(what: string): void;
  /** Tells which places will be read, and how many instances each had in the previous report; null if that is not known. */
  places(places: readonly Place[], instancesOf: (place: Place) => number | null): void;
  started(reading: Reading): void;
  ended(reading: Reading): void;
  /** Tells that EC2 has throttled a call. */
  throttled(): void;
  /** Returns one or two lines. */
  text(): string;
}

/** A page of EC2 has up to this many instances. An empty place takes a page too. */
const PAGE = 1000;

const MAX_BAR = 40;

/** An estimate is shown from this many milliseconds and this share of the work on. */
const [ESTIMATE_AFTER_MS, ESTIMATE_AFTER] = [2_000, 0.03];

/** A throttled call is shown for this many milliseconds. */
const THROTTLED_MS = 5_000;

/** The columns of the spinner before the first line. */
const SPINNER = 2;

/** Creates the progress of a report. `now` is in milliseconds since 1970. */
export function createProgress(
  { colours, columns }: Pick<Terminal, "colours" | "columns">,
  now: () => number,
): Progress {
  const pages = new Map<string, number>();
  const open = new Set<Reading>();
  const done = { places: 0, pages: 0, instances: 0, findings: 0, calls: 0 };
  let what = "Starting";
  let [startedAt, throttledAt] = [now(), Number.NEGATIVE_INFINITY];

  /** Returns the share of the pages that are read, by the counts of the previous report where there is one. */
  const share = () => {
    const total = [...pages.values()].reduce((sum, own) => sum + own, 0);
    const read = [...open].reduce((sum, reading) => {
      const result = reading.result();
      return sum + Math.min(Math.ceil(result.instances / PAGE), (pages.get(keyOf(result)) ?? 1) - 1);
    }, done.pages);
    return total === 0 ? 0 : Math.min(read / total, 0.99);
  };

  const bar = () => {
    const part = share();
    const passed = now() - startedAt;
    const percent = `${Math.floor(part * 100)} %`.padStart(6);
    const canEstimate = passed >= ESTIMATE_AFTER_MS && part >= ESTIMATE_AFTER;
    const left = canEstimate ? `  ${duration((passed * (1 - part)) / part)} left` : "";
    const width = Math.max(0, Math.min(MAX_BAR, columns - 1 - SPINNER - percent.length - left.length));
    const full = Math.round(width * part);
    return colours.cyan("━".repeat(full)) + colours.dim("─".repeat(width - full)) + percent + colours.dim(left);
  };

  const counts = () => {
    const results = [...open].map((reading) => reading.result());
    const sum = (name: "instances" | "findings" | "calls") =>
      grouped(results.reduce((all, result) => all + result[name], done[name]));
    const parts = [
      `${grouped(done.places)} of ${grouped(pages.size)} places`,
      `${sum("instances")} instances`,
      `${sum("findings")} findings`,
      ...(now() - throttledAt < THROTTLED_MS ? ["throttled, slowing down"] : []),
      `${sum("calls")} calls`,
    ];
    return fitting(parts, columns - 1 - SPINNER).join(SEPARATOR);
  };

  return {
    doing: (text) => {
      what = text;
    },
    places: (places, instancesOf) => {
      startedAt = now();
      for (const place of places) pages.set(keyOf(place), Math.ceil((instancesOf(place) ?? 0) / PAGE) + 1);
    },
    started: (reading) => void open.add(reading),
    ended: (reading) => {
      const result = reading.result();
      open.delete(reading);
      done.places += 1;
      done.pages += pages.get(keyOf(result)) ?? 0;
      done.instances += result.instances;
      done.findings += result.findings;
      done.calls += result.calls;
    },
    throttled: () => {
      throttledAt = now();
    },
    text: () => (done.places < pages.size ? `${bar()}\n${" ".repeat(SPINNER)}${counts()}` : what),
  };
}

function keyOf({ account, region }: Place): string {
  return `${account} ${region}`;
}

const SEPARATOR = " · ";

/** Returns the first parts that fit into a line with separators, at least one. */
function fitting(parts: readonly string[], columns: number): readonly string[] {
  const tooMany = parts.findIndex((_, index) => parts.slice(0, index + 1).join(SEPARATOR).length > columns);
  return tooMany === -1 ? parts : parts.slice(0, Math.max(1, tooMany));
}

function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 60) return `about ${seconds} s`;
  return seconds < 3600 ? `about ${Math.ceil(seconds / 60)} min` : `about ${(seconds / 3600).toFixed(1)} h`;
}
