import { setTimeout as pause } from "node:timers/promises";
import type { Command } from "commander";
import pc from "picocolors";
import { vi } from "vitest";
import type { Cli } from "../../src/cli/cli.ts";
import { CliError } from "../../src/cli/cli-error.ts";
import { runCli } from "../../src/cli/program.ts";

/** The result of a command. */
export interface Ran {
  readonly code: 0 | 1 | 2;
  readonly out: string;
  readonly err: string;
  /** The questions to the operator. */
  readonly asked: readonly string[];
}

/** How a command is run. */
export interface Run {
  /** On top of an environment that has no AWS settings of this machine. */
  readonly env?: Readonly<Record<string, string>>;
  readonly folder?: string;
  /** The operator's answer to a question; undefined for a terminal without an operator. */
  readonly answer?: boolean;
  /** Told how long the command would wait, in milliseconds; by default it waits a little, whatever it asks for. */
  readonly pause?: (ms: number) => Promise<void>;
  /** The time now, in milliseconds since 1970. */
  readonly now?: () => number;
  /** The width of the terminal. Default: 80 columns. */
  readonly columns?: number;
  /** A command line in place of the whole one. */
  readonly create?: (cli: Cli) => Command;
}

/** The operator's environment for an emulator at an endpoint. */
export function operatorAt(endpoint: string, region = "us-east-1"): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: "operator",
    AWS_SECRET_ACCESS_KEY: "operator-secret",
  };
}

/** Runs a command line in this process, on a terminal that records its output. */
export async function runCommand(args: readonly string[], run: Run = {}): Promise<Ran> {
  const [out, err, asked]: string[][] = [[], [], []];
  const env = { ...withoutAws(process.env), ...NOWHERE, ...run.env };
  for (const name of Object.keys(process.env)) if (!(name in env)) vi.stubEnv(name, undefined);
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  try {
    const code = await runCli(
      args,
      {
        env: process.env,
        folder: run.folder ?? process.cwd(),
        terminal: {
          out: (text) => void out?.push(text),
          err: (text) => void err?.push(text),
          colours: pc.createColors(false),
          columns: run.columns ?? 80,
          busy: async (what, work) => {
            err?.push(what);
            return work((text) => void err?.push(text));
          },
          live: (_, work) => work(),
          confirm: async (question) => {
            asked?.push(question);
            if (run.answer === undefined) throw new CliError("the confirmation requires a terminal", "Give --yes");
            return run.answer;
          },
        },
        now: run.now ?? Date.now,
        pause: run.pause ?? (() => pause(5)),
      },
      run.create,
    );
    return { code, out: (out ?? []).join("\n"), err: (err ?? []).join("\n"), asked: asked ?? [] };
  } finally {
    vi.unstubAllEnvs();
  }
}

/** No settings file of this machine is read, and no instance's metadata asked for. */
export const NOWHERE = {
  AWS_CONFIG_FILE: "/dev/null",
  AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
  AWS_EC2_METADATA_DISABLED: "true",
};

function withoutAws(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("AWS_")));
}
