import { relative, resolve } from "node:path";
import type { Cli } from "./cli.ts";
import { readPolicyFile } from "./policy-file.ts";
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
  const { home, secretsFrom, folder, policy } = readWebtaskConfig(cli, config);
  const file = secretsFile === undefined ? undefined : relative(home, resolve(cli.folder, secretsFile));
  const read = readFunctionSettings({ ...cli, folder: home }, secretsFrom, file);
  // As in the deployed file, AUDIT_POLICY wins over the file.
  if (policy === null || read.settings.AUDIT_POLICY !== undefined) return read;
  const settings = { ...read.settings, AUDIT_POLICY: readPolicyFile({ folder }, policy) };
  return { ...read, settings, from: { ...read.from, AUDIT_POLICY: policy } };
}
