import { relative, resolve } from "node:path";
import type { Cli } from "../cli.ts";
import { type FunctionSettings, readFunctionSettings } from "../settings.ts";
import { readWebtaskConfig } from "../webtask/config.ts";

/** Where the operator says that the function's settings are. */
export interface SettingsOptions {
  readonly config?: string;
  readonly secretsFile?: string;
}

/**
 * The function's settings, from where `deploy webtask` takes them.
 * @throws CliError for a file that is not there or is not right
 */
export function gatherFunctionSettings(cli: Cli, { config, secretsFile }: SettingsOptions): FunctionSettings {
  const { home, secretsFrom } = readWebtaskConfig(cli, config);
  const file = secretsFile === undefined ? undefined : relative(home, resolve(cli.folder, secretsFile));
  return readFunctionSettings({ ...cli, folder: home }, secretsFrom, file);
}
