import { loadSharedConfigFiles } from "@smithy/core/config";
import { CliError } from "./cli-error.ts";

/** The credentials of a command, and the SDK client's settings for them. */
export interface Choice {
  /** Such as "the profile ops". Never contains a key. */
  readonly name: string;
  /** Their profile; null for credentials in the environment and for the SDK's default chain. */
  readonly profile: string | null;
  readonly settings: {
    readonly profile?: string;
    readonly credentials?: {
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
      readonly sessionToken?: string;
    };
  };
}

/** How to list the profiles. */
export const PROFILES_HINT = "aws configure list-profiles lists the profiles.";

/**
 * Returns the credentials that the AWS CLI would choose: those of the profile `given` (`--profile`), else those in the
 * environment, else those of AWS_PROFILE, else the default chain (files, SSO, container, instance). The SDK itself prefers
 * AWS_PROFILE to the environment, and falls back to an instance's role when a profile does not exist.
 * https://docs.aws.amazon.com/cli/latest/userguide/cli-chap-authentication.html#cli-chap-authentication-precedence
 * Throws CliError for an access key id without its secret key, or the reverse, and for a profile that does not exist.
 */
export async function chooseCredentials(env: NodeJS.ProcessEnv, given: string | undefined): Promise<Choice> {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN } = env;
  if (given) {
    await checkProfile(given);
    return { name: `the profile ${given}`, profile: given, settings: { profile: given } };
  }
  if (accessKeyId && secretAccessKey) {
    const credentials = { accessKeyId, secretAccessKey, ...(AWS_SESSION_TOKEN && { sessionToken: AWS_SESSION_TOKEN }) };
    return { name: "the credentials in the environment", profile: null, settings: { credentials } };
  }
  if (accessKeyId || secretAccessKey) {
    const [set, missing] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].sort((name) => (env[name] ? -1 : 1));
    throw new CliError(`${set} is set without ${missing}`, "Set both, or neither.");
  }
  const profile = env.AWS_PROFILE;
  if (!profile) return { name: "the default credentials", profile: null, settings: {} };
  await checkProfile(profile);
  return { name: `the profile ${profile}`, profile, settings: {} };
}

async function checkProfile(name: string): Promise<void> {
  const { configFile, credentialsFile } = await loadSharedConfigFiles();
  if (!(name in configFile) && !(name in credentialsFile)) {
    throw new CliError(`the AWS profile ${name} does not exist`, PROFILES_HINT);
  }
}
