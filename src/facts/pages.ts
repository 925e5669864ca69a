/** The result of a read for each instance: its value, or the error of the call that was to read it. */
export type Reads<T> = ReadonlyMap<string, Read<T>>;
export type Read<T> = { readonly value: T } | { readonly error: unknown };

/** Returns the read of an instance. An instance that is missing from the reads was not read: that is an error. */
export function readOf<T>(reads: Reads<T>, instanceId: string): Read<T> {
  return reads.get(instanceId) ?? { error: new Error("the facts of the instance were not read") };
}

/** Returns the reads with each value converted. */
export function mapReads<A, B>(reads: Reads<A>, convert: (value: A) => B): Reads<B> {
  return new Map([...reads].map(([id, read]) => [id, "error" in read ? read : { value: convert(read.value) }]));
}

/** A filter takes at most 200 values. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTags.html */
export const IDS_PER_CALL = 200;

/**
 * EC2 allows bursts of 100 describe calls per account. Four parallel calls are fast and leave most of them to other callers.
 * https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
 */
const PARALLEL_CALLS = 4;

/** Reads in chunks of `IDS_PER_CALL`, a few in parallel. An error of a chunk is the error of its ids only. */
export async function inChunks<T>(
  ids: readonly string[],
  read: (chunk: readonly string[]) => Promise<Map<string, T>>,
): Promise<Reads<T>> {
  const reads = new Map<string, Read<T>>();
  const chunks: (readonly string[])[] = [];
  for (let from = 0; from < ids.length; from += IDS_PER_CALL) chunks.push(ids.slice(from, from + IDS_PER_CALL));
  const queue = chunks.values();
  const work = async () => {
    for (const chunk of queue) {
      try {
        for (const [id, value] of await read(chunk)) reads.set(id, { value });
      } catch (error) {
        for (const id of chunk) reads.set(id, { error });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_CALLS, chunks.length) }, work));
  return reads;
}

/**
 * Returns the set of a response. Throws an Error when there is none: EC2 returns an empty set for no results, so the response
 * came from something else, such as a proxy. Read as "no tags" or "no such instance", it would cause a false alert or lose one.
 */
export function requireSet<T>(set: readonly T[] | undefined, action: string): readonly T[] {
  if (set === undefined) throw new Error(`the response to ${action} is not from EC2`);
  return set;
}
