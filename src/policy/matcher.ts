import { accepts, readPattern, type State } from "./pattern.ts";

/** Whether a text matches. */
export interface Matcher {
  /** The matcher as written. */
  readonly text: string;
  matches(value: string): boolean;
  /** How long a match takes at most for each character of the value, in states of a pattern; 0 for text without wildcards. */
  readonly cost: number;
}

/** A matcher, or its problem: the shape and the fix, without a value. */
export type MatcherReading = { readonly matcher: Matcher } | { readonly problem: string };

/** A pattern and its flags. Only letters that are flags in JavaScript count as flags: `/aws/ami` is no pattern. */
const PATTERN = /^\/(.*)\/([dgimsuvy]*)$/s;

/** One character, or any one, or any number of any. */
type Piece = string | typeof ONE | typeof MANY;
const ONE = 1;
const MANY = 2;

/**
 * Returns the matcher of a text: `/pattern/` or `/pattern/i`, a regular expression that must match the whole value, or a text with
 * the wildcards `*` and `?`, where `\*`, `\?`, `\\` and `\/` stand for the characters themselves.
 */
export function readMatcher(text: string): MatcherReading {
  const [, source, flags] = (text.startsWith("/") && PATTERN.exec(text)) || [];
  if (source === undefined) return readWildcards(text);
  if (flags !== "" && flags !== "i") {
    return {
      problem:
        'has a flag other than "i" after the last "/" of its pattern; remove it, or begin with "\\/" if it is no pattern',
    };
  }
  const reading = readPattern(source, flags === "i");
  if ("problem" in reading) return reading;
  const { pattern } = reading;
  let start: State | undefined;
  const matches = (value: string): boolean => {
    start ??= pattern.compile();
    return accepts(start, value);
  };
  return { matcher: { text, matches, cost: pattern.cost } };
}

function readWildcards(text: string): MatcherReading {
  if (!/[*?\\]/.test(text)) return { matcher: literalMatcher(text, text) };
  const pieces: Piece[] = [];
  let escaped = false;
  let characters = 0;
  for (const character of text) {
    characters += 1;
    if (escaped && !"*?\\/".includes(character)) {
      return {
        problem: `has a "\\" without a meaning at character ${characters - 1}; write "\\\\" for a backslash, or put "/" around a regular expression`,
      };
    }
    if (!escaped && character === "\\") escaped = true;
    else {
      if (escaped) pieces.push(character);
      else pieces.push(character === "*" ? MANY : character === "?" ? ONE : character);
      escaped = false;
    }
  }
  if (escaped) return { problem: 'ends with a lone "\\"; write "\\\\" for a backslash' };
  if (pieces.every((piece) => typeof piece === "string")) return { matcher: literalMatcher(text, pieces.join("")) };
  return { matcher: { text, matches: (value) => matchesPieces(pieces, [...value]), cost: costOf(pieces) } };
}

function literalMatcher(text: string, whole: string): Matcher {
  return { text, matches: (value) => value === whole, cost: 0 };
}

/** Each character can be the start of another try of the pieces between two `*`. Four such steps take as long as a state. */
function costOf(pieces: readonly Piece[]): number {
  let longest = 0;
  for (let at = pieces.indexOf(MANY), run = 0; at >= 0 && at < pieces.length; at += 1) {
    run = pieces[at] === MANY ? 0 : run + 1;
    longest = Math.max(longest, run);
  }
  return 1 + Math.ceil(longest / 4);
}

/** After a failure, only the last `*` is tried again with one character more: that is enough, as it may take any characters. */
function matchesPieces(pieces: readonly Piece[], characters: readonly string[]): boolean {
  let piece = 0;
  let star = -1;
  let starEnd = 0;
  for (let at = 0; at < characters.length; ) {
    const current = pieces[piece];
    if (current === MANY) {
      star = piece;
      starEnd = at;
      piece += 1;
    } else if (current === ONE || current === characters[at]) {
      piece += 1;
      at += 1;
    } else if (star >= 0) {
      piece = star + 1;
      starEnd += 1;
      at = starEnd;
    } else return false;
  }
  return pieces.slice(piece).every((rest) => rest === MANY);
}

/** Returns the matcher of exactly this text. */
export function literal(text: string): string {
  const escaped = text.replaceAll(/[*?\\]/g, "\\$&");
  return PATTERN.test(escaped) ? `\\${escaped}` : escaped;
}

/** Returns the matcher that ignores case. */
export function ignoringCase(matcher: Matcher): Matcher {
  const [, source] = PATTERN.exec(matcher.text) ?? [];
  const reading = source === undefined ? readWildcards(matcher.text.toLowerCase()) : readMatcher(`/${source}/i`);
  // Case makes no text invalid.
  if ("problem" in reading) return matcher;
  const { matches } = reading.matcher;
  return source === undefined ? { ...matcher, matches: (value) => matches(value.toLowerCase()) } : reading.matcher;
}
