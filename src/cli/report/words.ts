import { counted, grouped } from "../../util/figures.ts";

/** Words for numbers and times, for people who read English. */

/** Returns a change: `+18`, `−9`, `0`. */
export function change(value: number): string {
  return value === 0 ? "0" : `${value > 0 ? "+" : "−"}${grouped(Math.abs(value))}`;
}

/** Returns the minute of a time in ISO 8601, in UTC: `06:00 UTC`. */
export function minuteOf(time: string): string {
  return `${time.slice(11, 16)} UTC`;
}

/** Returns the time between two times in ISO 8601: `3 hours`, `93 days`. */
export function age(from: string, to: string): string {
  const hours = Math.floor((Date.parse(to) - Date.parse(from)) / 3_600_000);
  if (hours >= 24) return counted(Math.floor(hours / 24), "day");
  return hours > 0 ? counted(hours, "hour") : "under 1 hour";
}

/** Returns a duration in seconds: `41 seconds`, `12 minutes`. */
export function duration(seconds: number): string {
  return seconds < 120 ? counted(Math.round(seconds), "second") : counted(Math.round(seconds / 60), "minute");
}

/** Returns words as a list: `a, b and c`. */
export function list(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
