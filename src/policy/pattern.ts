// Regular expressions that run in linear time: JavaScript's RegExp backtracks, and a policy's author could make it hang. An
// automaton takes 5 kB of the deployed file, and @bufbuild/re2 takes 49 kB and 2 ms of each start.

/** A state of the automaton: reads one character, or leads on without one. The last state leads nowhere. */
export interface State {
  reads: ((character: string) => boolean) | null;
  to: State[];
  /** The last step that reached the state. */
  step: number;
}

/** A part of a pattern. */
interface Part {
  /** The number of its states. At least 1, so that the cost also limits the work of building. */
  readonly cost: number;
  /** Returns the first of its states; its last ones lead to `next`. */
  build(next: State): State;
}

/** A pattern that was read: its number of states, and the automaton, built at each call. */
export interface Pattern {
  readonly cost: number;
  compile(): State;
}

export type PatternReading = { readonly pattern: Pattern } | { readonly problem: string };

type Atom = { readonly literal: string } | { readonly set: string };

const MAX_CHARACTERS = 256;
const MAX_COUNT = 256;
const MAX_STATES = 1000;

const CONTROLS: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", f: "\f", v: "\v" };

const state = (reads: State["reads"], to: State[]): State => ({ reads, to, step: 0 });

const unicode = (character: string): string => `\\u{${character.codePointAt(0)?.toString(16)}}`;

/** Reads one character of a set, which has the syntax of JavaScript. A RegExp for one character has nothing to backtrack to. */
function one(set: string, flags: string): Part {
  let expression: RegExp | undefined;
  let last = "";
  let found = false;
  const reads = (character: string): boolean => {
    // The copies of a repeated part share this answer.
    if (character !== last) {
      expression ??= new RegExp(`^${set}$`, flags);
      found = expression.test(character);
      last = character;
    }
    return found;
  };
  return { cost: 1, build: (next) => state(reads, [next]) };
}

function sequence(parts: readonly Part[]): Part {
  return {
    cost: Math.max(
      1,
      parts.reduce((sum, part) => sum + part.cost, 0),
    ),
    build: (next) => parts.reduceRight((following, part) => part.build(following), next),
  };
}

function choice(parts: readonly Part[]): Part {
  return {
    cost: parts.reduce((sum, part) => sum + part.cost, 1),
    build: (next) =>
      state(
        null,
        parts.map((part) => part.build(next)),
      ),
  };
}

/** @param most Infinity for no limit */
function repeat(part: Part, least: number, most: number): Part {
  if (most === Number.POSITIVE_INFINITY) {
    return {
      cost: Math.max(1, least) * part.cost + 1,
      build: (next) => {
        const loop = state(null, []);
        const body = part.build(loop);
        loop.to = [body, next];
        let first = least === 0 ? loop : body;
        for (let copy = 1; copy < least; copy += 1) first = part.build(first);
        return first;
      },
    };
  }
  return {
    cost: Math.max(1, most * part.cost + most - least),
    build: (next) => {
      let first = next;
      for (let copy = least; copy < most; copy += 1) first = state(null, [part.build(first), next]);
      for (let copy = 0; copy < least; copy += 1) first = part.build(first);
      return first;
    },
  };
}

/**
 * Returns the pattern of a regular expression, the text between the slashes, or the first problem: its shape and its fix. A problem
 * counts characters from the slash, which is the first. Supported are literals, `.`, classes, `\d \w \s` and their opposites,
 * groups, `|`, `* + ?` and counts, with the meaning that they have in JavaScript with the flag `u`.
 */
