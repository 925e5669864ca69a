import { isLauncherTag } from "../../facts/launcher.ts";
import { relaunch } from "../remedies/commands.ts";
import { compliant, notJudged, ruleKind, violates } from "../rule.ts";
import { matchers, optional, quoted } from "../settings.ts";
import { refusalOf, verb } from "../words.ts";

/** `launched-by`: an allowed launcher must have launched the instance. */
export const launchedBy = ruleKind({
  name: "launched-by",
  what: "The launcher of an instance must be an allowed one.",
  why: "Where pipelines launch the instances, one that a person launched by hand is unreviewed, and nobody removes it.",
  settles: "at-launch",
  fields: {
    allowed: optional(matchers, {
      about:
        "The allowed launchers: the ARN of a user or of an assumed role with its session, the host name of an AWS service, `Auto Scaling group NAME` or `CloudFormation stack NAME`.",
      demand: "the launcher must be {}",
    }),
    forbidden: optional(matchers, {
      about: "The launchers that are not allowed.",
      demand: "the launcher must not be {}",
    }),
  },
  atLeastOne: ["allowed", "forbidden"],
  example: {
    rule: { rule: "launched-by", allowed: ["arn:aws:sts::*:assumed-role/deploy/*", "Auto Scaling group *"] },
    fails: ["the launcher is `arn:aws:iam::123456789012:user/ada`"],
    passes: ["the launcher is `Auto Scaling group web`"],
  },

  configure(limits) {
    return {
      // The tags of an Auto Scaling group or a stack can name the launcher.
      needs: ["tags"],
      mayHaveViolated: isLauncherTag,
      check({ launchedBy: launcher }) {
        if (launcher === null) return notJudged("the launcher is not known");
        const message = refusalOf("the launcher", launcher, limits);
        if (message === null) return compliant(`its launcher is ${quoted(launcher)}`);
        return violates({
          message,
          summary: (instances) => `${verb(instances, "has", "have")} a wrong launcher`,
          action: (affected) => `Launch ${affected} again with an allowed launcher`,
          remedy: () => relaunch("launcher", "with an allowed launcher"),
          details: { notAllowed: [launcher] },
        });
      },
    };
  },
});
