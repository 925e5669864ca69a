#!/usr/bin/env node
import { setTimeout as pause } from "node:timers/promises";
import { name } from "../../package.json";
import { isStoppable } from "./interruption.ts";
import { runCli } from "./program.ts";
import { createTerminal } from "./terminal.ts";

// The SDK warns about old versions of Node on each run. This package's "engines" states the supported ones.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";

process.on("SIGINT", function stop(signal) {
  if (isStoppable()) return;
  process.removeListener("SIGINT", stop);
  // On a terminal, ^C and perhaps a spinner are on the current line.
  process.stderr.write(process.stderr.isTTY ? "\nStopped.\n" : "Stopped.\n");
  process.kill(process.pid, signal);
});

// An uncaught error would end the process with 1, which means that the answer is no.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") return;
  process.stderr.write(`error: the output cannot be written: ${error.code ?? error.message}\n`);
  process.exit(2);
});

// `npm run cli` starts in this package's folder even when it is called from another one (npm --prefix); INIT_CWD names that
// one. In a script of another package, paths are relative to that package's folder.
// https://docs.npmjs.com/cli/v11/using-npm/scripts#environment
const { npm_lifecycle_event: script, npm_package_name: of, INIT_CWD: calledFrom } = process.env;
const folder = script === "cli" && of === name && calledFrom ? calledFrom : process.cwd();

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  folder,
  terminal: createTerminal(process, process.env),
  now: Date.now,
  pause: async (ms, signal) => {
    await pause(ms, undefined, { signal });
  },
});
