import { TestEventPatternCommand } from "@aws-sdk/client-eventbridge";
import { type Aws, answered } from "../aws.ts";
import { CliError } from "../cli-error.ts";
import { otherRuleNames } from "./other-rules.ts";
import {
  arn,
  EVENT_RULE_KINDS,
  type EventRuleKind,
  type Installation,
  type OtherRule,
  type PlannedRule,
  ruleName,
  type Sent,
  type SetupPlan,
} from "./plan.ts";
import { isEnabled, type RuleFacts, readRule } from "./rules.ts";

/** The operator's options for rules. */
export interface RuleOptions {
  readonly cloudTrail: boolean;
  readonly tagChanges: boolean;
  /** Rules with other names to use instead of setup's own. */
  readonly adopt: readonly string[];
  /** Rules with other names to disable. */
  readonly disable: readonly string[];
}

/** The rules of an installation. */
export type RulePlan = Pick<SetupPlan, "rules" | "otherRules">;

/**
 * Returns the rules of the installation: the requested ones, and those of an earlier setup. The rule for state changes is
 * always requested, because CloudTrail's calls arrive minutes later and omit the instances of a large launch.
 * https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
 * An enabled rule with another name that sends the same events is used instead of a new one.
 * Throws CliError for a rule to adopt or disable that does not send launches to the launch topic, and what AWS throws.
 */
export async function planRules(aws: Aws, installation: Installation, options: RuleOptions): Promise<RulePlan> {
  const [own, names] = await Promise.all([
    Promise.all(
      EVENT_RULE_KINDS.map(
        async (kind) => [kind, await readRule(aws, installation, ruleName(installation.names, kind))] as const,
      ),
    ),
    otherRuleNames(aws, installation),
  ]);
  const others = (await Promise.all(names.map((name) => findRule(aws, installation, name)))).flat();
  checkNamed(installation, options, others);
  return decide(installation, options, new Map(own), others);
}

/** The state of a rule with another name. */
interface FoundRule {
  readonly name: string;
  readonly sends: readonly Sent[];
  readonly enabled: boolean;
  /** Whether its target has setup's dead-letter queue, because an earlier setup adopted it. */
  readonly hasOurQueue: boolean;
}

async function findRule(aws: Aws, installation: Installation, name: string): Promise<readonly FoundRule[]> {
  const facts = await readRule(aws, installation, name);
  if (facts === undefined) return [];
  const { EventPattern } = facts.rule;
  const samples = Object.entries(samplesAt(installation)) as [Sent, object][];
  const sent = samples.map(async ([what, event]) => {
    if (EventPattern === undefined) return [];
    const { Result } = await aws.events.send(
      new TestEventPatternCommand({ EventPattern, Event: JSON.stringify(event) }),
    );
    return answered(Result) ? [what] : [];
  });
  const { deadLetterQueueArn, launchTopicArn } = installation;
  const hasOurQueue = facts.targets.some(
    ({ Arn, DeadLetterConfig }) => Arn === launchTopicArn && DeadLetterConfig?.Arn === deadLetterQueueArn,
  );
  return [{ name, sends: (await Promise.all(sent)).flat(), enabled: isEnabled(facts.rule), hasOurQueue }];
}

/**
 * Returns one event of each kind that the function audits, in EventBridge's format.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html
 * https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html
 * https://docs.aws.amazon.com/tag-editor/latest/userguide/monitor-eb-tag-changes.html
 */
function samplesAt(installation: Installation): Readonly<Record<Sent, object>> {
  const { region, account } = installation;
  const id = "i-0123456789abcdef0";
  const event = (source: string, type: string, detail: object) => ({
    version: "0",
    id: "7bf73129-1428-4cd3-a780-95db273d1602",
    "detail-type": type,
    source,
    account,
    time: "2026-01-01T00:00:00Z",
    region,
    resources: [arn(installation, "ec2", `instance/${id}`)],
    detail,
  });
  const state = (name: string) =>
    event("aws.ec2", "EC2 Instance State-change Notification", { "instance-id": id, state: name });
  return {
    pending: state("pending"),
    running: state("running"),
    "CloudTrail calls": event("aws.ec2", "AWS API Call via CloudTrail", {
      eventSource: "ec2.amazonaws.com",
      eventName: "RunInstances",
      awsRegion: region,
      responseElements: { instancesSet: { items: [{ instanceId: id }] } },
    }),
    "Auto Scaling launches": event("aws.autoscaling", "EC2 Instance Launch Successful", {
      EC2InstanceId: id,
      StatusCode: "InProgress",
    }),
    "tag changes": event("aws.tag", "Tag Change on Resource", {
      "changed-tag-keys": ["owner"],
      service: "ec2",
      "resource-type": "instance",
      version: 1,
      tags: { owner: "platform" },
    }),
    terminations: state("terminated"),
  };
}

