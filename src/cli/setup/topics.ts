import {
  CreateTopicCommand,
  GetTopicAttributesCommand,
  ListTagsForResourceCommand,
  SetTopicAttributesCommand,
  TagResourceCommand,
} from "@aws-sdk/client-sns";
import { type Aws, answered } from "../aws.ts";
import { ifExists } from "../if-exists.ts";
import { type Tags, tagList, tagsIn } from "../tags.ts";
import type { SetupPlan } from "./plan.ts";
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
import { eventsToTopic, missingStatements, withStatements } from "./statements.ts";

/** The state of a topic in AWS. */
interface TopicFacts {
  readonly attributes: Readonly<Record<string, string>>;
  readonly tags: Tags;
  readonly madeBySetup: boolean;
}

/** Returns the attributes and tags of a topic; undefined when it does not exist. Throws what AWS throws. */
export async function readTopic({ sns }: Aws, arn: string): Promise<TopicFacts | undefined> {
  const attributes = await ifExists(sns.send(new GetTopicAttributesCommand({ TopicArn: arn })));
  if (attributes === undefined) return undefined;
  const tags = tagsIn((await ifExists(sns.send(new ListTagsForResourceCommand({ ResourceArn: arn }))))?.Tags);
  return { attributes: answered(attributes.Attributes), tags, madeBySetup: isMadeBySetup(tags) };
}

/** SNS signs with SHA-256 in version 2, and with SHA-1 in version 1, its default. The function accepts both. */
const SIGNATURE_VERSION = "2";

/** Returns the topic that receives launches from EventBridge and calls the function. */
export function launchTopic(aws: Aws, plan: SetupPlan): Resource {
  const { launchTopicArn: arn, names } = plan;
  const statement = eventsToTopic(plan);
  const set = (AttributeName: string, AttributeValue: string) =>
    aws.sns.send(new SetTopicAttributesCommand({ TopicArn: arn, AttributeName, AttributeValue }));
  return {
    kind: "launch topic",
    name: names.launchTopic,
    arn,
    requested: true,
    async inspect() {
      const facts = await readTopic(aws, arn);
      if (facts === undefined) return ABSENT;
      const { Policy, KmsMasterKeyId } = facts.attributes;
      const missing = missingStatements(Policy, [statement]).length > 0;
      const version = signatureVersionOf(facts);
      return inspected(
        facts.madeBySetup,
        [
          ...(missing ? [{ property: "topic policy" as const }] : []),
          ...(version === SIGNATURE_VERSION
            ? []
            : [{ property: "SignatureVersion" as const, actual: version, expected: SIGNATURE_VERSION }]),
          ...tagDifferences(facts.tags, plan.tags),
        ],
        KmsMasterKeyId ? [encryptedFor(KmsMasterKeyId, "events.amazonaws.com")] : [],
      );
    },
    async apply(found) {
      if (found.state === "absent") {
        const Attributes = { SignatureVersion: SIGNATURE_VERSION, Policy: withStatements(undefined, [statement]) };
        await createTopic(aws, plan, names.launchTopic, Attributes);
      }
      if (found.state === "differs") {
        const facts = await readTopic(aws, arn);
        if (facts === undefined) return;
        const { Policy } = facts.attributes;
        if (missingStatements(Policy, [statement]).length > 0) await set("Policy", withStatements(Policy, [statement]));
        if (signatureVersionOf(facts) !== SIGNATURE_VERSION) await set("SignatureVersion", SIGNATURE_VERSION);
        await addTags(aws, arn, facts, plan.tags);
      }
    },
  };
}

/** SNS does not always show the version. Setup sets it on creation, so a topic of setup has it even if it is not shown. */
function signatureVersionOf({ attributes, madeBySetup }: TopicFacts): string {
  return attributes.SignatureVersion ?? (madeBySetup ? SIGNATURE_VERSION : "1");
}

/** Returns the topic that the function publishes alerts to. It needs no policy: the function's user is in the same account. */
export function alertTopic(aws: Aws, plan: SetupPlan): Resource {
  const { alertTopicArn: arn, names } = plan;
  const fifo = names.alertTopic.endsWith(".fifo");
  return {
    kind: "alert topic",
    name: names.alertTopic,
    arn,
    requested: true,
    async inspect() {
      const facts = await readTopic(aws, arn);
      return facts === undefined ? ABSENT : inspected(facts.madeBySetup, tagDifferences(facts.tags, plan.tags));
    },
    async apply(found) {
      if (found.state === "absent") await createTopic(aws, plan, names.alertTopic, fifo ? { FifoTopic: "true" } : {});
      if (found.state !== "differs") return;
      const facts = await readTopic(aws, arn);
      if (facts !== undefined) await addTags(aws, arn, facts, plan.tags);
    },
  };
}

async function createTopic(aws: Aws, plan: SetupPlan, Name: string, Attributes: Record<string, string>): Promise<void> {
  const Tags = tagList(newTags(plan.tags));
  answered((await aws.sns.send(new CreateTopicCommand({ Name, Attributes, Tags }))).TopicArn);
}

async function addTags({ sns }: Aws, ResourceArn: string, { tags }: TopicFacts, expected: Tags): Promise<void> {
  const Tags = tagList(missingTags(tags, expected));
  if (Tags.length > 0) await sns.send(new TagResourceCommand({ ResourceArn, Tags }));
}
