import { gatherSettings, KEYS, type Problem, readConfig, type Settings } from "./config.ts";
import { createService, type Service, type World } from "./launches/dispatch.ts";
import { reasonOfProblems } from "./launches/outcome.ts";
import { createLog, type Log } from "./log.ts";

/** A service, or what is wrong with the configuration. */
export type Opening = { readonly service: Service } | { readonly problems: readonly Problem[] };

/** The function behind all its faces. */
export interface App extends World {
  /**
   * The service for the configuration as it is now. Takes the webtask's secrets, which Lambda has none of, and our own
   * account, which only Lambda tells. A warm container keeps its service as long as none of the values changes.
   */
  open(secrets: Readonly<Record<string, unknown>>, ownAccount?: string | null): Opening;
  /** The log to say in what is wrong before there is a configuration. */
  readonly log: Log;
  /** Logs what is wrong with the configuration, at most once a minute, because anyone can ask for the function's health. */
  noteProblems(problems: readonly Problem[]): void;
}

/** In milliseconds. */
const NOTE_AGAIN_MS = 60_000;

/** Makes the app. Takes the environment variables, and what the app takes from the world. */
export function createApp(env: NodeJS.ProcessEnv, outside: World): App {
  // https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
  const world: World = { ...outside, functionName: env.AWS_LAMBDA_FUNCTION_NAME };
  const log = createLog("info", world.write, world.now, world.functionName);
  let last: { settings: Settings; account: string | null; opening: Opening } | null = null;
  let noteAgainAt = Number.NEGATIVE_INFINITY;
  return {
    ...world,
    log,
    noteProblems(problems) {
      if (world.now() < noteAgainAt) return;
      noteAgainAt = world.now() + NOTE_AGAIN_MS;
      log.note("error", `the configuration is not valid: ${reasonOfProblems(problems)}`);
    },
    open(secrets, account = null) {
      const settings = gatherSettings(secrets, env);
      if (last && last.account === account && KEYS.every((key) => last?.settings[key] === settings[key])) {
        return last.opening;
      }
      const reading = readConfig(settings, account);
      const opening = "config" in reading ? { service: createService(reading.config, world) } : reading;
      last = { settings, account, opening };
      return opening;
    },
  };
}
