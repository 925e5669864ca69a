import { GetQueueAttributesCommand, SetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { expect, it } from "vitest";
import { of, queue, useEmbeddedAws } from "./embedded-aws.ts";

useEmbeddedAws({ cloudTrail: false });

const encryption = async (QueueUrl: string | undefined) =>
  (await of().sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["SqsManagedSseEnabled"] })))
    .Attributes?.SqsManagedSseEnabled;

it("A queue is encrypted by SQS's own key by default", async () => {
  const { QueueUrl } = await queue();
  expect(await encryption(QueueUrl)).toBe("true");
  await of().sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { SqsManagedSseEnabled: "false" } }));
  expect(await encryption(QueueUrl)).toBe("false");
  expect(await encryption((await queue("other", { SqsManagedSseEnabled: "true" })).QueueUrl)).toBe("true");
});

it("SqsManagedSseEnabled must be true or false", async () => {
  await expect(queue("q", { SqsManagedSseEnabled: "yes" })).rejects.toMatchObject({ name: "InvalidAttributeValue" });
});
