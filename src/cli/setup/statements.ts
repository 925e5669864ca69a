import { partitionOf } from "../../aws/regions.ts";
import { EVENT_RULE_KINDS, type Installation, ruleArn, ruleName, type SetupPlan } from "./plan.ts";
import { KEY_ACTIONS, type TopicKey } from "./topic-key.ts";

/** A statement of a policy, as JSON. */
export interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Principal: { readonly Service: string };
  readonly Action: string;
  readonly Resource: string;
  readonly Condition?: object;
}

/**
 * Lets EventBridge publish to the launch topic. It has no condition on the rule or the account because EventBridge does not
 * give SNS what they compare with: "You can't use Condition blocks in Amazon SNS topic policies for EventBridge"
 * (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions).
 */
export function eventsToTopic(installation: Pick<Installation, "launchTopicArn">): Statement {
  return {
    Sid: "Ec2AuditEvents",
    Effect: "Allow",
    Principal: { Service: "events.amazonaws.com" },
    Action: "sns:Publish",
    Resource: installation.launchTopicArn,
  };
}

/**
 * Lets EventBridge, for our rules and those used instead, and SNS, for the launch topic, put into the dead-letter queue what
 * they cannot deliver.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-event-delivery.html#eb-dlq-perms,
 * https://docs.aws.amazon.com/sns/latest/dg/sns-configure-dead-letter-queue.html
 */
export function deadLetters(installation: SetupPlan): readonly Statement[] {
  const adopted = installation.otherRules.filter(({ part }) => part === "adopted").map(({ name }) => name);
  const rules = [...EVENT_RULE_KINDS.map((kind) => ruleName(installation.names, kind)), ...adopted];
  const from = (Sid: string, Service: string, sources: string | readonly string[]): Statement => ({
    Sid,
    Effect: "Allow",
    Principal: { Service },
    Action: "sqs:SendMessage",
    Resource: installation.deadLetterQueueArn,
    Condition: { ArnEquals: { "aws:SourceArn": sources } },
  });
  return [
    from(
      "Ec2AuditRules",
      "events.amazonaws.com",
      rules.map((name) => ruleArn(installation, name)),
    ),
    from("Ec2AuditTopic", "sns.amazonaws.com", installation.launchTopicArn),
  ];
}

/**
 * All that the function's own user needs, as an IAM policy: to read, to alert, and to be subscribed; to assume the role of
 * AUDIT_ROLE_NAME in other accounts, where there is one; and to use the key of the alert topic, where that has one.
 */
export function functionPolicy(
  installation: Installation,
  auditRole?: string,
  alertKey: TopicKey | null = null,
): object {
  const role = `arn:${partitionOf(installation.region).name}:iam::*:role/${auditRole}`;
  return {
    Version: "2012-10-17",
    Statement: [
      { Effect: "Allow", Action: ["ec2:DescribeTags", "ec2:DescribeInstances"], Resource: "*" },
      { Effect: "Allow", Action: "sns:Publish", Resource: installation.alertTopicArn },
      { Effect: "Allow", Action: ["sns:Subscribe", "sns:ConfirmSubscription"], Resource: installation.launchTopicArn },
      ...(auditRole ? [{ Effect: "Allow", Action: "sts:AssumeRole", Resource: role }] : []),
      ...(alertKey ? [{ Effect: "Allow", Action: KEY_ACTIONS, ...named(alertKey, installation) }] : []),
    ],
  };
}

/** A key as a policy names it: by its ARN, or any that has its alias.
 * https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html */
function named(key: TopicKey, { region, account }: Installation): object {
  if ("arn" in key) return { Resource: key.arn };
  const Resource = `arn:${partitionOf(region).name}:kms:${region}:${account}:key/*`;
  return { Resource, Condition: { "ForAnyValue:StringEquals": { "kms:ResourceAliases": key.alias } } };
}

/**
 * Which of our statements a policy has not, or has otherwise. One under another Sid counts, such as that of the console for
 * a target: it allows the same. Takes the policy as JSON; undefined for none.
 */
export function missingStatements(policy: string | undefined, ours: readonly Statement[]): readonly Statement[] {
  const present = statementsOf(policy).map(canonical);
  return ours.filter((statement) => !present.includes(canonical(statement)));
}

/** The policy with our statements in it. Others stay as they are; those with the same Sid are replaced. */
export function withStatements(policy: string | undefined, ours: readonly Statement[]): string {
  const kept = statementsOf(policy).filter((each) => !ours.some(({ Sid }) => Sid === sidOf(each)));
  const document = policy ? (JSON.parse(policy) as object) : {};
  return JSON.stringify({ Version: "2012-10-17", ...document, Statement: [...kept, ...ours] });
}

function statementsOf(policy: string | undefined): readonly unknown[] {
  const { Statement = [] } = policy ? (JSON.parse(policy) as { Statement?: unknown }) : {};
  return Array.isArray(Statement) ? Statement : [Statement];
}

function sidOf(statement: unknown): unknown {
  return typeof statement === "object" && statement !== null && "Sid" in statement ? statement.Sid : undefined;
}

/**
 * What a statement allows, as a text that is the same however it is written: AWS takes a list of one for its element, and an
 * action in any case.
 */
function canonical(statement: unknown): string {
  return sortedJson({ ...(statement as object), Sid: null }, (key, value) =>
    key === "Action" ? value.toLowerCase() : value,
  );
}

/** JSON with sorted keys and lists, and no list of one. */
function sortedJson(value: unknown, change: (key: string, text: string) => string, key = ""): string {
  if (Array.isArray(value)) {
    const items = value.map((item) => sortedJson(item, change, key)).sort();
    return items.length === 1 ? (items[0] ?? "") : `[${items.join()}]`;
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([name, item]) => `${JSON.stringify(name)}:${sortedJson(item, change, name)}`).join()}}`;
  }
  return JSON.stringify(typeof value === "string" ? change(key, value) : value);
}

/** Whether two texts are the same JSON, but for the order of keys and of lists. */
export function sameJson(one: string | undefined, other: object): boolean {
  if (one === undefined) return false;
  const plain = (_key: string, text: string) => text;
  return sortedJson(JSON.parse(one), plain) === sortedJson(other, plain);
}
