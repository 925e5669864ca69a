import { describe, expect, it } from "vitest";
import { RULE_KINDS } from "../../../src/policy/rules/index.ts";
import { runCommand } from "../run.ts";

/** Tests `ec2-audit policy docs`. */

const docs = (...args: readonly string[]) => runCommand(["policy", "docs", ...args]);

describe("ec2-audit policy docs", () => {
  it("prints the page of a rule kind", async () => {
    const { code, out } = await docs("key-pair");
    expect(code).toBe(0);
    expect(out).toContain(`key-pair
An instance must have one of the allowed key pairs, or none.

A private key that many people have, or that nobody knows, opens every instance
that was launched with it. At a launch, it is judged at once.

Example
  { "rule": "key-pair", "allowed": ["ops-*"] }

  ✗ the key pair is \`my-laptop\`
  ✗ there is no key pair
  ✓ the key pair is \`ops-2026\`

Settings (at least one of allowed, none)
  allowed  text with * and ?, a /pattern/, or a list of these
      The names of the allowed key pairs.
  none  true or false; default false
`);
  });

  it("lists the parts of a setting that is an object", async () => {
    const { out } = await docs("required-tags");
    expect(out).toContain("  tags  a list of 1 to 50 tags; required\n");
    expect(out).toContain("  tags.ifPresent\n      Whether the tag may be missing.");
  });

  it("lists the rule kinds and the settings of every rule", async () => {
    const { code, out } = await docs();
    expect(code).toBe(0);
    for (const { name } of RULE_KINDS) expect(out).toContain(`\n  ${name} `);
    expect(out).toContain('\n  severity  one of "low", "medium", "high", "critical"; default "medium"\n');
  });

  it.each(["", ...RULE_KINDS.map(({ name }) => name)])("stays within 80 columns for %s", async (name) => {
    const { out } = await docs(...(name === "" ? [] : [name]));
    expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  it("prints one document with --json", async () => {
    expect(JSON.parse((await docs("tag-limit", "--json")).out)).toMatchObject({
      kind: "tag-limit",
      settings: [{ key: "max", required: "yes", shape: "a whole number from 0 to 50" }],
    });
    expect(JSON.parse((await docs("--json")).out).kinds).toHaveLength(RULE_KINDS.length);
  });

  it.each([
    ["imdsv", "Did you mean imdsv2?"],
    ["firewall", "The rule kinds are required-tags, "],
  ])("refuses the unknown kind %s, and says: %s", async (name, hint) => {
    const { code, out, err } = await docs(name);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(`there is no rule kind "${name}"`);
    expect(err).toContain(hint);
  });
});
