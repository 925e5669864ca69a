import { parseTopicArn, type TopicArn } from "../../aws/topic-arn.ts";
import { type Config, KEYS, readConfig } from "../../config.ts";
import { nearest } from "../../util/nearest.ts";
import type { FunctionSettings } from "../settings.ts";
import { type Check, reporter } from "./check.ts";

/** The function's configuration; null if it is not valid. */
export interface Configured {
  readonly config: Config | null;
  readonly checks: readonly Check[];
}

const { ok, warning, wrong } = reporter("configuration");

/** Validates the function's settings as the function does. The checks contain no value. */
export function checkConfiguration({ settings, from, unknown }: FunctionSettings): Configured {
  const misspelt = unknown.flatMap(({ name, file }) => {
    const meant = nearest(name, KEYS);
    const message = `is in ${file}, but is not a configuration key`;
    return meant ? [warning(name, message, `Did you mean ${meant}?`)] : [];
  });
  const reading = readConfig(settings);
  if ("problems" in reading) {
    const problems = reading.problems.map(({ key, problem }) => {
      const fix = from[key]
        ? `Its source is ${from[key]}.`
        : "Set it in .env, or in a source that wt.config.json names (secretsFrom).";
      return wrong(key, problem, fix);
    });
    return { config: null, checks: [...problems, ...misspelt] };
  }
  const sources = [...new Set(Object.values(from))];
  const valid = ok("settings", `${Object.keys(settings).length} keys, all valid, from ${sources.join(" and ")}`);
  return { config: reading.config, checks: [valid, ...misspelt] };
}

/** Returns the topics in the settings, without those whose ARN cannot be parsed. */
export function topicsIn({ settings }: FunctionSettings): {
  readonly alert: TopicArn | null;
  readonly launch: readonly TopicArn[];
} {
  const launch = (settings.LAUNCH_TOPIC_ARN ?? "").split(",").map((arn) => parseTopicArn(arn.trim()));
  return { alert: parseTopicArn(settings.ALERT_TOPIC_ARN ?? ""), launch: launch.filter((topic) => topic !== null) };
}
