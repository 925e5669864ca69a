import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import { describe, expect, it } from "vitest";
import { freePort } from "../../../src/local/free-port.ts";
import { ALERT_TOPIC, aws, LAUNCH_TOPIC, run, startFunction } from "../installed.ts";
import { runCommand } from "../run.ts";
import { deny, diagnosis, doctor, FUNCTION_USER, folder, settings, setUp, url, useInstallation } from "./installed.ts";

/** The doctor's output, and its checks of the function's settings, keys and permissions. */

useInstallation("file");

const OTHER_ACCOUNT = "210987654321";
const elsewhere = () => ({ folder: join(folder, "../..") });

describe("ec2-audit doctor", () => {
  it("prints each check in its group, exits with 0 for a healthy installation, and changes nothing in AWS", async () => {
    const before = aws.calls.length;
    const { code, out, err } = await doctor();
    expect(code).toBe(0);
    expect(out).toContain("configuration\n  ✓ settings: 5 keys, all valid, from .env\n");
    expect(out).toContain(`  ✓ ${url}: subscribed and confirmed, with retries and a dead-letter queue\n`);
    expect(out).toMatch(/\n\n0 failed, \d+ ok\.$/);
    expect(`${out}${err}`).not.toContain("function-secret");
    const changes = aws.calls.slice(before).filter(({ action }) => !/^(?:Get|List|Describe|Simulate)/.test(action));
    expect(changes).toEqual([]);
  });

  it("prints region, account, verdict, counts and checks with --json", async () => {
    const { code, out } = await doctor("--json");
    const document = JSON.parse(out);
    const healthy = { region: "us-east-1", account: "123456789012", verdict: "ok", counts: { wrong: 0 } };
    expect([code, document]).toMatchObject([0, healthy]);
    const settings = { group: "configuration", name: "settings", state: "ok", message: "5 keys, all valid, from .env" };
    expect(document.checks).toContainEqual(settings);
  });

  it("prints the verdict wrong and no account with --json when AWS cannot be called", async () => {
    aws.faults.add({ service: "sts", kind: "deny" });
    const { code, out } = await doctor("--json");
    expect([code, JSON.parse(out)]).toMatchObject([1, { region: "us-east-1", account: null, verdict: "wrong" }]);
  });

  it("finds the installation by --url and --secrets-file from another folder", async () => {
    expect(await diagnosis(`--url ${url} --secrets-file ${join(folder, ".env")}`, elsewhere())).toEqual([0]);
  });

  it("finds the installation by the settings beside --config, also when the operator's region is another", async () => {
    const file = join(folder, "wt.config.json");
    writeFileSync(file, JSON.stringify({ name: "ec2-audit", main: "audit.js", secrets: {} }));
    setUp({ FUNCTION_URL: url });
    expect(await diagnosis(`--config ${file}`, { ...elsewhere(), env: { AWS_REGION: "eu-west-1" } })).toEqual([0]);
    writeFileSync(file, '{"name": "ec2-audit"}');
    expect(await doctor()).toMatchObject({ code: 2, out: "", err: expect.stringContaining("wt.config.json") });
    rmSync(file);
  });

  it.each([
    ["--account 12", '"12" is not an account id'],
    ["--url somewhere", "--url is not the URL of a function"],
    ["--trace function.log", "--trace requires --probe"],
    ["--probe --trace no.log", "no.log does not exist"],
    ["--stack ec2-audit --url https://example.com/", "--url and --account cannot be combined with --stack"],
  ])("exits with 2 for the usage error %s, before it checks anything", async (line, message) => {
    expect(await doctor(line)).toMatchObject({ code: 2, out: "", err: expect.stringContaining(message) });
  });

  it("prints examples, the limits of the probe and the exit codes with --help", async () => {
    const { code, out } = await runCommand(["doctor", "--help"]);
    expect(code).toBe(0);
    expect(out).toContain("$ ec2-audit doctor --stack ec2-audit");
    expect(out).toMatch(/It does not\s+prove that EventBridge publishes/);
    expect(out).toMatch(/Exit codes: 0 .*; 1 .*; 2 /s);
    expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });
});

