import { commandForEach } from "../remedies/commands.ts";
import { compliant, notJudged, ofInstance, ruleKind, violates } from "../rule.ts";
import { matchers, optional, quoted } from "../settings.ts";
import { refusalOf, verb } from "../words.ts";

/** `instance-type`: the type must be allowed. */
export const instanceType = ruleKind({
  name: "instance-type",
  what: "An instance must have an allowed type.",
  why: "The type decides what an instance costs. A large one that was launched by mistake costs more in a day than many in a month.",
  settles: "at-launch",
  fields: {
    allowed: optional(matchers, { about: "The allowed types.", demand: "the type must be {}" }),
    forbidden: optional(matchers, { about: "The types that are not allowed.", demand: "the type must not be {}" }),
  },
  atLeastOne: ["allowed", "forbidden"],
  example: {
    rule: { rule: "instance-type", allowed: ["t3.*", "m7g.*"], forbidden: "*.metal" },
    fails: ["the type is `p4d.24xlarge`", "the type is `m7g.metal`"],
    passes: ["the type is `t3.micro`"],
  },

  configure(limits) {
    return {
      needs: ["instance"],
      check: ofInstance(({ instanceType: type }) => {
        if (type === null) return notJudged("EC2 does not report the instance type");
        const message = refusalOf("the instance type", type, limits);
        if (message === null) return compliant(`its type is ${quoted(type)}`);
        return violates({
          message,
          summary: (instances) => `${verb(instances, "is", "are")} of type ${type}`,
          action: (affected) => `Change the type of ${affected} to an allowed one`,
          remedy: (instanceIds, region) => [
            "Stop the instance, set an allowed type, and start it again:",
            ...commandForEach(instanceIds, `aws ec2 modify-instance-attribute --region ${region}`, [
              // No shell accepts a command that ends in <type>.
              ["--instance-type", "Value=<type>"],
            ]),
          ],
          details: { notAllowed: [type] },
        });
      }),
    };
  },
});