export function readPattern(source: string, ignoreCase: boolean): PatternReading {
  const characters = [...source];
  if (source === "") return { problem: 'has nothing between its "/"; write "" for an empty value' };
  if (characters.length > MAX_CHARACTERS) {
    return { problem: `has a pattern of over ${MAX_CHARACTERS} characters; use several shorter matchers` };
  }
  const flags = ignoreCase ? "iu" : "u";
  let at = 0;
  let problem: string | undefined;

  /** Keeps the first problem, and ends the reading. */
  const fail = (what: string, where: number, fix: string): void => {
    problem ??= `has ${what} at character ${where + 2}; ${fix}`;
    at = characters.length;
  };
  const take = (text: string): boolean => {
    const found = characters[at] === text;
    if (found) at += 1;
    return found;
  };

  const escaped = (): Atom => {
    const where = at - 1;
    const character = characters[at] ?? "";
    at += 1;
    if (/^[dws]$/i.test(character)) return { set: `\\${character}` };
    const control = CONTROLS[character];
    if (control !== undefined) return { literal: control };
    if (/^[bB]$/.test(character)) {
      fail(
        "an unsupported word boundary",
        where,
        'the pattern must match the whole value, so write what may surround the word, such as ".*"',
      );
    } else if (/^[1-9k]$/.test(character)) {
      fail("an unsupported backreference", where, "write out the texts that may repeat");
    } else if (/^p$/i.test(character)) {
      fail("an unsupported Unicode property", where, 'use a class, such as "[A-Za-zÀ-ÿ]"');
    } else if (/^[a-z0-9]?$/i.test(character)) {
      fail('a "\\" without a meaning', where, 'write the character itself, or "\\\\" for a backslash');
    }
    return { literal: character };
  };

  const classAtom = (): Atom => {
    const literal = characters[at] ?? "";
    at += 1;
    return literal === "\\" ? escaped() : { literal };
  };

  const characterClass = (): Part => {
    const where = at - 1;
    let set = take("^") ? "[^" : "[";
    if (characters[at] === "]") fail('an empty "[]"', where, "list the characters");
    while (at < characters.length && characters[at] !== "]") {
      const start = at;
      const low = classAtom();
      set += "set" in low ? low.set : unicode(low.literal);
      if (characters[at] !== "-" || (characters[at + 1] ?? "]") === "]") continue;
      at += 1;
      const high = classAtom();
      if ("set" in low || "set" in high || (low.literal.codePointAt(0) ?? 0) > (high.literal.codePointAt(0) ?? 0)) {
        fail("a range out of order", start, 'put the lower character first, or write "\\-" for a hyphen');
      } else set += `-${unicode(high.literal)}`;
    }
    if (!take("]")) fail('a "[" without "]"', where, 'write "\\[" for the character itself');
    return one(`${set}]`, flags);
  };

  const group = (depth: number): Part => {
    const where = at - 1;
    if (take("?") && !take(":")) {
      const [next, after] = characters.slice(at);
      if (next === "=" || next === "!" || (next === "<" && (after === "=" || after === "!"))) {
        fail("an unsupported lookahead or lookbehind", where, 'use several matchers, or a condition with "not"');
      } else fail('an unsupported "(?"', where, 'write "(" or "(?:", without a name or flags');
    }
    const part = alternatives(depth + 1);
    if (!take(")")) fail('a "(" without ")"', where, 'write "\\(" for the character itself');
    return part;
  };

  const atom = (depth: number): Part | undefined => {
    const where = at;
    const character = characters[at] ?? "";
    at += 1;
    if (character === "(") return group(depth);
    if (character === "[") return characterClass();
    if (character === ".") return one(".", flags);
    if (character === "^" || character === "$") {
      const outside = character === "^" ? characters[where - 1] : characters[at];
      if (depth === 0 && (outside === undefined || outside === "|")) return undefined;
      fail(
        `a "${character}" that is not at the ${character === "^" ? "start" : "end"}`,
        where,
        `write "\\${character}" for the character itself`,
      );
    } else if (/^[*+?{]$/.test(character)) {
      fail(`a "${character}" with nothing to repeat`, where, `write "\\${character}" for the character itself`);
    } else if (/^[)\]}]$/.test(character)) {
      fail(`a "${character}" that closes nothing`, where, `write "\\${character}" for the character itself`);
    }
    const read = character === "\\" ? escaped() : { literal: character };
    return one("set" in read ? read.set : unicode(read.literal), flags);
  };

  const repeated = (part: Part): Part => {
    const where = at;
    let least = 0;
    let most = Number.POSITIVE_INFINITY;
    if (take("?")) most = 1;
    else if (take("+")) least = 1;
    else if (characters[at] === "{") {
      const counts = /^\{(\d+)(,?)(\d*)\}/.exec(characters.slice(at, at + 16).join(""));
      if (!counts || (counts[2] === "" && counts[3] !== "")) {
        fail('a "{" that begins no count', where, 'write a count such as "{2}" or "{1,3}", or "\\{" for the character');
        return part;
      }
      at += counts[0].length;
      least = Number(counts[1]);
      if (counts[2] === "") most = least;
      else if (counts[3] !== "") most = Number(counts[3]);
      if (least > MAX_COUNT || (most > MAX_COUNT && most !== Number.POSITIVE_INFINITY)) {
        fail(`a count over ${MAX_COUNT}`, where, "use a lower one");
      } else if (least > most) fail("a count whose limits are out of order", where, "put the lower one first");
    } else if (!take("*")) return part;
    // A lazy repetition matches the same whole values.
    take("?");
    return repeat(part, least, most);
  };

  const alternatives = (depth: number): Part => {
    const choices: Part[] = [];
    do {
      const parts: Part[] = [];
      while (at < characters.length && characters[at] !== "|" && !(depth > 0 && characters[at] === ")")) {
        const part = atom(depth);
        if (part) parts.push(repeated(part));
      }
      choices.push(sequence(parts));
    } while (take("|"));
    const [only] = choices;
    return only && choices.length === 1 ? only : choice(choices);
  };

  const whole = alternatives(0);
  if (problem !== undefined) return { problem };
  if (whole.cost > MAX_STATES) {
    return { problem: `has a pattern of over ${MAX_STATES} states; lower its counts, such as "{1,30}"` };
  }
  return { pattern: { cost: whole.cost, compile: () => whole.build(state(null, [])) } };
}

let step = 0;

/** Returns the states that read a character, and the last one, that are reached from some states without reading. */
function reach(from: State[]): State[] {
  step += 1;
  const reached: State[] = [];
  // The list grows while it is read.
  for (const state of from) {
    if (state.step === step) continue;
    state.step = step;
    if (state.reads || state.to.length === 0) reached.push(state);
    else from.push(...state.to);
  }
  return reached;
}

/** Returns whether an automaton accepts a whole text. Each character takes at most one visit of each state. */
export function accepts(start: State, text: string): boolean {
  let states = reach([start]);
  for (const character of text) {
    states = reach(states.flatMap((state) => (state.reads?.(character) ? state.to : [])));
    if (states.length === 0) return false;
  }
  return states.some((state) => state.to.length === 0);
}
