import { closestMatch } from "leven";

/** The longest word that is compared, because this takes quadratic time. */
const MAX_LENGTH = 64;

/**
 * Returns the choice that was most likely meant: the most similar one, or the only one with one part more or fewer, such as
 * ALERT_TOPIC_ARN for ALERT_TOPIC. Returns undefined if none is similar.
 */
export function nearest(word: string, choices: readonly string[]): string | undefined {
  if (word.length > MAX_LENGTH) return undefined;
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
