import type { RuleKind } from "../rule.ts";
import { condition } from "./condition.ts";
import { encryptedVolumes } from "./encrypted-volumes.ts";
import { image } from "./image.ts";
import { imdsv2 } from "./imdsv2.ts";
import { instanceProfile } from "./instance-profile.ts";
import { instanceType } from "./instance-type.ts";
import { keyPair } from "./key-pair.ts";
import { launchedBy } from "./launched-by.ts";
import { network } from "./network.ts";
import { prohibitedTags } from "./prohibited-tags.ts";
import { publicIp } from "./public-ip.ts";
import { region } from "./region.ts";
import { requiredTags } from "./required-tags.ts";
import { securityGroups } from "./security-groups.ts";
import { tagLimit } from "./tag-limit.ts";

/** Every kind of rule that a policy can use. */
export const RULE_KINDS: readonly RuleKind[] = [
  requiredTags,
  prohibitedTags,
  tagLimit,
  securityGroups,
  keyPair,
  image,
  instanceType,
  imdsv2,
  publicIp,
  encryptedVolumes,
  instanceProfile,
  network,
  region,
  launchedBy,
  condition,
];
