import pc from "picocolors";
import { median } from "./processes.ts";

/** One line of the table: our figure, that of a baseline in the same run, and the target. */
export interface Row {
  readonly what: string;
  readonly ours: string;
  readonly baseline: string;
  readonly ratio: number | null;
  readonly target: string;
  readonly met: boolean | null;
}

/** Compares figures with baselines of the same rounds; the ratio is the median of the rounds' ratios. Null: no target. */
export function ratioRow(
  what: string,
  {
    values,
    baselines,
    of,
    unit,
  }: { values: readonly number[]; baselines: readonly number[]; of: string; unit: string },
  limit: number | null,
): Row {
  const ratio = median(values.map((value, round) => value / (baselines[round] ?? Number.NaN)));
  const show = (figures: readonly number[]) => `${median(figures).toFixed(unit === "ms" ? 1 : 0)} ${unit}`;
  return {
    what,
    ours: show(values),
    baseline: `${show(baselines)} ${of}`,
    ratio,
    target: limit === null ? "" : `≤ ${limit} ×`,
    met: limit === null ? null : ratio <= limit,
  };
}

/** Writes the table on standard output. */
export function print(rows: readonly Row[]): void {
  const cells = rows.map((row) => [
    row.what,
    row.ours,
    row.baseline,
    row.ratio === null ? "" : `${row.ratio.toFixed(2)} ×`,
    row.target,
    row.met === null ? "" : row.met ? "met" : "NOT MET",
  ]);
  const head = ["measure", "ours", "baseline", "ratio", "target", ""];
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  console.log(pc.bold(line(head)));
  for (const row of cells) {
    const text = line(row);
    console.log(row[5] === "NOT MET" ? pc.red(text) : text);
  }
}
