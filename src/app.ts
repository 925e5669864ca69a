import { gatherSettings, KEYS, type Problem, readConfig, type Settings } from "./config.ts";
import { createLog } from "./log.ts";
import { createService, type Service, type World } from "./service.ts";

/** A service, or what is wrong with the configuration. */
export type Opening = { readonly service: Service } | { readonly problems: readonly Problem[] };

/** The function behind all its faces. */
export interface App extends World {
  /**
   * The service for the configuration as it is now. Takes the webtask's secrets; on Lambda there are none. A warm
   * container keeps its service as long as no value changes.
   */
  open(secrets: Readonly<Record<string, unknown>>): Opening;
  /** The log to say in what is wrong before there is a configuration. */
  readonly log: ReturnType<typeof createLog>;
}

/** Makes the app. Takes the environment variables, and what the app takes from the world. */
export function createApp(env: NodeJS.ProcessEnv, world: World): App {
  let last: { settings: Settings; opening: Opening } | null = null;
  return {
    ...world,
    log: createLog("info", world.write, world.now),
    open(secrets) {
      const settings = gatherSettings(secrets, env);
      if (last === null || KEYS.some((key) => last?.settings[key] !== settings[key])) {
        const reading = readConfig(settings);
        last = { settings, opening: "config" in reading ? { service: createService(reading.config, world) } : reading };
      }
      return last.opening;
    },
  };
}
