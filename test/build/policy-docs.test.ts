import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { withKinds } from "../../build/policy-docs.ts";
import schema from "../../src/policy/policy.schema.json" with { type: "json" };
import { parsePolicy, policySchema, sayProblem } from "../../src/policy/policy.ts";
import { RULE_KINDS } from "../../src/policy/rules/index.ts";
import { isObject } from "../../src/util/json.ts";

/** Tests that the documentation of the policy is that of the code, and that its examples are valid. */

const STALE = "is stale: run npm run docs";
const read = (file: string) => readFileSync(file, "utf8");

/** Returns the JSON examples of a page, as policies: a single rule or condition becomes one. */
function policiesOf(page: string): { readonly where: string; readonly policy: object }[] {
  return [...read(page).matchAll(/^```json\n(.*?)^```/gms)].flatMap(({ 1: json = "", index }) => {
    const where = `${page}, line ${read(page).slice(0, index).split("\n").length}`;
    const value: unknown = JSON.parse(json);
    // An alert or a digest has a `schema`.
    if (!isObject(value) || Object.hasOwn(value, "schema")) return [];
    const isCondition = ["all", "any", "not", "tag"].some((key) => Object.hasOwn(value, key));
    if (Array.isArray(value.rules) && value.rules.every(isObject)) return [{ where, policy: value }];
    if (Object.hasOwn(value, "rule")) return [{ where, policy: { rules: [value] } }];
    return isCondition ? [{ where, policy: { rules: [{ rule: "required-tags", tags: ["owner"], when: value }] } }] : [];
  });
}

const inDocs = readdirSync("docs").filter((name) => name.endsWith(".md"));
const pages = ["README.md", ...inDocs.map((page) => `docs/${page}`)];
const examples = pages.flatMap(policiesOf);

const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);

describe("the documentation of the policy", () => {
  it("has the pages of the rule kinds as the code describes them", () => {
    const page = read("docs/policy.md");
    expect(withKinds(page) === page, `docs/policy.md ${STALE}`).toBe(true);
    expect(RULE_KINDS.filter(({ name }) => !page.includes(`\n### ${name}\n`))).toEqual([]);
  });

  it("has the JSON Schema of the code", () => {
    expect(schema, `src/policy/policy.schema.json ${STALE}`).toEqual(JSON.parse(JSON.stringify(policySchema())));
  });

  it("has an example for each rule kind", () => {
    const kinds = examples.flatMap(({ policy }) =>
      (policy as { rules: { rule: string }[] }).rules.map(({ rule }) => rule),
    );
    expect(RULE_KINDS.filter(({ name }) => !kinds.includes(name))).toEqual([]);
  });

  it.each(examples)("has valid examples: $where", ({ policy }) => {
    const reading = parsePolicy(JSON.stringify(policy));
    expect("problems" in reading ? reading.problems.map(sayProblem) : []).toEqual([]);
    expect(validate(policy), JSON.stringify(validate.errors)).toBe(true);
  });
});
