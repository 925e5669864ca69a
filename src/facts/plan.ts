import type { FactName, FactReader, Facts } from "./facts.ts";
import type { Instance } from "./instances.ts";
import { mapReads, type Reads } from "./pages.ts";

/** The facts of an instance that EC2 shows. */
export interface ShownFacts extends Facts {
  readonly instance: Instance;
}

/** The reads of the facts that some rules need. Each EC2 operation is called once per batch of instances. */
export interface FactPlan {
  /** Reads only tags, with the cheapest call; null if a rule needs more. */
  readonly readTags: ((instanceIds: readonly string[]) => Promise<Reads<Facts>>) | null;
  /** Reads all facts that the rules need, and the instance; null for an instance that EC2 does not show. */
  readonly read: (instanceIds: readonly string[]) => Promise<Reads<ShownFacts | null>>;
}

/** Plans the reads for rules that need these facts. */
export function planFacts(needs: readonly FactName[], reader: FactReader): FactPlan {
  return {
    readTags: needs.includes("instance")
      ? null
      : async (ids) => mapReads(await reader.tags(ids), (tags) => ({ tags, instance: null })),
    read: async (ids) =>
      mapReads(await reader.instances(ids), (instance) => instance && { tags: instance.tags, instance }),
  };
}
