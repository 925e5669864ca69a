import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Run, runCommand } from "../run.ts";

/** Tests `ec2-audit policy test`: its verdicts, its output and its exit code. */

const NOW = Date.parse("2026-11-28T12:00:00Z");
const ID = "i-0f6b1d6ad35346607";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ec2-audit-policy-test-"));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

function write(name: string, value: unknown): string {
  writeFileSync(join(folder, name), typeof value === "string" ? value : JSON.stringify(value));
  return name;
}

function test(args: readonly string[], run: Run = {}) {
  return runCommand(["policy", "test", ...args], { folder, now: () => NOW, ...run });
}

/** Writes a policy and one document, and runs the command. */
function testDocument(policy: object, document: unknown, args: readonly string[] = [], run: Run = {}) {
  return test([write("policy.json", policy), write("document.json", document), ...args], run);
}

/** An instance as `aws ec2 describe-instances` prints it, with changes. */
function instance(tags: Readonly<Record<string, string>> = {}, changes: object = {}): object {
  return {
    InstanceId: ID,
    InstanceType: "t3.micro",
    KeyName: "ops-2026",
    LaunchTime: "2026-11-25T08:27:34+00:00",
    Placement: { AvailabilityZone: "eu-west-1a", GroupName: "", Tenancy: "default" },
    State: { Code: 16, Name: "running" },
    Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
    ...changes,
  };
}

function reservation(...instances: readonly object[]): object {
  return { Reservations: [{ OwnerId: "123456789012", ReservationId: "r-0a1b2c3d", Groups: [], Instances: instances }] };
}

const OWNER = { rule: "required-tags", id: "owner", severity: "high", tags: ["owner"] };
const KEY_PAIR = { rule: "key-pair", allowed: ["ops-*"] };

async function verdicts(policy: object, document: unknown, args: readonly string[] = []) {
  const { out } = await testDocument(policy, document, [...args, "--json"]);
  return JSON.parse(out);
}

