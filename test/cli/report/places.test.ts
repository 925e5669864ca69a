import { describe, expect, it } from "vitest";
import { aws, documentOf, files, linesIn, MEMBER, OWN, report, useFleet } from "./fleet.ts";

/** Tests which places `ec2-audit report` reads, and what it says of those that it cannot read. */

useFleet();

const BOTH = ["--accounts", `${OWN},${MEMBER}`, "--role", "audit"];
const OWNED = { owner: "web" };

/** Returns the places of a report: account, region and status. */
function placesOf(ran: Parameters<typeof documentOf>[0]): string[] {
  return documentOf(ran).places.map(({ account, region, status }) => `${account} ${region} ${status}`);
}

function reasons(): (string | null)[] {
  return linesIn("all.jsonl", "place").flatMap(({ status, reason }) => (status === "complete" ? [] : [reason]));
}

describe("the places of ec2-audit report", () => {
  it("are by default the enabled regions of the operator's account, in one call", async () => {
    aws.enableRegion("af-south-1");
    const ran = await report(["--json", "--regions", "all"]);
    expect(placesOf(ran)).toContain(`${OWN} af-south-1 complete`);
    expect(placesOf(ran)).not.toContain(`${OWN} ap-east-1 complete`);
    expect(placesOf(ran)).toHaveLength(18);
    expect(ran.code).toBe(0);
    expect(aws.callCounts.get("ec2:DescribeRegions")).toBe(1);
    expect(aws.callCounts.get("ec2:DescribeInstances")).toBe(18);
  });

  it("are those of every active account of an organization, with its name", async () => {
    const ran = await report([
      "--organization",
      "--role",
      "audit",
      "--regions",
      "us-east-1",
      "--json",
      "--out",
      "all.jsonl",
    ]);
    expect(placesOf(ran)).toEqual([`${OWN} us-east-1 complete`, `${MEMBER} us-east-1 complete`]);
    expect(linesIn("all.jsonl", "report")[0]?.accounts).toEqual({
      [OWN]: `account-${OWN}`,
      [MEMBER]: `account-${MEMBER}`,
    });
  });

  it("are read without a role in the operator's own account", async () => {
    await report(["--accounts", OWN]);
    expect(aws.callCounts.get("sts:AssumeRole")).toBeUndefined();
  });

  it("are complete when EC2 throttles a fifth of the calls, which is said once", async () => {
    aws.launch({ count: 30, tags: {} });
    let calls = 0;
    aws.faults.add({ service: "ec2", kind: "throttle", when: () => calls++ % 5 === 0 });
    const ran = await report([...BOTH, "--regions", "all", "--json"]);
    expect(documentOf(ran)).toMatchObject({ instances: 30, violating: 30, findings: 30 });
    expect(documentOf(ran).places.filter(({ status }) => status !== "complete")).toEqual([]);
    expect(ran.code).toBe(1);
    expect(ran.err).toMatch(/^AWS throttled \d+ calls\. Throttled calls are repeated, more slowly\.$/);
  });
});

describe("a place that cannot be read", () => {
  it("is denied, and the others are complete", async () => {
    aws.launch({ count: 3, tags: {} });
    aws.faults.add({
      service: "ec2",
      action: "DescribeInstances",
      kind: "deny",
      when: ({ region }) => region === "us-west-2",
    });
    const ran = await report(["--json", "--out", "all.jsonl"]);
    expect(placesOf(ran)).toEqual([
      `${OWN} eu-west-1 complete`,
      `${OWN} us-east-1 complete`,
      `${OWN} us-west-2 denied`,
    ]);
    expect(documentOf(ran)).toMatchObject({ instances: 3, findings: 3 });
    expect(reasons()).toEqual(["the credentials do not allow ec2:DescribeInstances"]);
    expect(ran.code).toBe(2);
  });

  it("is off, without a call in it, when --regions names a region that is not enabled", async () => {
    const ran = await report(["--regions", "us-east-1,af-south-1", "--json", "--out", "all.jsonl"]);
    expect(placesOf(ran)).toEqual([`${OWN} af-south-1 off`, `${OWN} us-east-1 complete`]);
    expect(reasons()).toEqual(["the region is not enabled for the account"]);
    expect(ran.code).toBe(2);
    expect(aws.calls.some(({ region }) => region === "af-south-1")).toBe(false);
  });

  it("is partial when a later page fails, and keeps the findings of the earlier ones", async () => {
    aws.launch({ count: 1001, tags: {} });
    aws.faults.add({ service: "ec2", action: "DescribeInstances", kind: "error", skip: 1 });
    const ran = await report(["--regions", "us-east-1", "--json"]);
    expect(documentOf(ran)).toMatchObject({ instances: 1000, findings: 1000 });
    expect(placesOf(ran)).toEqual([`${OWN} us-east-1 partial`]);
    expect(ran.code).toBe(2);
  });

  it("is every region of an account whose role cannot be assumed", async () => {
    aws.deny("sts:AssumeRole", `arn:aws:iam::${MEMBER}:role/audit`);
    const ran = await report([...BOTH, "--regions", "all", "--json", "--out", "all.jsonl"]);
    expect(placesOf(ran)).toContain(`${MEMBER} * denied`);
    expect(placesOf(ran).filter((place) => place.endsWith("complete"))).toHaveLength(17);
    expect(reasons()).toEqual([
      `AWS does not allow sts:AssumeRole for the role audit in the account ${MEMBER}, if it exists there`,
    ]);
    expect(ran.code).toBe(2);
  });

  it("is each named region of an account whose role cannot be assumed", async () => {
    aws.deny("sts:AssumeRole", "*");
    const ran = await report([...BOTH, "--regions", "us-east-1,eu-west-1", "--json"]);
    expect(placesOf(ran)).toEqual([
      `${OWN} eu-west-1 complete`,
      `${OWN} us-east-1 complete`,
      `${MEMBER} eu-west-1 denied`,
      `${MEMBER} us-east-1 denied`,
    ]);
  });

  it("is every region of another account that does not allow DescribeRegions", async () => {
    aws.faults.add({
      service: "ec2",
      action: "DescribeRegions",
      kind: "deny",
      when: ({ account }) => account === MEMBER,
    });
    const ran = await report([...BOTH, "--regions", "all", "--json", "--out", "all.jsonl"]);
    expect(placesOf(ran)).toContain(`${MEMBER} * denied`);
    expect(reasons()).toEqual(["the credentials do not allow ec2:DescribeRegions"]);
  });
});

