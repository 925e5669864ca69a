import { AwsError } from "../errors.ts";
import { type Params, structures, text, texts } from "../params.ts";
import type { Caller } from "../service.ts";
import { addTags, readTags, tagList } from "../tags.ts";
import { DEFAULT_BUS, type Rule, type Rules } from "./bus.ts";
import { invalid } from "./errors.ts";

/** Returns the tag actions of EventBridge, whose resources are rules. */
export function ruleTagActions(rules: Rules) {
  function rule(params: Params, caller: Caller): Rule {
    const ruleArn = text(params, "ResourceARN") ?? "";
    // arn:…:rule/<name> on the default bus, arn:…:rule/<bus>/<name> on another.
    const [name = "", bus = DEFAULT_BUS] = ruleArn.split("/").slice(1).reverse();
    const place = { ...caller, bus };
    const found = rules.has(place) ? rules.of(place).get(name) : undefined;
    if (found?.arn === ruleArn) return found;
    throw new AwsError("ResourceNotFoundException", `Rule ${name} does not exist on EventBus ${bus}.`);
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
