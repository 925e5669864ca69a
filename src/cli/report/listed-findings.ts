/** The sums of a report, as far as they count its findings. */
interface Listed {
  readonly totals: { readonly findings: number };
  readonly since: { readonly unknown: number } | null;
}

/** Returns the number of findings that a report lists: also those that are not confirmed, which its totals lack. */
export function listedFindings({ totals, since }: Listed): number {
  return totals.findings + (since?.unknown ?? 0);
}
