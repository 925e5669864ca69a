import { cut, oneLine } from "../../util/text.ts";
import { condition as conditionSetting } from "../condition.ts";
import { prose } from "../remedies/commands.ts";
import { compliant, notJudged, ruleKind, violates } from "../rule.ts";
import { optional, required, text } from "../settings.ts";
import { verb } from "../words.ts";

const MAX_REMEDY = 500;

/** `condition`: the instance must meet a condition, with a message of the policy's own. */
export const condition = ruleKind({
  name: "condition",
  what: "An instance must meet a condition.",
  why: "A team has rules that no other kind states. A condition states them, and its message says what is wrong.",
  settles: "at-launch",
  fields: {
    require: required(conditionSetting, {
      about: "The condition that must hold.",
      demand: "must meet the condition: {}",
    }),
    message: required(text({ max: 200, pattern: /\S/, shape: "text of 1 to 200 characters" }), {
      about: "What is wrong when the condition does not hold, in one sentence.",
    }),
    remedy: optional(text({ max: MAX_REMEDY, pattern: /\S/, shape: `text of 1 to ${MAX_REMEDY} characters` }), {
      about: "How to fix it: sentences or a command. The default states the condition.",
    }),
  },
  example: {
    rule: {
      rule: "condition",
      require: { any: [{ tag: "env", in: "prod" }, { not: { instanceType: ["p*", "g*"] } }] },
      message: "GPU instances are for production",
    },
    fails: ["the type is `g5.xlarge`, and the tag `env` is `dev`"],
    passes: ["the type is `g5.xlarge`, and the tag `env` is `prod`", "the type is `t3.micro`"],
  },

  configure({ require, message, remedy }) {
    const how =
      remedy === undefined
        ? prose(cut(oneLine(`It complies when ${require.say()}.`), MAX_REMEDY))
        : remedy.split(/\r?\n/).map(oneLine);
    // Alerts add a full stop.
    const sentence = message.trim().replace(/\.$/, "");
    return {
      needs: require.needs,
      settles: require.needs.includes("tags") ? "soon" : "at-launch",
      mayHaveViolated: require.readsTag,
      check(facts) {
        const holds = require.test(facts);
        if (typeof holds !== "boolean") return notJudged(holds.unknown, holds.late);
        if (holds) return compliant(cut(require.say(), MAX_REMEDY));
        return violates({
          message: sentence,
          summary: (instances) => `${verb(instances, "fails", "fail")}: ${sentence}`,
          action: (affected) => `Correct ${affected} as described below`,
          remedy: () => how,
          details: {},
        });
      },
    };
  },
});
