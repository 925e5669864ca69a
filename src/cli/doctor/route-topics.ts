import { parseTopicArn } from "../../aws/topic-arn.ts";
import type { Format, Route } from "../../policy/routes.ts";
import { groupBy } from "../../util/group-by.ts";
import { type Aws, connect, type Identity } from "../aws.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { regionFlags } from "../flags.ts";
import type { Message } from "./alert-filters.ts";
import { checkAlertKey } from "./alert-key.ts";
import { checkAlertTopic } from "./alert-topic.ts";
import type { Check } from "./check.ts";

/** A topic that routes name. */
export interface RouteTopic {
  readonly arn: string;
  /** The formats that the routes give it. */
  readonly formats: readonly Format[];
}

/** Returns the topics of routes, each once. */
export function topicsOf(routes: readonly Route[]): readonly RouteTopic[] {
  return [...groupBy(routes, ({ topic }) => topic.arn)].map(([arn, own]) => ({
    arn,
    formats: [...new Set(own.map(({ format }) => format))],
  }));
}

/** Returns what is published to the alert topic, which routes can name too. */
export function messagesTo(alertArn: string, topics: readonly RouteTopic[]): readonly Message[] {
  const routed = topics.filter(({ arn }) => arn === alertArn).flatMap(({ formats }) => formats);
  return [...new Set<Message>(["alert", "digest", ...routed])];
}

/**
 * Checks the topics of routes, without the alert topic, as that one is checked: each exists, has confirmed subscribers, and the function, `publisher`,
 * may use its key. A publisher of null is not known. `fixKey` returns how to allow the use of a key.
 */
export async function checkRouteTopics(
  cli: Cli,
  aws: Aws,
  options: CommonOptions,
  topics: readonly RouteTopic[],
  alertArn: string,
  publisher: Identity | null,
  fixKey: (keyArn: string) => string,
): Promise<readonly Check[]> {
  const others = topics.filter(({ arn }) => arn !== alertArn);
  const checks = others.map(async ({ arn, formats }) => {
    const { region = aws.region, account = "", name = arn, fifo = false } = parseTopicArn(arn) ?? {};
    const there = region === aws.region ? aws : await connect(cli, { ...options, region });
    const flags = regionFlags(options, there);
    const create = `aws sns create-topic --name ${name}${fifo ? " --attributes FifoTopic=true" : ""}`;
    const inAccount =
      account === publisher?.account
        ? `create the topic: ${create}${flags}`
        : `create the topic with credentials of its account, ${account}: ${create} --region ${region}`;
    const topic = {
      arn,
      aws: there,
      regionFlags: flags,
      createFix: `Correct the route in the policy, or ${inAccount}`,
      subscribeFix: `aws sns subscribe --topic-arn ${arn} --protocol email --notification-endpoint you@example.com${flags}`,
      messages: formats,
      isOfRoute: true,
    };
    const key = publisher === null ? [] : await checkAlertKey(aws, publisher, topic, fixKey);
    return [...(await checkAlertTopic(topic)), ...key];
  });
  return (await Promise.all(checks)).flat();
}
