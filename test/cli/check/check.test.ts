import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type EmbeddedAws, startEmbeddedAws } from "../../../src/local/aws/index.ts";
import { operatorAt, type Run, runCommand } from "../run.ts";

/** Tests `ec2-audit check` against the embedded AWS: its output, its exit code, and its calls to AWS. */

const TAGGED = { Name: "web-1", service: "shop" };
const NOBODY = "i-0123456789abcdef0";

let aws: EmbeddedAws;
let folder: string;

beforeEach(async () => {
  aws = await startEmbeddedAws();
  folder = mkdtempSync(join(tmpdir(), "ec2-audit-check-"));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await aws.close();
  rmSync(folder, { recursive: true });
});

function check(args: readonly string[], { env, ...run }: Run = {}) {
  return runCommand(["check", ...args], { folder, env: { ...operatorAt(aws.endpoint), ...env }, ...run });
}

function launch(tags: Record<string, string> = {}, count = 1): string[] {
  return aws.launch({ count, tags });
}

function stdin(text: string): void {
  vi.spyOn(process, "stdin", "get").mockReturnValue(Readable.from([text]) as unknown as typeof process.stdin);
}

function actions(): string[] {
  return [...aws.callCounts.keys()].sort();
}

describe("ec2-audit check", () => {
  it("prints a line for a compliant instance, and exits with 0", async () => {
    const [id = ""] = launch(TAGGED);
    const { code, out } = await check([id]);
    expect(code).toBe(0);
    expect(out).toBe(`✓ ${id}  complies with the policy\n\n1 instance audited: 1 compliant, 0 violating.`);
  });

  it("prints the alert for a violation, however new the instance is, and exits with 1", async () => {
    const [id = ""] = launch({ Name: "web-1" });
    const { code, out } = await check([id]);
    expect(code).toBe(1);
    expect(out).toContain(`✗ ${id}  the tag "service" is missing`);
    expect(out).toContain("[MEDIUM] web-1 lacks tag service (us-east-1, 123456789012)");
    expect(out).toContain(`    --resources ${id} \\\n    --tags Key=service,Value=<value>\n`);
  });

  it("reports an instance that is not in the region, and exits with 1", async () => {
    const { code, out } = await check([NOBODY]);
    expect(code).toBe(1);
    expect(out).toContain(`? ${NOBODY}  is not in us-east-1 (any more)`);
    expect(out).toContain("1 instance audited: 0 compliant, 0 violating, 1 not in us-east-1 (is it another region?");
  });

  it("reports terminated instances, which EC2 shows for about an hour, and exits with 0", async () => {
    const ids = launch({}, 2);
    aws.terminate([...ids]);
    stdin(ids.join("\n"));
    const { code, out } = await check(["-"]);
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`– ${ids[0]} {2}the instance is (?:shutting-down|terminated)`));
    expect(out).toContain("2 instances audited: 0 compliant, 0 violating, 2 terminated.");
  });

  it("calls only DescribeInstances and GetCallerIdentity", async () => {
    await check(launch());
    expect(actions()).toEqual(["ec2:DescribeInstances", "sts:GetCallerIdentity"]);
  });

  it("reads the operator's region", async () => {
    const [id = ""] = aws.launch({ count: 1, tags: TAGGED, region: "eu-west-1" });
    expect((await check([id])).code).toBe(1);
    expect((await check([id, "--region", "eu-west-1"])).code).toBe(0);
  });
});

