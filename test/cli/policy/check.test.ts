import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { runCommand } from "../run.ts";

/** Tests `ec2-audit policy check`: its words, its warnings and its exit code. */

const NOW = Date.parse("2026-11-28T12:00:00Z");

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ec2-audit-policy-check-"));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

function run(args: readonly string[], columns = 80) {
  return runCommand(["policy", "check", ...args], { folder, now: () => NOW, columns });
}

function check(policy: unknown, ...args: readonly string[]) {
  writeFileSync(join(folder, "policy.json"), typeof policy === "string" ? policy : JSON.stringify(policy));
  return run(["policy.json", ...args]);
}

const OWNER = { rule: "required-tags", id: "owner", tags: ["owner"] };
const KEY_PAIR = { rule: "key-pair", allowed: ["ops-*"] };
const EXEMPTION = { rules: ["owner"], when: { tag: "legacy", in: "yes" }, reason: "the old shop", until: "2027-03-31" };

describe("ec2-audit policy check", () => {
  it("says in words what a policy demands, and exits with 0", async () => {
    const policy = {
      version: 1,
      rules: [
        {
          ...OWNER,
          severity: "high",
          tags: ["owner", { key: "env", values: ["prod"] }],
          when: { not: { tag: "aws:autoscaling:groupName", present: true } },
          link: "https://wiki.example.com/tags",
        },
        { ...KEY_PAIR, mode: "report", when: { imageOwner: "amazon" } },
      ],
      exemptions: [EXEMPTION],
    };
    const { code, out } = await check(policy);
    expect(code).toBe(0);
    expect(out).toBe(`✓ policy.json is a valid policy.

owner (required-tags)  high
  An instance must have the tags "owner" and "env" (with the value "prod").
  Applies when not (the tag "aws:autoscaling:groupName" is present).
  At a launch, it is judged after the grace, within which a violation may still
  be corrected.
  https://wiki.example.com/tags

key-pair  medium
  The key pair must be "ops-*".
  Applies when the image's owner is "amazon".
  Reports only: it alerts nobody.

Exemptions
  – Exempt from "owner" until 2027-03-31 when the tag "legacy" is "yes": the old
    shop (124 days left)

Permissions: ec2:DescribeTags, ec2:DescribeInstances.
Reports also need ec2:DescribeInstanceImageMetadata.
Size: ${Buffer.byteLength(JSON.stringify(policy))} of 65536 bytes, 2 of 100 rules, 1 of 200 exemptions.`);
  });

  it("reads the short form", async () => {
    const { code, out } = await run(["--required-tags", "name,env=prod|staging"]);
    expect(code).toBe(0);
    expect(out).toContain('An instance must have the tags "name" and "env" (with the value "prod" or');
  });

  it("reads standard input", async () => {
    const text = Readable.from([JSON.stringify({ rules: [OWNER] })]);
    vi.spyOn(process, "stdin", "get").mockReturnValue(text as unknown as typeof process.stdin);
    expect(await run(["-"])).toMatchObject({
      code: 0,
      out: expect.stringContaining("standard input is a valid policy"),
    });
  });

  it("prints one document with --json", async () => {
    const { code, out } = await check({ rules: [OWNER], exemptions: [EXEMPTION] }, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      valid: true,
      rules: [{ id: "owner", rule: "required-tags", demands: 'An instance must have the tags "owner".', when: null }],
      exemptions: [{ rules: ["owner"], when: 'the tag "legacy" is "yes"', until: "2027-03-31", daysLeft: 124 }],
      actions: { launches: ["ec2:DescribeTags", "ec2:DescribeInstances"] },
      size: { rules: { is: 1, limit: 100 } },
      warnings: [],
    });
  });

  it("prints all problems at once, each with its path, its fix and what was found, and exits with 1", async () => {
    const { code, out } = await check({ rules: [{ ...OWNER, severty: "high" }, { rule: "key-pairs" }] });
    expect(code).toBe(1);
    expect(out).toContain("✗ policy.json is not a valid policy: 2 problems\n");
    expect(out).toContain('\n  rules[0] has an unknown key: did you mean "severity"? (found: "severty")\n');
    expect(out.replaceAll(/\s+/g, " ")).toMatch(
      / rules\[1\]\.rule must be one of "required-tags", .*; did you mean "key-pair"\? \(found: "key-pairs"\)$/,
    );
  });

  it("prints problems as JSON with --json", async () => {
    const { code, out } = await check('{"rules": [', "--json");
    expect([code, JSON.parse(out)]).toEqual([
      1,
      { valid: false, problems: [{ path: "", problem: "is not JSON at line 1, column 12", found: null }] },
    ]);
  });

  it.each([
    ["without a policy", []],
    ["with two policies", ["policy.json", "--required-tags", "name"]],
    ["with a file that does not exist", ["absent.json"]],
  ])("exits with 2 %s", async (_, args) => {
    expect(await run(args)).toMatchObject({ code: 2, out: "" });
  });
});

describe("the warnings of ec2-audit policy check", () => {
  async function warnings(policy: object): Promise<string[]> {
    const { out } = await check(policy, "--json");
    return JSON.parse(out).warnings.map(({ path, warning }: Record<string, string>) => `${path} ${warning}`);
  }

  it("are printed in a section of their own", async () => {
    const { code, out } = await check({ rules: [OWNER], exemptions: [{ ...EXEMPTION, until: "2026-11-27" }] });
    expect(code).toBe(0);
    expect(out).toContain("Warnings\n  ! exemptions[0].until ended with 2026-11-27");
  });

  it.each([
    ["2026-11-27", "exemptions[0].until ended with 2026-11-27"],
    ["2026-11-28", "exemptions[0].until ends today"],
    ["2026-12-11", "exemptions[0].until ends in 14 days"],
  ])("name an exemption until %s", async (until, warning) => {
    expect(await warnings({ rules: [OWNER], exemptions: [{ ...EXEMPTION, until }] })).toEqual([
      expect.stringContaining(warning),
    ]);
  });

  it("do not name an exemption that ends in more than 14 days", async () => {
    expect(await warnings({ rules: [OWNER], exemptions: [{ ...EXEMPTION, until: "2026-12-12" }] })).toEqual([]);
  });

  it("name an exemption from rules that alert nobody", async () => {
    const report = { ...OWNER, mode: "report" };
    expect(await warnings({ rules: [report], exemptions: [EXEMPTION] })).toEqual([
      expect.stringContaining("exemptions[0].rules names only rules in report mode"),
    ]);
    expect(await warnings({ rules: [report, KEY_PAIR], exemptions: [{ ...EXEMPTION, rules: "*" }] })).toEqual([]);
  });
});
