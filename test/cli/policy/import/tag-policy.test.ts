import { describe, expect, it } from "vitest";
import { CliError } from "../../../../src/cli/cli-error.ts";
import type { Imported } from "../../../../src/cli/policy/import/imported.ts";
import { importDocument } from "../../../../src/cli/policy/import/recognise.ts";

/** Tests the import of tag policies: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_example-tag-policies.html */

function importPolicy(document: unknown): Imported {
  return importDocument("tags.json", JSON.stringify(document));
}

/** Imports one tag. */
function importTag(policyKey: string, settings: unknown): Imported {
  return importPolicy({ tags: { [policyKey]: settings } });
}

/** Returns the entry of the only tag of the only rule. */
function entryOf({ rules }: Imported): unknown {
  const [rule, ...others] = rules;
  expect(others).toEqual([]);
  expect(rule).toMatchObject({ rule: "required-tags", caseSensitive: true, tags: [expect.anything()] });
  const [entry]: readonly unknown[] = Array.isArray(rule?.tags) ? rule.tags : [];
  return entry;
}

describe("The import of a tag policy", () => {
  it.each(["ec2:instance", "ec2:ALL_SUPPORTED", "*"])("requires a tag that is required for %s", (type) => {
    const settings = { tag_key: { "@@assign": "Owner" }, report_required_tag_for: { "@@assign": ["s3:bucket", type] } };
    const imported = importTag("owner", settings);
    expect(entryOf(imported)).toEqual({ key: "Owner", allowBlank: true });
    expect(imported.notes).toEqual([]);
  });

  it("requires a tag in any case of its key, if the policy has no tag_key", () => {
    const imported = importTag("Owner", { report_required_tag_for: { "@@assign": ["ec2:instance"] } });
    expect(entryOf(imported)).toEqual({ key: "Owner", allowBlank: true, caseSensitive: false });
    expect(imported.notes).toHaveLength(1);
  });

  it.each([["ec2:instance"], ["ec2:*"], ["rds:db"]])(
    "judges every instance, whatever enforced_for names: %s",
    (type) => {
      const settings = { tag_key: { "@@assign": "Env" }, enforced_for: { "@@assign": [type] } };
      expect(entryOf(importTag("env", settings))).toEqual({ key: "Env", allowBlank: true, ifPresent: true });
    },
  );

  it.each([
    [["*"], { allowBlank: true }],
    [["prod", "*"], { allowBlank: true }],
    [["*-prod"], { values: ["*-prod"] }],
    [["what?", "a\\b"], { values: ["what\\?", "a\\\\b"] }],
    [["/x/"], { values: ["\\/x/"] }],
    [["/*/"], { values: ["\\/*/"] }],
    [["", "prod"], { values: ["", "prod"], allowBlank: true }],
    [[100, "200"], { values: ["100", "200"] }],
  ])("takes only * as a wildcard in the values %j", (values, expected) => {
    const imported = importTag("env", { tag_key: "Env", tag_value: values });
    expect(entryOf(imported)).toEqual({ key: "Env", ...expected, ifPresent: true });
    expect(imported.notes).toEqual([]);
  });

  it("notes a value with more wildcards than AWS accepts", () => {
    const imported = importTag("env", { tag_key: "Env", tag_value: ["*prod*"] });
    expect(imported.notes.map(({ path }) => path)).toEqual(["tags.env.tag_value"]);
  });

  it("ignores what child policies may do, at each level", () => {
    const child = { "@@operators_allowed_for_child_policies": ["@@none"] };
    const imported = importPolicy({ tags: { ...child, env: { ...child, tag_key: { ...child, "@@assign": "Env" } } } });
    expect(entryOf(imported)).toEqual({ key: "Env", allowBlank: true, ifPresent: true });
    expect(imported.notImported).toEqual([]);
  });

  it.each([
    [{ tag_key: { "@@assign": "Env" }, tag_value: { "@@assign": ["a"], "@@append": ["b"] } }],
    [{ tag_key: { "@@assign": "Env" }, report_required_tag_for: { "@@append": ["ec2:instance"] } }],
    [{ tag_value: { "@@remove": ["a"] } }],
  ])("asks for the effective policy where the parent policy decides: %j", (settings) => {
    const { rules, notImported } = importTag("env", settings);
    expect(rules).toEqual([]);
    expect(notImported).toEqual([
      { path: "tags.env", what: 'tag "env"', why: expect.stringContaining("import the effective policy instead") },
    ]);
  });

  it("imports a tag whose enforced_for alone depends on a parent policy", () => {
    const settings = { tag_key: { "@@assign": "Env" }, enforced_for: { "@@append": ["rds:db"] } };
    expect(entryOf(importTag("env", settings))).toEqual({ key: "Env", allowBlank: true, ifPresent: true });
  });

  it.each([
    ["a tag that is no object", "Env", "tags.env"],
    ["a key that is another one", { tag_key: { "@@assign": "Environment" } }, "tags.env.tag_key"],
    ["a key that is no text", { tag_key: 7 }, "tags.env.tag_key"],
    ["values that are no texts", { tag_key: "Env", tag_value: [{ any: "thing" }] }, "tags.env.tag_value"],
    [
      "a required tag without an allowed value",
      { tag_key: "Env", tag_value: [], report_required_tag_for: ["ec2:instance"] },
      "tags.env",
    ],
  ])("lists %s", (_, settings, path) => {
    const { rules, notImported } = importTag("env", settings);
    expect(rules).toEqual([]);
    expect(notImported.map((remark) => remark.path)).toEqual([path]);
  });

  it("lists a setting that it does not know, and imports the others", () => {
    const imported = importTag("env", { tag_key: { "@@assign": "Env", "@@set": "x" }, tag_color: "red" });
    expect(entryOf(imported)).toEqual({ key: "Env", allowBlank: true, ifPresent: true });
    expect(imported.notImported.map(({ path }) => path)).toEqual(["tags.env.tag_color", 'tags.env.tag_key["@@set"]']);
  });

  it("gives a rule for each 50 tags", () => {
    const tags = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`key-${index}`, {}]));
    const { rules } = importPolicy({ tags });
    expect(rules.map((rule) => (Array.isArray(rule.tags) ? rule.tags.length : 0))).toEqual([50, 10]);
  });

  it("reads the output of describe-policy", () => {
    const content = JSON.stringify({ tags: { env: { tag_key: { "@@assign": "Env" } } } });
    const summary = { Id: "p-a1b2c3d4e5", Name: "tags", Type: "TAG_POLICY", AwsManaged: false };
    const imported = importPolicy({ Policy: { PolicySummary: summary, Content: content } });
    expect(entryOf(imported)).toEqual({ key: "Env", allowBlank: true, ifPresent: true });
  });

  it.each([
    [{ Policy: { PolicySummary: { Type: "SERVICE_CONTROL_POLICY" }, Content: "{}" } }, "SERVICE_CONTROL_POLICY"],
    [{ EffectivePolicy: { PolicyType: "BACKUP_POLICY", PolicyContent: '{"plans":{}}' } }, "BACKUP_POLICY"],
  ])("refuses an Organizations policy of another type: %j", (document, type) => {
    expect(() => importPolicy(document)).toThrow(CliError);
    expect(() => importPolicy(document)).toThrow(
      `tags.json is an Organizations policy of the type ${type}, not a tag policy`,
    );
  });

  it("reads a tag policy in YAML, and names lines", () => {
    const { notImported } = importDocument("tags.yml", "tags:\n  env:\n    tag_key:\n      '@@append': Env\n");
    expect(notImported).toMatchObject([{ path: "tags.env", line: 2 }]);
  });
});
