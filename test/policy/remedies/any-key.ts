import fc from "fast-check";

const SYNTAX = [..."',\"[]{}()=<>\\/@~$`!#&|;*? \u00a0-:%^"];
/** Tag keys of users: syntax of shells and of the AWS CLI, and any other text. */
export const anyKey = fc
  .oneof(
    fc.string({ unit: fc.constantFrom(...SYNTAX, "a", "Key", "Value", "file://", "部"), minLength: 1, maxLength: 20 }),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }),
    fc.string({ unit: fc.constantFrom(..."abcXYZ019_.:/@+- "), minLength: 1, maxLength: 60 }),
  )
  .filter((key) => key.trim() !== "" && key.length <= 128 && !/^aws:/i.test(key));