function checkNamed(installation: Installation, { adopt, disable }: RuleOptions, others: readonly FoundRule[]): void {
  const those = others.map(({ name }) => name).join(", ");
  for (const name of [...adopt, ...disable]) {
    const found = others.find((each) => each.name === name);
    if (found === undefined) {
      throw new CliError(
        `no rule ${name} (other than setup's own) sends to ${installation.names.launchTopic}`,
        those === "" ? "No other rule does. Omit the option." : `The other rules that do: ${those}.`,
      );
    }
    if (adopt.includes(name) && kindsOf(found).length === 0) {
      throw new CliError(`the rule ${name} does not send launches`, "Omit --adopt-rule: setup creates its own rule.");
    }
    if (adopt.includes(name) && disable.includes(name)) {
      throw new CliError(`--adopt-rule and --disable-rule both name ${name}`);
    }
  }
}

function kindsOf({ sends }: Pick<FoundRule, "sends">): readonly EventRuleKind[] {
  return EVENT_RULE_KINDS.filter((kind) => sends.some((each) => kindOf(each) === kind));
}

/** Setup creates no rule for Auto Scaling events. */
function kindOf(sent: Sent): EventRuleKind | null {
  if (sent === "Auto Scaling launches") return null;
  return sent === "pending" || sent === "running" ? "state changes" : sent;
}

function decide(
  { names }: Installation,
  options: RuleOptions,
  own: ReadonlyMap<EventRuleKind, RuleFacts | undefined>,
  others: readonly FoundRule[],
): RulePlan {
  const isAdopted = (kind: EventRuleKind) =>
    others.some((each) => options.adopt.includes(each.name) && kindsOf(each)[0] === kind);
  const requested: Readonly<Record<EventRuleKind, boolean>> = {
    "state changes": true,
    "CloudTrail calls": options.cloudTrail || isAdopted("CloudTrail calls"),
    "tag changes": options.tagChanges || isAdopted("tag changes"),
    terminations: options.tagChanges || isAdopted("terminations"),
  };
  const rules: PlannedRule[] = [];
  const switchedOff: OtherRule[] = [];
  const used = new Map<EventRuleKind, string>();
  for (const kind of EVENT_RULE_KINDS) {
    const present = own.get(kind);
    const isOn = present !== undefined && isEnabled(present.rule);
    const chosen = choose(kind, others, options, { isRequested: requested[kind], isOn });
    const isThere = present !== undefined || (requested[kind] && chosen === undefined);
    if (chosen !== undefined && isOn) {
      switchedOff.push({ name: ruleName(names, kind), sends: [], doubled: [], part: "disable" });
    } else if (isThere) rules.push({ kind, requested: requested[kind] && chosen === undefined });
    const name = chosen?.name ?? (isThere ? ruleName(names, kind) : undefined);
    if (name !== undefined && (isOn || requested[kind] || chosen !== undefined)) used.set(kind, name);
  }
  // The adopted rule is enabled before the other is disabled, so that no launch is missed.
  return { rules, otherRules: [...others.map((each) => judge(each, options, used)), ...switchedOff] };
}

/** Returns the rule with another name that is used for a kind; undefined when there is none. */
function choose(
  kind: EventRuleKind,
  others: readonly FoundRule[],
  { adopt, disable }: RuleOptions,
  { isRequested: isAsked, isOn }: { readonly isRequested: boolean; readonly isOn: boolean },
): FoundRule | undefined {
  const able = others.filter((each) => kindsOf(each).includes(kind) && !disable.includes(each.name));
  const adopted = isAsked || isOn ? able.find(({ name }) => adopt.includes(name)) : undefined;
  if (adopted !== undefined || isOn) return adopted;
  const enabled = able.filter((each) => each.enabled);
  return enabled.find((each) => each.hasOurQueue) ?? (isAsked ? enabled[0] : undefined);
}

function judge(
  { name, sends, enabled }: FoundRule,
  { disable }: RuleOptions,
  used: ReadonlyMap<EventRuleKind, string>,
): OtherRule {
  const doubled = sends.filter((sent) => {
    const kind = kindOf(sent);
    if (kind !== null && used.get(kind) === name) return sent === "running" && sends.includes("pending");
    // Without setup's own rules for tag changes and terminations, no other rule sends them.
    return (kind !== "tag changes" && kind !== "terminations") || used.has(kind);
  });
  const isUsed = [...used.values()].includes(name);
  const part = disable.includes(name) ? "disable" : isUsed ? "adopted" : enabled ? "left" : "off";
  return { name, sends, doubled, part };
}
