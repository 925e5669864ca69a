import { requiredTags } from "./required-tags.ts";
import type { RuleKind } from "./rule.ts";

/** Every kind of rule that a policy can put in force. */
export const RULE_KINDS: readonly RuleKind[] = [requiredTags];
