import { partitionOf } from "../../aws/regions.ts";
import { EVENT_RULE_KINDS, type Installation, ruleArn, ruleName, type SetupPlan } from "./plan.ts";
import { KEY_ACTIONS, type TopicKey } from "./topic-key.ts";

/** A statement of a resource policy. */
export interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Principal: { readonly Service: string };
  readonly Action: string;
  readonly Resource: string;
  readonly Condition?: object;
}

/**
 * Returns the statement that allows EventBridge to publish to the launch topic. It has no condition on the rule or account,
 * because EventBridge does not send SNS these values: "You can't use Condition blocks in Amazon SNS topic policies for
 * EventBridge" (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions).
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
 * Returns the statements that allow EventBridge (for setup's rules and adopted ones) and SNS (for the launch topic) to send
 * undelivered messages to the dead-letter queue.
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

/** A topic that the function publishes to, and its key; null for a topic that needs no key. */
export interface PublishedTopic {
  readonly arn: string;
  readonly key: TopicKey | null;
}

/**
 * Returns the IAM policy that the function's user needs: to read EC2 with these actions, publish alerts and confirm its
 * subscription; and where given, to assume the role AUDIT_ROLE_NAME in other accounts. Takes the topics that it publishes to: the
 * alert topic, those of the policy's routes, and with a sweep the launch topic. A sweep of other accounts also lists them.
 */
export function functionPolicy(
  installation: Installation,
  readActions: readonly string[],
  auditRole?: string,
  topics: readonly PublishedTopic[] = [{ arn: installation.alertTopicArn, key: null }],
  sweeps = false,
): object {
  const arns = topics.map(({ arn }) => arn);
  const role = `arn:${partitionOf(installation.region).name}:iam::*:role/${auditRole}`;
  return {
    Version: "2012-10-17",
    Statement: [
      { Effect: "Allow", Action: readActions, Resource: "*" },
      { Effect: "Allow", Action: "sns:Publish", Resource: arns.length === 1 ? arns[0] : arns },
      { Effect: "Allow", Action: ["sns:Subscribe", "sns:ConfirmSubscription"], Resource: installation.launchTopicArn },
      ...(auditRole && sweeps ? [{ Effect: "Allow", Action: "organizations:ListAccounts", Resource: "*" }] : []),
      ...(auditRole ? [{ Effect: "Allow", Action: "sts:AssumeRole", Resource: role }] : []),
      ...topics.flatMap(({ arn, key }) => (key ? [{ Effect: "Allow", Action: KEY_ACTIONS, ...named(key, arn) }] : [])),
    ],
  };
}

/** Returns how a policy names a key: by its ARN, or by the alias of the key.
 * https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html */
function named(key: TopicKey, topicArn: string): object {
  if ("arn" in key) return { Resource: key.arn };
  const [, , , region = "", account] = topicArn.split(":");
  const Resource = `arn:${partitionOf(region).name}:kms:${region}:${account}:key/*`;
  return { Resource, Condition: { "ForAnyValue:StringEquals": { "kms:ResourceAliases": key.alias } } };
}

/**
 * Returns those of our statements that a policy lacks. A statement with another Sid that allows the same counts, such as the
 * console's for a target. Takes the policy as JSON; undefined for none.
 */
export function missingStatements(policy: string | undefined, ours: readonly Statement[]): readonly Statement[] {
  const present = statementsOf(policy).map(canonical);
  return ours.filter((statement) => !present.includes(canonical(statement)));
}

/** Returns the policy as JSON with our statements added. They replace those with the same Sid; the others are kept. */
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
 * Returns a statement in a canonical form: to AWS, a list of one equals its element, and actions have no case.
 */
function canonical(statement: unknown): string {
  return sortedJson({ ...(statement as object), Sid: null }, (key, value) =>
    key === "Action" ? value.toLowerCase() : value,
  );
}

/** Returns JSON with sorted keys and lists, and no list of one. */
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

/** Returns whether two JSON values are equal, apart from the order of keys and lists. */
export function sameJson(one: string | undefined, other: object): boolean {
  if (one === undefined) return false;
  const plain = (_key: string, text: string) => text;
  return sortedJson(JSON.parse(one), plain) === sortedJson(other, plain);
}
