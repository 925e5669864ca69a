import { partitionOf } from "../../aws/regions.ts";
import { CliError } from "../cli-error.ts";
import { NAMES } from "../names.ts";
import type { Tags } from "../tags.ts";

/** What a rule lets through. */
export type EventRuleKind = "state changes" | "CloudTrail calls" | "tag changes";

/** The names of what an installation is made of. */
export interface InstallationNames {
  readonly launchTopic: string;
  readonly alertTopic: string;
  readonly rule: string;
  readonly deadLetterQueue: string;
}

/** Where an installation is, and what its parts are called. */
export interface Installation {
  readonly region: string;
  readonly account: string;
  readonly names: InstallationNames;
  readonly launchTopicArn: string;
  readonly alertTopicArn: string;
  readonly deadLetterQueueArn: string;
}

/** What there should be. */
export interface SetupPlan extends Installation {
  readonly rules: readonly PlannedRule[];
  readonly otherRules: readonly OtherRule[];
  /** Who is to be told of alerts. */
  readonly emails: readonly string[];
  /** The function's URL, for SNS to call; null when its subscription is not to be touched. */
  readonly url: string | null;
  /** The tags of `--tag`, which all that setup makes gets in addition to its own. */
  readonly tags: Tags;
}

/** A rule that is asked for, or one that is there from an earlier setup. */
export interface PlannedRule {
  readonly kind: EventRuleKind;
  readonly requested: boolean;
}

/** What the function audits of what a rule of another name sends to the launch topic. */
export type Sent = "pending" | "running" | "CloudTrail calls" | "Auto Scaling launches" | "tag changes";

/** A rule that does not have one of the names of `ruleName`, and has the launch topic as a target. */
export interface OtherRule {
  readonly name: string;
  readonly sends: readonly Sent[];
  /** Those of `sends` that another rule, or this one, already sends: they make alerts come twice. */
  readonly doubled: readonly Sent[];
  /**
   * adopted: used instead of setup's own. disable: setup switches it off. off: it is switched off already. left: neither used
   * nor changed.
   */
  readonly part: "adopted" | "disable" | "off" | "left";
}

export const EVENT_RULE_KINDS: readonly EventRuleKind[] = ["state changes", "CloudTrail calls", "tag changes"];

const SUFFIX: Readonly<Record<EventRuleKind, string>> = {
  "state changes": "",
  "CloudTrail calls": "-cloudtrail",
  "tag changes": "-tag-changes",
};

/** What the rule of each kind matches. `running` as well would have every launch audited twice. */
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
};

/** The name of the rule of a kind. */
export function ruleName(names: InstallationNames, kind: EventRuleKind): string {
  return `${names.rule}${SUFFIX[kind]}`;
}

/** The ARN of a rule, on the default bus. */
export function ruleArn(installation: Installation, name: string): string {
  return arn(installation, "events", `rule/${name}`);
}

/** Where the parts of an installation are, by their names. */
export function installationOf(region: string, account: string, names: InstallationNames): Installation {
  const at = { region, account };
  return {
    ...at,
    names,
    launchTopicArn: arn(at, "sns", names.launchTopic),
    alertTopicArn: arn(at, "sns", names.alertTopic),
    deadLetterQueueArn: arn(at, "sqs", names.deadLetterQueue),
  };
}

/** The ARN of a resource in an account and region. */
export function arn(at: Pick<Installation, "region" | "account">, service: string, resource: string): string {
  return `arn:${partitionOf(at.region).name}:${service}:${at.region}:${at.account}:${resource}`;
}

/** The names that the operator gave, and for the rest the usual ones. @throws CliError for one that AWS does not take */
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
      "EventBridge and HTTPS subscriptions take standard topics.",
    );
  }
  if (names.launchTopic === names.alertTopic) {
    throw new CliError(
      "launches and alerts cannot have one topic",
      "Alerts would come back as launches: name another.",
    );
  }
  check("launch topic", names.launchTopic, /^[\w-]{1,256}$/);
  check("alert topic", names.alertTopic, /^(?:[\w-]{1,256}|[\w-]{1,251}\.fifo)$/);
  check("dead-letter queue", names.deadLetterQueue, /^[\w-]{1,80}$/);
  // A rule's name has at most 64 characters, with the longest suffix.
  check("rule", names.rule, /^[.\w-]{1,52}$/);
  return names;
}

function check(what: string, name: string, shape: RegExp): void {
  if (shape.test(name)) return;
  throw new CliError(
    `"${name}" cannot be the name of the ${what}`,
    "A name (not an ARN) has letters, digits, hyphens and underscores, and is not too long.",
  );
}
