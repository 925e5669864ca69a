import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lines, makeProject, type Project, SECRETS } from "./project.ts";

/** Where the function's secrets come from, and what is said about them before anything is uploaded. */

const dryRun = ["deploy", "webtask", "--dry-run", "--json"];
let project: Project;
beforeEach(() => {
  project = makeProject();
  project.installed();
});
afterEach(() => project.remove());

describe("the secrets of deploy webtask", () => {
  it("come from .env, then from the environment, key by key", async () => {
    const { code, out } = await project.run(dryRun, { env: { LOG_LEVEL: "debug", AWS_REGION: "eu-west-1" } });
    expect(code).toBe(0);
    expect(JSON.parse(out).secrets).toEqual({
      AWS_REGION: ".env",
      AWS_ACCESS_KEY_ID: ".env",
      AWS_SECRET_ACCESS_KEY: ".env",
      ALERT_TOPIC_ARN: ".env",
      LOG_LEVEL: "environment",
    });
  });

  it("come from --secrets-file before all", async () => {
    project.write("production.env", "GRACE_SECONDS=60\n");
    const { out } = await project.run([...dryRun, "--secrets-file", "production.env"]);
    expect(JSON.parse(out).secrets).toMatchObject({ GRACE_SECONDS: "production.env", AWS_REGION: ".env" });
  });

  it("are those that wt.config.json lists: another in .env is not sent, with a warning", async () => {
    const config = JSON.parse(project.read("wt.config.json"));
    delete config.secrets.LOG_LEVEL;
    project.write("wt.config.json", JSON.stringify(config));
    project.write(".env", lines({ ...SECRETS, LOG_LEVEL: "debug" }));
    const { code, out, err } = await project.run(dryRun);
    expect(code).toBe(0);
    expect(JSON.parse(out).secrets).not.toHaveProperty("LOG_LEVEL");
    expect(err).toContain("LOG_LEVEL (.env) is not sent: wt.config.json does not list it");
  });

  it("are refused once for each that the function needs and wt.config.json does not list, with what to do", async () => {
    const config = JSON.parse(project.read("wt.config.json"));
    project.write("wt.config.json", JSON.stringify({ ...config, secrets: {} }));
    const { code, err } = await project.run(dryRun);
    expect(code).toBe(2);
    for (const key of Object.keys(SECRETS)) {
      const lines = err.split("\n").filter((line) => line.includes(key));
      expect(lines).toEqual([`  ${key} is in .env, and not listed under "secrets" in wt.config.json`]);
    }
    expect(err).toMatch(/\n {2}List them there\.$/);
    const { LOG_LEVEL, AWS_REGION, ...secrets } = config.secrets;
    project.write("wt.config.json", JSON.stringify({ ...config, secrets }));
    expect((await project.run(dryRun)).err).toMatch(/\n {2}List it there\.$/);
  });

  it("are refused with every problem at once, where each came from, where to put what is missing, and no value", async () => {
    const config = JSON.parse(project.read("wt.config.json"));
    config.secrets.FUNCTION_URL = "required";
    project.write("wt.config.json", JSON.stringify(config));
    project.write(
      ".env",
      lines({ AWS_REGION: "atlantis", GRACE_SECONDS: "soon", AWS_ACCESS_KEY_ID: "AKIAFUNCTIONSOWN" }),
    );
    const { code, out, err } = await project.run(dryRun, { env: { ALERT_TOPIC_ARN: "not-an-arn" } });
    expect([code, JSON.parse(out)]).toEqual([2, { error: { message: expect.any(String), hint: expect.any(String) } }]);
    expect(err).toContain("AWS_REGION (.env) is not the name of a region");
    expect(err).toContain("GRACE_SECONDS (.env) is not a whole number of seconds");
    expect(err).toContain("ALERT_TOPIC_ARN (environment) is not the ARN of an SNS topic");
    expect(err).toContain("AWS_SECRET_ACCESS_KEY is missing");
    expect(err).toContain("FUNCTION_URL is missing");
    expect(err).toContain("Put KEY=value lines into .env");
    for (const value of ["atlantis", "soon", "not-an-arn", "AKIAFUNCTIONSOWN"]) expect(err + out).not.toContain(value);
    expect(err.match(/is missing/g)).toHaveLength(2);
  });

  it("are warned of when the AWS keys may be the operator's own", async () => {
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, ...others } = SECRETS;
    project.write(".env", lines(others));
    const env = { AWS_ACCESS_KEY_ID: String(AWS_ACCESS_KEY_ID), AWS_SECRET_ACCESS_KEY: String(AWS_SECRET_ACCESS_KEY) };
    const operators = await project.run(dryRun, { env });
    expect(operators.code).toBe(0);
    expect(operators.err).toContain("the function's AWS keys are those of your environment");
    project.write(".env", lines(SECRETS));
    expect((await project.run(dryRun, { env })).err).not.toContain("those of your environment");
  });

  it("are warned of when the function would call the emulator of the operator's environment", async () => {
    const env = { AWS_ENDPOINT_URL: "http://127.0.0.1:4566" };
    const operators = await project.run(dryRun, { env });
    expect(JSON.parse(operators.out).secrets.AWS_ENDPOINT_URL).toBe("environment");
    expect(operators.err).toContain("AWS_ENDPOINT_URL is that of your environment");
    project.write(".env", lines({ ...SECRETS, ...env }));
    expect((await project.run(dryRun, { env })).err).not.toContain("AWS_ENDPOINT_URL");
  });

  it("are warned of when they end by themselves, and the audit with them", async () => {
    project.write(".env", lines({ ...SECRETS, AWS_SESSION_TOKEN: "of-an-hour" }));
    const { code, err } = await project.run(dryRun);
    expect(code).toBe(0);
    expect(err).toContain("AWS_SESSION_TOKEN: temporary credentials end within 36 hours");
    expect(err).not.toContain("of-an-hour");
    project.write(".env", lines(SECRETS));
    expect((await project.run(dryRun)).err).not.toContain("temporary credentials");
  });

  it("are warned of when a name in .env looks like a misspelt key, and only then", async () => {
    project.write(".env", lines({ ...SECRETS, REQUIRED_TAG: "name", NODE_OPTIONS: "--no-warnings" }));
    const { code, err } = await project.run(dryRun);
    expect(code).toBe(0);
    expect(err).toContain(
      "REQUIRED_TAG (.env) is no key of the function, and is not sent: did you mean REQUIRED_TAGS?",
    );
    expect(err).not.toContain("NODE_OPTIONS");
  });

  it("are warned of when a name in .env is a key's without its end, or with one more", async () => {
    project.write(
      ".env",
      lines({ ...SECRETS, ALERT_TOPIC: "a", AUDIT_ROLE: "b", GRACE_SECONDS_MAX: "c", AWS: "d", AWS_DEFAULT: "e" }),
    );
    const { err } = await project.run(dryRun);
    expect(err.match(/(?<=warning: ).*/g)).toEqual([
      "ALERT_TOPIC (.env) is no key of the function, and is not sent: did you mean ALERT_TOPIC_ARN?",
      "AUDIT_ROLE (.env) is no key of the function, and is not sent: did you mean AUDIT_ROLE_NAME?",
      "GRACE_SECONDS_MAX (.env) is no key of the function, and is not sent: did you mean GRACE_SECONDS?",
    ]);
  });

  it("are warned of when a line of .env cannot be read, by its number and without its text", async () => {
    project.write(".env", `AKIAPASTED\n# of the function\n${lines(SECRETS)}`);
    const { code, err } = await project.run(dryRun);
    expect(code).toBe(0);
    expect(err).toContain("warning: line 1 of .env is not KEY=value, and is passed over");
    expect(err).not.toContain("PASTED");
  });

  it("are refused when wt-cli could not read one back", async () => {
    project.write(".env", lines({ ...SECRETS, AWS_SECRET_ACCESS_KEY: "\\$begins-so" }));
    const { code, err } = await project.run(dryRun);
    expect(code).toBe(2);
    expect(err).toContain("AWS_SECRET_ACCESS_KEY holds a character that wt-cli cannot read");
    expect(err).not.toContain("begins-so");
  });
});
