import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCommand } from "../../run.ts";

/** Tests `ec2-audit policy import`: its output and its exit codes. */

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ec2-audit-import-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function importFile(name: string, text: string, ...options: string[]) {
  writeFileSync(join(folder, name), text);
  return runCommand(["policy", "import", name, ...options], { folder });
}

const C7N = `policies:
  - name: owner
    resource: ec2
    filters:
      - tag:Owner: absent
  - name: buckets
    resource: s3
`;

describe("ec2-audit policy import", () => {
  it("prints the policy, and exits with 0", async () => {
    const { code, out, err } = await importFile("parameters.json", '{"tag1Key": "Owner"}');
    expect(code).toBe(0);
    expect(out).toBe(`{
  "version": 1,
  "rules": [
    {
      "rule": "required-tags",
      "caseSensitive": true,
      "tags": [{ "key": "Owner", "allowBlank": true }]
    }
  ]
}`);
    expect(err).toBe("1 rule imported; 0 not imported.");
  });

  it("lists what is not imported with its place and the reason, and exits with 1", async () => {
    const { code, out, err } = await importFile("c7n.yml", C7N);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ version: 1, rules: [{ id: "owner" }] });
    expect(err).toBe(`Not imported:
  line 6, policies[1]: policy "buckets"
      its resource is "s3", not EC2 instances
1 rule imported; 1 not imported.`);
  });

  it("notes where the policy differs from the document", async () => {
    const { code, err } = await importFile("tags.json", '{"tags": {"Owner": {}}}');
    expect(code).toBe(0);
    expect(err).toMatch(/^Notes:\n {2}tags\.Owner: tag "Owner"\n {6}without tag_key, AWS takes the key in lower case/);
  });

  it("prints one document with --json, and nothing else", async () => {
    const { code, out, err } = await importFile("c7n.yml", C7N, "--json");
    expect([code, err]).toEqual([1, ""]);
    expect(JSON.parse(out)).toEqual({
      policy: {
        version: 1,
        rules: [
          { rule: "required-tags", id: "owner", caseSensitive: true, tags: [{ key: "Owner", allowBlank: true }] },
        ],
      },
      notImported: [
        { path: "policies[1]", line: 6, what: 'policy "buckets"', why: 'its resource is "s3", not EC2 instances' },
      ],
      notes: [],
    });
  });

  it("says that no rule was imported", async () => {
    const { code, out, err } = await importFile("c7n.yml", "policies: [{name: a, resource: s3}]");
    expect(code).toBe(1);
    expect(JSON.parse(out)).toEqual({ version: 1, rules: [] });
    expect(err).toContain("No rule imported; 1 not imported.");
  });

  it.each([
    ["a document of another kind", '{"Reservations": []}', "file.json has no policy that can be imported"],
    ["a text", "hello", "file.json has no policy that can be imported"],
    ["an empty file", "", "file.json has no policy that can be imported"],
    ["a mistake of JSON", '{"tags": {', "file.json is not JSON at line 1, column 11"],
    ["a mistake of YAML", "policies:\n  - [", "file.json is not YAML at line 2, column 6"],
  ])("exits with 2 for %s, and says what it expects", async (_, text, problem) => {
    const { code, out, err } = await importFile("file.json", text);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(`error: ${problem}`);
    expect(err).toContain("- a tag policy of AWS Organizations");
  });

  it.each([
    ["none.json", "none.json does not exist"],
    [".", ". is a folder"],
  ])("exits with 2 for a file that cannot be read: %s", async (name, problem) => {
    const { code, err } = await runCommand(["policy", "import", name], { folder });
    expect(code).toBe(2);
    expect(err).toContain(`error: ${problem}`);
  });
});
