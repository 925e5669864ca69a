import { closestMatch } from "leven";

/**
 * The word that was most likely meant: one that is nearly the same, or the only one that has a part more or less, as
 * ALERT_TOPIC_ARN has beside ALERT_TOPIC. Undefined when none is near.
 */
export function nearest(word: string, choices: readonly string[]): string | undefined {
  const plain = word.toLowerCase();
  const near = closestMatch(
    plain,
    choices.map((choice) => choice.toLowerCase()),
    {
      maxDistance: Math.max(2, Math.floor(word.length / 4)),
    },
  );
  if (near !== undefined) return choices.find((choice) => choice.toLowerCase() === near);
  const begun = choices.filter((choice) => {
    const other = choice.toLowerCase();
    return other.startsWith(`${plain}_`) || plain.startsWith(`${other}_`);
  });
  return begun.length === 1 ? begun[0] : undefined;
}
