import { MADE_BY } from "../names.ts";
import type { Tags } from "../tags.ts";
import type { Difference } from "./difference.ts";

/** What there is of a resource, beside what there should be. */
export type Inspection =
  | { readonly state: "absent"; readonly notes: readonly string[] }
  | {
      readonly state: "right";
      readonly madeBySetup: MadeBySetup;
      /** What the operator should know, though nothing is wrong. */
      readonly notes: readonly string[];
    }
  | {
      readonly state: "differs";
      readonly madeBySetup: MadeBySetup;
      readonly notes: readonly string[];
      readonly differences: readonly Difference[];
    };

/** Whether the tag says that `setup` has made it; null for what cannot have a tag: a subscription. */
type MadeBySetup = boolean | null;

/** The kinds of a resource, in the order in which they are made: each needs only those before it. */
export type ResourceKind =
  | "dead-letter queue"
  | "launch topic"
  | "alert topic"
  | "rule"
  | "e-mail subscription"
  | "function subscription";

/** One thing of an installation in AWS: it can be looked at, and be made as it should be. */
export interface Resource {
  readonly kind: ResourceKind;
  /** Its name, or the endpoint of a subscription without what may be secret in it. */
  readonly name: string;
  /** Null where AWS gives the ARN: a subscription's. */
  readonly arn: string | null;
  /** Whether it is asked for, or is left from an earlier setup: then `setup` leaves it as it is. */
  readonly requested: boolean;
  /** Reads only. Throws what AWS throws, but for "there is no such thing". */
  inspect(): Promise<Inspection>;
  /** Makes it, or puts right what differs. Takes what `inspect` has found. Does nothing to what is right. */
  apply(found: Inspection): Promise<void>;
}

/** The tags of what setup makes: its own, and those of `--tag`. */
export function newTags(tags: Tags): Tags {
  return { [MADE_BY.key]: MADE_BY.value, ...tags };
}

/** Whether these tags are of something that `setup` has made. */
export function isMadeBySetup(tags: Tags): boolean {
  return tags[MADE_BY.key] === MADE_BY.value;
}

/** The tags of `--tag` that something lacks or has with another value. Only what setup made gets them. */
export function missingTags(present: Tags, expected: Tags): Tags {
  if (!isMadeBySetup(present)) return {};
  return Object.fromEntries(Object.entries(expected).filter(([key, value]) => present[key] !== value));
}

/** The same as differences. */
export function tagDifferences(present: Tags, desired: Tags): readonly Difference[] {
  const missing = Object.entries(missingTags(present, desired));
  return missing.map(([key, expected]) => ({ property: "tag", key, actual: present[key], expected }));
}

/**
 * What an encrypted topic or queue asks of its key, for those who send to it. The policies of AWS's own keys cannot be changed.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
 */
export function encryptedFor(key: string, senders: string): string {
  const own = /\balias\/aws\//.test(key) ? " That of AWS's own key does not: give it one of yours." : "";
  return `It is encrypted with ${key}: the key's policy has to let ${senders} use it.${own}`;
}

/** There is no such thing. */
export const ABSENT: Inspection = { state: "absent", notes: [] };

/** What was found of something that is there. */
export function inspected(
  madeBySetup: MadeBySetup,
  differences: readonly Difference[],
  notes: readonly string[] = [],
): Inspection {
  if (differences.length === 0) return { state: "right", madeBySetup, notes };
  return { state: "differs", madeBySetup, notes, differences };
}
