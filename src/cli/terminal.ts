import pc from "picocolors";
import { escapeUnseen } from "../util/json.ts";
import { CliError } from "./cli-error.ts";

/** What colours text; does nothing where there are to be none. */
export type Colours = ReturnType<typeof pc.createColors>;

/** Where a command speaks: results on the standard output, everything else on the standard error. */
export interface Terminal {
  /** Writes a line, or several, of the result. */
  out(text: string): void;
  /** Writes a line, or several, about the work. */
  err(text: string): void;
  readonly colours: Colours;
  /** How many columns the standard output has; 80 where that is not known. */
  readonly columns: number;
  /** Shows that something is at work, and, by `say`, what it is at now: a spinner on a terminal, plain lines elsewhere. */
  busy<T>(what: string, work: (say: (text: string) => void) => Promise<T>): Promise<T>;
  /** Asks a yes-or-no question; no is the default. Throws a CliError where there is nobody to ask. */
  confirm(question: string): Promise<boolean>;
}

/** The streams of a process, as far as a terminal has to know them. */
export interface Streams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/**
 * The terminal of a process. It has colours where both outputs are a terminal, unless NO_COLOR is set
 * (https://no-color.org).
 */
export function createTerminal({ stdin, stdout, stderr }: Streams, env: NodeJS.ProcessEnv): Terminal {
  const plain = Boolean(env.NO_COLOR) || env.TERM === "dumb";
  const colours = pc.createColors(stdout.isTTY && stderr.isTTY && !plain);
  const shown = (text: string) => shownText(text, colours.isColorSupported);
  const interactive = stdin.isTTY && stderr.isTTY;
  // Whoever reads may have had enough, as `head` has: the rest of the work is not to end by it.
  for (const stream of [stdout, stderr]) stream.on("error", passOverClosedPipe);
  return {
    out: (text) => void stdout.write(`${shown(text)}\n`),
    err: (text) => void stderr.write(`${shown(text)}\n`),
    colours,
    // A shell sets COLUMNS to the width of its terminal, also for a command that writes into a pipe.
    columns: stdout.columns || Number(env.COLUMNS) || 80,
    async busy(what, work) {
      const title = shown(what);
      if (!stderr.isTTY || plain) {
        stderr.write(`${title} …\n`);
        return work((text) => void stderr.write(`  ${shown(text)}\n`));
      }
      // One that leaves the keyboard alone: Ctrl-C is a signal to whoever has something to clear away.
      const { default: spinner } = await import("yocto-spinner");
      const turning = spinner({ text: title, stream: stderr }).start();
      try {
        const result = await work((text) => {
          turning.text = `${title}: ${shown(text)}`;
        });
        turning.success(title);
        return result;
      } catch (error) {
        turning.error(title);
        throw error;
      }
    },
    async confirm(question) {
      if (!interactive) throw new CliError("there is nobody to ask on this terminal", "Give --yes to go on unasked.");
      const { confirm, isCancel } = await import("@clack/prompts");
      const answer = await confirm({ message: shown(question), initialValue: false, input: stdin, output: stderr });
      return !isCancel(answer) && answer;
    },
  };
}

/** What commands themselves write: line breaks and tabs, and the colours of `Colours`. */
const LAYOUT = /([\n\t])/;
const LAYOUT_AND_COLOUR = new RegExp(`([\\n\\t]|${String.fromCharCode(27)}\\[\\d{1,2}m)`);

/** Text without anything that controls a terminal: names, errors and answers in it may come from strangers. */
function shownText(text: string, coloured: boolean): string {
  return text
    .split(coloured ? LAYOUT_AND_COLOUR : LAYOUT)
    .map((part, index) => (index % 2 === 1 ? part : escapeUnseen(part)))
    .join("");
}

function passOverClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}
