import type { Aws, Identity } from "../aws.ts";
import { KEY_ACTIONS, topicKeyOf } from "../setup/topic-key.ts";
import { readTopic } from "../setup/topics.ts";
import type { AlertTopic } from "./alert-topic.ts";
import { type Check, reporter } from "./check.ts";
import { simulate } from "./simulation.ts";

const { ok, unknown, wrong, attempt } = reporter("permissions");

/**
 * Checks whether the function, `publisher`, may use the key of an encrypted topic, which it needs to publish alerts.
 * IAM simulates the function's own policies, not the key's. `fix` returns how to allow it.
 */
export async function checkAlertKey(
  aws: Aws,
  publisher: Identity,
  topic: Pick<AlertTopic, "arn" | "aws" | "route">,
  fix: (keyArn: string) => string,
): Promise<readonly Check[]> {
  const name = topic.route ? `key of the topic ${topic.arn.split(":").at(-1)}` : "key of the alert topic";
  return attempt(name, async () => {
    const facts = await readTopic(topic.aws, topic.arn);
    const key = topicKeyOf(topic.arn, facts?.attributes.KmsMasterKeyId);
    if (key === null) return [];
    if ("alias" in key) {
      const message = `the topic names its key by the alias ${key.alias}, and IAM cannot simulate an alias`;
      return unknown(name, message, `Check that the function may call ${KEY_ACTIONS.join(" and ")} on it.`);
    }
    const required = KEY_ACTIONS.map((action) => ({ action: action.replace("*", ""), resource: key.arn }));
    const simulated = await simulate(aws, publisher, required);
    if ("absent" in simulated) return unknown(name, simulated.absent, fix(key.arn));
    if ("unknown" in simulated) return unknown(name, simulated.unknown, simulated.fix);
    const { denied } = simulated;
    if (denied.length === 0) return ok(name, `IAM's simulator allows the function to use ${key.arn}`);
    const message = `IAM's simulator denies the function ${denied.map(({ action }) => action).join(" and ")} on ${key.arn}`;
    return wrong(name, message, fix(key.arn));
  });
}
