import { isObject } from "../../../util/json.ts";

/**
 * Returns the failed messages of a batch by the function's response. The conditions are those of
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting: none for
 * a response that is empty or null, or has an empty or no list `batchItemFailures`; all for one that is not an object or a
 * list, and if an item's `itemIdentifier` is missing, empty, null or no message of the batch.
 * @param ids the message ids of the batch
 */
export function failedIn(response: unknown, ids: ReadonlySet<string>): ReadonlySet<string> {
  if (response === undefined || response === null) return new Set();
  if (!isObject(response)) return ids;
  const items = response.batchItemFailures ?? [];
  if (!Array.isArray(items)) return ids;
  const failed = items.map((item: unknown) => (isObject(item) ? item.itemIdentifier : undefined));
  return new Set(failed.every((id): id is string => typeof id === "string" && ids.has(id)) ? failed : ids);
}
