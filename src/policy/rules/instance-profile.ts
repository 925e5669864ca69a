import { isTerminated } from "../../facts/terminated.ts";
import { TERMINATED } from "../condition.ts";
import { namesOfProfile } from "../names.ts";
import { command, commandForEach } from "../remedies/commands.ts";
import { compliant, notJudged, ofInstance, ruleKind, violates } from "../rule.ts";
import { flag, matchers, optional, quoted, withDefault } from "../settings.ts";
import { demandOf, refusalOf, verb } from "../words.ts";

/** `instance-profile`: an allowed instance profile must be attached, or none. */
export const instanceProfile = ruleKind({
  name: "instance-profile",
  what: "An instance must have an instance profile, one of the allowed ones if the rule lists any.",
  why: "The profile decides what the software on the instance can do in the account. Without one, people put access keys on it.",
  settles: "soon",
  fields: {
    allowed: optional(matchers, {
      about: "The names or ARNs of the allowed instance profiles.",
    }),
    none: withDefault(flag, false, {
      about:
        "Whether an instance without an instance profile complies. If it does, and there is no `allowed`, no other complies.",
    }),
  },
  example: {
    rule: { rule: "instance-profile", allowed: ["web", "batch-*"] },
    fails: ["the instance profile is `admin`", "there is no instance profile"],
    passes: ["the instance profile is `batch-2026`"],
  },

  demands: (settings) => demandOf("instance profile", settings),

  configure({ allowed, none }) {
    const limits = allowed === undefined && none ? { allowed: [] } : { allowed };
    return {
      needs: ["instance"],
      check: ofInstance((instance) => {
        // EC2 removes the profile of a terminated instance.
        if (isTerminated(instance)) return notJudged(TERMINATED.unknown);
        const { instanceProfile: arn } = instance;
        if (arn === null) {
          if (none) return compliant("it has no instance profile");
          return violates({
            message: "it has no instance profile",
            summary: (instances) => `${verb(instances, "has", "have")} no instance profile`,
            action: (affected) => `Attach an ${allowed ? "allowed " : ""}instance profile to ${affected}`,
            remedy: (instanceIds, region) =>
              commandForEach(instanceIds, `aws ec2 associate-iam-instance-profile --region ${region}`, [ATTACH]),
            details: { notAllowed: [] },
          });
        }
        const name = namesOfProfile(arn)[1];
        const [message, byArn] = [name, arn].map((value) => refusalOf("the instance profile", value, limits));
        if (!message || !byArn) return compliant(`its instance profile is ${quoted(name)}`);
        return violates({
          message,
          summary: (instances) => `${verb(instances, "has", "have")} a wrong instance profile`,
          action: (affected) =>
            allowed === undefined
              ? `Detach the instance profile from ${affected}`
              : `Replace the instance profile of ${affected} with an allowed one`,
          remedy: (instanceIds, region) => [
            "Find the id of the association, and use it:",
            ...command(`aws ec2 describe-iam-instance-profile-associations --region ${region}`, [
              ["--filters", `Name=instance-id,Values=${instanceIds.join(",")}`],
            ]),
            ...(allowed === undefined
              ? command(`aws ec2 disassociate-iam-instance-profile --region ${region}`, [ASSOCIATION])
              : command(`aws ec2 replace-iam-instance-profile-association --region ${region}`, [ATTACH, ASSOCIATION])),
          ],
          details: { notAllowed: [arn] },
        });
      }),
    };
  },
});

/** The options with a value to fill in. No shell accepts a command that ends in `<...>`. */
const ATTACH = ["--iam-instance-profile", "Name=<name>"];
const ASSOCIATION = ["--association-id", "<id>"];
