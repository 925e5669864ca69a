import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueueTagsCommand,
  SetQueueAttributesCommand,
  TagQueueCommand,
} from "@aws-sdk/client-sqs";
import type { Aws } from "../aws.ts";
import { CliError } from "../cli-error.ts";
import { ifExists } from "../if-exists.ts";
import type { Tags } from "../tags.ts";
import type { Installation, SetupPlan } from "./plan.ts";
import {
  ABSENT,
  encryptedFor,
  inspected,
  isMadeBySetup,
  missingTags,
  newTags,
  type Resource,
  tagDifferences,
} from "./resource.ts";
import { deadLetters, missingStatements, withStatements } from "./statements.ts";

/** The longest retention that SQS allows: 14 days, in seconds. */
const RETENTION = "1209600";

/** The state of a queue in AWS. */
export interface QueueFacts {
  readonly url: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly tags: Tags;
  readonly madeBySetup: boolean;
  /** The approximate number of messages in it, including those in flight. */
  readonly messages: number;
}

/** Returns the attributes and tags of the dead-letter queue; undefined when it does not exist. Throws what AWS throws. */
export async function readDeadLetterQueue({ sqs }: Aws, { names }: Installation): Promise<QueueFacts | undefined> {
  const queue = await ifExists(sqs.send(new GetQueueUrlCommand({ QueueName: names.deadLetterQueue })));
  if (!queue?.QueueUrl) return undefined;
  const { QueueUrl } = queue;
  const [attributes, tagged] = await Promise.all([
    ifExists(sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }))),
    ifExists(sqs.send(new ListQueueTagsCommand({ QueueUrl }))),
  ]);
  if (attributes === undefined) return undefined;
  const tags = tagged?.Tags ?? {};
  const { ApproximateNumberOfMessages = 0, ApproximateNumberOfMessagesNotVisible = 0 } = attributes.Attributes ?? {};
  return {
    url: QueueUrl,
    attributes: attributes.Attributes ?? {},
    tags,
    madeBySetup: isMadeBySetup(tags),
    messages: Number(ApproximateNumberOfMessages) + Number(ApproximateNumberOfMessagesNotVisible),
  };
}

/** Returns the queue for launches that EventBridge could not deliver to the topic, or the topic to the function. */
export function deadLetterQueue(aws: Aws, plan: SetupPlan): Resource {
  const name = plan.names.deadLetterQueue;
  const statements = deadLetters(plan);
  return {
    kind: "dead-letter queue",
    name,
    arn: plan.deadLetterQueueArn,
    requested: true,
    async inspect() {
      const facts = await readDeadLetterQueue(aws, plan);
      if (facts === undefined) return ABSENT;
      const { attributes, messages } = facts;
      return inspected(
        facts.madeBySetup,
        [
          ...(attributes.MessageRetentionPeriod === RETENTION
            ? []
            : [
                {
                  property: "MessageRetentionPeriod" as const,
                  actual: attributes.MessageRetentionPeriod,
                  expected: RETENTION,
                },
              ]),
          ...missingStatements(attributes.Policy, statements).map(({ Principal }) => ({
            property: "queue policy" as const,
            sender: Principal.Service,
          })),
          ...(isUnencrypted(attributes)
            ? [{ property: "SqsManagedSseEnabled" as const, actual: "false", expected: "true" }]
            : []),
          ...tagDifferences(facts.tags, plan.tags),
        ],
        [
          ...(attributes.KmsMasterKeyId
            ? [encryptedFor(attributes.KmsMasterKeyId, "events.amazonaws.com and sns.amazonaws.com")]
            : []),
          ...(messages === 0 ? [] : [`It contains ${messages} undelivered message${messages === 1 ? "" : "s"}.`]),
        ],
      );
    },
    async apply(found) {
      if (found.state === "absent") await create(aws, plan);
      if (found.state !== "differs") return;
      const facts = await readDeadLetterQueue(aws, plan);
      if (facts === undefined) return create(aws, plan);
      const { url, attributes } = facts;
      const Attributes = {
        ...(attributes.MessageRetentionPeriod !== RETENTION && { MessageRetentionPeriod: RETENTION }),
        ...(missingStatements(attributes.Policy, statements).length > 0 && {
          Policy: withStatements(attributes.Policy, statements),
        }),
        ...(isUnencrypted(attributes) && { SqsManagedSseEnabled: "true" }),
      };
      if (Object.keys(Attributes).length > 0) {
        await aws.sqs.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes }));
      }
      const Tags = missingTags(facts.tags, plan.tags);
      if (Object.keys(Tags).length > 0) await aws.sqs.send(new TagQueueCommand({ QueueUrl: url, Tags }));
    },
  };
}

/** SQS encrypts a new queue with its own key by default. */
async function create({ sqs }: Aws, plan: SetupPlan): Promise<void> {
  const QueueName = plan.names.deadLetterQueue;
  const Attributes = {
    MessageRetentionPeriod: RETENTION,
    Policy: withStatements(undefined, deadLetters(plan)),
  };
  try {
    await sqs.send(new CreateQueueCommand({ QueueName, Attributes, tags: newTags(plan.tags) }));
  } catch (error) {
    if (!(error instanceof Error) || !/QueueDeletedRecently/.test(error.name)) throw error;
    throw new CliError(
      `a queue named ${QueueName} was deleted less than a minute ago`,
      "SQS reserves the name for 60 s. Run setup again in a minute.",
    );
  }
}

function isUnencrypted({ SqsManagedSseEnabled, KmsMasterKeyId }: QueueFacts["attributes"]): boolean {
  return SqsManagedSseEnabled === "false" && !KmsMasterKeyId;
}
