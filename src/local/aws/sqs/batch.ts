import { AwsError } from "../errors.ts";
import { type Params, structures, text } from "../params.ts";

/** Returns the results of `each` for every entry of a batch; an error is that entry's failure. @throws AwsError for an invalid batch */
export function batch(params: Params, each: (entry: Params) => object) {
  const entries = structures(params, "Entries");
  const error = (code: string, message: string) =>
    new AwsError(`com.amazonaws.sqs#${code}`, message, 400, `AWS.SimpleQueueService.${code}`);
  if (entries.length === 0) throw error("EmptyBatchRequest", "There should be at least one entry in the request.");
  if (entries.length > 10)
    throw error(
      "TooManyEntriesInBatchRequest",
      `Maximum number of entries per request are 10. You have sent ${entries.length}.`,
    );
  const ids = entries.map((entry) => text(entry, "Id") ?? "");
  if (new Set(ids).size < ids.length)
    throw error("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.");
  const Successful: object[] = [];
  const Failed: object[] = [];
  for (const [index, entry] of entries.entries()) {
    const Id = ids[index];
    try {
      Successful.push({ Id, ...each(entry) });
    } catch (thrown) {
      if (!(thrown instanceof AwsError)) throw thrown;
      Failed.push({ Id, SenderFault: true, Code: thrown.queryCode ?? thrown.code, Message: thrown.message });
    }
  }
  return { Successful, ...(Failed.length === 0 ? {} : { Failed }) };
}
