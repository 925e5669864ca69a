import { loadSharedConfigFiles } from "@smithy/core/config";
import { CliError } from "./cli-error.ts";

/** Which credentials a command uses, and what a client of the SDK takes for it. */
export interface Choice {
  /** Such as "the profile ops". It never contains a key. */
  readonly name: string;
  /** The profile that they come from; null for keys in the environment, and for the SDK's default chain. */
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

/** How an operator finds out which profiles there are. */
export const PROFILES_HINT = "aws configure list-profiles shows those there are.";

/**
 * Chooses the credentials as the AWS CLI does: those of an explicit `--profile`, else the keys in the environment, else what
 * AWS_PROFILE or the default chain (files, SSO, container, instance) gives. The SDK itself prefers AWS_PROFILE to keys, and
 * goes on to an instance's role when a profile does not exist.
 * https://docs.aws.amazon.com/cli/latest/userguide/cli-chap-authentication.html#cli-chap-authentication-precedence
 * @param given the profile of the command line
 * @throws CliError for half a pair of keys, and for a profile that does not exist
 */
export async function chooseCredentials(env: NodeJS.ProcessEnv, given: string | undefined): Promise<Choice> {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN } = env;
  if (given) {
    await checkProfile(given);
    return { name: `the profile ${given}`, profile: given, settings: { profile: given } };
  }
  if (accessKeyId && secretAccessKey) {
    const credentials = { accessKeyId, secretAccessKey, ...(AWS_SESSION_TOKEN && { sessionToken: AWS_SESSION_TOKEN }) };
    return { name: "the keys in the environment", profile: null, settings: { credentials } };
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
    throw new CliError(`there is no AWS profile ${name}`, PROFILES_HINT);
  }
}
