import type { Cli } from "./cli.ts";
import { CliError } from "./cli-error.ts";
import { isClone } from "./package-folder.ts";
import { runProgram, systemCode, withoutSecrets } from "./run-program.ts";

/** In milliseconds; enough for a slow machine. */
const SCRIPT_MS = 5 * 60_000;

/**
 * Checks the types and builds in a clone, and returns true. In an installed package, prints that the shipped file is deployed,
 * and returns false.
 * Throws CliError with the compiler's output if the check or the build fails.
 */
export async function checkAndBuild(cli: Cli, folder: string): Promise<boolean> {
  if (!isClone(folder)) {
    cli.terminal.err("This is an installed package: the shipped file is deployed.");
    return false;
  }
  await npmRun(cli, folder, "typecheck", "Checking the types");
  await npmRun(cli, folder, "build", "Building");
  return true;
}

async function npmRun(cli: Cli, folder: string, script: string, what: string): Promise<void> {
  await cli.terminal.busy(what, async () => {
    const options = { folder, env: withoutSecrets(cli.env), timeoutMs: SCRIPT_MS };
    const { code, endedBy, stdout, stderr } = await runProgram("npm", ["run", "-s", script], options).catch(
      (error: unknown) => {
        throw new CliError(
          `npm cannot be started: ${systemCode(error) ?? "an unknown error"}`,
          "npm is installed with Node.",
        );
      },
    );
    if (code === 0) return;
    const text = `${stdout}\n${stderr}`.trim();
    const how = endedBy === null ? "failed" : endedBy === "timeout" ? "took too long" : `was ended (${endedBy})`;
    throw new CliError(`npm run ${script} ${how}, and nothing was uploaded:\n${text}`, "Fix this first.");
  });
}
