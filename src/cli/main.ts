#!/usr/bin/env node
import { setTimeout as pause } from "node:timers/promises";
import { runCli } from "./program.ts";
import { createTerminal } from "./terminal.ts";

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  folder: process.cwd(),
  terminal: createTerminal(process, process.env),
  now: Date.now,
  pause: async (ms) => {
    await pause(ms);
  },
});