describe("ec2-audit policy test", () => {
  it("prints the verdict of each rule with the fact that decided it, and exits with 1 for a violation", async () => {
    const { code, out } = await testDocument({ rules: [OWNER, KEY_PAIR] }, reservation(instance({ Name: "web-1" })));
    expect(code).toBe(1);
    expect(out).toBe(
      [
        `${ID}  web-1`,
        '  ✗ owner     [HIGH] the tag "owner" is missing',
        '  ✓ key-pair  its key pair is "ops-2026"',
        "",
        "1 instance: 0 compliant, 1 violating.",
        "Violated: owner 1.",
      ].join("\n"),
    );
  });

  it("exits with 0 when no rule is violated", async () => {
    const { code, out } = await testDocument({ rules: [KEY_PAIR] }, reservation(instance()));
    expect([code, out.split("\n").at(-1)]).toEqual([0, "1 instance: 1 compliant, 0 violating."]);
  });

  it("prints the verdicts as JSON with --json", async () => {
    const { code, out } = await testDocument({ rules: [OWNER, KEY_PAIR] }, reservation(instance()), ["--json"]);
    expect([code, JSON.parse(out)]).toEqual([
      1,
      [
        {
          instanceId: ID,
          verdicts: [
            { ruleId: "owner", verdict: "violation", message: 'the tag "owner" is missing' },
            { ruleId: "key-pair", verdict: "compliant", message: 'its key pair is "ops-2026"' },
          ],
        },
      ],
    ]);
  });

  it("judges rules in report mode, and marks them", async () => {
    const { code, out } = await testDocument({ rules: [{ ...OWNER, mode: "report" }] }, reservation(instance()));
    expect(code).toBe(1);
    expect(out).toContain("✗ owner (report)  [HIGH]");
    expect(out).toContain("Violated: owner 1 (report).");
  });

  it("says which exemption exempts a violation, and which ones are not used", async () => {
    const exempt = { rules: "owner", when: { tag: "legacy", in: "yes" }, reason: "the old shop" };
    const policy = {
      rules: [OWNER],
      exemptions: [
        { ...exempt, until: "2026-11-27" },
        { ...exempt, until: "2026-12-31" },
        { ...exempt, until: "2026-12-31", when: { region: "us-*" } },
      ],
    };
    const { code, out } = await testDocument(policy, reservation(instance({ legacy: "yes" })));
    expect(code).toBe(0);
    expect(out).toContain('~ owner  the tag "owner" is missing; exempt until 2026-12-31: the old shop');
    expect(out).toContain('  – expired: exempt from "owner" until 2026-11-27 when the tag "legacy" is');
    expect(out).toContain('  ~ used once: exempt from "owner" until 2026-12-31');
    expect(out).toContain('  – unused: exempt from "owner" until 2026-12-31 when the region is "us-*"');
  });

  it("decides by --now which exemptions hold", async () => {
    const exemption = { rules: "*", when: { region: "*" }, reason: "migration", until: "2026-12-31" };
    const policy = { rules: [OWNER], exemptions: [exemption] };
    for (const [now, verdict] of [
      ["2026-12-31", "exempt"],
      ["2027-01-01", "violation"],
      ["2026-12-31T23:59:59Z", "exempt"],
    ]) {
      const [{ verdicts: own }] = await verdicts(policy, reservation(instance()), ["--now", now ?? ""]);
      expect([now, own[0].verdict]).toEqual([now, verdict]);
    }
  });

  it("names the scope that an instance is not in", async () => {
    const [judged] = await verdicts({ rules: [{ ...OWNER, when: { region: "us-*" } }] }, reservation(instance()));
    expect(judged.verdicts).toEqual([
      { ruleId: "owner", verdict: "out-of-scope", message: 'it applies when the region is "us-*"' },
    ]);
  });

  it("judges no terminated instance, and does not count it as compliant", async () => {
    const document = reservation(instance({}, { State: { Code: 48, Name: "terminated" } }));
    const { out } = await testDocument({ rules: [OWNER] }, document);
    expect(out).toContain("1 instance: 0 compliant, 0 violating, 1 out of scope.");
    const [judged] = await verdicts({ rules: [OWNER] }, document);
    expect(judged.verdicts).toEqual([
      { ruleId: "owner", verdict: "out-of-scope", message: "the instance is terminated" },
    ]);
  });

  it("prints only violations, rules that are not judged and the summary with --quiet", async () => {
    const document = reservation(instance(), instance({ owner: "ada" }, { InstanceId: "i-0f6b1d6ad35346608" }));
    const { out } = await testDocument({ rules: [OWNER] }, document, ["--quiet"]);
    expect(out).toContain(ID);
    expect(out).not.toContain("i-0f6b1d6ad35346608");
    expect(out).toContain("2 instances: 1 compliant, 1 violating.");
  });

  it("escapes what a tag would do to the terminal, and stays within its columns", async () => {
    const policy = { rules: [{ rule: "required-tags", tags: [{ key: "env", values: ["prod", "staging", "dev"] }] }] };
    const { out } = await testDocument(
      policy,
      reservation(instance({ Name: "a\u001b[31m\nb\u202e", env: "\u009b31m production of the shop" })),
      [],
      { columns: 60 },
    );
    expect(out).toContain(`${ID}  a\\u001b[31m\\u000ab\\u202e\n`);
    expect([..."\u001b\u009b\u202e"].filter((each) => out.includes(each))).toEqual([]);
    expect(out.split("\n").filter((line) => line.length > 60)).toEqual([]);
  });
});

