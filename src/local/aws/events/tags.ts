import { AwsError } from "../errors.ts";
import { type Params, structures, text, texts } from "../params.ts";
import type { Caller } from "../service.ts";
import { addTags, readTags, tagList } from "../tags.ts";
import type { Rule, Rules } from "./bus.ts";
import { invalid } from "./errors.ts";

/** The tag actions of EventBridge, whose resources here are rules of the default bus. */
export function ruleTagActions(rules: Rules) {
  function rule(params: Params, caller: Caller): Rule {
    const ruleArn = text(params, "ResourceARN") ?? "";
    const found = [...rules.of(caller).values()].find((each) => each.arn === ruleArn);
    if (found !== undefined) return found;
    const name = ruleArn.slice(ruleArn.lastIndexOf("/") + 1);
    throw new AwsError("ResourceNotFoundException", `Rule ${name} does not exist on EventBus default.`);
  }

  return {
    TagResource: (params: Params, caller: Caller) => {
      addTags(rule(params, caller).tags, readTags(structures(params, "Tags"), invalid), tooMany);
      return {};
    },
    UntagResource: (params: Params, caller: Caller) => {
      const { tags } = rule(params, caller);
      for (const key of texts(params, "TagKeys")) tags.delete(key);
      return {};
    },
    ListTagsForResource: (params: Params, caller: Caller) => ({ Tags: tagList(rule(params, caller).tags) }),
  };
}

const tooMany = () =>
  new AwsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.");
