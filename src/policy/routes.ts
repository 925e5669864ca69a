import { parseTopicArn, type TopicArn } from "../aws/topic-arn.ts";
import { type Condition, condition } from "./condition.ts";
import { ruleIds } from "./exemptions.ts";
import { type Rule, SEVERITIES, type Severity } from "./rule.ts";
import {
  flag,
  list,
  object,
  oneOf,
  oneOrMore,
  optional,
  required,
  type Setting,
  text,
  withDefault,
} from "./settings.ts";

/** `alert`: the document and the texts of an alert. `chat`: a custom notification of Amazon Q Developer in chat applications. */
export const FORMATS = ["alert", "chat"] as const;
export type Format = (typeof FORMATS)[number];

/** A further topic for the findings that match all of the route's conditions. */
export interface Route {
  /** Null for all. */
  readonly severities: readonly Severity[] | null;
  /** The ids of the rules; `*` for all. Null for all. */
  readonly rules: readonly string[] | null;
  /** The instances; null for all. */
  readonly when: Condition | null;
  readonly topic: TopicArn;
  readonly format: Format;
  /** Whether its findings do not go to the default topic. */
  readonly instead: boolean;
}

export const MAX_ROUTES = 20;

const severity = oneOf(SEVERITIES);
const LEVELS = { max: SEVERITIES.length, of: "severities" };
const listed = list(severity, LEVELS);

/** A severity and all higher ones, or a list of severities. */
const severities: Setting<readonly Severity[]> = {
  ...oneOrMore(severity, LEVELS),
  read(value, path, reading) {
    if (Array.isArray(value)) return listed.read(value, path, reading);
    const least = severity.read(value, path, reading);
    return least && SEVERITIES.slice(SEVERITIES.indexOf(least));
  },
};

const topicText = text({
  max: 320,
  pattern: /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}(?:\.fifo)?$/,
  shape: "the ARN of an SNS topic, arn:aws:sns:<region>:<account>:<name>",
});

const topic: Setting<TopicArn> = {
  ...topicText,
  read(value, path, reading) {
    const arn = topicText.read(value, path, reading);
    if (arn === undefined) return undefined;
    return (
      parseTopicArn(arn) ??
      reading.report(path, "must name a supported region of its partition, and a topic of up to 256 characters", arn)
    );
  },
  say: ({ arn }) => arn,
};

const routeObject = object(
  {
    severity: optional(severities, {
      about: "The findings of this severity and of higher ones; or a list: the findings of these severities.",
    }),
    rules: optional(ruleIds, { about: "The findings of the rules with these ids." }),
    when: optional(condition, { about: "The findings on these instances." }),
    topic: required(topic, { about: "The SNS topic, in any region of the partition." }),
    format: withDefault(oneOf(FORMATS), "alert", {
      about: "`chat`: a notification for Slack or Microsoft Teams, by Amazon Q Developer in chat applications.",
    }),
    instead: withDefault(flag, false, { about: "`true`: these findings do not go to the default topic." }),
  },
  { shape: 'an object: {"severity": "high", "topic": "arn:aws:sns:..."}' },
);

const route: Setting<Route> = {
  ...routeObject,
  read(value, path, reading) {
    const read = routeObject.read(value, path, reading);
    if (read === undefined) return undefined;
    const { severity: levels = null, rules = null, when = null, ...rest } = read;
    return { ...rest, severities: levels, rules, when };
  },
  say: ({ topic: { arn } }) => arn,
};

/** The routes of a policy. */
export const routes: Setting<readonly Route[]> = list(route, { min: 0, max: MAX_ROUTES, of: "routes" });

/** Returns whether a route takes the findings of a rule, on the instances of its condition. */
export function takes(
  { severities: levels, rules }: Pick<Route, "severities" | "rules">,
  { id, severity: own }: Pick<Rule, "id" | "severity">,
): boolean {
  return (levels?.includes(own) ?? true) && (rules === null || rules.includes("*") || rules.includes(id));
}

/** Returns whether the routes need the image of an instance with findings. The other facts that they can use are known then. */
export function needImage(all: readonly Route[]): boolean {
  return all.some(({ when }) => when?.needs.includes("image"));
}