describe("the doctor's check of the configuration", () => {
  it("reports every invalid key with its source but without its value, and suggests the key for a misspelt one", async () => {
    setUp({ GRACE_SECONDS: "soon", LOG_LEVEL: "loud", GRACE_SECOND: "45" });
    const { code, out } = await doctor();
    expect(code).toBe(1);
    expect(out).toContain(
      "✗ GRACE_SECONDS: must be a whole number of seconds from 0 to 3000\n      Its source is .env.",
    );
    expect(out).toContain("✗ LOG_LEVEL: must be one of debug, info, warn, error");
    expect(out).toContain(
      "! GRACE_SECOND: is in .env, but is not a configuration key\n      Did you mean GRACE_SECONDS?",
    );
    expect(out).not.toMatch(/soon|loud/);
  });

  it("checks the resources in AWS also without a .env", async () => {
    const { code, out } = await doctor("", elsewhere());
    expect(code).toBe(1);
    expect(out).toContain("✗ ALERT_TOPIC_ARN: is missing\n      Set it in .env");
    expect(out).toContain("✓ launch topic ec2_launches_check: correct");
    expect(out).toContain(`✓ ${url}: subscribed`);
  });

  it("uses the operator's region when AWS_REGION in the settings is invalid", async () => {
    setUp({ AWS_REGION: "nowhere", ALERT_TOPIC_ARN: "" });
    const { out } = await doctor();
    expect(out).toContain("✗ AWS_REGION: must be the name of a supported region");
    expect(out).toContain("✓ launch topic ec2_launches_check: correct");
  });

  it.each([
    ["--launch-topic other", LAUNCH_TOPIC.replace("ec2_launches_check", "other")],
    ["--region eu-west-1", LAUNCH_TOPIC.replace("us-east-1", "eu-west-1")],
  ])("reports that the function rejects launches from the topic of %s", async (line, topic) => {
    const message = `is ${LAUNCH_TOPIC}: the function rejects launches from ${topic}`;
    expect(await diagnosis(line)).toContain(`wrong: configuration: LAUNCH_TOPIC_ARN: ${message}`);
  });

  it("lists further launch topics, and how to check them", async () => {
    const [named, regional] = ["eu-west-1:123456789012:europe", "us-west-2:123456789012:ec2_launches_check"];
    setUp({ LAUNCH_TOPIC_ARN: `${LAUNCH_TOPIC},arn:aws:sns:${named},arn:aws:sns:${regional}` });
    const { code, out } = await doctor();
    expect(code).toBe(0);
    expect(out).toContain(`– LAUNCH_TOPIC_ARN: also names arn:aws:sns:${regional}`);
    expect(out).toContain(`– LAUNCH_TOPIC_ARN: also names arn:aws:sns:${named}`);
    expect(out).toContain("ec2-audit doctor --launch-topic europe --region eu-west-1");
  });
});

