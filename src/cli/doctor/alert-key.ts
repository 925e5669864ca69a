import type { Aws, Identity } from "../aws.ts";
import { explain } from "../explain.ts";
import { findableArn, isManagedKey, KEY_ACTIONS, topicKeyOf } from "../setup/topic-key.ts";
import { readTopic } from "../setup/topics.ts";
import type { AlertTopic } from "./alert-topic.ts";
import { type Check, reporter } from "./check.ts";
import { findKey, judgeKeyState } from "./key-state.ts";
import { simulate } from "./simulation.ts";

const { ok, unknown, wrong, attempt } = reporter("permissions");

/**
 * Checks the key of an encrypted topic: whether it is usable, and whether the function, `publisher`, may use it, which it needs to
 * publish alerts. IAM simulates the function's own policies, not the key's. `fix` returns how to allow it.
 */
export async function checkAlertKey(
  aws: Aws,
  publisher: Identity,
  topic: Pick<AlertTopic, "arn" | "aws" | "regionFlags" | "isOfRoute">,
  fix: (keyArn: string) => string,
): Promise<readonly Check[]> {
  const name = topic.isOfRoute ? `key of the topic ${topic.arn.split(":").at(-1)}` : "key of the alert topic";
  return attempt(name, async () => {
    const id = (await readTopic(topic.aws, topic.arn))?.attributes.KmsMasterKeyId;
    const [, , , , owner = ""] = topic.arn.split(":");
    if (isManagedKey(id) && publisher.account !== owner) {
      const message = `the topic is encrypted with the AWS managed key, which only account ${owner} may use, and the function is in account ${publisher.account}`;
      return wrong(
        name,
        message,
        "Encrypt the topic with a customer managed key whose key policy allows the function.",
      );
    }
    const key = topicKeyOf(topic.arn, id);
    if (key === null) return [];
    const found = await findKey(topic.aws, findableArn(topic.arn, key)).catch(explain);
    const isFound = "state" in found;
    const state = isFound
      ? judgeKeyState(name, found, topic.regionFlags)
      : [unknown(name, `the state of the key is not known: ${found.message}`, found.hint ?? "")];
    const arn = isFound ? found.arn : "arn" in key ? key.arn : null;
    return arn === null ? state : [...state, ...(await checkUse(aws, publisher, name, arn, fix))];
  });
}

async function checkUse(
  aws: Aws,
  publisher: Identity,
  name: string,
  arn: string,
  fix: (keyArn: string) => string,
): Promise<readonly Check[]> {
  const required = KEY_ACTIONS.map((action) => ({ action: action.replace("*", ""), resource: arn }));
  const simulated = await simulate(aws, publisher, required);
  if ("absent" in simulated) return [unknown(name, simulated.absent, fix(arn))];
  if ("unknown" in simulated) return [unknown(name, simulated.unknown, simulated.fix)];
  const { denied } = simulated;
  if (denied.length === 0) return [ok(name, `IAM's simulator allows the function to use ${arn}`)];
  const message = `IAM's simulator denies the function ${denied.map(({ action }) => action).join(" and ")} on ${arn}`;
  return [wrong(name, message, fix(arn))];
}
