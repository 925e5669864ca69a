import type { Cli } from "./cli.ts";
import { CliError } from "./cli-error.ts";
import { isClone } from "./package-folder.ts";
import { runProgram, systemCode, withoutSecrets } from "./run-program.ts";

/** Longer than a slow machine takes, in milliseconds. */
const SCRIPT_MS = 5 * 60_000;

/**
 * In a clone checks the types and builds, so that no typo ships, and answers true. An installed package has nothing to build:
 * its function is the one that was shipped, and it says so.
 * @throws CliError with the compiler's text when one of them fails
 */
export async function checkAndBuild(cli: Cli, folder: string): Promise<boolean> {
  if (!isClone(folder)) {
    cli.terminal.err("There are no sources here: the file is deployed as it was shipped.");
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
        throw new CliError(`npm cannot be started: ${systemCode(error) ?? "an unknown error"}`, "It comes with Node.");
      },
    );
    if (code === 0) return;
    const text = `${stdout}\n${stderr}`.trim();
    const how = endedBy === null ? "failed" : endedBy === "timeout" ? "took too long" : `was ended (${endedBy})`;
    throw new CliError(`npm run ${script} ${how}, and nothing was uploaded:\n${text}`, "Put that right first.");
  });
}
