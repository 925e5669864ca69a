import { endOfString } from "./json.ts";

/** The position of a syntax error: line and column, both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

const SPACE = /[ \t\n\r]*/y;
/** A string, up to its closing quote or to a character that a string must not contain. */
const STRING = /"(?:[ !#-[\]-\u{10ffff}]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*/uy;
const NUMBER_OR_WORD = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)(?!\w)/y;

/**
 * The token that may come next: `first` is the first value of a list or its end, `key` the first key of an object or its end,
 * `end` a comma or an end.
 */
type Expected = "value" | "first" | "key" | "next key" | "colon" | "end";

/**
 * Returns the position of the first syntax error; null for valid JSON. JSON.parse has the position only in its message, which
 * differs between versions of Node and quotes the text. https://www.rfc-editor.org/rfc/rfc8259
 */
export function jsonErrorIn(text: string): Position | null {
  const open: ("[" | "{")[] = [];
  let expected: Expected = "value";
  let at = 0;
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return found !== null;
  };
  const string = (): boolean => {
    if (!skip(STRING) || text[at] !== '"') return false;
    at += 1;
    return true;
  };
  for (;;) {
    skip(SPACE);
    const character = text[at];
    const inside = open.at(-1);
    const closes = inside === "[" ? "]" : "}";
    if (expected === "end" && inside === undefined) return character === undefined ? null : positionOf(text, at);
    if (character === closes && inside && (expected === "end" || expected === (inside === "[" ? "first" : "key"))) {
      open.pop();
      at += 1;
      expected = "end";
    } else if (expected === "end" && character === ",") {
      at += 1;
      expected = inside === "[" ? "value" : "next key";
    } else if (expected === "colon" && character === ":") {
      at += 1;
      expected = "value";
    } else if (expected === "key" || expected === "next key") {
      if (!string()) return positionOf(text, at);
      expected = "colon";
    } else if (expected === "value" || expected === "first") {
      if (character === "[" || character === "{") {
        open.push(character);
        at += 1;
        expected = character === "[" ? "first" : "key";
      } else if (string() || skip(NUMBER_OR_WORD)) {
        expected = "end";
      } else {
        return positionOf(text, at);
      }
    } else {
      return positionOf(text, at);
    }
  }
}

/** Returns the position of the first key that its object already has; null if there is none. Takes valid JSON. JSON.parse keeps only the last value. */
export function repeatedKeyIn(json: string): Position | null {
  const open: Set<string>[] = [];
  for (let at = 0; at < json.length; at += 1) {
    const character = json[at];
    if (character === "{") open.push(new Set());
    else if (character === "}") open.pop();
    else if (character === '"') {
      const start = at;
      at = endOfString(json, start);
      COLON.lastIndex = at + 1;
      if (!COLON.test(json)) continue;
      const written = json.slice(start + 1, at);
      const key: string = written.includes("\\") ? JSON.parse(`"${written}"`) : written;
      const keys = open.at(-1);
      if (keys?.has(key)) return positionOf(json, start);
      keys?.add(key);
    }
  }
  return null;
}

const COLON = /\s*:/y;

function positionOf(text: string, at: number): Position {
  const before = text.slice(0, at).split("\n");
  return { line: before.length, column: (before.at(-1) ?? "").length + 1 };
}
