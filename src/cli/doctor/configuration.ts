import { parseTopicArn, type TopicArn } from "../../aws/topic-arn.ts";
import { type Config, KEYS, readConfig } from "../../config.ts";
import { nearest } from "../nearest.ts";
import type { FunctionSettings } from "../settings.ts";
import { type Check, reporter } from "./check.ts";

/** What the function is configured with; null when the configuration is not whole. */
export interface Configured {
  readonly config: Config | null;
  readonly checks: readonly Check[];
}

const { ok, warning, wrong } = reporter("configuration");

/** Validates the function's settings as the function does. No value is told. */
export function checkConfiguration({ settings, from, unknown }: FunctionSettings): Configured {
  const strangers = unknown.flatMap(({ name, file }) => {
    const meant = nearest(name, KEYS);
    const told = `is in ${file}, and no key of the configuration`;
    return meant ? [warning(name, told, `Did you mean ${meant}?`)] : [];
  });
  const reading = readConfig(settings);
  if ("problems" in reading) {
    const problems = reading.problems.map(({ key, problem }) => {
      const mend = from[key]
        ? `It comes from ${from[key]}.`
        : "Set it in .env, or where wt.config.json says (secretsFrom).";
      return wrong(key, problem, mend);
    });
    return { config: null, checks: [...problems, ...strangers] };
  }
  const sources = [...new Set(Object.values(from))];
  const whole = ok("settings", `${Object.keys(settings).length} keys, all valid, from ${sources.join(" and ")}`);
  return { config: reading.config, checks: [whole, ...strangers] };
}

/** The topics that the settings name, as far as they can be read. */
export function topicsIn({ settings }: FunctionSettings): {
  readonly alert: TopicArn | null;
  readonly launch: readonly TopicArn[];
} {
  const launch = (settings.LAUNCH_TOPIC_ARN ?? "").split(",").map((arn) => parseTopicArn(arn.trim()));
  return { alert: parseTopicArn(settings.ALERT_TOPIC_ARN ?? ""), launch: launch.filter((topic) => topic !== null) };
}
