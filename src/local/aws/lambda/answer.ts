import { isObject } from "../../../util/json.ts";

/**
 * Which messages of a batch a function's answer says have failed, by the conditions of
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting: none for
 * an answer that is empty or null, or has an empty or no list `batchItemFailures`; all for one that is not an object or a
 * list, and where an item's `itemIdentifier` is missing, empty, null or no message of the batch.
 * @param ids those of the batch
 */
export function failedIn(answer: unknown, ids: ReadonlySet<string>): ReadonlySet<string> {
  if (answer === undefined || answer === null) return new Set();
  if (!isObject(answer)) return ids;
  const items = answer.batchItemFailures ?? [];
  if (!Array.isArray(items)) return ids;
  const failed = items.map((item: unknown) => (isObject(item) ? item.itemIdentifier : undefined));
  return new Set(failed.every((id): id is string => typeof id === "string" && ids.has(id)) ? failed : ids);
}
