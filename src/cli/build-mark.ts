import { createHash } from "node:crypto";

/** Stands for the mark in the code while the hash is computed; as long as a mark. */
export const UNMARKED = "not-yet-mark";

const MARK = /["'`]([0-9a-f]{12})["'`]/g;

/** Puts a mark into code that holds `UNMARKED`: the first twelve digits of the SHA-256 of that code. */
export function markBuild(code: string): string {
  return code.replaceAll(UNMARKED, hashOf(code));
}

/** The mark that `markBuild` put into code; null for code without one, or changed since. */
export function buildMarkOf(code: string): string | null {
  const marks = [...code.matchAll(MARK)].map(([, mark = ""]) => mark);
  return marks.find((mark) => hashOf(code.replaceAll(mark, UNMARKED)) === mark) ?? null;
}

function hashOf(code: string): string {
  return createHash("sha256").update(code).digest("hex").slice(0, UNMARKED.length);
}
