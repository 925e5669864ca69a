import { relative, resolve } from "node:path";
import type { Cli } from "./cli.ts";
import { type FunctionSettings, readFunctionSettings } from "./settings.ts";
import { readWebtaskConfig } from "./webtask/config.ts";

/** The operator's options for the sources of the function's settings. */
export interface SettingsOptions {
  readonly config?: string;
  readonly secretsFile?: string;
}

/**
 * Returns the function's settings, from the sources that `deploy webtask` uses.
 * Throws CliError for a file that does not exist or is not valid.
 */
export function gatherFunctionSettings(cli: Cli, { config, secretsFile }: SettingsOptions): FunctionSettings {
  const { home, secretsFrom } = readWebtaskConfig(cli, config);
  const file = secretsFile === undefined ? undefined : relative(home, resolve(cli.folder, secretsFile));
  return readFunctionSettings({ ...cli, folder: home }, secretsFrom, file);
}
