import { createHash } from "node:crypto";
import { type Subscription, TagResourceCommand } from "@aws-sdk/client-sns";
import type { Aws } from "../aws.ts";
import { CliError } from "../cli-error.ts";
import { SUBSCRIPTIONS_TAG } from "../names.ts";
import { shownUrl } from "../shown-url.ts";
import type { Tags } from "../tags.ts";
import { readTopic } from "./topics.ts";

/**
 * Which subscriptions setup made. Subscriptions have no tags, so a topic that setup did not make lists them in a tag, as
 * short hashes: a tag's value has at most 256 characters, and must not contain all those of a URL or an address.
 * https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html
 */

/** How many marks of 8 characters, separated by spaces, fit in a tag's value. */
const MOST = 28;

/** Whether a topic's tags say that setup made a subscription. */
export function isMarked(tags: Tags, subscription: Endpoint): boolean {
  return marksIn(tags).includes(markOf(subscription));
}

/**
 * Records on its topic that setup makes a subscription; for a topic that setup made, teardown removes all of them anyway.
 * @throws CliError when the tag is full, and what AWS throws
 */
export async function mark(aws: Aws, TopicArn: string, subscription: Endpoint): Promise<void> {
  const topic = await readTopic(aws, TopicArn);
  if (topic === undefined || topic.madeBySetup || isMarked(topic.tags, subscription)) return;
  const marks = [...marksIn(topic.tags), markOf(subscription)];
  if (marks.length > MOST) {
    const { Protocol, Endpoint = "" } = subscription;
    const shown = shownUrl(Endpoint);
    throw new CliError(
      `setup cannot record more than ${MOST} subscriptions of one topic`,
      `${shown} is not subscribed. By hand:
aws sns subscribe --topic-arn ${TopicArn} --protocol ${Protocol} --notification-endpoint ${shown}`,
    );
  }
  const Tags = [{ Key: SUBSCRIPTIONS_TAG, Value: marks.join(" ") }];
  await aws.sns.send(new TagResourceCommand({ ResourceArn: TopicArn, Tags }));
}

type Endpoint = Pick<Subscription, "Protocol" | "Endpoint">;

function marksIn(tags: Tags): readonly string[] {
  return (tags[SUBSCRIPTIONS_TAG] ?? "").split(" ").filter((each) => each !== "");
}

/** An e-mail address is the same in any case. */
function markOf({ Protocol = "", Endpoint = "" }: Endpoint): string {
  const endpoint = Protocol === "email" ? Endpoint.toLowerCase() : Endpoint;
  return createHash("sha256").update(`${Protocol} ${endpoint}`).digest("base64url").slice(0, 8);
}
