import type { RuleKind } from "../rule.ts";
import { keyPair } from "./key-pair.ts";
import { requiredTags } from "./required-tags.ts";

/** Every kind of rule that a policy can use. */
export const RULE_KINDS: readonly RuleKind[] = [requiredTags, keyPair];
