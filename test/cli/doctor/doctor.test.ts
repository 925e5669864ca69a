import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { describe, expect, it } from "vitest";
import { freePort } from "../../../src/local/free-port.ts";
import { ALERT_TOPIC, aws, events, LAUNCH_TOPIC, useEmptyAws } from "../installed.ts";
import { runCommand } from "../run.ts";
import { diagnosis, doctor, FUNCTION_USER, folder, settings, setUp, url, useInstallation } from "./installed.ts";

/** Who the function is, what it goes by, and what it may do. */

useEmptyAws();
useInstallation();

describe("ec2-audit doctor, of an installation that is well", () => {
  it("finds nothing wrong, and ends with 0", async () => {
    expect(await diagnosis()).toEqual([0]);
  });

  it("tells each thing that it has looked at in a line, by groups", async () => {
    const { out } = await doctor();
    expect(out).toContain("configuration\n  ✓ settings: 5 keys, all valid, from .env\n");
    expect(out).toContain(`  ✓ ${url}: is subscribed and has confirmed, with retries and a dead-letter queue\n`);
    expect(out).toMatch(/\n\n0 wrong, \d+ as it should be\.$/);
  });

  it("with --json prints region, account, verdict and each check", async () => {
    const { code, out } = await doctor("--json");
    const found = JSON.parse(out);
    const ok = { group: "configuration", name: "settings", state: "ok", message: "5 keys, all valid, from .env" };
    expect([code, found]).toMatchObject([
      0,
      { region: "us-east-1", account: "123456789012", verdict: "ok", counts: { wrong: 0 } },
    ]);
    expect(found.checks).toContainEqual(ok);
  });

  it("with --json has the verdict wrong, and no account, where AWS could not be asked", async () => {
    aws.faults.add({ service: "sts", kind: "deny" });
    const { code, out } = await doctor("--json");
    expect([code, JSON.parse(out)]).toMatchObject([1, { region: "us-east-1", account: null, verdict: "wrong" }]);
  });

  it("changes nothing in AWS", async () => {
    const before = aws.calls.length;
    await doctor();
    const changing = aws.calls.slice(before).filter(({ action }) => !/^(?:Get|List|Describe|Simulate)/.test(action));
    expect(changing).toEqual([]);
  });

  it("tells no secret", async () => {
    setUp({ ...settings, AWS_SECRET_ACCESS_KEY: "hidden-secret-key", AWS_SESSION_TOKEN: "hidden-token" });
    const { out, err } = await doctor();
    expect(`${out}${err}`).not.toContain("hidden");
  });

  it("finds it by FUNCTION_URL, by --url, and in another folder by --secrets-file", async () => {
    setUp({ ...settings, FUNCTION_URL: url });
    expect(await diagnosis()).toEqual([0]);
    expect(await diagnosis(`--url ${url}`)).toEqual([0]);
    const elsewhere = { folder: join(folder, "../..") };
    expect(await diagnosis(`--secrets-file ${join(folder, ".env")}`, elsewhere)).toEqual([0]);
  });

  it("looks into the region of the topics, wherever the operator is", async () => {
    expect(await diagnosis("", { env: { AWS_REGION: "eu-west-1" } })).toEqual([0]);
  });
});

