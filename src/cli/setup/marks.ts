import { createHash } from "node:crypto";
import { type Subscription, TagResourceCommand } from "@aws-sdk/client-sns";
import type { Aws } from "../aws.ts";
import { CliError } from "../cli-error.ts";
import { SUBSCRIPTIONS_TAG } from "../names.ts";
import { shownUrl } from "../shown-url.ts";
import type { Tags } from "../tags.ts";
import { readTopic } from "./topics.ts";

/**
 * The record of the subscriptions that setup created. Subscriptions cannot have tags, so a topic that setup did not create
 * lists them in a tag, as short hashes: a tag value has at most 256 characters, and not every character of a URL is allowed.
 * https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html
 */

/** How many marks of 8 characters, separated by spaces, fit in a tag's value. */
const MAX_MARKS = 28;

/** Returns whether a topic's tags record that setup created a subscription. */
export function isMarked(tags: Tags, subscription: Endpoint): boolean {
  return marksIn(tags).includes(markOf(subscription));
}

/**
 * Records on the topic that setup creates a subscription. A topic that setup created needs no record: teardown deletes it with
 * all its subscriptions. Throws CliError when the tag is full, and what AWS throws.
 */
export async function mark(aws: Aws, TopicArn: string, subscription: Endpoint): Promise<void> {
  const topic = await readTopic(aws, TopicArn);
  if (topic === undefined || topic.madeBySetup || isMarked(topic.tags, subscription)) return;
  const marks = [...marksIn(topic.tags), markOf(subscription)];
  if (marks.length > MAX_MARKS) {
    const { Protocol, Endpoint = "" } = subscription;
    const shown = shownUrl(Endpoint);
    throw new CliError(
      `setup cannot record more than ${MAX_MARKS} subscriptions of one topic`,
      `${shown} is not subscribed. To subscribe it yourself:
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

/** E-mail addresses are compared without regard to case. */
function markOf({ Protocol = "", Endpoint = "" }: Endpoint): string {
  const endpoint = Protocol === "email" ? Endpoint.toLowerCase() : Endpoint;
  return createHash("sha256").update(`${Protocol} ${endpoint}`).digest("base64url").slice(0, 8);
}
