import { devNull } from "node:os";
import { KEYS } from "../../config.ts";

/**
 * Removes from the environment what would count as settings of the demo: the function's keys, and the AWS SDK's variables and
 * files. What the demo starts inherits the same environment.
 */
export function leaveSettingsOut(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(env)) {
    if (name.startsWith("AWS_") || KEYS.some((key) => key === name)) delete env[name];
  }
  env.AWS_CONFIG_FILE = devNull;
  env.AWS_SHARED_CREDENTIALS_FILE = devNull;
}
