import { AwsError } from "../errors.ts";
import { type Params, structure, structures, text, texts } from "../params.ts";
import type { XmlFields } from "../service.ts";
import { addTags, readTags, tagList } from "../tags.ts";
import { invalidParameter } from "./errors.ts";
import type { SnsStore, Topic } from "./store.ts";

/** Returns the tag actions of SNS, whose resources are topics. */
export function tagActions(store: SnsStore) {
  function topic(params: Params): Topic {
    const found = store.topics.get(text(params, "ResourceArn") ?? "");
    if (found === undefined) throw new AwsError("ResourceNotFound", "Resource does not exist", 404);
    return found;
  }

  return {
    TagResource: (params: Params): XmlFields => {
      const { tags } = topic(params);
      addTags(tags, readTags(structures(structure(params, "Tags"), "member"), invalidParameter), tooMany);
      return {};
    },
    UntagResource: (params: Params): XmlFields => {
      const { tags } = topic(params);
      for (const key of texts(structure(params, "TagKeys"), "member")) tags.delete(key);
      return {};
    },
    ListTagsForResource: (params: Params): XmlFields => ({ Tags: tagList(topic(params).tags) }),
  };
}

const tooMany = () =>
  new AwsError("TagLimitExceeded", "Could not complete request: tag quota of per resource exceeded");