describe("the doctor's check of credentials", () => {
  const UNCHECKED = [
    "permissions",
    "topics and policies",
    "rules and targets",
    "subscription",
    "grace",
    "function",
  ].map((group) => `unknown: ${group}: all: AWS could not be called`);

  it("reports rejected credentials of the operator, and that the other checks are not possible", async () => {
    aws.faults.add({ service: "sts", kind: "bad-key", when: ({ accessKeyId }) => accessKeyId === "operator" });
    const [code, first, ...rest] = await diagnosis();
    expect([code, first]).toEqual([1, expect.stringContaining("your credentials: AWS does not accept")]);
    expect(rest).toEqual(UNCHECKED);
  });

  it("reports missing credentials of the operator", async () => {
    const none = { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "" };
    const [code, first] = await diagnosis("", { env: none });
    expect([code, first]).toEqual([1, "wrong: credentials: your credentials: no AWS credentials were found"]);
  });

  it("checks the function itself also when AWS cannot be reached", async () => {
    const unreachable = { AWS_ENDPOINT_URL: `http://127.0.0.1:${await freePort()}` };
    const [code, first, ...rest] = await diagnosis(`--url ${url}`, { env: unreachable });
    expect([code, first]).toEqual([1, expect.stringContaining("your credentials: AWS could not be reached")]);
    expect(rest).toEqual(UNCHECKED.filter((line) => !line.includes(": function:")));
  });

  it("reports that AWS rejects the function's credentials, and skips its permissions", async () => {
    aws.faults.add({ kind: "bad-key", when: ({ accessKeyId }) => accessKeyId === "function" });
    const { code, out } = await doctor();
    expect(code).toBe(1);
    expect(out).toContain("✗ function credentials: AWS does not accept these credentials");
    expect(out).toContain("Create a new access key for the function's user");
    expect(out).toContain("– function permissions: the function's credentials do not work");
  });

  it.each([
    [
      "the operator's own credentials",
      { AWS_ACCESS_KEY_ID: "operator" },
      "arn:aws:iam::123456789012:user/operator is your own user: the function has all your permissions",
    ],
    [
      "temporary credentials",
      { AWS_SESSION_TOKEN: "temporary" },
      `${FUNCTION_USER}, with temporary credentials: the function stops when they expire`,
    ],
  ])("warns about a function with %s", async (_, keys, message) => {
    setUp(keys);
    const [code, ...findings] = await diagnosis();
    expect([code, findings]).toEqual([
      0,
      expect.arrayContaining([`warning: credentials: function credentials: ${message}`]),
    ]);
  });

  it("reports topics in another account than the operator's", async () => {
    setUp({ ALERT_TOPIC_ARN: ALERT_TOPIC.replace("123456789012", OTHER_ACCOUNT), FUNCTION_URL: url });
    const [code, ...findings] = await diagnosis();
    expect(code).toBe(1);
    expect(findings).toContain(
      `wrong: credentials: your credentials: arn:aws:iam::123456789012:user/operator belongs to account 123456789012, and the topics to ${OTHER_ACCOUNT}`,
    );
    expect(findings).toContain(
      "unknown: topics and policies: all: the topics belong to another account than your credentials",
    );
  });
});

describe("the doctor's check of a function whose credentials belong to another account than its topics", () => {
  const SESSION = `arn:aws:sts::${OTHER_ACCOUNT}:assumed-role/function/function`;

  async function keysOfOther(): Promise<Record<string, string>> {
    const credentials = { accessKeyId: "somebody", secretAccessKey: "else" };
    const sts = new STSClient({ region: "us-east-1", endpoint: aws.endpoint, credentials });
    const role = { RoleArn: `arn:aws:iam::${OTHER_ACCOUNT}:role/function`, RoleSessionName: "function" };
    const { Credentials: keys } = await sts.send(new AssumeRoleCommand(role));
    return {
      AWS_ACCESS_KEY_ID: keys?.AccessKeyId ?? "",
      AWS_SECRET_ACCESS_KEY: keys?.SecretAccessKey ?? "",
      AWS_SESSION_TOKEN: keys?.SessionToken ?? "",
    };
  }

  it("reports it by the keys in the settings and by the function's own warning", async () => {
    Object.assign(settings, await keysOfOther());
    setUp();
    const [code, ...findings] = await diagnosis();
    expect(code).toBe(1);
    expect(findings).toContain(
      `wrong: credentials: function credentials: ${SESSION} belongs to account ${OTHER_ACCOUNT}, and the launch topic to 123456789012: the function cannot audit launches there`,
    );
    expect(findings).toContainEqual(
      expect.stringContaining("wrong: function: function warning: AUDIT_ROLE_NAME is missing"),
    );
  });

  it("warns about the alert topic's policy when the function assumes a role for the launches", async () => {
    Object.assign(settings, await keysOfOther(), { AUDIT_ROLE_NAME: "ec2-audit" });
    setUp();
    const findings = (await diagnosis()).map(String);
    expect(findings).toContain(
      `warning: credentials: function credentials: ${SESSION} belongs to account ${OTHER_ACCOUNT}, and the alert topic to 123456789012`,
    );
    expect(findings.filter((line) => line.includes("function warning"))).toEqual([]);
  });

  it("is also a warning of setup --url", async () => {
    const other = await startFunction();
    Object.assign(other.settings, await keysOfOther());
    const { err } = await run(`setup --dry-run --url ${other.url}`);
    expect(err).toContain("AUDIT_ROLE_NAME is missing, and the function's credentials belong to");
  });
});

