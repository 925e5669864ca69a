import { literal, readMatcher } from "../../../policy/matcher.ts";

/** A matcher, or why there is none with the same meaning. */
export type Converted = { readonly matcher: string } | { readonly why: string };

/** Returns the matcher of texts that contain a text. */
export function containing(text: string): string {
  return `*${literal(text)}*`;
}

/** Returns the matcher of texts that equal a text once their case and outer spaces are taken away, as `value_type: normalize` does. */
export function normalized(text: string): Converted {
  if (text !== text.trim().toLowerCase()) {
    return {
      why: `no value equals ${JSON.stringify(text)} after value_type normalize, which takes away case and outer spaces`,
    };
  }
  return checked(`/\\s*${escaped(text)}\\s*/i`);
}

/** Converts a pattern of Python's fnmatch: `*`, `?`, `[seq]` and `[!seq]`. https://docs.python.org/3/library/fnmatch.html */
export function fromGlob(glob: string): Converted {
  const parts = [...glob.matchAll(/\[(!?\]?[^\]]*)\]|[\s\S]/g)];
  if (!parts.some(([, set]) => set !== undefined)) {
    const text = parts.map(([character]) => (/[*?]/.test(character) ? character : literal(character))).join("");
    return checked(text.startsWith("/") ? `\\${text}` : text);
  }
  const pattern = parts.map(([character, set]) => {
    if (set !== undefined) {
      const negated = set.startsWith("!");
      return `[${negated ? "^" : ""}${set.slice(negated ? 1 : 0).replaceAll(/[\\\]^[]/g, "\\$&")}]`;
    }
    return character === "*" ? ".*" : character === "?" ? "." : escaped(character);
  });
  return checked(`/${pattern.join("")}/`);
}

/**
 * Converts a regular expression of Python's re.match, which begins at the start of the text and may end before its end.
 * https://docs.python.org/3/library/re.html#re.match
 */
export function fromRegex(source: string, hasCase: boolean): Converted {
  const [, flag = "", rest = ""] = /^(\(\?i\))?([\s\S]*)$/.exec(source) ?? [];
  const pattern = wholeOf(rest.replaceAll("(?P<", "(?<"));
  return pattern === "" ? { matcher: "" } : checked(`/${pattern}/${hasCase && flag === "" ? "" : "i"}`);
}

/** Returns a pattern that matches whole texts for one that matches their beginnings. */
function wholeOf(pattern: string): string {
  const branches = branchesOf(pattern).map((branch) => {
    const inner = groupOf(branch);
    if (inner !== undefined && branchesOf(inner).some(isAnchored)) return `(?:${wholeOf(inner)})`;
    const start = branch.replace(/^(?:\^|\\A)+/, "");
    const end = /(?<=^(?:[^\\]|\\[\s\S])*)(?:\$|\\Z)$/.exec(start);
    if (end) return start.slice(0, end.index);
    return /(?<=^(?:[^\\]|\\[\s\S])*)\.\*$/.test(start) ? start : `${start}.*`;
  });
  return branches.length === 1 ? branches.join("") : `(?:${branches.join("|")})`;
}

function isAnchored(branch: string): boolean {
  return /^(?:\^|\\A)|(?:\$|\\Z)$/.test(branch);
}

/** Splits a pattern at each `|` that is in no group and no class. */
function branchesOf(pattern: string): string[] {
  const branches = [""];
  let depth = 0;
  for (const [token] of pattern.matchAll(/\\[\s\S]|\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]|[\s\S]/g)) {
    if (token === "(") depth += 1;
    if (token === ")") depth -= 1;
    if (token === "|" && depth === 0) branches.push("");
    else branches.push(`${branches.pop() ?? ""}${token}`);
  }
  return branches;
}

/** Returns what is in the group of which a pattern consists; undefined if it has anything beside one group. */
function groupOf(pattern: string): string | undefined {
  let depth = 0;
  const tokens = [...pattern.matchAll(/\\[\s\S]|\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]|[\s\S]/g)].map(([token]) => token);
  for (const [index, token] of tokens.entries()) {
    if (token === "(") depth += 1;
    if (token === ")") depth -= 1;
    if (depth === 0 && index < tokens.length - 1) return undefined;
  }
  const [, inner] = /^\((?:\?:|\?<\w+>)?([\s\S]*)\)$/.exec(pattern) ?? [];
  return inner?.startsWith("?") ? undefined : inner;
}

/** Escapes the characters that have a meaning in a regular expression. */
function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

function checked(text: string): Converted {
  const reading = readMatcher(text.replaceAll(/\(\?<\w+>/g, "(?:"));
  if ("matcher" in reading) return { matcher: reading.matcher.text };
  return { why: `the pattern ${reading.problem}` };
}