describe("the doctor on the configuration", () => {
  it("names every key that is wrong and where it comes from, never its value", async () => {
    setUp({ ...settings, GRACE_SECONDS: "soon", LOG_LEVEL: "loud" });
    const { code, out } = await doctor();
    expect(code).toBe(1);
    expect(out).toContain(
      "✗ GRACE_SECONDS: is not a whole number of seconds from 0 to 3000\n      It comes from .env.",
    );
    expect(out).toContain("✗ LOG_LEVEL: is not one of debug, info, warn, error");
    expect(out).not.toMatch(/soon|loud/);
  });

  it("finds nothing of the function's where there is no .env, and still looks at what is in AWS", async () => {
    const { code, out } = await doctor("", { folder: join(folder, "../..") });
    expect(code).toBe(1);
    expect(out).toContain("✗ ALERT_TOPIC_ARN: is missing\n      Set it in .env");
    expect(out).toContain("✓ launch topic ec2_launches_check: as it should be");
    expect(out).toContain(`✓ ${url}: is subscribed`);
  });

  it("goes on with the operator's region where that of the settings is none", async () => {
    const { ALERT_TOPIC_ARN: _, ...rest } = settings;
    setUp({ ...rest, AWS_REGION: "nowhere" });
    const { code, out } = await doctor();
    expect(code).toBe(1);
    expect(out).toContain("✗ AWS_REGION: is not the name of a supported region");
    expect(out).toContain("✓ launch topic ec2_launches_check: as it should be");
  });

  it("asks whether a misspelt key was meant", async () => {
    setUp({ ...settings, GRACE_SECOND: "45" });
    const { code, out } = await doctor();
    expect(code).toBe(0);
    expect(out).toContain(
      "! GRACE_SECOND: is in .env, and no key of the configuration\n      Did you mean GRACE_SECONDS?",
    );
  });

  it("sees that the function refuses the launch topic that the operator names", async () => {
    const found = await diagnosis("--launch-topic other");
    expect(found).toContain(
      `wrong: configuration: LAUNCH_TOPIC_ARN: is ${LAUNCH_TOPIC}: launches of arn:aws:sns:us-east-1:123456789012:other are refused`,
    );
  });

  it("says which further launch topics it has not looked at, and how to", async () => {
    const other = "arn:aws:sns:eu-west-1:123456789012:launches_of_europe";
    setUp({ ...settings, LAUNCH_TOPIC_ARN: `${LAUNCH_TOPIC},${other}` });
    const { code, out } = await doctor();
    expect(code).toBe(0);
    expect(out).toContain(`– LAUNCH_TOPIC_ARN: also names ${other}`);
    expect(out).toContain("ec2-audit doctor --launch-topic launches_of_europe --region eu-west-1");
  });

  it("tells a launch topic by its region too: one of the same name elsewhere is another", async () => {
    const other = LAUNCH_TOPIC.replace("us-east-1", "eu-west-1");
    setUp({ ...settings, LAUNCH_TOPIC_ARN: `${LAUNCH_TOPIC},${other}` });
    expect((await doctor()).out).toContain(`– LAUNCH_TOPIC_ARN: also names ${other}`);
    setUp(settings);
    expect(await diagnosis("--region eu-west-1")).toContain(
      `wrong: configuration: LAUNCH_TOPIC_ARN: is ${LAUNCH_TOPIC}: launches of ${other} are refused`,
    );
  });

  it("reads the .env beside the wt.config.json that is named", async () => {
    const config = { name: "ec2-audit", main: "audit.js", secrets: {} };
    writeFileSync(join(folder, "wt.config.json"), JSON.stringify(config));
    const elsewhere = { folder: join(folder, "../..") };
    expect(await diagnosis(`--config ${join(folder, "wt.config.json")}`, elsewhere)).toEqual([0]);
  });

  it("refuses a wt.config.json that is not right", async () => {
    writeFileSync(join(folder, "wt.config.json"), '{"name": "ec2-audit"}');
    expect(await doctor()).toMatchObject({
      code: 2,
      out: "",
      err: expect.stringContaining("wt.config.json is not right"),
    });
  });
});

