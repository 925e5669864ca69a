/** Figures and sentences, as all formats of a report show them. The page's script uses them too, so they depend on nothing. */

const GROUPED = new Intl.NumberFormat("en-US");
const ONE_DECIMAL = new Intl.NumberFormat("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** Returns a count with its digits grouped: `12,480`. */
export function grouped(count: number): string {
  return GROUPED.format(count);
}

/** Returns a count with its noun: `1 finding`, `12,480 findings`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${grouped(count)} ${count === 1 ? noun : plural}`;
}

/** Returns a share in percent with one decimal. It is rounded down, so that only all is `100 %`; a share of nothing is null. */
export function percent(part: number, whole: number): string | null {
  if (whole === 0) return null;
  return part === whole ? "100 %" : `${ONE_DECIMAL.format(Math.floor((part * 1000) / whole) / 10)} %`;
}

/** Returns the date of a time in ISO 8601, in UTC: `1 Nov 2026`. */
export function dateOf(iso: string): string {
  return new Date(iso).toUTCString().slice(5, 16).replace(/^0/, "");
}

/** The sums of a report, as far as they count its findings. */
interface Listed {
  readonly totals: { readonly findings: number };
  readonly since: { readonly unknown: number } | null;
}

/** Returns the number of findings that a report lists: also those that are not confirmed, which its totals lack. */
export function listedFindings({ totals, since }: Listed): number {
  return totals.findings + (since?.unknown ?? 0);
}

/** Returns a clause as a sentence: with a capital and a full stop. */
export function sentence(clause: string): string {
  return `${clause.slice(0, 1).toUpperCase()}${clause.slice(1)}${/[.!?]$/.test(clause) ? "" : "."}`;
}
