import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { CloudWatchLogsClient, paginateFilterLogEvents } from "@aws-sdk/client-cloudwatch-logs";
import { escapeUnseen, isObject, parseJson } from "../../util/json.ts";
import type { Aws } from "../aws.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { withoutSecrets } from "../run-program.ts";
import { wtProgram } from "../webtask/wt.ts";

/** The source of the function's log. */
export interface TraceOptions {
  /** The file that the log is written to. */
  readonly trace?: string;
  readonly wtProfile?: string;
}

/** The function's line about a message. Both texts are escaped. */
export interface LogLine {
  /** The `Outcome` of the launch, or "unreadable". */
  readonly outcome: string;
  readonly reason: string;
}

/** The function's log, from when it was opened. */
export interface Trace {
  /** The file, command or log group that it is read from. */
  readonly source: string;
  /** Returns the function's first line about a message; null if there is none yet. */
  look(messageId: string): Promise<LogLine | null>;
  close(): void;
}

/** The log, or why it cannot be read and the fix. */
export type Opened = Trace | { readonly problem: string; readonly fix: string };

/** Reads a line of the log, which may have a prefix such as a time. */
function readLine(line: string): LogLine {
  const document = parseJson(line.slice(Math.max(0, line.indexOf("{"))));
  if (!isObject(document) || typeof document.outcome !== "string") {
    return { outcome: "unreadable", reason: "the line is not the function's JSON" };
  }
  return { outcome: escapeUnseen(document.outcome), reason: escapeUnseen(String(document.message)) };
}

/** Throws CliError if the file of the log does not exist. */
export function checkTrace(cli: Cli, { trace }: TraceOptions): void {
  if (trace === undefined || existsSync(resolve(cli.folder, trace))) return;
  throw new CliError(`${trace} does not exist`, "--trace takes the file that the function's log is written to.");
}

/** Opens the log of the function on webtask: the file of `--trace`, else the output of `wt logs`. */
export function openTrace(cli: Cli, options: TraceOptions): Promise<Opened> {
  return options.trace === undefined
    ? streamWtLogs(cli, options.wtProfile)
    : Promise.resolve(followFile(cli, options.trace));
}

/** Follows a file from its current end. A file that becomes shorter is read from its start. */
function followFile(cli: Cli, file: string): Trace {
  const path = resolve(cli.folder, file);
  let offset = statSync(path).size;
  const lines = lineBuffer();
  return {
    source: file,
    async look(messageId) {
      const { size } = statSync(path);
      if (size < offset) offset = 0;
      const descriptor = openSync(path, "r");
      try {
        const bytes = Buffer.alloc(size - offset);
        const read = readSync(descriptor, bytes, 0, bytes.length, offset);
        offset += read;
        lines.add(bytes.subarray(0, read));
      } finally {
        closeSync(descriptor);
      }
      return lines.about(messageId);
    },
    close: () => {},
  };
}

/** wt-cli prints this when it has connected; it has no other sign of it. */
const CONNECTED = /connected to streaming logs/;
const CONNECT_MS = 15_000;
const LOOK_MS = 250;

/** Runs `wt logs` in the background until the trace is closed. Its environment does not contain the function's secrets. */
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
    problem: "wt logs does not stream the function's log",
    fix: "Check that wt-cli is installed and logged in (wt init). Or name the file of the log: --trace FILE",
  };
}

/** Collects bytes and finds complete lines in them. */
function lineBuffer() {
  const decoder = new StringDecoder("utf8");
  let text = "";
  const whole = () => text.slice(0, text.lastIndexOf("\n") + 1);
  return {
    add: (bytes: Buffer) => {
      text += decoder.write(bytes);
    },
    has: (pattern: RegExp) => pattern.test(text),
    about(messageId: string): LogLine | null {
      const line = whole()
        .split("\n")
        .find((each) => each.includes(messageId));
      return line === undefined ? null : readLine(line);
    },
  };
}

/**
 * Returns the log of the function on Lambda from a time, in milliseconds since 1970. A line becomes visible some seconds after
 * it is written. A page may be empty although a later one has the line.
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
        // Lambda's own lines, such as REPORT, may contain the id too.
        const line = events
          .map(({ message = "" }) => readLine(message))
          .find(({ outcome }) => outcome !== "unreadable");
        if (line !== undefined) return line;
      }
      return null;
    },
    close: () => client.destroy(),
  };
}