describe("the doctor on credentials", () => {
  const UNASKED = ["permissions", "topics and policies", "rules and targets", "subscription", "grace", "function"].map(
    (group) => `unknown: ${group}: all: AWS could not be asked`,
  );

  it("says that the operator's are not taken, and of the rest that it was not asked; the settings it reads", async () => {
    aws.faults.add({ service: "sts", kind: "bad-key", when: ({ accessKeyId }) => accessKeyId === "operator" });
    const { code, out } = await doctor();
    expect(code).toBe(1);
    expect(out).toContain("configuration\n  ✓ settings: 5 keys, all valid");
    expect(out).toContain("✗ yours: AWS does not take these credentials");
    expect((await diagnosis()).slice(2)).toEqual(UNASKED);
  });

  it("says so too where there are none, and where nobody is at the endpoint; the function answers without AWS", async () => {
    const none = { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "" };
    const [code, first] = await diagnosis("", { env: none });
    expect([code, first]).toEqual([1, "wrong: credentials: yours: no AWS credentials were found"]);
    const nobody = { AWS_ENDPOINT_URL: `http://127.0.0.1:${await freePort()}` };
    const [, unreached, ...rest] = await diagnosis(`--url ${url}`, { env: nobody });
    expect(unreached).toContain("wrong: credentials: yours: AWS could not be reached");
    expect(rest).toEqual(UNASKED.filter((line) => !line.includes(": function:")));
  });

  it("sees that AWS does not know the function's", async () => {
    aws.faults.add({ kind: "bad-key", when: ({ accessKeyId }) => accessKeyId === "function" });
    const { code, out } = await doctor();
    expect(code).toBe(1);
    expect(out).toContain("✗ the function's: AWS does not take these credentials");
    expect(out).toContain("Make the function's user a new access key");
    expect(out).toContain("– the function's: its keys do not work");
  });

  it("warns of the operator's own keys in the function", async () => {
    setUp({ ...settings, AWS_ACCESS_KEY_ID: "operator" });
    const [code, ...found] = await diagnosis();
    expect(code).toBe(0);
    expect(found).toContain(
      "warning: credentials: the function's: arn:aws:iam::123456789012:user/operator is yourself: what you may do, the function may do",
    );
  });

  it("warns of temporary keys in the function", async () => {
    setUp({ ...settings, AWS_SESSION_TOKEN: "temporary" });
    expect(await diagnosis()).toEqual([
      0,
      `warning: credentials: the function's: ${FUNCTION_USER}, by temporary keys: the function stops when they expire`,
    ]);
  });

  it("sees topics of another account than the operator's", async () => {
    const there = (arn: string) => arn.replace("123456789012", "210987654321");
    setUp({ ...settings, ALERT_TOPIC_ARN: there(ALERT_TOPIC), FUNCTION_URL: url });
    const [code, ...found] = await diagnosis();
    expect(code).toBe(1);
    expect(found.join("\n")).toContain(
      "wrong: credentials: yours: arn:aws:iam::123456789012:user/operator is of account 123456789012, and the topics are of 210987654321",
    );
    expect(found).toContain(
      "unknown: topics and policies: all: the topics are of another account than your credentials",
    );
  });
});

