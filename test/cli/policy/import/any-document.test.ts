import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { CliError } from "../../../../src/cli/cli-error.ts";
import { importDocument } from "../../../../src/cli/policy/import/recognise.ts";

/** Tests that each text gives rules and remarks, or a clear error. */

const FOLDER = join(import.meta.dirname, "documents");
const DOCUMENTS = readdirSync(FOLDER).map((name) => readFileSync(join(FOLDER, name), "utf8"));

/** The keys and values that mean something in one of the formats. */
const WORDS = [
  ...[
    "tags",
    "tag_key",
    "tag_value",
    "@@assign",
    "@@append",
    "report_required_tag_for",
    "ec2:instance",
    "EffectivePolicy",
  ],
  ...[
    "PolicyContent",
    "ConfigRules",
    "ConfigRule",
    "Source",
    "Owner",
    "AWS",
    "SourceIdentifier",
    "REQUIRED_TAGS",
    "Scope",
  ],
  ...[
    "InputParameters",
    "tag1Key",
    "tag1Value",
    "Resources",
    "Type",
    "Properties",
    "AWS::Config::ConfigRule",
    "Parameters",
  ],
  ...[
    "Ref",
    "Fn::If",
    "Fn::Sub",
    "Condition",
    "Conditions",
    "DESIRED_INSTANCE_TYPE",
    "instanceType",
    "vars",
    "policies",
  ],
  ...[
    "resource",
    "ec2",
    "filters",
    "actions",
    "notify",
    "or",
    "and",
    "not",
    "tag:K",
    "absent",
    "type",
    "value",
    "key",
    "op",
  ],
  ...[
    "in",
    "regex",
    "glob",
    "ebs",
    "tag-count",
    "count",
    "__proto__",
    "constructor",
    "toString",
    "State.Name",
    "",
    "*",
    "([",
  ],
];

const word = fc.constantFrom(...WORDS);
const { value: anyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "medium", withCrossShrink: true },
    word,
    fc.constantFrom(null, true, 0, 12, -1),
    fc.string(),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.oneof(word, fc.string()), tie("value"), { maxKeys: 5, noNullPrototype: true }),
  ),
}));

/** Imports a text, and checks the result: rules that are JSON, and remarks with places and reasons. */
function check(text: string): void {
  try {
    const { rules, notImported, notes } = importDocument("file", text);
    expect(JSON.parse(JSON.stringify(rules))).toEqual(rules);
    for (const { path, what, why } of [...notImported, ...notes]) {
      expect([typeof path, what.length > 0, why.length > 0]).toEqual(["string", true, true]);
    }
  } catch (error) {
    expect(error).toBeInstanceOf(CliError);
  }
}

describe("Any document", () => {
  it("in JSON is imported or refused with a reason", () => {
    fc.assert(
      fc.property(anyValue, (value) => check(JSON.stringify(value))),
      { numRuns: 2000 },
    );
  });

  it("in YAML is imported or refused with a reason", () => {
    fc.assert(
      fc.property(anyValue, (value) => check(stringify(value))),
      { numRuns: 500 },
    );
  });

  it("that is a text is imported or refused with a reason", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: fc.constantFrom(..."{}[]:-&*!|>'\"#,? \nab") })),
        check,
      ),
      { numRuns: 2000 },
    );
  });

  it("with a part that is cut out, doubled or replaced is imported or refused with a reason", () => {
    const change = fc.record({
      document: fc.constantFrom(...DOCUMENTS),
      from: fc.double({ min: 0, max: 1, noNaN: true }),
      length: fc.integer({ min: 0, max: 60 }),
      by: fc.oneof(fc.constant(""), word, fc.string()),
    });
    fc.assert(
      fc.property(change, ({ document, from, length, by }) => {
        const start = Math.floor(from * document.length);
        check(document.slice(0, start) + by + document.slice(start + length));
      }),
      { numRuns: 1000 },
    );
  });
});
