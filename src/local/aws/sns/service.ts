import type { QueryService } from "../service.ts";
import { type PublishContext, publishActions } from "./publish.ts";
import type { Topic } from "./store.ts";
import { subscriptionActions } from "./subscriptions.ts";
import { tagActions } from "./tags.ts";
import { topicActions } from "./topics.ts";

/** Returns SNS, and `publishText`, by which EventBridge publishes an event. It throws AwsError if the topic refuses the event. */
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
