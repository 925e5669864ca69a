import pc from "picocolors";
import { escapeUnseen } from "../util/json.ts";
import { CliError } from "./cli-error.ts";

/** Colours text; returns it unchanged if colours are off. */
export type Colours = ReturnType<typeof pc.createColors>;

/** The output of a command: results on standard output, everything else on standard error. */
export interface Terminal {
  /** Writes one or several lines of the result. */
  out(text: string): void;
  /** Writes one or several lines of progress, warnings or errors. */
  err(text: string): void;
  readonly colours: Colours;
  /** The width of standard output in columns; 80 if unknown. */
  readonly columns: number;
  /** Shows progress while `work` runs, and each step given to `say`: a spinner on a terminal, plain lines elsewhere. */
  busy<T>(what: string, work: (say: (text: string) => void) => Promise<T>): Promise<T>;
  /**
   * Shows the text that `text` returns while `work` runs, brought up to date several times a second: on a terminal only. Leaves
   * Ctrl-C to the command.
   */
  live<T>(text: () => string, work: () => Promise<T>): Promise<T>;
  /** Asks a yes-or-no question; the default is no. Throws CliError without a terminal. */
  confirm(question: string): Promise<boolean>;
}

/** The streams of a process that a terminal needs. */
export interface Streams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/**
 * Returns the terminal of a process. Colours are on if both outputs are a terminal and NO_COLOR is not set
 * (https://no-color.org).
 */
export function createTerminal({ stdin, stdout, stderr }: Streams, env: NodeJS.ProcessEnv): Terminal {
  const plain = Boolean(env.NO_COLOR) || env.TERM === "dumb";
  const colours = pc.createColors(stdout.isTTY && stderr.isTTY && !plain);
  const shown = (text: string) => shownText(text, colours.isColorSupported);
  const interactive = stdin.isTTY && stderr.isTTY;
  // A reader such as `head` may close the pipe. The command must still finish its work.
  for (const stream of [stdout, stderr]) stream.on("error", passOverClosedPipe);
  return {
    out: (text) => void stdout.write(`${shown(text)}\n`),
    err: (text) => void stderr.write(`${shown(text)}\n`),
    colours,
    // A shell can export COLUMNS, also for a command that writes into a pipe.
    columns: stdout.columns || Number(env.COLUMNS) || 80,
    async busy(what, work) {
      const title = shown(what);
      if (!stderr.isTTY || plain) {
        stderr.write(`${title} …\n`);
        return work((text) => void stderr.write(`  ${shown(text)}\n`));
      }
      // This spinner does not read the keyboard, so Ctrl-C stays a signal, on which commands clean up.
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
    async live(text, work) {
      if (!stderr.isTTY || plain) return work();
      const { default: spinner } = await import("yocto-spinner");
      const turning = spinner({ text: shown(text()), stream: stderr, handleSignals: false }).start();
      const timer = setInterval(() => {
        turning.text = shown(text());
      }, LIVE_MS);
      try {
        return await work();
      } finally {
        clearInterval(timer);
        turning.stop();
      }
    },
    async confirm(question) {
      if (!interactive)
        throw new CliError("the confirmation requires a terminal", "Use --yes to skip the confirmation.");
      const { confirm, isCancel } = await import("@clack/prompts");
      const answer = await confirm({ message: shown(question), initialValue: false, input: stdin, output: stderr });
      return !isCancel(answer) && answer;
    },
  };
}

/** The interval in which a live text is brought up to date, in milliseconds. */
const LIVE_MS = 200;

/** Control characters that commands write themselves: line breaks, tabs, and colours. */
const LAYOUT = /([\n\t])/;
const LAYOUT_AND_COLOUR = new RegExp(`([\\n\\t]|${String.fromCharCode(27)}\\[\\d{1,2}m)`);

/** Escapes control characters: names, errors and responses in the text can come from anyone. */
function shownText(text: string, coloured: boolean): string {
  return text
    .split(coloured ? LAYOUT_AND_COLOUR : LAYOUT)
    .map((part, index) => (index % 2 === 1 ? part : escapeUnseen(part)))
    .join("");
}

function passOverClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}
