import { grouped } from "../../util/figures.ts";
import type { Resolution, SinceSums } from "./lines.ts";

/** The reasons, with the words that follow a number. */
export const RESOLUTIONS: readonly { readonly key: Resolution; readonly word: string; readonly sentence: string }[] = [
  { key: "fixed", word: "fixed", sentence: "The instance was corrected." },
  { key: "terminated", word: "terminated", sentence: "The instance was terminated." },
  { key: "exempted", word: "exempted", sentence: "An exemption applies." },
  { key: "scope", word: "out of scope", sentence: "The instance left the rule’s scope." },
  { key: "policy", word: "by the policy’s change", sentence: "The policy changed." },
];

/** Returns the sum of the counts by reason. */
export function total(resolved: SinceSums["resolved"]): number {
  return Object.values(resolved).reduce((sum, value) => sum + value, 0);
}

/** Returns the counts by reason that are not zero, in words: `171 fixed`. */
export function reasonsOf(resolved: SinceSums["resolved"]): string[] {
  return RESOLUTIONS.filter(({ key }) => resolved[key] > 0).map(({ key, word }) => `${grouped(resolved[key])} ${word}`);
}
