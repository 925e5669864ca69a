/**
 * Returns the value of the first tag with a key, in any case, as the sums by owner and service count it; null if there is none.
 */
export function tagOf(tags: Readonly<Record<string, string>>, key: string): string | null {
  const lowerCaseKey = key.toLowerCase();
  for (const [name, value] of Object.entries(tags)) {
    if (name.length === key.length && name.toLowerCase() === lowerCaseKey) return value;
  }
  return null;
}
