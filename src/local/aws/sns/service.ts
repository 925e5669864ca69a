import type { QueryService } from "../service.ts";
import { type PublishContext, publishActions } from "./publish.ts";
import type { Topic } from "./store.ts";
import { subscriptionActions } from "./subscriptions.ts";
import { tagActions } from "./tags.ts";
import { topicActions } from "./topics.ts";

/** SNS, and `publishText`: how EventBridge publishes an event to a topic. @throws AwsError when the topic does not take it */
export function createSns(context: PublishContext): {
  service: QueryService;
  publishText(topic: Topic, message: string): void;
} {
  const { actions, publishText } = publishActions(context);
  return {
    publishText,
    service: {
      protocol: "query",
      namespace: "http://sns.amazonaws.com/doc/2010-03-31/",
      actions: {
        ...topicActions(context.store),
        ...tagActions(context.store),
        ...subscriptionActions(context),
        ...actions,
      },
    },
  };
}
