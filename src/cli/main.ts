#!/usr/bin/env node
import { setTimeout as pause } from "node:timers/promises";
import { runCli } from "./program.ts";
import { createTerminal } from "./terminal.ts";

// Which SDK goes with which Node is for this package to say, by its "engines", and not for each run of a command.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";

process.once("SIGINT", (signal) => {
  // On a terminal there is a ^C, and perhaps a spinner, on the line.
  process.stderr.write(process.stderr.isTTY ? "\nStopped.\n" : "Stopped.\n");
  process.kill(process.pid, signal);
});

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  folder: process.cwd(),
  terminal: createTerminal(process, process.env),
  now: Date.now,
  pause: async (ms) => {
    await pause(ms);
  },
});