describe("the doctor on permissions", () => {
  it.each(["ec2:DescribeTags", "ec2:DescribeInstances"])("tries %s with the function's own keys", async (action) => {
    aws.deny(action, "*", { principal: FUNCTION_USER });
    const [code, ...found] = await diagnosis();
    expect([code, found.length]).toEqual([1, 1]);
    expect(found[0]).toContain(`wrong: permissions: ${action} in us-east-1: AWS does not allow this`);
  });

  it.each([
    ["sns:Publish", ALERT_TOPIC],
    ["sns:ConfirmSubscription", LAUNCH_TOPIC],
    ["sns:Subscribe", LAUNCH_TOPIC],
  ])("has IAM simulate %s", async (action, topic) => {
    setUp({ ...settings, FUNCTION_URL: url });
    aws.deny(action, topic, { principal: FUNCTION_USER });
    expect(await diagnosis()).toEqual([
      1,
      `wrong: permissions: ${action} on ${topic}: its IAM policies do not allow it, as IAM simulates them`,
    ]);
  });

  it("does not ask for sns:Subscribe where the function does not subscribe itself", async () => {
    aws.deny("sns:Subscribe", "*", { principal: FUNCTION_USER });
    expect(await diagnosis()).toEqual([0]);
  });

  it("cannot say without the operator's iam:SimulatePrincipalPolicy, and that is not wrong", async () => {
    aws.deny("iam:SimulatePrincipalPolicy", "*", { principal: "arn:aws:iam::123456789012:user/operator" });
    const { code, out } = await doctor();
    expect(code).toBe(0);
    expect(out).toContain("? by IAM's simulation: AWS does not allow this");
    expect(out).toContain("Have iam:SimulatePrincipalPolicy");
  });

  it("warns of a user who may do more than the function needs", async () => {
    setUp({ ...settings, AWS_ACCESS_KEY_ID: "almighty" });
    expect(await diagnosis()).toEqual([
      0,
      "warning: permissions: nothing more: ec2:TerminateInstances, ec2:RunInstances, iam:CreateUser are allowed, and not needed",
    ]);
  });

  it("reads another account by the role that the function assumes there", async () => {
    setUp({ ...settings, AUDIT_ROLE_NAME: "ec2-audit-read" });
    expect(await diagnosis("--account 210987654321")).toEqual([0]);
    aws.deny("sts:AssumeRole", "*", { principal: FUNCTION_USER });
    const [code, ...found] = await diagnosis("--account 210987654321");
    expect(code).toBe(1);
    expect(found[0]).toContain("wrong: permissions: account 210987654321: AWS does not allow this");
  });

  it("does not take what IAM says of a role in no certain account for wrong", async () => {
    setUp({ ...settings, AUDIT_ROLE_NAME: "ec2-audit-read" });
    aws.deny("sts:AssumeRole", "*", { principal: FUNCTION_USER });
    const { code, out } = await doctor();
    expect(code).toBe(0);
    expect(out).toContain("Try one of them: ec2-audit doctor --account 111122223333.");
  });

  it("says that no other account is read without AUDIT_ROLE_NAME", async () => {
    expect(await diagnosis("--account 210987654321")).toEqual([
      1,
      "wrong: permissions: account 210987654321: AUDIT_ROLE_NAME is not set, so no other account is audited",
    ]);
  });
});

describe("ec2-audit doctor, used wrongly", () => {
  it.each([
    ["--account 12", '"12" is not the id of an account'],
    ["--url somewhere", "--url is not the URL of a function"],
    ["--trace function.log", "--trace goes with --probe"],
    ["--stack ec2-audit --url https://example.com/", "--url and --account go with the function on webtask"],
  ])("says so: %s", async (line, told) => {
    expect(await doctor(line)).toMatchObject({ code: 2, out: "", err: expect.stringContaining(told) });
  });
});

it("needs no permission of the operator that the doctor's help does not name, and names none that it does not need", async () => {
  // Only where there is a rule of another name is EventBridge asked what it matches.
  await events.send(new PutRuleCommand({ Name: "by-hand", EventPattern: '{"source":["shop"]}' }));
  await events.send(new PutTargetsCommand({ Rule: "by-hand", Targets: [{ Id: "sns", Arn: LAUNCH_TOPIC }] }));
  const before = aws.calls.length;
  await doctor();
  const { out } = await runCommand(["doctor", "--help"]);
  const listed = out.slice(out.indexOf("It reads, and needs"), out.indexOf("with --stack besides"));
  const named = new Set(listed.match(/\b[A-Z][a-z]+[A-Z]\w+/g));
  // By a session of a role, GetRole is asked besides.
  named.delete("GetRole");
  const own = aws.calls.slice(before).filter(({ accessKeyId }) => accessKeyId === "operator");
  expect(named).toEqual(new Set(own.map(({ action }) => action)));
});

describe("doctor --help", () => {
  it("shows how, with examples, and what the probe proves and does not", async () => {
    const { code, out } = await runCommand(["doctor", "--help"]);
    expect(code).toBe(0);
    expect(out).toContain("$ ec2-audit doctor --stack ec2-audit");
    expect(out).toMatch(/It proves\s+that .*It does\s+not prove that EventBridge publishes/s);
    expect(out).toMatch(/Exit codes: 0 .*; 1 .*; 2 /s);
    expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });
});