describe("the doctor's check of permissions", () => {
  it("tests the read permissions with the function's own credentials", async () => {
    for (const action of ["ec2:DescribeTags", "ec2:DescribeInstances"]) deny(action, "*", { principal: FUNCTION_USER });
    expect(await diagnosis()).toEqual([
      1,
      expect.stringContaining("wrong: permissions: ec2:DescribeTags in us-east-1: AWS does not allow this"),
      expect.stringContaining("wrong: permissions: ec2:DescribeInstances in us-east-1: AWS does not allow this"),
    ]);
  });

  it("tests the EC2 actions that the policy needs, and names the missing one", async () => {
    const rules = [
      { rule: "security-groups", closed: [22] },
      { rule: "image", public: false, mode: "report" },
    ];
    setUp({ AUDIT_POLICY: JSON.stringify({ rules }) });
    deny("ec2:DescribeSecurityGroups", "*", { principal: FUNCTION_USER });
    deny("ec2:DescribeInstanceImageMetadata", "*", { principal: FUNCTION_USER });
    expect(await diagnosis()).toEqual([
      1,
      expect.stringContaining("wrong: permissions: ec2:DescribeSecurityGroups in us-east-1: AWS does not allow this"),
    ]);
  });

  it("tests the write permissions with IAM's simulator, sns:Subscribe only if the function subscribes itself", async () => {
    const topics = {
      "sns:Publish": ALERT_TOPIC,
      "sns:ConfirmSubscription": LAUNCH_TOPIC,
      "sns:Subscribe": LAUNCH_TOPIC,
    };
    for (const [action, topic] of Object.entries(topics)) deny(action, topic, { principal: FUNCTION_USER });
    const findings = Object.entries(topics).map(
      ([action, topic]) => `wrong: permissions: ${action} on ${topic}: IAM's simulator denies it`,
    );
    expect(await diagnosis()).toEqual([1, ...findings.slice(0, 2)]);
    setUp({ FUNCTION_URL: url });
    expect(await diagnosis()).toEqual([1, ...findings]);
  });

  it("does not fail when the operator may not call iam:SimulatePrincipalPolicy", async () => {
    deny("iam:SimulatePrincipalPolicy", "*", { principal: "arn:aws:iam::123456789012:user/operator" });
    const { code, out } = await doctor();
    expect(code).toBe(0);
    expect(out).toContain("? IAM policy simulator: AWS does not allow this");
    expect(out).toContain("Ask for permission to call iam:SimulatePrincipalPolicy");
  });

  it("warns about permissions that the function does not need", async () => {
    setUp({ AWS_ACCESS_KEY_ID: "almighty" });
    expect(await diagnosis()).toEqual([
      0,
      "warning: permissions: excess permissions: allowed, but not needed: ec2:TerminateInstances, ec2:RunInstances, iam:CreateUser",
    ]);
  });

  it("reads another account with the role that the function assumes in it", async () => {
    setUp({ AUDIT_ROLE_NAME: "ec2-audit-read" });
    expect(await diagnosis(`--account ${OTHER_ACCOUNT}`)).toEqual([0]);
    deny("sts:AssumeRole", "*", { principal: FUNCTION_USER });
    const [code, finding] = await diagnosis(`--account ${OTHER_ACCOUNT}`);
    expect([code, finding]).toEqual([
      1,
      expect.stringContaining(`account ${OTHER_ACCOUNT}: ec2:DescribeTags: AWS does not allow this`),
    ]);
    const { code: withoutAccount, out } = await doctor();
    expect(withoutAccount).toBe(0);
    expect(out).toContain("Check one of them: ec2-audit doctor --account 111122223333");
  });

  it("reports that no other account is audited without AUDIT_ROLE_NAME", async () => {
    expect(await diagnosis(`--account ${OTHER_ACCOUNT}`)).toEqual([
      1,
      `wrong: permissions: account ${OTHER_ACCOUNT}: AUDIT_ROLE_NAME is not set, so the function audits no other account`,
    ]);
  });
});
