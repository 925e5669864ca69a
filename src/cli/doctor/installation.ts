import type { Subscription } from "@aws-sdk/client-sns";
import type { Aws } from "../aws.ts";
import { differenceText } from "../setup/difference.ts";
import { resourcesOf } from "../setup/installation.ts";
import { doublings } from "../setup/other-rules.ts";
import type { OtherRule, SetupPlan } from "../setup/plan.ts";
import { readDeadLetterQueue } from "../setup/queue.ts";
import type { Inspection, Resource } from "../setup/resource.ts";
import { isConfirmed, subscribeQueue, subscriptionsOf } from "../setup/subscriptions.ts";
import { readTopic } from "../setup/topics.ts";
import { shownUrl } from "../shown-url.ts";
import { checkFilters } from "./alert-filters.ts";
import { type Check, type Reporter, reporter } from "./check.ts";

const topics = reporter("topics and policies");
const rules = reporter("rules and targets");

/** Where the alert topic is, which need not be in the region of the launches. */
export interface AlertTopic {
  readonly arn: string;
  /** AWS in its region. */
  readonly aws: Aws;
  /** The AWS CLI's flags for its region, and for the operator; starts with a space. */
  readonly at: string;
  /** What to do when it is not there. */
  readonly make: string;
  /** The command that subscribes people to it by --email. */
  readonly tell: string;
}

/**
 * Whether what `setup` makes is there and as it should be. `flags` say in the next command which installation it is, and `at` in
 * one of the AWS CLI where.
 */
export async function checkInstallation(
  aws: Aws,
  plan: SetupPlan,
  alert: AlertTopic,
  { flags, at }: { readonly flags: string; readonly at: string },
): Promise<readonly Check[]> {
  const doubling = doublings(plan, flags);
  const others = plan.otherRules.filter(({ part }) => part !== "adopted");
  const adopted = plan.otherRules.filter(({ part }) => part === "adopted");
  const wanted = { ...plan, otherRules: adopted, emails: [], url: null };
  const resources = resourcesOf(aws, wanted).filter(({ kind }) => kind !== "alert topic");
  const isDoubling = ({ kind, name }: Resource) => kind === "rule" && doubling.some((each) => each.name === name);
  const checks: readonly (readonly Check[])[] = await Promise.all([
    ...resources.map(async (resource) => {
      const own = await checkResource(resource, flags);
      return isDoubling(resource) ? own.filter(({ state }) => state !== "ok") : own;
    }),
    others.flatMap(checkOtherRule),
    doubling.map(({ name, message, fixes }) => rules.wrong(`rule ${name}`, message, fixes.join("\n"))),
    topics.attempt("dead letters", () => checkDeadLetters(aws, plan, at)),
    checkAlertTopic(alert),
  ]);
  return checks.flat();
}

/** A rule of another name that is not used; one by which alerts come twice has a check of its own. */
function checkOtherRule({ name, part, sends, doubled }: OtherRule): readonly Check[] {
  if (doubled.length > 0 && part !== "off") return [];
  const told = sends.length === 0 ? "sends no launches of this account" : "sends what no other rule does";
  return [rules.skipped(`rule ${name}`, part === "off" ? "is switched off" : told)];
}

async function checkResource(resource: Resource, flags: string): Promise<readonly Check[]> {
  const report = resource.kind === "rule" ? rules : topics;
  const name = `${resource.kind} ${resource.name}`;
  return report.attempt(name, async () => {
    const found = await resource.inspect();
    // A rule that setup adds only when asked to may be switched off: setup itself says how.
    if (!resource.requested && isSwitchedOff(found)) return [report.skipped(name, "is switched off")];
    // Of the other kinds the notes tell what is no matter here, or is told by a check of its own.
    const notes = resource.kind === "launch topic" ? found.notes : [];
    return [
      ...judge(report, name, found, flags),
      ...notes.map((note) => report.unknown(name, note.replace(/\.$/, ""), KEY_POLICY)),
    ];
  });
}

const KEY_POLICY = "How: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html";

function judge(report: Reporter, name: string, found: Inspection, flags: string): readonly Check[] {
  const mend = `ec2-audit setup${flags}`;
  switch (found.state) {
    case "absent":
      return [report.wrong(name, "is not there", mend)];
    case "differs":
      return found.differences.map((difference) => report.wrong(name, differenceText(difference), mend));
    case "correct":
      return [report.ok(name, "as it should be")];
  }
}

function isSwitchedOff(found: Inspection): boolean {
  return found.state === "differs" && found.differences.some(({ property }) => property === "state");
}

