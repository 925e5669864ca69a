import type { Aws } from "../aws.ts";
import { differenceText } from "../setup/difference.ts";
import { resourcesOf } from "../setup/installation.ts";
import { doublings } from "../setup/other-rules.ts";
import type { OtherRule, SetupPlan } from "../setup/plan.ts";
import { readDeadLetterQueue } from "../setup/queue.ts";
import type { Inspection, Resource } from "../setup/resource.ts";
import { findableArn, isManagedKey, topicKeyOf } from "../setup/topic-key.ts";
import { readTopic } from "../setup/topics.ts";
import { type Check, type Reporter, reporter } from "./check.ts";
import { judgeDeadLetters } from "./dead-letter-queue.ts";
import { findKey, judgeKeyState } from "./key-state.ts";

const topics = reporter("topics and policies");
const rules = reporter("rules and targets");

/**
 * Checks the resources that `setup` creates, except the alert topic. `flags` name the installation in commands of
 * `ec2-audit`, `regionFlags` the region in those of the AWS CLI.
 */
export async function checkInstallation(
  aws: Aws,
  plan: SetupPlan,
  { flags, regionFlags }: { readonly flags: string; readonly regionFlags: string },
): Promise<readonly Check[]> {
  const duplicates = doublings(plan, flags);
  const others = plan.otherRules.filter(({ part }) => part !== "adopted");
  const adopted = plan.otherRules.filter(({ part }) => part === "adopted");
  const expected = { ...plan, otherRules: adopted, emails: [], url: null };
  const resources = resourcesOf(aws, expected).filter(({ kind }) => kind !== "alert topic");
  const isDuplicate = ({ kind, name }: Resource) => kind === "rule" && duplicates.some((each) => each.name === name);
  const checks: readonly (readonly Check[])[] = await Promise.all([
    ...resources.map(async (resource) => {
      const own = await checkResource(resource, flags);
      // A topic that could not be read is reported already.
      if (resource.kind === "launch topic" && own.every(({ state }) => state !== "unknown")) {
        return [...own, ...(await checkLaunchKey(aws, plan.launchTopicArn, regionFlags))];
      }
      return isDuplicate(resource) ? own.filter(({ state }) => state !== "ok") : own;
    }),
    others.flatMap(checkOtherRule),
    duplicates.map(({ name, message, fixes }) => rules.wrong(`rule ${name}`, message, fixes.join("\n"))),
    topics.attempt("dead-letter queue", () => checkDeadLetters(aws, plan, regionFlags)),
  ]);
  return checks.flat();
}

/** Reports a rule of another name that is not used. One that duplicates alerts has a check of its own. */
function checkOtherRule({ name, part, sends, doubled }: OtherRule): readonly Check[] {
  if (doubled.length > 0 && part !== "off") return [];
  const message = sends.length === 0 ? "sends no launches of this account" : "sends events that no other rule sends";
  return [rules.skipped(`rule ${name}`, part === "off" ? "disabled" : message)];
}

async function checkResource(resource: Resource, flags: string): Promise<readonly Check[]> {
  const report = resource.kind === "rule" ? rules : topics;
  const name = `${resource.kind} ${resource.name}`;
  return report.attempt(name, async () => {
    const found = await resource.inspect();
    // A rule that setup adds only on request may be disabled: setup prints how.
    if (!resource.requested && isSwitchedOff(found)) return [report.skipped(name, "disabled")];
    return judge(report, name, found, flags);
  });
}

/** Checks the key of an encrypted launch topic, which EventBridge must be allowed to use. */
async function checkLaunchKey(aws: Aws, topicArn: string, regionFlags: string): Promise<readonly Check[]> {
  const name = "key of the launch topic";
  return topics.attempt(name, async () => {
    const id = (await readTopic(aws, topicArn))?.attributes.KmsMasterKeyId;
    if (isManagedKey(id)) {
      const message = "the AWS managed key does not allow EventBridge to use it: no launch reaches the topic";
      const set = `aws sns set-topic-attributes --topic-arn ${topicArn} --attribute-name KmsMasterKeyId --attribute-value`;
      const fix = `Use a customer managed key: ${set} <key>${regionFlags}\nIts policy: ${KEY_POLICY}`;
      return topics.wrong(name, message, fix);
    }
    const key = topicKeyOf(topicArn, id);
    if (key === null) return [];
    const found = await findKey(aws, findableArn(topicArn, key));
    const message = `the policy of ${found.arn} must allow events.amazonaws.com to use it, which is not checked`;
    return [...judgeKeyState(name, found, regionFlags), topics.unknown(name, message, `See ${KEY_POLICY}`)];
  });
}

const KEY_POLICY = "https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html";

function judge(report: Reporter, name: string, found: Inspection, flags: string): readonly Check[] {
  const fix = `ec2-audit setup${flags}`;
  switch (found.state) {
    case "absent":
      return [report.wrong(name, "does not exist", fix)];
    case "differs":
      return found.differences.map((difference) => report.wrong(name, differenceText(difference), fix));
    case "correct":
      return [report.ok(name, "correct")];
  }
}

function isSwitchedOff(found: Inspection): boolean {
  return found.state === "differs" && found.differences.some(({ property }) => property === "state");
}

async function checkDeadLetters(aws: Aws, plan: SetupPlan, regionFlags: string): Promise<readonly Check[]> {
  const queue = await readDeadLetterQueue(aws, plan);
  if (queue === undefined) return [];
  const { messages, url } = queue;
  return [judgeDeadLetters(topics, "dead-letter queue", { messages, url, regionFlags })];
}
