import { createHash } from "node:crypto";

/** The placeholder for the mark while the hash is computed; as long as a mark. */
export const UNMARKED = "not-yet-mark";

const MARK = /["'`]([0-9a-f]{12})["'`]/g;

/** Returns the code with `UNMARKED` replaced by the mark: the first twelve digits of the code's SHA-256. */
export function markBuild(code: string): string {
  return code.replaceAll(UNMARKED, hashOf(code));
}

/** Returns the mark that `markBuild` put into the code; null if there is none, or if the code has changed since. */
export function buildMarkOf(code: string): string | null {
  const marks = [...code.matchAll(MARK)].map(([, mark = ""]) => mark);
  return marks.find((mark) => hashOf(code.replaceAll(mark, UNMARKED)) === mark) ?? null;
}

function hashOf(code: string): string {
  return createHash("sha256").update(code).digest("hex").slice(0, UNMARKED.length);
}
