import { relaunch } from "../remedies/commands.ts";
import { compliant, ofInstance, ruleKind, violates } from "../rule.ts";
import { flag, matchers, optional, quoted, withDefault } from "../settings.ts";
import { demandOf, refusalOf, verb } from "../words.ts";

/** `key-pair`: an instance must have an allowed SSH key pair, or none. */
export const keyPair = ruleKind({
  name: "key-pair",
  what: "An instance must have one of the allowed key pairs, or none.",
  why: "A private key that many people have, or that nobody knows, opens every instance that was launched with it.",
  settles: "at-launch",
  fields: {
    allowed: optional(matchers, { about: "The names of the allowed key pairs." }),
    none: withDefault(flag, false, {
      about:
        "Whether an instance without a key pair complies. If it does, and there is no `allowed`, no other complies.",
    }),
  },
  atLeastOne: ["allowed", "none"],
  example: {
    rule: { rule: "key-pair", allowed: ["ops-*"] },
    fails: ["the key pair is `my-laptop`", "there is no key pair"],
    passes: ["the key pair is `ops-2026`"],
  },

  demands: (settings) => demandOf("key pair", settings),

  configure({ allowed, none }) {
    const isNone = allowed === undefined && none;
    const launch = isNone ? "without a key pair" : `with an allowed key pair${none ? ", or without one" : ""}`;
    return {
      needs: ["instance"],
      check: ofInstance(({ keyName: name }) => {
        const limits = isNone ? { allowed: [] } : { allowed };
        const message = name === null ? (none ? null : "it has no key pair") : refusalOf("the key pair", name, limits);
        if (message === null)
          return compliant(name === null ? "it has no key pair" : `its key pair is ${quoted(name)}`);
        return violates({
          message,
          summary: (instances) =>
            `${verb(instances, "has", "have")} ${name === null ? "no key pair" : "a wrong key pair"}`,
          action: (affected) => `Launch ${affected} again ${launch}`,
          remedy: () => relaunch("key pair", launch),
          details: { notAllowed: name === null ? [] : [name] },
        });
      }),
    };
  },
});
