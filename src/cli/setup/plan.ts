import { partitionOf } from "../../aws/regions.ts";
import { CliError } from "../cli-error.ts";
import { NAMES } from "../names.ts";
import type { Tags } from "../tags.ts";

/** The events that a rule of setup sends to the launch topic. */
export type EventRuleKind = "state changes" | "CloudTrail calls" | "tag changes" | "terminations";

/** The names of the resources of an installation. */
export interface InstallationNames {
  readonly launchTopic: string;
  readonly alertTopic: string;
  readonly rule: string;
  readonly deadLetterQueue: string;
}

/** An installation: its region and account, and the names and ARNs of its resources. */
export interface Installation {
  readonly region: string;
  readonly account: string;
  readonly names: InstallationNames;
  readonly launchTopicArn: string;
  readonly alertTopicArn: string;
  readonly deadLetterQueueArn: string;
}

/** The desired state of an installation. */
export interface SetupPlan extends Installation {
  readonly rules: readonly PlannedRule[];
  readonly otherRules: readonly OtherRule[];
  /** The e-mail addresses to subscribe to alerts. */
  readonly emails: readonly string[];
  /** The function's URL; null to leave its subscription unchanged. */
  readonly url: string | null;
  /** The tags of `--tag`, for every resource that setup creates. */
  readonly tags: Tags;
}

/** A rule that is requested, or exists from an earlier setup. */
export interface PlannedRule {
  readonly kind: EventRuleKind;
  readonly requested: boolean;
}

/** The events of a rule with another name that the function audits. */
export type Sent =
  | "pending"
  | "running"
  | "CloudTrail calls"
  | "Auto Scaling launches"
  | "tag changes"
  | "terminations";

/** A rule whose name is none of `ruleName`, and whose target is the launch topic. */
export interface OtherRule {
  readonly name: string;
  readonly sends: readonly Sent[];
  /** Those of `sends` that another rule, or this one, already sends: they cause duplicate alerts. */
  readonly doubled: readonly Sent[];
  /**
   * adopted: used instead of setup's own. disable: setup disables it. off: it is already disabled. left: neither used nor
   * changed.
   */
  readonly part: "adopted" | "disable" | "off" | "left";
}

export const EVENT_RULE_KINDS: readonly EventRuleKind[] = [
  "state changes",
  "CloudTrail calls",
  "tag changes",
  "terminations",
];

const SUFFIX: Readonly<Record<EventRuleKind, string>> = {
  "state changes": "",
  "CloudTrail calls": "-cloudtrail",
  "tag changes": "-tag-changes",
  terminations: "-terminated",
};

/** The event pattern of each kind of rule. With `running` too, every launch would be audited twice. */
export const PATTERNS: Readonly<Record<EventRuleKind, object>> = {
  "state changes": {
    source: ["aws.ec2"],
    "detail-type": ["EC2 Instance State-change Notification"],
    detail: { state: ["pending"] },
  },
  "CloudTrail calls": {
    source: ["aws.ec2"],
    "detail-type": ["AWS API Call via CloudTrail"],
    detail: { eventSource: ["ec2.amazonaws.com"], eventName: ["RunInstances"] },
  },
  "tag changes": {
    source: ["aws.tag"],
    "detail-type": ["Tag Change on Resource"],
    detail: { service: ["ec2"], "resource-type": ["instance"] },
  },
  terminations: {
    source: ["aws.ec2"],
    "detail-type": ["EC2 Instance State-change Notification"],
    detail: { state: ["terminated"] },
  },
};

/** Returns the name of setup's rule of a kind. */
export function ruleName(names: InstallationNames, kind: EventRuleKind): string {
  return `${names.rule}${SUFFIX[kind]}`;
}

/** Returns the ARN of a rule of the default bus. */
export function ruleArn(installation: Installation, name: string): string {
  return arn(installation, "events", `rule/${name}`);
}

/** Returns the installation of these names in a region and account. */
export function installationOf(region: string, account: string, names: InstallationNames): Installation {
  const place = { region, account };
  return {
    ...place,
    names,
    launchTopicArn: arn(place, "sns", names.launchTopic),
    alertTopicArn: arn(place, "sns", names.alertTopic),
    deadLetterQueueArn: arn(place, "sqs", names.deadLetterQueue),
  };
}

/** Returns the ARN of a resource in an account and region. */
export function arn(place: Pick<Installation, "region" | "account">, service: string, resource: string): string {
  return `arn:${partitionOf(place.region).name}:${service}:${place.region}:${place.account}:${resource}`;
}

/** Returns the names that the operator gave, completed by the defaults. Throws CliError for a name that AWS does not accept. */
export function namesOf(given: Partial<InstallationNames>): InstallationNames {
  const names = {
    launchTopic: given.launchTopic ?? NAMES.launchTopic,
    alertTopic: given.alertTopic ?? NAMES.alertTopic,
    rule: given.rule ?? NAMES.rule,
    deadLetterQueue: given.deadLetterQueue ?? NAMES.deadLetterQueue,
  };
  if (names.launchTopic.endsWith(".fifo")) {
    throw new CliError(
      "the launch topic cannot be a FIFO topic",
      "EventBridge and HTTPS subscriptions need a standard topic.",
    );
  }
  if (names.launchTopic === names.alertTopic) {
    throw new CliError(
      "the launch topic and the alert topic must differ",
      "The function would receive its own alerts as launches.",
    );
  }
  check("launch topic", names.launchTopic, /^[\w-]+$/, 256);
  check("alert topic", names.alertTopic, /^[\w-]+(?:\.fifo)?$/, 256);
  check("dead-letter queue", names.deadLetterQueue, /^[\w-]+$/, 80);
  // A rule's name has at most 64 characters, with the longest suffix.
  check("rule", names.rule, /^[.\w-]+$/, 52);
  return names;
}

function check(what: string, name: string, shape: RegExp, maxLength: number): void {
  if (shape.test(name) && name.length <= maxLength) return;
  throw new CliError(
    `"${name}" is not a valid name for the ${what}`,
    `Use a name, not an ARN: at most ${maxLength} letters, digits, hyphens and underscores.`,
  );
}