async function checkDeadLetters(aws: Aws, plan: SetupPlan, at: string): Promise<readonly Check[]> {
  const queue = await readDeadLetterQueue(aws, plan);
  if (queue === undefined) return [];
  const { messages, url } = queue;
  return [judgeDeadLetters(topics, "dead letters", { messages, url, at })];
}

/**
 * Whether launches are in a dead-letter queue. `redriveArn` is the queue's ARN where SQS itself has put them there: only these
 * it moves back. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
 * `alertsToo`: alerts that were not delivered are in it, too.
 */
export function judgeDeadLetters(
  report: Reporter,
  name: string,
  {
    messages,
    url,
    at,
    redriveArn,
    alertsToo = false,
  }: {
    readonly messages: number;
    readonly url: string;
    /** The AWS CLI's flags for where it is; starts with a space. */
    readonly at: string;
    readonly redriveArn?: string | undefined;
    readonly alertsToo?: boolean;
  },
): Check {
  if (messages === 0) return report.ok(name, "none are waiting");
  const [one, many, what] = alertsToo
    ? ["launch or alert", "launches or alerts", "delivered"]
    : ["launch", "launches", "delivered or audited"];
  const told = messages === 1 ? `1 ${one} was not ${what}` : `${messages} ${many} were not ${what}`;
  const again = redriveArn
    ? `Mend that, and have them audited again: aws sqs start-message-move-task --source-arn ${redriveArn}${at}`
    : `Mend that, audit the instances with ec2-audit check${alertsToo ? ", tell what an alert says" : ""}, and then: aws sqs purge-queue --queue-url ${url}${at}`;
  return report.wrong(
    name,
    told,
    `See them: aws sqs receive-message --queue-url ${url} --max-number-of-messages 10 --message-attribute-names All${at}
The attributes, or the function's log under the messageId, say why; the body says which instance.
${again}`,
  );
}

/** Whether the alert topic is there, and whether anybody listens to it. */
export async function checkAlertTopic(topic: AlertTopic): Promise<readonly Check[]> {
  const { arn, aws, make } = topic;
  const name = `alert topic ${arn.split(":").at(-1)}`;
  return topics.attempt(name, async () => {
    if ((await readTopic(aws, arn)) === undefined) {
      return topics.wrong(name, `${arn} is not there`, make);
    }
    const listeners = topics.attempt("who is told", async () => {
      const all = await subscriptionsOf(aws, arn);
      return [judgeListeners(topic, all), ...(await checkFilters(aws, all, topic.at))];
    });
    return [topics.ok(name, "is there"), ...(await listeners)];
  });
}

function judgeListeners({ arn, at, tell }: AlertTopic, all: readonly Subscription[]): Check {
  const waiting = all.filter((each) => !isConfirmed(each));
  const confirmed = all.length - waiting.length;
  const named = (those: typeof all) => those.map(({ Endpoint = "somebody" }) => shownUrl(Endpoint)).join(", ");
  const people = waiting.filter(({ Protocol = "" }) => Protocol.startsWith("email"));
  const tools = waiting.filter((each) => !people.includes(each));
  /** The link is good for two days. https://docs.aws.amazon.com/sns/latest/api/API_ConfirmSubscription.html */
  const anotherMails = (addresses: readonly string[]) => {
    const again = `aws sns subscribe --topic-arn ${arn} --protocol email --notification-endpoint`;
    return ["The link is good for two days. For another e-mail:", ...addresses.map((each) => `${again} ${each}${at}`)];
  };
  const pending = [
    ...(people.length > 0
      ? [`${named(people)} ${people.length === 1 ? "waits" : "wait"} for the click on the link in SNS's e-mail`]
      : []),
    ...(tools.length > 0
      ? [
          `${named(tools)} ${tools.length === 1 ? "has not confirmed its subscription" : "have not confirmed their subscriptions"}`,
        ]
      : []),
  ].join("; ");
  const mendPending =
    people.length > 0
      ? anotherMails(people.map(({ Endpoint = "" }) => Endpoint)).join("\n")
      : "It has to confirm what SNS has sent it, or its owner has.";
  if (confirmed === 0) {
    const told = `nobody is told of alerts${pending && `: ${pending}`}`;
    const subscribe = arn.endsWith(".fifo") ? subscribeQueue(arn, at) : `${tell} --email you@example.com`;
    return topics.wrong("who is told", told, pending ? mendPending : subscribe);
  }
  const told = confirmed === 1 ? "1 subscriber" : `${confirmed} subscribers`;
  if (waiting.length === 0) return topics.ok("who is told", told);
  return topics.warning("who is told", `${told}; ${pending}`, mendPending);
}
