import { compliant, ruleKind, violates } from "../rule.ts";
import { flag, matchers, matchesAny, optional, quoted, withDefault } from "../settings.ts";

/** `key-pair`: an instance must have an allowed SSH key pair, or none. */
export const keyPair = ruleKind({
  name: "key-pair",
  what: "An instance must have one of the allowed key pairs, or none.",
  why: "A private key that many people have, or that nobody knows, opens every instance that was launched with it.",
  settles: "at-launch",
  fields: {
    allowed: optional(matchers, { about: "The names of the allowed key pairs.", demand: "the key pair must be {}" }),
    none: withDefault(flag, false, {
      about: "Whether an instance without a key pair complies. Without `allowed`, it is the only one that does.",
      demand: "an instance without a key pair complies",
    }),
  },
  atLeastOne: ["allowed", "none"],
  example: {
    rule: { rule: "key-pair", allowed: ["ops-*"] },
    fails: ["the key pair is `my-laptop`", "there is no key pair"],
    passes: ["the key pair is `ops-2026`"],
  },

  configure({ allowed = [], none }) {
    return {
      needs: ["instance"],
      check({ instance }) {
        const name = instance?.keyName ?? null;
        if (name === null ? none : matchesAny(allowed, name)) {
          return compliant(name === null ? "it has no key pair" : `its key pair is ${quoted(name)}`);
        }
        const message = name === null ? "it has no key pair" : `the key pair ${quoted(name)} is not allowed`;
        return violates({
          message,
          summary: (instances) => {
            if (name === null) return `${instances === 1 ? "has" : "have"} no key pair`;
            return `${instances === 1 ? "has" : "have"} a wrong key pair`;
          },
          remedy: () => [
            "The key pair of an instance cannot be changed. Launch it again with",
            allowed.length === 0 ? "no key pair." : `an allowed key pair${none ? ", or with none" : ""}.`,
          ],
          details: { keyName: name === null ? [] : [name] },
        });
      },
    };
  },
});