describe("the policy of ec2-audit check", () => {
  it("is that of the function, from .env", async () => {
    writeFileSync(join(folder, ".env"), "REQUIRED_TAGS=owner\n");
    const { code, out } = await check(launch(TAGGED));
    expect(code).toBe(1);
    expect(out).toContain('the tag "owner" is missing');
  });

  it("is that of the function, from the environment", async () => {
    const rule = { rule: "required-tags", tags: ["team"], severity: "critical" };
    const { out } = await check(launch(TAGGED), { env: { AUDIT_POLICY: JSON.stringify({ rules: [rule] }) } });
    expect(out).toContain('required-tags (critical): the tag "team" is missing');
  });

  it("is that of --required-tags before that of the function", async () => {
    writeFileSync(join(folder, ".env"), "REQUIRED_TAGS=owner\n");
    expect((await check([...launch(TAGGED), "--required-tags", "name"])).code).toBe(0);
  });

  it("is that of --policy before that of the function", async () => {
    writeFileSync(join(folder, ".env"), "REQUIRED_TAGS=name\n");
    writeFileSync(join(folder, "policy.json"), '{"rules": [{"rule": "required-tags", "tags": ["cost-centre"]}]}');
    const { code, out } = await check([...launch(TAGGED), "--policy", "policy.json"]);
    expect(code).toBe(1);
    expect(out).toContain('the tag "cost-centre" is missing');
  });

  it.each([
    [
      "in a file",
      ["--policy", "policy.json"],
      'error: policy.json is not a policy: rules[0].rule must be one of "required-tags", ',
    ],
    [
      "in a file that is not JSON",
      ["--policy", "broken.json"],
      "broken.json is not a policy: it is not JSON at line 2, column 3",
    ],
    [
      "in an option",
      ["--required-tags", "a,,b"],
      '--required-tags is not a policy: entry 2 must be a tag key of 1 to 128 characters (found: "")',
    ],
    [
      "in both options",
      ["--policy", "policy.json", "--required-tags", "a"],
      "option '--required-tags <keys>' cannot be used with option '--policy <file>'",
    ],
    ["in a folder", ["--policy", "."], "error: . is a folder"],
    ["in a file that does not exist", ["--policy", "absent.json"], "error: absent.json does not exist"],
  ])("is refused when it is not valid: %s", async (_, args, error) => {
    writeFileSync(join(folder, "policy.json"), '{"rules": [{"rule": "no-such-rule"}]}');
    writeFileSync(join(folder, "broken.json"), "{\n  rules: []\n}");
    const { code, out, err } = await check([NOBODY, ...args]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(error);
    expect(actions()).not.toContain("ec2:DescribeInstances");
  });
});

describe("the ids of ec2-audit check", () => {
  it("are audited once when they are given twice", async () => {
    const [id = ""] = launch(TAGGED);
    const { out } = await check([id, id]);
    expect(out).toContain("1 instance audited");
  });

  it("can be short, as in older accounts", async () => {
    expect((await check(["i-12345678"])).out).toContain("i-12345678  is not in us-east-1 (any more)");
  });

  it('are read from standard input for "-"', async () => {
    const ids = launch(TAGGED, 3);
    stdin(`${ids[0]}\n\n  ${ids[1]}\t${ids[2]}\r\n`);
    const { code, out } = await check(["-"]);
    expect([code, ids.every((id) => out.includes(`✓ ${id}`))]).toEqual([0, true]);
  });

  it.each(["i-123", "i-0123456789ABCDEF0", "web-1", "i-0123456789abcdef01"])(
    "are refused when they are not instance ids: %s",
    async (id) => {
      const { code, err } = await check([NOBODY, id]);
      expect(code).toBe(2);
      expect(err).toContain(`not an instance id: "${id}"`);
      expect(actions()).toEqual([]);
    },
  );

  it("are listed up to the fifth when many are invalid", async () => {
    stdin(Array.from({ length: 9 }, (_, index) => `server-${index}`).join("\n"));
    const { err } = await check(["-"]);
    expect(err).toContain('"server-4" and 4 more');
    expect(err).not.toContain("server-5");
  });

  it("are required, as arguments or on standard input", async () => {
    stdin("\n");
    expect((await check(["-"])).err).toContain("standard input contains no instance ids");
    expect(await check([])).toMatchObject({ code: 2, err: expect.stringContaining("no instance ids\n") });
  });
});

describe("ec2-audit check for many instances", () => {
  it("makes one call for 200 instances, and reports progress", async () => {
    const tagged = launch(TAGGED, 2_000);
    const ids = [...tagged, ...launch({}, 500)];
    let time = 0;
    stdin(ids.join("\n"));
    const { code, out, err } = await check(["-"], { now: () => (time += 1_500) });
    expect(code).toBe(1);
    expect(out).toContain("2500 instances audited: 2000 compliant, 500 violating.");
    expect(aws.callCounts.get("ec2:DescribeInstances")).toBe(13);
    expect(err).toContain("800 of 2500");
  });

  it("waits when EC2 throttles a call, and repeats only that call", async () => {
    const ids = launch(TAGGED, 400);
    const isSecond = ({ params }: { params: unknown }) => JSON.stringify(params).includes(ids[300] ?? "");
    aws.faults.add({ service: "ec2", kind: "throttle", times: 4, when: isSecond });
    const pauses: number[] = [];
    stdin(ids.join("\n"));
    const { code } = await check(["-"], { pause: async (ms) => void pauses.push(ms) });
    expect(code).toBe(0);
    expect(pauses).toEqual([1_000]);
    expect(aws.calls.filter((call) => call.service === "ec2" && !isSecond(call))).toHaveLength(1);
  }, 60_000);
});

describe("ec2-audit check --all", () => {
  it("audits each instance of the region that is not terminated, and reads it once", async () => {
    const [good = ""] = launch(TAGGED);
    const [bad = ""] = launch();
    const [gone = ""] = launch();
    aws.terminate([gone]);
    const { code, out, err } = await check(["--all"]);
    expect(code).toBe(1);
    expect(out).toContain(`✓ ${good}`);
    expect(out).toContain(`✗ ${bad}`);
    expect(out).not.toContain(gone);
    expect(out).toMatch(/\n2 instances audited: 1 compliant, 1 violating\.\nViolated: required-tags 1\.$/);
    expect(err).toContain("Auditing every instance in us-east-1");
    expect(actions()).toEqual(["ec2:DescribeInstances", "sts:GetCallerIdentity"]);
  });

  it("makes one call for 1,000 instances", async () => {
    launch(TAGGED, 1_500);
    expect(await check(["--all", "--quiet"])).toMatchObject({
      code: 0,
      out: "1500 instances audited: 1500 compliant, 0 violating.",
    });
    expect(aws.callCounts.get("ec2:DescribeInstances")).toBe(2);
  });

  it("reports a region without instances, and exits with 0", async () => {
    expect(await check(["--all"])).toMatchObject({
      code: 0,
      out: "0 instances audited: 0 compliant, 0 violating.",
    });
  });

  it("is refused together with ids", async () => {
    expect(await check([NOBODY, "--all"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("takes no instance ids"),
    });
  });
});

describe("ec2-audit check --quiet", () => {
  it("prints violations, instances not in the region, and the summary", async () => {
    const [good = ""] = launch(TAGGED);
    const [bad = ""] = launch();
    const { code, out } = await check([good, bad, NOBODY, "--quiet"]);
    expect(code).toBe(1);
    expect(out.split("\n")).toEqual([
      `✗ ${bad}  the tags "name", "service" are missing`,
      `? ${NOBODY}  is not in us-east-1 (any more)`,
      "",
      "3 instances audited: 1 compliant, 1 violating, 1 not in us-east-1 (is it another region? --region).",
      "Violated: required-tags 1.",
    ]);
  });
});

describe("ec2-audit check --json", () => {
  it("prints one document with each instance and each alert", async () => {
    const [good = ""] = launch(TAGGED);
    const [bad = ""] = launch();
    const { code, out } = await check([good, bad, NOBODY, "--json"]);
    const finding = { instanceId: bad, rule: "required-tags", missing: ["name", "service"] };
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      instances: [
        { instanceId: good, outcome: "compliant" },
        { instanceId: bad, outcome: "violating", findings: [finding] },
        { instanceId: NOBODY, outcome: "unseen", reason: "is not in us-east-1 (any more)" },
      ],
      alerts: [{ schema: "urn:ec2-audit:alert:1", account: "123456789012", region: "us-east-1", findings: [finding] }],
    });
  });
});

