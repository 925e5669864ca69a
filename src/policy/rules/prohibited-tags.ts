import { ignoringCase } from "../matcher.ts";
import { prose } from "../remedies/commands.ts";
import { deleteTags } from "../remedies/tag-commands.ts";
import { compliant, ruleKind, violates } from "../rule.ts";
import { secretIn } from "../secrets.ts";
import { flag, matchers, matchesAny, optional, quoted, withDefault } from "../settings.ts";
import { tagsAre, theTags, verb } from "../words.ts";

/** `prohibited-tags`: an instance must not have some tags. Nothing repeats the value of a tag: it may be a secret. */
export const prohibitedTags = ruleKind({
  name: "prohibited-tags",
  what: "An instance must not have the listed tags.",
  why: "Tags are not secret: everyone who can describe an instance reads them. Old keys beside new ones split reports.",
  settles: "at-launch",
  fields: {
    keys: optional(matchers, { about: "The keys that are not allowed.", demand: "must not have the tags {}" }),
    values: optional(matchers, {
      about: "The values that no tag may have.",
      demand: "no tag may have the value {}",
    }),
    secrets: withDefault(flag, false, {
      about:
        "Whether values that look like a secret are not allowed: access key ids of AWS, private keys, tokens of GitHub, GitLab, Slack, Stripe and Google, and JSON Web Tokens.",
      demand: "no tag may contain a secret",
    }),
    caseSensitive: withDefault(flag, false, {
      about: "Whether the case of keys matters.",
      demand: "the case of the keys matters",
    }),
  },
  atLeastOne: ["keys", "values", "secrets"],
  example: {
    rule: { rule: "prohibited-tags", keys: ["password", "*secret*"], secrets: true },
    fails: ["there is a tag `Password`", "the value of a tag begins with `-----BEGIN PRIVATE KEY-----`"],
    passes: ["`Name=web`"],
  },

  configure({ keys = [], values = [], secrets, caseSensitive }) {
    const prohibitedKeys = caseSensitive ? keys : keys.map(ignoringCase);
    return {
      needs: ["tags"],
      // The remedy deletes a tag with a prohibited value. Another change is rarely the fix.
      mayHaveViolated: (_, isDeleted) => isDeleted && (secrets || values.length > 0),
      check({ tags }) {
        const all = [...tags].sort(([a], [b]) => (a < b ? -1 : 1));
        const prohibited = all.flatMap(([key]) => (matchesAny(prohibitedKeys, key) ? key : []));
        const prohibitedValue = all.flatMap(([key, value]) => (matchesAny(values, value) ? key : []));
        const found = secrets
          ? all.flatMap(([key, value]) => {
              const kind = secretIn(value);
              return kind === null ? [] : [{ key, kind }];
            })
          : [];
        const secret = found.map(({ key }) => key);
        const wrong = [...new Set([...prohibited, ...prohibitedValue, ...secret])].sort();
        if (wrong.length === 0) return compliant("it has none of the prohibited tags");
        return violates({
          message: [
            tagsAre(prohibited, "prohibited"),
            ...prohibitedValue.map((key) => `the tag ${quoted(key)} has a prohibited value`),
            ...found.map(({ key, kind }) => `the tag ${quoted(key)} contains ${kind}`),
          ]
            .filter(Boolean)
            .join("; "),
          summary: (instances) =>
            `${verb(instances, "has", "have")} ${secret.length > 0 ? "a secret in a tag" : "a prohibited tag"}`,
          action: (affected) =>
            secret.length === 0
              ? `Delete ${theTags(wrong)} from ${affected}`
              : `Revoke the secret in ${theTags(secret)} of ${affected}, and delete ${theTags(wrong)}`,
          remedy: (instanceIds, region) => [
            ...deleteTags(wrong, instanceIds, region),
            ...(secret.length > 0 ? REVOKE : []),
          ],
          details: { prohibited, prohibitedValue, secret },
        });
      },
    };
  },
});

const REVOKE = prose("Revoke the secret: everyone who can describe the instance could read it.");
