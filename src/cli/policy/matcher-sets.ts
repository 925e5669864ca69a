import { readMatcher } from "../../policy/matcher.ts";

/** What matchers match in common. Takes matchers as a valid policy has them. */

type Piece = { readonly character: string } | "?" | "*";

/** Returns the pieces of a text with wildcards; null for a regular expression. */
function piecesOf(text: string): readonly Piece[] | null {
  if (/^\/.*\/i?$/s.test(text)) return null;
  return [...text.matchAll(/\\(.)|(.)/gsu)].map(([, escaped, plain = ""]) =>
    escaped === undefined && (plain === "*" || plain === "?") ? plain : { character: escaped ?? plain },
  );
}

/** Returns the only text that a matcher matches; null if it may match several. */
export function onlyTextOf(matcher: string): string | null {
  const pieces = piecesOf(matcher);
  return pieces?.every((piece) => typeof piece === "object") ? pieces.map(({ character }) => character).join("") : null;
}

function matches(matcher: string, text: string): boolean {
  const reading = readMatcher(matcher);
  return "matcher" in reading && reading.matcher.matches(text);
}

/** Returns whether some text may match both matchers: true if that cannot be decided. */
export function mayOverlap(one: string, other: string): boolean {
  const [oneText, otherText] = [onlyTextOf(one), onlyTextOf(other)];
  if (oneText !== null) return matches(other, oneText);
  if (otherText !== null) return matches(one, otherText);
  const [onePieces, otherPieces] = [piecesOf(one), piecesOf(other)];
  return onePieces === null || otherPieces === null || overlap(onePieces, otherPieces);
}

/** Returns whether some text matches both sequences of pieces. */
function overlap(one: readonly Piece[], other: readonly Piece[]): boolean {
  const seen = new Set<number>();
  const open: (readonly [number, number])[] = [[0, 0]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [at, otherAt] = next;
    const state = at * (other.length + 1) + otherAt;
    if (seen.has(state)) continue;
    seen.add(state);
    const [piece, otherPiece] = [one[at], other[otherAt]];
    if (piece === undefined && otherPiece === undefined) return true;
    // A "*" ends, or takes what the other sequence has next.
    if (piece === "*") open.push([at + 1, otherAt], ...(otherPiece ? [[at, otherAt + 1] as const] : []));
    if (otherPiece === "*") open.push([at, otherAt + 1], ...(piece ? [[at + 1, otherAt] as const] : []));
    if (isSame(piece, otherPiece)) open.push([at + 1, otherAt + 1]);
  }
  return false;
}

function isSame(one: Piece | undefined, other: Piece | undefined): boolean {
  if (one === undefined || other === undefined || one === "*" || other === "*") return false;
  return one === "?" || other === "?" || one.character === other.character;
}

/** Returns whether a matcher surely matches each text that another one matches. */
export function covers(matcher: string, other: string): boolean {
  if (matcher === "*" || matcher === other) return true;
  const text = onlyTextOf(other);
  return text !== null && matches(matcher, text);
}
