import type { Aws, Identity } from "../aws.ts";
import { KEY_ACTIONS, topicKeyOf } from "../setup/topic-key.ts";
import { readTopic } from "../setup/topics.ts";
import { type Check, reporter } from "./check.ts";
import { simulate } from "./simulation.ts";

const { ok, unknown, wrong, attempt } = reporter("permissions");

/** An alert topic, and AWS in its region. */
export interface AlertTopicPlace {
  readonly arn: string;
  readonly aws: Aws;
}

/**
 * Whether the function, `publisher`, may use the key of an encrypted alert topic, which it needs to publish alerts. IAM
 * simulates the function's own policies, not the key's. `mend` says what to do when it may not.
 */
export async function checkAlertKey(
  aws: Aws,
  publisher: Identity,
  topic: AlertTopicPlace,
  mend: (keyArn: string) => string,
): Promise<readonly Check[]> {
  const name = "key of the alert topic";
  return attempt(name, async () => {
    const facts = await readTopic(topic.aws, topic.arn);
    const key = topicKeyOf(topic.arn, facts?.attributes.KmsMasterKeyId);
    if (key === null) return [];
    if ("alias" in key) {
      const told = `the topic names it by ${key.alias}, and IAM cannot simulate an alias`;
      return unknown(name, told, `May the function do ${KEY_ACTIONS.join(" and ")} on it?`);
    }
    const needs = KEY_ACTIONS.map((action) => ({ action: action.replace("*", ""), resource: key.arn }));
    const answer = await simulate(aws, publisher, needs);
    if ("absent" in answer) return unknown(name, answer.absent, mend(key.arn));
    if ("unknown" in answer) return unknown(name, answer.unknown, answer.mend);
    const missing = needs.filter(({ action }) => !answer.allowed.some((each) => each.action === action));
    if (missing.length === 0) return ok(name, `the function may use ${key.arn}, as IAM simulates it`);
    const told = `the function's policies do not allow ${missing.map(({ action }) => action).join(" and ")} on ${key.arn}, as IAM simulates them`;
    return wrong(name, told, mend(key.arn));
  });
}
