import type { Terminal } from "./terminal.ts";

/** What a command takes from the world, and where it leaves its result. */
export interface Cli {
  /** The SDK reads its own settings from `process.env`: in a process of its own, this is it. */
  readonly env: NodeJS.ProcessEnv;
  /** The folder that relative paths start from. */
  readonly folder: string;
  readonly terminal: Terminal;
  /** The time now, in milliseconds since 1970. */
  readonly now: () => number;
  /** Waits, in milliseconds. */
  pause(ms: number): Promise<void>;
  /** How the command ended: 0 for done, 1 when the thing that was asked about is not so. It fails, with 2, by throwing. */
  finish(code: 0 | 1): void;
}

/** The options that every command has. */
export interface CommonOptions {
  readonly profile?: string;
  readonly region?: string;
}
