import type { Tags } from "../../facts/tags.ts";
import { isObject } from "../../util/json.ts";
import { matcher, matchers, matchesAny, object, quoted, required, type Setting } from "../settings.ts";

/** A security group that is attached to an instance. Its tags are null if they are not known. */
export interface AttachedGroup {
  readonly groupId: string;
  readonly name: string;
  readonly tags: Tags | null;
}

/** A choice of security groups: by id, name or tag. */
export interface GroupSelector {
  /** The selector as written; `team=web` for a tag. */
  readonly text: string;
  /** The groups in words: `a security group named "web-*"`. */
  readonly words: string;
  /** The id, if the selector is one; null otherwise. */
  readonly id: string | null;
  readonly isByTag: boolean;
  /** Returns whether it selects a group; undefined if that depends on tags that are not known. */
  selects(group: AttachedGroup): boolean | undefined;
}

const TAG = object(
  {
    tag: required(matcher, { about: "The key of the tag." }),
    in: required(matchers, { about: "The values of the tag." }),
  },
  { shape: 'an object: {"tag": "team", "in": ["web"]}' },
);

/** A security group's id, a matcher of names, or a condition on a tag. No name begins with `sg-`: EC2 refuses it.
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html */
export const groupSelector: Setting<GroupSelector> = {
  shape: 'the id of a security group, text that its name must match, or {"tag": "team", "in": ["web"]}',
  read(value, path, reading) {
    if (isObject(value)) {
      const read = TAG.read(value, path, reading);
      return (
        read && {
          text: `${read.tag.text}=${read.in.map(({ text }) => text).join("|")}`,
          words: `a security group whose tag ${quoted(read.tag.text)} is ${matchers.say(read.in)}`,
          id: null,
          isByTag: true,
          selects: ({ tags }) =>
            tags === null
              ? undefined
              : [...tags].some(([key, own]) => read.tag.matches(key) && matchesAny(read.in, own)),
        }
      );
    }
    if (typeof value !== "string") return reading.report(path, `must be ${groupSelector.shape}`, value);
    const read = matcher.read(value, path, reading);
    const isId = value.startsWith("sg-");
    return (
      read && {
        text: value,
        words: isId ? `the security group ${value}` : `a security group named ${quoted(value)}`,
        id: isId && /^sg-[0-9a-f]+$/.test(value) ? value : null,
        isByTag: false,
        selects: ({ groupId, name }) => read.matches(isId ? groupId : name),
      }
    );
  },
  schema: () => ({ anyOf: [matcher.schema(), TAG.schema()] }),
  say: ({ words }) => words,
};
