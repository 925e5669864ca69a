/** Figures and sentences, as reports and digests show them. The page's script uses them too, so they depend on nothing. */

/** Returns a count with its digits grouped: `12,480`. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/** Returns a count with its noun: `1 finding`, `12,480 findings`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${grouped(count)} ${count === 1 ? noun : plural}`;
}

/** Returns a share in percent with one decimal. It is rounded down, so that only all is `100 %`; a share of nothing is null. */
export function percent(part: number, whole: number): string | null {
  if (whole === 0) return null;
  return part === whole ? "100 %" : `${(Math.floor((part * 1000) / whole) / 10).toFixed(1)} %`;
}

/** Returns the date of a time in ISO 8601, in UTC: `1 Nov 2026`. */
export function dateOf(iso: string): string {
  return new Date(iso).toUTCString().slice(5, 16).replace(/^0/, "");
}

/** Returns a clause as a sentence: with a capital and a full stop. */
export function sentence(clause: string): string {
  return `${clause.slice(0, 1).toUpperCase()}${clause.slice(1)}${/[.!?]$/.test(clause) ? "" : "."}`;
}