describe("ec2-audit check when AWS refuses its calls", () => {
  it.each([
    ["the call is denied", "deny", "AWS does not allow this"],
    ["the keys are unknown", "bad-key", "AWS does not accept these credentials"],
  ] as const)("prints the reason, and exits with 2: %s", async (_, kind, error) => {
    const ids = launch();
    aws.faults.add({ service: "ec2", kind });
    const { code, out, err } = await check(ids);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(error);
  });

  it("reports its work before its first call", async () => {
    aws.faults.add({ service: "sts", kind: "deny" });
    expect((await check([NOBODY])).err).toMatch(/^Auditing 1 instance in us-east-1\nerror:/);
  });

  it("stops after a while when EC2 throttles every call", async () => {
    aws.faults.add({ service: "ec2", kind: "throttle" });
    const pauses: number[] = [];
    // The SDK's own retries, whose pauses cannot be injected, would take 8 s.
    const env = { AWS_MAX_ATTEMPTS: "1" };
    const { code, err } = await check([NOBODY], { env, pause: async (ms) => void pauses.push(ms) });
    expect(code).toBe(2);
    expect(err).toContain("run the command again in a minute");
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(aws.callCounts.get("ec2:DescribeInstances")).toBe(5);
  });
});

describe("ec2-audit check --help", () => {
  it("prints examples and exit codes", async () => {
    const { code, out } = await runCommand(["check", "--help"]);
    expect(code).toBe(0);
    expect(out).toContain("$ ec2-audit check i-0123456789abcdef0");
    expect(out).toContain("Publishes nothing");
    expect(out).toMatch(/Exit codes: 0 [^;]*; 1 [^;]*;\s2 /);
  });
});
