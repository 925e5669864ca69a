import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { CloudWatchLogsClient, paginateFilterLogEvents } from "@aws-sdk/client-cloudwatch-logs";
import type { Aws } from "../aws.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { withoutSecrets } from "../run-program.ts";
import { wtProgram } from "../webtask/wt.ts";

/** Where the function's log can be had. */
export interface TraceOptions {
  /** A file that the log is written to. */
  readonly trace?: string;
  readonly wtProfile?: string;
}

/** The function's log from now on. */
export interface Trace {
  /** Where it comes from. */
  readonly source: string;
  /** The first line about a message that is there by now; null when there is none yet. */
  look(messageId: string): Promise<string | null>;
  close(): void;
}

/** The log, or why there is none and what to do. */
export type Opened = Trace | { readonly none: string; readonly mend: string };

/** Checks that the file of the log is there. @throws CliError */
export function checkTrace(cli: Cli, { trace }: TraceOptions): void {
  if (trace === undefined || existsSync(resolve(cli.folder, trace))) return;
  throw new CliError(`there is no file ${trace}`, "--trace takes the file that the function's log is written to.");
}

/** Opens the log of the function on webtask: the file that is named, else what `wt logs` streams. */
export function openTrace(cli: Cli, options: TraceOptions): Promise<Opened> {
  return options.trace === undefined
    ? streamWtLogs(cli, options.wtProfile)
    : Promise.resolve(followFile(cli, options.trace));
}

/** Follows a file from its end on. One that is begun anew is read from its beginning. */
function followFile(cli: Cli, file: string): Trace {
  const path = resolve(cli.folder, file);
  let at = statSync(path).size;
  const lines = lineBuffer();
  return {
    source: file,
    async look(messageId) {
      const { size } = statSync(path);
      if (size < at) at = 0;
      const descriptor = openSync(path, "r");
      try {
        const bytes = Buffer.alloc(size - at);
        const read = readSync(descriptor, bytes, 0, bytes.length, at);
        at += read;
        lines.add(bytes.subarray(0, read));
      } finally {
        closeSync(descriptor);
      }
      return lines.about(messageId);
    },
    close: () => {},
  };
}

/** What wt-cli prints when it gets the log from now on. */
const CONNECTED = /connected to streaming logs/;
const CONNECT_MS = 15_000;
const LOOK_MS = 250;

/** Runs `wt logs` in the background until it is closed. The function's secrets are not in its environment. */
async function streamWtLogs(cli: Cli, profile: string | undefined): Promise<Opened> {
  const args = ["logs", "--raw", ...(profile === undefined ? [] : ["--profile", profile])];
  const program = spawn(wtProgram(cli), args, {
    cwd: cli.folder,
    env: { ...withoutSecrets(cli.env), NO_UPDATE_NOTIFIER: "1", NODE_NO_WARNINGS: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines = lineBuffer();
  let ended = false;
  program.stdout.on("data", (bytes: Buffer) => lines.add(bytes));
  program.stderr.resume();
  program.on("error", () => {
    ended = true;
  });
  program.on("close", () => {
    ended = true;
  });
  for (const until = cli.now() + CONNECT_MS; !ended && cli.now() < until; await cli.pause(LOOK_MS)) {
    if (lines.has(CONNECTED)) {
      return { source: "wt logs", look: async (messageId) => lines.about(messageId), close: () => void program.kill() };
    }
  }
  program.kill();
  return {
    none: "wt logs does not stream the function's log",
    mend: "Is wt-cli there and logged in (wt init)? Or name the file of the log: --trace FILE",
  };
}

/** Finds lines in bytes that come by and by. */
function lineBuffer() {
  const decoder = new StringDecoder("utf8");
  let text = "";
  const whole = () => text.slice(0, text.lastIndexOf("\n") + 1);
  return {
    add: (bytes: Buffer) => {
      text += decoder.write(bytes);
    },
    has: (pattern: RegExp) => pattern.test(text),
    about: (messageId: string): string | null =>
      whole()
        .split("\n")
        .find((line) => line.includes(messageId)) ?? null,
  };
}

/**
 * The log of the function on Lambda, from a time on, in milliseconds since 1970. A line is there some seconds after it was
 * written. A page may be empty though the line is on a later one.
 * https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
 */
export function cloudWatchTrace(aws: Aws, logGroupName: string, from: number): Trace {
  const client = new CloudWatchLogsClient({ region: aws.region, credentials: aws.sts.config.credentials });
  return {
    source: logGroupName,
    async look(messageId) {
      const filterPattern = `"${messageId}"`;
      const pages = paginateFilterLogEvents(
        { client, stopOnSameToken: true },
        { logGroupName, startTime: from, filterPattern },
      );
      for await (const { events = [] } of pages) {
        const line = events.map(({ message = "" }) => message).find((each) => each.includes('"outcome"'));
        if (line !== undefined) return line;
      }
      return null;
    },
    close: () => client.destroy(),
  };
}
