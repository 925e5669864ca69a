import pc from "picocolors";
import { wrap } from "../../util/text.ts";

/** An event to print: the actor, the instance, the result and the reason. */
export interface Line {
  readonly actor: "you" | "function";
  readonly instance?: string;
  readonly result: string;
  readonly why?: string;
  readonly tone: "good" | "wait" | "bad" | "plain";
}

const TONES: Readonly<Record<Line["tone"], (text: string) => string>> = {
  good: pc.green,
  wait: pc.yellow,
  bad: pc.red,
  plain: (text) => text,
};

/** Prints events as they happen, in aligned columns, with colours on a terminal. */
export interface Output {
  title(text: string): void;
  text(text: string): void;
  /** Consecutive lines that differ only in the instance are printed as one. */
  line(line: Line): void;
  /** Prints a message as its recipient sees it. */
  message(heading: string, body: string): void;
}

/** How long a line waits for similar lines, in milliseconds. */
const GATHER_MS = 120;

/** The indent of a reason that does not fit on its line. */
const INDENT = " ".repeat(11);

/** Returns an output that prints with `write`, for a width in columns. `now` is in milliseconds; times are printed in seconds since the start. */
export function createOutput(write: (text: string) => void, now: () => number, width: number): Output {
  const startedAt = now();
  let gathered: { line: Line; at: number; more: number; timer: NodeJS.Timeout } | null = null;

  const flush = () => {
    if (gathered === null) return;
    const { line, at, more, timer } = gathered;
    clearTimeout(timer);
    gathered = null;
    const { actor, instance = "", result, why = "", tone } = line;
    const [time, who, subject, outcome] = [
      `${((at - startedAt) / 1000).toFixed(1)} s`.padStart(7),
      actor.padEnd(8),
      `${instance}${more > 0 ? ` +${more}` : ""}`.padEnd(22),
      result.padEnd(13),
    ];
    const fits = [time, who, subject, outcome, why].join("  ").length <= width;
    const reason = fits
      ? `  ${pc.dim(why)}`
      : wrap(why.split(" "), width - INDENT.length)
          .map((line) => `\n${INDENT}${pc.dim(line)}`)
          .join("");
    write(
      `${[pc.dim(time), pc.cyan(who), subject, TONES[tone](fits ? outcome : outcome.trimEnd())].join("  ")}${reason}`
        .trimEnd()
        .concat("\n"),
    );
  };
  const print = (text: string) => {
    flush();
    write(`${text}\n`);
  };

  return {
    title: (text) => print(`\n${pc.bold(text)}`),
    text: print,
    line(line) {
      if (gathered && gathered.line.actor === line.actor && isSimilar(gathered.line, line)) {
        gathered.more++;
        return;
      }
      flush();
      gathered = { line, at: now(), more: 0, timer: setTimeout(flush, GATHER_MS) };
    },
    message(heading, body) {
      const bar = pc.red("        │");
      print(bar);
      write(`${bar} ${pc.bold(heading)}\n${bar}\n`);
      for (const line of body.split("\n")) write(`${bar} ${line}`.trimEnd().concat("\n"));
      write(`${bar}\n`);
    },
  };
}

function isSimilar(one: Line, other: Line): boolean {
  return one.result === other.result && one.why === other.why && one.instance !== undefined;
}
