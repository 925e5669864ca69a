/** Numbers and dates in words, for people who read English. */

const NUMBER = new Intl.NumberFormat("en-US");
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });

/** Returns a number with separators: `12,480`. */
export function count(value: number): string {
  return NUMBER.format(value);
}

/** Returns a number of things: `1 place`, `12,480 places`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Returns a change: `+18`, `−9`, `0`. */
export function change(value: number): string {
  return value === 0 ? "0" : `${value > 0 ? "+" : "−"}${count(Math.abs(value))}`;
}

/**
 * Returns a share in percent with one decimal, such as `94.2`. A share that is not all is never `100`, and a share that is
 * something is never `0`.
 */
export function percent(part: number, whole: number): string {
  if (part === whole) return "100";
  if (part === 0) return "0";
  return Math.min(99.9, Math.max(0.1, Math.round((part / whole) * 1000) / 10)).toFixed(1);
}

/** Returns the day of a time in ISO 8601, in UTC: `25 Nov 2026`; the text itself if it is not a time. */
export function day(time: string): string {
  const date = Date.parse(time);
  return Number.isNaN(date) ? time : DATE.format(date);
}

/** Returns the minute of a time in ISO 8601: `06:00 UTC`. */
export function minute(time: string): string {
  const date = Date.parse(time);
  return Number.isNaN(date) ? "" : `${TIME.format(date)} UTC`;
}

/** Returns the days between two times in ISO 8601, at least 0. */
export function daysBetween(from: string, to: string): number {
  return Math.max(0, Math.floor((Date.parse(to) - Date.parse(from)) / 86_400_000));
}

/** Returns the time between two times in ISO 8601: `3 hours`, `93 days`. */
export function age(from: string, to: string): string {
  const days = daysBetween(from, to);
  if (days > 0) return plural(days, "day");
  const hours = Math.floor((Date.parse(to) - Date.parse(from)) / 3_600_000);
  return hours > 0 ? plural(hours, "hour") : "less than 1 hour";
}

/** Returns a duration in seconds: `41 seconds`, `12 minutes`. */
export function duration(seconds: number): string {
  return seconds < 120 ? plural(Math.round(seconds), "second") : plural(Math.round(seconds / 60), "minute");
}

/** Returns words as a list: `a, b and c`. */
export function list(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
