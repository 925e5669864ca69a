import { command } from "../remedies/commands.ts";
import { isOfAws } from "../remedies/tag-commands.ts";
import { compliant, ruleKind, violates } from "../rule.ts";
import { integer, required } from "../settings.ts";
import { verb } from "../words.ts";

/** `tag-limit`: the number of tags must not exceed a maximum. */
export const tagLimit = ruleKind({
  name: "tag-limit",
  what: "An instance must not have more tags than the maximum.",
  why: "A resource has at most 50 tags. A tool that cannot add its own tag fails, often silently.",
  settles: "at-launch",
  fields: {
    max: required(integer(0, 50), {
      about: "The maximum number of tags. Tags that begin with `aws:` are not counted.",
      demand: "the number of tags must be at most {}",
    }),
  },
  example: {
    rule: { rule: "tag-limit", max: 45 },
    fails: ["there are 46 tags"],
    passes: ["there are 45 tags, and `aws:autoscaling:groupName`"],
  },

  configure({ max }) {
    return {
      needs: ["tags"],
      check({ tags }) {
        const count = [...tags.keys()].filter((key) => !isOfAws(key)).length;
        const has = `it has ${count} ${count === 1 ? "tag" : "tags"}`;
        if (count <= max) return compliant(has);
        return violates({
          message: `${has}; at most ${max} ${max === 1 ? "is" : "are"} allowed`,
          summary: (instances) => `${verb(instances, "has", "have")} too many tags`,
          action: (affected) => `Delete unused tags from ${affected} (maximum ${max})`,
          remedy: (instanceIds, region) => [
            "Delete the tags that are not used:",
            // No shell accepts a command that ends in <key>.
            ...command(`aws ec2 delete-tags --region ${region}`, [
              ["--resources", ...instanceIds],
              ["--tags", "Key=<key>"],
            ]),
          ],
          details: { tagCount: [String(count)] },
        });
      },
    };
  },
});
