import { MADE_BY } from "../names.ts";
import type { Tags } from "../tags.ts";
import type { Difference } from "./difference.ts";

/** The state of a resource in AWS, compared with the plan. */
export type Inspection =
  | { readonly state: "absent"; readonly notes: readonly string[] }
  | {
      readonly state: "correct";
      readonly madeBySetup: MadeBySetup;
      /** Information for the operator that needs no repair. */
      readonly notes: readonly string[];
    }
  | {
      readonly state: "differs";
      readonly madeBySetup: MadeBySetup;
      readonly notes: readonly string[];
      readonly differences: readonly Difference[];
    };

/** Whether the resource has the tag of `setup`; null for a subscription, which cannot have tags. */
type MadeBySetup = boolean | null;

/** The kinds of resources in the order of their creation: each depends only on those before it. */
export type ResourceKind =
  | "dead-letter queue"
  | "launch topic"
  | "alert topic"
  | "rule"
  | "e-mail subscription"
  | "function subscription";

/** A resource of an installation. */
export interface Resource {
  readonly kind: ResourceKind;
  /** Its name, or the endpoint of a subscription without its secrets. */
  readonly name: string;
  /** Null for a subscription, whose ARN AWS assigns. */
  readonly arn: string | null;
  /** Whether it is requested; if not, it exists from an earlier setup, which leaves it unchanged. */
  readonly requested: boolean;
  /** Changes nothing. Throws what AWS throws, except when the resource does not exist. */
  inspect(): Promise<Inspection>;
  /** Creates or repairs it; does nothing if it is correct. Takes the result of `inspect`. Throws what AWS throws. */
  apply(found: Inspection): Promise<void>;
}

/** Returns the tags of a new resource: setup's own, and those of `--tag`. */
export function newTags(tags: Tags): Tags {
  return { [MADE_BY.key]: MADE_BY.value, ...tags };
}

/** Returns whether these are the tags of a resource that `setup` created. */
export function isMadeBySetup(tags: Tags): boolean {
  return tags[MADE_BY.key] === MADE_BY.value;
}

/** Returns the tags of `--tag` that a resource lacks or has with another value; none if setup did not create it. */
export function missingTags(present: Tags, expected: Tags): Tags {
  if (!isMadeBySetup(present)) return {};
  return Object.fromEntries(Object.entries(expected).filter(([key, value]) => present[key] !== value));
}

/** Returns the same tags as differences. */
export function tagDifferences(present: Tags, desired: Tags): readonly Difference[] {
  const missing = Object.entries(missingTags(present, desired));
  return missing.map(([key, expected]) => ({ property: "tag", key, actual: present[key], expected }));
}

/**
 * Returns what the key of an encrypted topic or queue must allow. The key policy of an AWS managed key cannot be changed.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
 */
export function encryptedFor(key: string, senders: string): string {
  const own = /\balias\/aws\//.test(key) ? " An AWS managed key does not: use a customer managed key." : "";
  return `It is encrypted with ${key}: the key policy must allow ${senders} to use the key.${own}`;
}

/** The resource does not exist. */
export const ABSENT: Inspection = { state: "absent", notes: [] };

/** Returns the state of a resource that exists. */
export function inspected(
  madeBySetup: MadeBySetup,
  differences: readonly Difference[],
  notes: readonly string[] = [],
): Inspection {
  if (differences.length === 0) return { state: "correct", madeBySetup, notes };
  return { state: "differs", madeBySetup, notes, differences };
}
