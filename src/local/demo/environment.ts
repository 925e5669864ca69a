import { devNull } from "node:os";
import { KEYS } from "../../config.ts";

/**
 * Removes everything from the environment that would configure the demo: the function's credentials, and the AWS SDK's variables and
 * files. The processes that the demo starts inherit this environment.
 */
export function removeSettings(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(env)) {
    if (name.startsWith("AWS_") || KEYS.some((key) => key === name)) delete env[name];
  }
  env.AWS_CONFIG_FILE = devNull;
  env.AWS_SHARED_CREDENTIALS_FILE = devNull;
}
