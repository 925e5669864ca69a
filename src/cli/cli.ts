import type { Terminal } from "./terminal.ts";

/** The environment of a command, and where it puts its result. */
export interface Cli {
  /** The SDK reads its settings from `process.env`, so outside tests this is `process.env`. */
  readonly env: NodeJS.ProcessEnv;
  /** The base of relative paths. */
  readonly folder: string;
  readonly terminal: Terminal;
  /** The time now, in milliseconds since 1970. */
  readonly now: () => number;
  /** Waits, in milliseconds. Rejects when the signal aborts. */
  pause(ms: number, signal?: AbortSignal): Promise<void>;
  /** Sets the exit code: 0 for success, 1 for a failed check, 2 for a result that is not complete. A command that throws exits with 2. */
  finish(code: 0 | 1 | 2): void;
}

/** The options of every command. */
export interface CommonOptions {
  readonly profile?: string;
  readonly region?: string;
}