describe("the files of ec2-audit policy test", () => {
  it.each([
    ["the output of describe-instances", reservation(instance({ owner: "ada" }))],
    ["a reservation, as run-instances prints it", { OwnerId: "123456789012", Instances: [instance({ owner: "ada" })] }],
    ["one instance", instance({ owner: "ada" })],
    ["a list of instances, as --query prints it", [[instance({ owner: "ada" })]]],
  ])("may be %s", async (_, document) => {
    expect((await verdicts({ rules: [OWNER] }, document))[0]).toMatchObject({
      instanceId: ID,
      verdicts: [{ verdict: "compliant" }],
    });
  });

  it("are merged: instances of several files, and the tags of describe-tags", async () => {
    const files = [
      write("policy.json", { rules: [OWNER] }),
      write("a.json", instance({}, { InstanceId: "i-0a1b2c3d" })),
      write("b.json", instance()),
      write("tags.json", { Tags: [{ ResourceId: ID, ResourceType: "instance", Key: "owner", Value: "ada" }] }),
    ];
    const { out } = await test([...files, "--json"]);
    expect(JSON.parse(out).map(({ verdicts: [own] }: { verdicts: [{ verdict: string }] }) => own.verdict)).toEqual([
      "violation",
      "compliant",
    ]);
  });

  it("may come from standard input", async () => {
    const text = JSON.stringify(reservation(instance()));
    vi.spyOn(process, "stdin", "get").mockReturnValue(Readable.from([text]) as unknown as typeof process.stdin);
    expect((await test([write("policy.json", { rules: [KEY_PAIR] }), "-"])).code).toBe(0);
  });

  it.each([
    ["account", { account: "123456789012" }, "the owner of the reservation", reservation(instance()), []],
    ["account", { account: "123456789012" }, "--account", instance(), ["--account", "123456789012"]],
    ["region", { region: "eu-west-1" }, "the Availability Zone", instance(), ["--region", "us-east-1"]],
    [
      "region",
      { region: "us-west-2" },
      "a Local Zone",
      instance({}, { Placement: { AvailabilityZone: "us-west-2-lax-1a" } }),
      [],
    ],
    ["region", { region: "us-east-1" }, "--region", instance({}, { Placement: {} }), ["--region", "us-east-1"]],
  ])("tell the %s: %o from %s", async (_, when, __, document, args) => {
    const [judged] = await verdicts({ rules: [{ ...KEY_PAIR, when }] }, document, args);
    expect(judged.verdicts[0].verdict).toBe("compliant");
  });

  it.each([
    ["region", { region: "us-*" }],
    ["account", { not: { account: "1*" } }],
  ])("that do not tell the %s leave a rule that needs it not judged", async (what, when) => {
    const document = instance({}, { Placement: {} });
    const [judged] = await verdicts(
      {
        rules: [
          { ...KEY_PAIR, when },
          { ...KEY_PAIR, id: "other" },
        ],
      },
      document,
    );
    expect(judged.verdicts).toMatchObject([
      { verdict: "not-judged", message: `the files do not contain the ${what} of the instance; add --${what}` },
      { verdict: "compliant" },
    ]);
  });

  it("without the image leave a rule that needs it not judged, and the exit code 0", async () => {
    const policy = { rules: [{ ...KEY_PAIR, when: { imageName: "al2023-*" } }] };
    const { code, out } = await testDocument(policy, reservation(instance()));
    expect(code).toBe(0);
    expect(out.replaceAll(/\s+/g, " ")).toContain(
      "? key-pair not judged: the files do not contain the image of the instance; add the output of aws ec2 describe-instance-image-metadata",
    );
    expect(out).toContain("1 instance: 0 compliant, 0 violating, 1 not judged.\nNot judged: key-pair 1.");
  });

  it.each([
    ["is not JSON", "{\n  Reservations: []\n}", "document.json is not JSON at line 2, column 3"],
    ["is not an object", "12", 'document.json must have "Reservations"'],
    ["has none of the keys", { KeyPairs: [] }, 'document.json must have "Reservations"'],
    ["has an entry of a wrong shape", { Instances: [12] }, "document.json: Instances[0] must be an object"],
    [
      "has tags of a wrong shape",
      { Reservations: [{ Instances: [{ InstanceId: ID, Tags: { env: "prod" } }] }] },
      "document.json: Reservations[0].Instances[0].Tags must be a list",
    ],
    [
      "is an instance of a wrong shape",
      { InstanceId: ID, InstanceType: 3 },
      "document.json: instance.InstanceType must be a string",
    ],
    [
      "has a time of a wrong shape",
      { Instances: [{ InstanceId: ID, LaunchTime: "yesterday" }] },
      "document.json: Instances[0].LaunchTime must be a time in ISO 8601",
    ],
    [
      "has an instance without an id",
      { Instances: [{ ImageId: "ami-1" }] },
      "document.json: Instances[0] has no InstanceId",
    ],
    ["has no instances", { Reservations: [] }, "the files contain no instances"],
  ])("are refused when one %s", async (_, document, error) => {
    const { code, out, err } = await testDocument({ rules: [OWNER] }, document);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(error);
  });

  it("are refused when one does not exist", async () => {
    const { code, err } = await test([write("policy.json", { rules: [OWNER] }), "absent.json"]);
    expect([code, err]).toEqual([2, expect.stringContaining("error: absent.json does not exist")]);
  });

  it("are not read when the policy has problems: all are printed, with what was found", async () => {
    const policy = {
      rules: [
        { ...OWNER, severity: "hihg" },
        { ...KEY_PAIR, allowed: 1 },
      ],
    };
    const { code, err } = await testDocument(policy, "no JSON");
    expect(code).toBe(2);
    expect(err).toContain("error: policy.json is not a policy:\n");
    expect(err).toContain('rules[0].severity must be one of "low", "medium", "high", "critical"; did you mean "high"?');
    expect(err).toContain('(found: "hihg")');
    expect(err).toContain("(found: 1)");
  });

  it.each([
    [["--account", "12"], "--account must be an account id"],
    [["--region", "mars"], "--region must be the name of a region"],
    [["--now", "soon"], "--now must be a date"],
    [["--now", "2027-02-30"], "--now must be a date"],
    [["-", "-"], "standard input can be read only once"],
  ])("are not read with the wrong options %o", async (args, error) => {
    const { code, err } = await testDocument({ rules: [OWNER] }, reservation(instance()), args);
    expect([code, err]).toEqual([2, expect.stringContaining(error)]);
  });
});
