import { parseTopicArn } from "../../aws/topic-arn.ts";
import type { Route } from "../../policy/routes.ts";
import { type Aws, connect, type Identity } from "../aws.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { regionFlags } from "../flags.ts";
import { checkAlertKey } from "./alert-key.ts";
import { checkAlertTopic } from "./alert-topic.ts";
import type { Check } from "./check.ts";

/** The topic of a route. */
export interface RouteTopic {
  readonly arn: string;
  /** Whether it gets chat notifications only. SNS sends their message attributes, and those of alerts not. */
  readonly isChat: boolean;
}

/** Returns the topics of routes, each once, without the alert topic, which is checked by itself. */
export function topicsOf(routes: readonly Route[], alertArn: string): readonly RouteTopic[] {
  const arns = [...new Set(routes.map(({ topic }) => topic.arn))].filter((arn) => arn !== alertArn);
  return arns.map((arn) => ({
    arn,
    isChat: routes.every(({ topic, format }) => topic.arn !== arn || format === "chat"),
  }));
}

/**
 * Checks the topics of routes as the alert topic is checked: each exists, has confirmed subscribers, and the function, `publisher`,
 * may use its key. A publisher of null is not known. `fixKey` returns how to allow the use of a key.
 */
export async function checkRouteTopics(
  cli: Cli,
  aws: Aws,
  options: CommonOptions,
  topics: readonly RouteTopic[],
  publisher: Identity | null,
  fixKey: (keyArn: string) => string,
): Promise<readonly Check[]> {
  const checks = topics.map(async ({ arn, isChat }) => {
    const { region = aws.region, name = arn, fifo = false } = parseTopicArn(arn) ?? {};
    const there = region === aws.region ? aws : await connect(cli, { ...options, region });
    const flags = regionFlags(options, there);
    const topic = {
      arn,
      aws: there,
      regionFlags: flags,
      createFix: `Correct the route in the policy, or create the topic: aws sns create-topic --name ${name}${fifo ? " --attributes FifoTopic=true" : ""}${flags}`,
      subscribeFix: `aws sns subscribe --topic-arn ${arn} --protocol email --notification-endpoint you@example.com${flags}`,
      route: { isChat },
    };
    const key = publisher === null ? [] : await checkAlertKey(aws, publisher, topic, fixKey);
    return [...(await checkAlertTopic(topic)), ...key];
  });
  return (await Promise.all(checks)).flat();
}
