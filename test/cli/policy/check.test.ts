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

  it("says where the findings of a route go, and what the function needs for it", async () => {
    const topic = "arn:aws:sns:eu-west-1:123456789012:";
    const routes = [
      { severity: "high", topic: `${topic}oncall` },
      { rules: "owner", when: { imageOwner: "amazon" }, topic: `${topic}team`, format: "chat", instead: true },
      { rules: "*", severity: "low", topic: `${topic}all` },
    ];
    const { code, out } = await check({ rules: [OWNER, KEY_PAIR], routes });
    expect(code).toBe(0);
    expect(out).toContain(`Routes
  – High and critical findings also go to
    ${topic}oncall.
  – All findings of "owner" when the image's owner is "amazon" go to
    ${topic}team as chat notifications, not to the
    default topic.
  – All findings also go to ${topic}all.
`);
    expect(out).toContain("Permissions: ec2:DescribeInstances, ec2:DescribeInstanceImageMetadata.\n");
    expect(out.replaceAll(/\s+/g, " ")).toContain(
      `The routes also need sns:Publish on ${topic}oncall, ${topic}team, ${topic}all.`,
    );
    expect(out).toMatch(/0 of 200 exemptions, 3 of 20 routes\.$/);
    expect(JSON.parse((await check({ rules: [OWNER], routes: routes.slice(0, 1) }, "--json")).out)).toMatchObject({
      routes: [
        {
          ...{ severities: ["high", "critical"], rules: null, when: null },
          ...{ topic: `${topic}oncall`, format: "alert", instead: false },
        },
      ],
      size: { routes: { is: 1, limit: 20 } },
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

  it("counts all problems, and prints the first 50", async () => {
    const { out } = await check({ rules: Array.from({ length: 60 }, () => ({ rule: "tag-limit" })) });
    expect(out).toContain("✗ policy.json is not a valid policy: 60 problems; the first 50:\n");
    expect(out).not.toContain("rules[50]");
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

  it("name a rule that demands nothing", async () => {
    const rule = { rule: "image", deprecated: true };
    expect(await warnings({ rules: [rule] })).toEqual(["rules[0] demands nothing: every instance complies"]);
    expect((await check({ rules: [rule] })).out).toContain("\n  It demands nothing.\n");
  });

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

  it.each<[string, object[], string]>([
    ["repeats another one", [{}, {}], "routes[1] repeats routes[0]"],
    ["takes no finding", [{ rules: "owner", severity: "high" }], "routes[0] takes no finding: no rule has its id"],
    ["takes findings of reports only", [{ rules: "watched" }], "routes[0] takes no finding: its rules are in report"],
    ["applies to no instance", [{ when: { account: "12" } }], "routes[0].when applies to no instance"],
    ["leaves nothing to the default topic", [{ instead: true }], "routes[0].instead takes every finding"],
    [
      "has an unmarked pattern",
      [{ when: { tag: "team", in: "^eu" } }],
      "routes[0].when.in looks like a regular expression",
    ],
    [
      "sends chat notifications to a FIFO topic",
      [{ format: "chat", topic: "arn:aws:sns:us-east-1:123456789012:a.fifo" }],
      "routes[0].topic is a FIFO topic",
    ],
  ])("name a route that %s", async (_, changes, warning) => {
    const routes = changes.map((change) => ({ topic: "arn:aws:sns:us-east-1:123456789012:a", ...change }));
    const rules = [OWNER, { ...KEY_PAIR, id: "watched", mode: "report" }];
    expect(await warnings({ rules, routes })).toEqual([expect.stringContaining(warning)]);
  });

  it("name an exemption from rules that alert nobody", async () => {
    const report = { ...OWNER, mode: "report" };
    expect(await warnings({ rules: [report], exemptions: [EXEMPTION] })).toEqual([
      expect.stringContaining("exemptions[0].rules names only rules in report mode"),
    ]);
    expect(await warnings({ rules: [report, KEY_PAIR], exemptions: [{ ...EXEMPTION, rules: "*" }] })).toEqual([]);
  });

  const TYPES = { rule: "instance-type", allowed: ["t3.*"] };

  it.each([
    [
      "a scope that no instance can meet",
      [{ ...OWNER, when: { all: [{ region: "eu-*" }, { region: "us-*" }] } }],
      'rules[0].when applies to no instance: the region cannot be both "eu-*" and "us-*"',
    ],
    [
      "a value that EC2 does not report",
      [{ ...OWNER, when: { lifecycle: "ondemand" } }],
      "rules[0].when applies to no instance: the lifecycle is",
    ],
    [
      "a rule that refuses every instance",
      [{ ...TYPES, forbidden: "t3.*" }],
      "rules[0] refuses every instance: the instance type cannot be both",
    ],
    [
      "a rule that refuses its scope",
      [{ ...TYPES, when: { instanceType: "m5.*" } }],
      "rules[0] refuses every instance that it applies to",
    ],
    [
      "rules without a common value",
      [TYPES, { ...TYPES, id: "b", allowed: "m5.*" }],
      "rules[1] contradicts rules[0]: the instance type cannot be both",
    ],
    [
      "key pairs that are required and not allowed",
      [KEY_PAIR, { rule: "key-pair", id: "none", none: true }],
      'rules[1] contradicts rules[0]: the key pair cannot be both "ops-*" and missing',
    ],
    [
      "a tag that is required and prohibited",
      [OWNER, { rule: "prohibited-tags", keys: "Own*" }],
      'rules[1] contradicts rules[0]: the tag "owner" cannot be both present and missing',
    ],
    [
      "a tag without a common value",
      [
        { rule: "required-tags", tags: [{ key: "env", values: "prod" }] },
        { rule: "required-tags", id: "b", tags: [{ key: "Env", values: "dev" }] },
      ],
      'rules[1] contradicts rules[0]: the tag "env" cannot be both "prod" and "dev"',
    ],
    [
      "more required tags than allowed",
      [
        { rule: "tag-limit", max: 1 },
        { ...OWNER, tags: ["a", "b"] },
      ],
      "rules[1] contradicts rules[0]: more tags are required than 1",
    ],
    [
      "ports that are closed and open",
      [{ rule: "security-groups", closed: [22, 443], onlyOpen: ["tcp:20-30"] }],
      'rules[0] has TCP port 22 both in "closed" and in "onlyOpen"',
    ],
    [
      "ports that two rules close and open",
      [
        { rule: "security-groups", closed: 443 },
        { rule: "security-groups", id: "b", onlyOpen: ["tcp:443"] },
      ],
      "rules[1] contradicts rules[0]: TCP port 443 must be closed, and may be open",
    ],
    [
      "a rule that repeats another one",
      [KEY_PAIR, { allowed: ["ops-*"], rule: "key-pair", severity: "low", id: "b" }],
      "rules[1] repeats rules[0]",
    ],
    [
      "a pattern without slashes",
      [{ ...KEY_PAIR, allowed: ["^ops-[0-9]+$"] }],
      "rules[0].allowed[0] looks like a regular expression",
    ],
    [
      "a pattern without slashes in a scope",
      [{ ...OWNER, when: { not: { tag: "env", in: "(prod|dev)" } } }],
      "rules[0].when.not.in looks like a regular expression",
    ],
  ])("name %s", async (_, rules, warning) => {
    expect(await warnings({ rules })).toEqual([expect.stringContaining(warning)]);
  });

  it.each([
    [
      "rules of disjoint scopes",
      [
        { ...TYPES, when: { region: "eu-*" } },
        { ...TYPES, id: "b", allowed: "m5.*", when: { region: "us-*" } },
      ],
    ],
    [
      "a tag that may be missing or of two cases",
      [
        { ...OWNER, caseSensitive: true },
        { rule: "prohibited-tags", keys: "Owner", caseSensitive: true },
      ],
    ],
    [
      "a key pair or none",
      [
        { ...KEY_PAIR, none: true },
        { rule: "key-pair", id: "none", none: true },
      ],
    ],
    [
      "tags of which one is enough",
      [
        { ...OWNER, tags: [{ anyOf: ["owner", "team"] }] },
        { rule: "prohibited-tags", keys: "team" },
      ],
    ],
    [
      "constraints of a tag that may be missing",
      [
        { ...OWNER, tags: [{ key: "a", values: "x", ifPresent: true }] },
        { rule: "prohibited-tags", keys: "a" },
      ],
    ],
    [
      "a rule that names what is wrong in its scope",
      [{ rule: "condition", when: { lifecycle: "spot" }, require: { not: { lifecycle: "spot" } }, message: "no Spot" }],
    ],
    ["regular expressions and wildcards", [{ ...KEY_PAIR, allowed: ["/^ops-[0-9]+$/", "ops.*"] }]],
  ])("do not name %s", async (_, rules) => {
    expect(await warnings({ rules })).toEqual([]);
  });

  it("name an exemption that can never be used", async () => {
    const rules = [{ ...OWNER, when: { tag: "env", in: "prod" } }];
    expect(await warnings({ rules, exemptions: [{ ...EXEMPTION, when: { tag: "env", in: "dev" } }] })).toEqual([
      "exemptions[0].when is outside the scope of each rule that it names",
    ]);
    expect(await warnings({ rules, exemptions: [{ ...EXEMPTION, when: { account: "12" } }] })).toEqual([
      expect.stringContaining("exemptions[0].when applies to no instance: the account has the form"),
    ]);
  });
});
