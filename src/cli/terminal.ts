import { confirm, isCancel } from "@clack/prompts";
import pc from "picocolors";
import spinner from "yocto-spinner";
import { CliError } from "./cli.ts";

/** What colours text; does nothing where there are to be none. */
export type Colours = ReturnType<typeof pc.createColors>;

/** Where a command speaks: results on the standard output, everything else on the standard error. */
export interface Terminal {
  /** Writes a line, or several, of the result. */
  out(text: string): void;
  /** Writes a line, or several, about the work. */
  err(text: string): void;
  readonly colours: Colours;
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

/** The terminal of a process. Colours are for where both outputs are a terminal, and for nobody who has set NO_COLOR (https://no-color.org). */
export function createTerminal({ stdin, stdout, stderr }: Streams, env: NodeJS.ProcessEnv): Terminal {
  const plain = Boolean(env.NO_COLOR) || env.TERM === "dumb";
  const interactive = stdin.isTTY && stderr.isTTY;
  // Whoever reads may have had enough, as `head` has: the rest of the work is not to end by it.
  for (const stream of [stdout, stderr]) stream.on("error", passOverClosedPipe);
  return {
    out: (text) => void stdout.write(`${text}\n`),
    err: (text) => void stderr.write(`${text}\n`),
    colours: pc.createColors(stdout.isTTY && stderr.isTTY && !plain),
    async busy(what, work) {
      if (!stderr.isTTY || plain) {
        stderr.write(`${what} …\n`);
        return work((text) => void stderr.write(`  ${text}\n`));
      }
      // One that leaves the keyboard alone: Ctrl-C is a signal to whoever has something to clear away.
      const shown = spinner({ text: what, stream: stderr }).start();
      try {
        const result = await work((text) => {
          shown.text = `${what}: ${text}`;
        });
        shown.success(what);
        return result;
      } catch (error) {
        shown.error(what);
        throw error;
      }
    },
    async confirm(question) {
      if (!interactive) throw new CliError("there is nobody to ask on this terminal", "Give --yes to go on unasked.");
      const answer = await confirm({ message: question, initialValue: false, input: stdin, output: stderr });
      return !isCancel(answer) && answer;
    },
  };
}

function passOverClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}
