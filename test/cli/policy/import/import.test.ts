import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { serveOnLoopback } from "../../../support/loopback.ts";
import { operatorAt, runCommand } from "../../run.ts";

/** Tests `ec2-audit policy import`: its output and its exit codes. */

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ec2-audit-import-"));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

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

  it("reads standard input", async () => {
    const stdin = Readable.from(['{"tag1Key": "Owner"}']) as unknown as typeof process.stdin;
    vi.spyOn(process, "stdin", "get").mockReturnValue(stdin);
    const { code, out } = await runCommand(["policy", "import", "-"], { folder });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ rules: [{ rule: "required-tags" }] });
  });

  it.each([
    [["tags.json", "--effective"], "--effective takes no file"],
    [[], "no file"],
  ])("exits with 2 for the arguments %j", async (args, problem) => {
    const { code, err } = await runCommand(["policy", "import", ...args], { folder });
    expect(code).toBe(2);
    expect(err).toContain(`error: ${problem}`);
  });
});

describe("ec2-audit policy import --effective", () => {
  /** Runs the command against Organizations, which gives this response. Returns its output, and the call. */
  async function importEffective(status: number, response: object) {
    const calls: unknown[] = [];
    const server = createServer(async (request, answer) => {
      const body = Buffer.concat(await request.toArray()).toString();
      calls.push([request.headers["x-amz-target"], JSON.parse(body)]);
      answer.writeHead(status, { "content-type": "application/x-amz-json-1.1" }).end(JSON.stringify(response));
    });
    const { url, close } = await serveOnLoopback(server);
    try {
      return { ...(await runCommand(["policy", "import", "--effective"], { folder, env: operatorAt(url) })), calls };
    } finally {
      await close();
    }
  }

  it("asks AWS for the effective tag policy of the account", async () => {
    const policy = {
      PolicyContent: '{"tags":{"costcenter":{"tag_value":["*"],"tag_key":"CostCenter"}}}',
      LastUpdatedTimestamp: 1_591_688_065.103,
      TargetId: "123456789012",
      PolicyType: "TAG_POLICY",
    };
    const { code, out, err, calls } = await importEffective(200, { EffectivePolicy: policy });
    expect(calls).toEqual([["AWSOrganizationsV20161128.DescribeEffectivePolicy", { PolicyType: "TAG_POLICY" }]]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      rules: [{ tags: [{ key: "CostCenter", allowBlank: true, ifPresent: true }] }],
    });
    expect(err).toContain("this is the policy of the account 123456789012");
  });

  it.each([
    ["EffectivePolicyNotFoundException", "no tag policy applies to this account"],
    ["AWSOrganizationsNotInUseException", "this account is not in an organization"],
    ["AccessDeniedException", "AWS does not allow this"],
  ])("exits with 2 for %s", async (type, problem) => {
    const { code, err } = await importEffective(400, { __type: type, Message: "not authorized to perform it" });
    expect(code).toBe(2);
    expect(err).toContain(`error: ${problem}`);
  });
});
