import { relaunch } from "../remedies/commands.ts";
import { compliant, ruleKind, violates } from "../rule.ts";
import { matchers, optional, quoted } from "../settings.ts";
import { refusalOf, verb } from "../words.ts";

/** `region`: the instance must be in an allowed region. */
export const region = ruleKind({
  name: "region",
  what: "An instance must be in an allowed region.",
  why: "Data may have to stay in some countries, and nobody looks for instances in a region that is not used.",
  settles: "at-launch",
  fields: {
    allowed: optional(matchers, { about: "The allowed regions.", demand: "the region must be {}" }),
    forbidden: optional(matchers, { about: "The regions that are not allowed.", demand: "the region must not be {}" }),
  },
  atLeastOne: ["allowed", "forbidden"],
  example: {
    rule: { rule: "region", allowed: "eu-*" },
    fails: ["the region is `us-east-1`"],
    passes: ["the region is `eu-central-1`"],
  },

  configure(limits) {
    return {
      needs: [],
      check({ region: name }) {
        const message = refusalOf("the region", name, limits);
        if (message === null) return compliant(`its region is ${quoted(name)}`);
        return violates({
          message,
          summary: (instances) => `${verb(instances, "is", "are")} in a wrong region`,
          action: (affected) => `Launch ${affected} again in an allowed region`,
          remedy: () => relaunch("region", "in an allowed region"),
          details: { notAllowed: [name] },
        });
      },
    };
  },
});
