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

const MAX_CHARACTERS = 256;
const MAX_COUNT = 256;
const MAX_STATES = 1000;

const CONTROLS: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", f: "\f", v: "\v" };

/** What a backslash makes of a letter, a digit or the end that is not supported, and what to write instead. */
const UNSUPPORTED: readonly (readonly [RegExp, what: string, fix: string])[] = [
  [/b/i, "an unsupported word boundary", 'write what may surround the word, such as ".*"'],
  [/[1-9k]/, "an unsupported backreference", "write out the texts that may repeat"],
  [/p/i, "an unsupported Unicode property", 'use a class, such as "[A-Za-zÀ-ÿ]"'],
  [/[a-z\d]|^$/i, 'a "\\" without a meaning', 'write the character itself, or "\\\\" for a backslash'],
];

const state = (reads: State["reads"], to: State[]): State => ({ reads, to, step: 0 });

/** Reads one character of a set, in JavaScript's syntax. A RegExp for one character has nothing to backtrack to. */
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

/** Reads a pattern. Returns its parts, and the first problem: then the parts are not to be used. */
function parse(source: string, ignoreCase: boolean): { readonly whole: Part; readonly problem: string | undefined } {
  const characters = [...source];
  const flags = ignoreCase ? "iu" : "u";
  let at = 0;
  let problem: string | undefined;

  /** Keeps the first problem, and ends the reading. */
  const fail = (where: number, what: string, fix: string): void => {
    problem ??= `has ${what} at character ${where + 2}; ${fix}`;
    at = characters.length;
  };
  const itself = (character: string): string => `write "\\${character}" for the character itself`;
  const take = (character: string): boolean => {
    const found = characters[at] === character;
    if (found) at += 1;
    return found;
  };

  /** Reads a character, or a set such as `\d`. Returns it as the source of a RegExp. */
  const unit = (): string => {
    const where = at;
    let character = characters[at] ?? "";
    at += 1;
    if (character === "\\") {
      character = characters[at] ?? "";
      at += 1;
      if (/[dws]/i.test(character)) return `\\${character}`;
      const control = CONTROLS[character];
      const unsupported = UNSUPPORTED.find(([pattern]) => pattern.test(character));
      if (control !== undefined) character = control;
      else if (unsupported) fail(where, unsupported[1], unsupported[2]);
    }
    return `\\u{${character.codePointAt(0)?.toString(16)}}`;
  };

  /** The code point of a unit; NaN for a set. */
  const code = (unit: string): number => Number.parseInt(unit.slice(3), 16);

  const characterClass = (where: number): Part => {
    let set = take("^") ? "[^" : "[";
    if (characters[at] === "]") fail(where, 'an empty "[]"', "list the characters");
    while (at < characters.length && characters[at] !== "]") {
      const start = at;
      const low = unit();
      set += low;
      if (characters[at] !== "-" || (characters[at + 1] ?? "]") === "]") continue;
      at += 1;
      const high = unit();
      set += `-${high}`;
      if (!(code(low) <= code(high))) {
        fail(start, "a range out of order", 'put the lower character first, or write "\\-" for a hyphen');
      }
    }
    if (!take("]")) fail(where, 'a "[" without "]"', itself("["));
    return one(`${set}]`, flags);
  };

  const group = (where: number, depth: number): Part => {
    if (take("?") && !take(":")) {
      if (/^<?[=!]/.test(characters.slice(at, at + 2).join(""))) {
        fail(where, "an unsupported lookahead or lookbehind", 'use several matchers, or a condition with "not"');
      } else fail(where, 'an unsupported "(?"', 'write "(" or "(?:", without a name or flags');
    }
    const part = alternatives(depth + 1);
    if (!take(")")) fail(where, 'a "(" without ")"', itself("("));
    return part;
  };

  /** Returns undefined for an anchor, which every pattern has anyway. */
  const atom = (depth: number): Part | undefined => {
    const where = at;
    if (take("(")) return group(where, depth);
    if (take("[")) return characterClass(where);
    if (take(".")) return one(".", flags);
    const character = characters[at] ?? "";
    if (character === "^" || character === "$") {
      const start = character === "^";
      const outside = characters[start ? at - 1 : at + 1] ?? "|";
      if (depth > 0 || outside !== "|") {
        fail(where, `a "${character}" that is not at the ${start ? "start" : "end"}`, itself(character));
      }
      at += 1;
      return undefined;
    }
    if ("*+?{".includes(character)) fail(where, `a "${character}" with nothing to repeat`, itself(character));
    if (")]}".includes(character)) fail(where, `a "${character}" that closes nothing`, itself(character));
    return one(unit(), flags);
  };

  const repeated = (part: Part): Part => {
    const where = at;
    let least = 0;
    let most = Number.POSITIVE_INFINITY;
    if (take("?")) most = 1;
    else if (take("+")) least = 1;
    else if (characters[at] === "{") {
      const [count = "", low, comma, high] =
        /^\{(\d+)(?:(,)(\d*))?\}/.exec(characters.slice(at, at + 16).join("")) ?? [];
      if (count === "") fail(where, 'a "{" that begins no count', `write a count such as "{1,3}", or ${itself("{")}`);
      at += count.length;
      least = Number(low);
      if (high) most = Number(high);
      else if (!comma) most = least;
      if (least > MAX_COUNT || Number(high) > MAX_COUNT) fail(where, `a count over ${MAX_COUNT}`, "use a lower one");
      if (least > most) fail(where, "a count whose limits are out of order", "put the lower one first");
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
  return { whole, problem };
}

/**
 * Returns the pattern of a regular expression, the text between the slashes, or the first problem: its shape and its fix. A problem
 * counts characters from the slash, which is the first. Supported are literals, `.`, classes, `\d \w \s` and their opposites,
 * groups, `|`, `* + ?` and counts, with the meaning that they have in JavaScript with the flag `u`.
 */
export function readPattern(source: string, ignoreCase: boolean): PatternReading {
  if (source === "") return { problem: 'has nothing between its "/"; write "" for an empty value' };
  if ([...source].length > MAX_CHARACTERS) {
    return { problem: `has a pattern of over ${MAX_CHARACTERS} characters; use several shorter matchers` };
  }
  const { whole, problem } = parse(source, ignoreCase);
  if (problem !== undefined) return { problem };
  if (whole.cost > MAX_STATES) {
    return { problem: `has a pattern of over ${MAX_STATES} states; lower its counts, such as "{1,30}"` };
  }
  // Kept parts would cost more time, for the garbage collector, than reading them again.
  return { pattern: { cost: whole.cost, compile: () => parse(source, ignoreCase).whole.build(state(null, [])) } };
}

let step = 0;

/** Adds the states that read a character, and the last one, that are reached from some states without reading. */
function enter(states: readonly State[], reached: State[]): void {
  for (const state of states) {
    if (state.step === step) continue;
    state.step = step;
    if (state.reads || state.to.length === 0) reached.push(state);
    else enter(state.to, reached);
  }
}

/** Returns whether an automaton accepts a whole text. Each character takes at most one visit of each state. */
export function accepts(start: State, text: string): boolean {
  let states: State[] = [];
  step += 1;
  enter([start], states);
  for (const character of text) {
    const reached: State[] = [];
    step += 1;
    for (const state of states) if (state.reads?.(character)) enter(state.to, reached);
    if (reached.length === 0) return false;
    states = reached;
  }
  return states.some((state) => state.to.length === 0);
}