describe("without ec2:DescribeRegions", () => {
  it("the named regions are read", async () => {
    aws.launch({ count: 3, tags: OWNED });
    aws.deny("ec2:DescribeRegions");
    const ran = await report(["--json"]);
    expect(documentOf(ran)).toMatchObject({ instances: 3, compliant: 3 });
    expect(ran.code).toBe(0);
  });

  it("the operator's account fails with the fix when no regions are named", async () => {
    aws.deny("ec2:DescribeRegions");
    const { code, err } = await report(["--regions", "all", "--out", "all.jsonl"]);
    expect(code).toBe(2);
    expect(err).toBe(`error: the regions are not known: the credentials do not allow ec2:DescribeRegions
  Give --regions, such as --regions us-east-1,eu-west-1, or ask for the permission.`);
    expect(files()).toEqual(["policy.json"]);
  });
});

describe("a usage error of ec2-audit report", () => {
  it.each([
    [["--regions", "us-east-9"], "there is no region us-east-9\n  Did you mean us-east-"],
    [["--accounts", MEMBER], "no role is given for the other accounts\n  Give --role NAME"],
    [["--accounts", MEMBER, "--role", "arn:aws:iam::1:role/x"], "--role must be the name of an IAM role"],
  ])("is found with the places: %j", async (args, error) => {
    const { code, err } = await report(args);
    expect(code).toBe(2);
    expect(err).toContain(error);
  });

  it.each([
    [["--regions", "us-east-1,nowhere"], '--regions has an entry that is not valid: "nowhere"'],
    [["--accounts", "12"], '--accounts has an entry that is not valid: "12"'],
    [["--accounts", OWN, "--organization"], "'--organization' cannot be used with option '--accounts <ids>'"],
    [["--out", ""], "--out is empty"],
    [["--since", " "], "--since is empty"],
    [["--owner-tag", ""], "--owner-tag is empty"],
    [["--role", "audit"], "--role is for other accounts, and none is given"],
    [["--out", "report.pdf"], "the name of report.pdf must end with"],
    [["--out", "no/such/folder.csv"], '"no/such/folder.csv" cannot be written: its folder does not exist'],
    [["--out", "a.csv", "--out", "./a.csv"], "--out names the same file twice: a.csv, ./a.csv"],
    [["--since", "absent.jsonl"], "absent.jsonl does not exist"],
    [["--policy", "absent.json"], "absent.json does not exist"],
  ])("is found before AWS is called: %j", async (args, error) => {
    const { code, err, out } = await report([...args, "--json"]);
    expect(code).toBe(2);
    expect(err).toContain(error);
    expect(JSON.parse(out)).toHaveProperty("error.message");
    expect(aws.calls).toEqual([]);
    expect(files()).toEqual(["policy.json"]);
  });

  it("names the accounts that --organization needs", async () => {
    aws.deny("organizations:ListAccounts");
    const { code, err } = await report(["--organization", "--role", "audit"]);
    expect(code).toBe(2);
    expect(err).toContain("the accounts of the organization cannot be listed");
    expect(err).toContain("management account or of a delegated administrator account");
  });
});
