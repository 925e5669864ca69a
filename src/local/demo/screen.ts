import pc from "picocolors";
import { wrap } from "../../util/text.ts";

/** What is shown of one happening: when, who acts, about which instance, and what came of it. */
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

/** Writes what happens as it happens: aligned columns, coloured on a terminal and plain elsewhere. */
export interface Screen {
  title(text: string): void;
  text(text: string): void;
  /** Lines that differ in nothing but the instance, one right after the other, are shown as one. */
  line(line: Line): void;
  /** A message as its reader sees it, set apart from the rest. */
  message(heading: string, body: string): void;
}

/** For how long a line waits for others like it, in milliseconds. */
const GATHER_MS = 120;

/** The indent of a reason that does not fit on the line. */
const INDENT = " ".repeat(11);

/** The screen on `write`, of a width in columns. Times are seconds since it was made; `now` is in milliseconds. */
export function createScreen(write: (text: string) => void, now: () => number, width: number): Screen {
  const startedAt = now();
  let gathered: { line: Line; at: number; more: number; timer: NodeJS.Timeout } | null = null;

  const flush = () => {
    if (gathered === null) return;
    const { line, at, more, timer } = gathered;
    clearTimeout(timer);
    gathered = null;
    const { actor, instance = "", result, why = "", tone } = line;
    const [time, who, about, what] = [
      `${((at - startedAt) / 1000).toFixed(1)} s`.padStart(7),
      actor.padEnd(8),
      `${instance}${more > 0 ? ` +${more}` : ""}`.padEnd(22),
      result.padEnd(13),
    ];
    const fits = [time, who, about, what, why].join("  ").length <= width;
    const reason = fits
      ? `  ${pc.dim(why)}`
      : wrap(why.split(" "), width - INDENT.length)
          .map((line) => `\n${INDENT}${pc.dim(line)}`)
          .join("");
    write(
      `${[pc.dim(time), pc.cyan(who), about, TONES[tone](fits ? what : what.trimEnd())].join("  ")}${reason}`
        .trimEnd()
        .concat("\n"),
    );
  };
  const plainly = (text: string) => {
    flush();
    write(`${text}\n`);
  };

  return {
    title: (text) => plainly(`\n${pc.bold(text)}`),
    text: plainly,
    line(line) {
      if (gathered && gathered.line.actor === line.actor && sameNews(gathered.line, line)) {
        gathered.more++;
        return;
      }
      flush();
      gathered = { line, at: now(), more: 0, timer: setTimeout(flush, GATHER_MS) };
    },
    message(heading, body) {
      const bar = pc.red("        │");
      plainly(bar);
      write(`${bar} ${pc.bold(heading)}\n${bar}\n`);
      for (const line of body.split("\n")) write(`${bar} ${line}`.trimEnd().concat("\n"));
      write(`${bar}\n`);
    },
  };
}

function sameNews(one: Line, other: Line): boolean {
  return one.result === other.result && one.why === other.why && one.instance !== undefined;
}
