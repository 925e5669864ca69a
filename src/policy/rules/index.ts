import type { RuleKind } from "../rule.ts";
import { requiredTags } from "./required-tags.ts";

/** Every kind of rule that a policy can put in force. */
export const RULE_KINDS: readonly RuleKind[] = [requiredTags];
