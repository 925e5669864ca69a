import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lines, makeProject, type Project, SECRETS } from "./project.ts";

/** The sources of the function's secrets, and the messages about them before the upload. */

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

  it("come from --secrets-file first", async () => {
    project.write("production.env", "GRACE_SECONDS=60\n");
    const { out } = await project.run([...dryRun, "--secrets-file", "production.env"]);
    expect(JSON.parse(out).secrets).toMatchObject({ GRACE_SECONDS: "production.env", AWS_REGION: ".env" });
  });

  it("are not sent when wt.config.json does not list them, with a warning", async () => {
    const config = JSON.parse(project.read("wt.config.json"));
    delete config.secrets.LOG_LEVEL;
    project.write("wt.config.json", JSON.stringify(config));
    project.write(".env", lines({ ...SECRETS, LOG_LEVEL: "debug" }));
    const { code, out, err } = await project.run(dryRun);
    expect(code).toBe(0);
    expect(JSON.parse(out).secrets).not.toHaveProperty("LOG_LEVEL");
    expect(err).toContain("LOG_LEVEL (.env) is not sent: wt.config.json does not list it");
  });

  it("are refused when the function needs them and wt.config.json does not list them", async () => {
    const config = JSON.parse(project.read("wt.config.json"));
    project.write("wt.config.json", JSON.stringify({ ...config, secrets: {} }));
    const { code, err } = await project.run(dryRun);
    expect(code).toBe(2);
    for (const key of Object.keys(SECRETS)) {
      const lines = err.split("\n").filter((line) => line.includes(key));
      expect(lines).toEqual([`  ${key} is in .env, but not listed under "secrets" in wt.config.json`]);
    }
    expect(err).toMatch(/\n {2}Add them to that list\.$/);
    const { LOG_LEVEL, AWS_REGION, ...secrets } = config.secrets;
    project.write("wt.config.json", JSON.stringify({ ...config, secrets }));
    expect((await project.run(dryRun)).err).toMatch(/\n {2}Add it to that list\.$/);
  });

  it("are refused with all problems and their sources, and without a value", async () => {
    const config = JSON.parse(project.read("wt.config.json"));
    config.secrets.FUNCTION_URL = "required";
    project.write("wt.config.json", JSON.stringify(config));
    project.write(
      ".env",
      lines({ AWS_REGION: "atlantis", GRACE_SECONDS: "soon", AWS_ACCESS_KEY_ID: "AKIAFUNCTIONSOWN" }),
    );
    const { code, out, err } = await project.run(dryRun, { env: { ALERT_TOPIC_ARN: "not-an-arn" } });
    expect([code, JSON.parse(out)]).toEqual([2, { error: { message: expect.any(String), hint: expect.any(String) } }]);
    expect(err).toContain("AWS_REGION (.env) must be the name of a supported region");
    expect(err).toContain("GRACE_SECONDS (.env) must be a whole number of seconds");
    expect(err).toContain("ALERT_TOPIC_ARN (environment) must be the ARN of an SNS topic");
    expect(err).toContain("AWS_SECRET_ACCESS_KEY is missing");
    expect(err).toContain("FUNCTION_URL is missing");
    expect(err).toContain("Put KEY=value lines into .env");
    for (const value of ["atlantis", "soon", "not-an-arn", "AKIAFUNCTIONSOWN"]) expect(err + out).not.toContain(value);
    expect(err.match(/is missing/g)).toHaveLength(2);
  });

  it("cause a warning when the AWS credentials may be the operator's own", async () => {
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, ...others } = SECRETS;
    project.write(".env", lines(others));
    const env = { AWS_ACCESS_KEY_ID: String(AWS_ACCESS_KEY_ID), AWS_SECRET_ACCESS_KEY: String(AWS_SECRET_ACCESS_KEY) };
    const operators = await project.run(dryRun, { env });
    expect(operators.code).toBe(0);
    expect(operators.err).toContain("the function's AWS credentials come from your environment");
    project.write(".env", lines(SECRETS));
    expect((await project.run(dryRun, { env })).err).not.toContain("come from your environment");
  });

  it("cause a warning when the function would call the emulator of the operator's environment", async () => {
    const env = { AWS_ENDPOINT_URL: "http://127.0.0.1:4566" };
    const operators = await project.run(dryRun, { env });
    expect(JSON.parse(operators.out).secrets.AWS_ENDPOINT_URL).toBe("environment");
    expect(operators.err).toContain("AWS_ENDPOINT_URL comes from your environment");
    project.write(".env", lines({ ...SECRETS, ...env }));
    expect((await project.run(dryRun, { env })).err).not.toContain("AWS_ENDPOINT_URL");
  });

  it("cause a warning when they are temporary credentials", async () => {
    project.write(".env", lines({ ...SECRETS, AWS_SESSION_TOKEN: "of-an-hour" }));
    const { code, err } = await project.run(dryRun);
    expect(code).toBe(0);
    expect(err).toContain("AWS_SESSION_TOKEN: temporary credentials expire within 36 hours");
    expect(err).not.toContain("of-an-hour");
    project.write(".env", lines(SECRETS));
    expect((await project.run(dryRun)).err).not.toContain("temporary credentials");
  });

  it("cause a warning for a name in .env that looks like a misspelt key", async () => {
    project.write(".env", lines({ ...SECRETS, REQUIRED_TAG: "name", NODE_OPTIONS: "--no-warnings" }));
    const { code, err } = await project.run(dryRun);
    expect(code).toBe(0);
    expect(err).toContain(
      "REQUIRED_TAG (.env) is not a setting of the function, and is not sent: did you mean REQUIRED_TAGS?",
    );
    expect(err).not.toContain("NODE_OPTIONS");
  });

  it("cause a warning for a name in .env that is a key without its last word, or with one more", async () => {
    project.write(
      ".env",
      lines({ ...SECRETS, ALERT_TOPIC: "a", AUDIT_ROLE: "b", GRACE_SECONDS_MAX: "c", AWS: "d", AWS_DEFAULT: "e" }),
    );
    const { err } = await project.run(dryRun);
    expect(err.match(/(?<=warning: ).*/g)).toEqual([
      "ALERT_TOPIC (.env) is not a setting of the function, and is not sent: did you mean ALERT_TOPIC_ARN?",
      "AUDIT_ROLE (.env) is not a setting of the function, and is not sent: did you mean AUDIT_ROLE_NAME?",
      "GRACE_SECONDS_MAX (.env) is not a setting of the function, and is not sent: did you mean GRACE_SECONDS?",
    ]);
  });

  it("cause a warning for a malformed line of .env, with its number and without its text", async () => {
    project.write(".env", `AKIAPASTED\n# of the function\n${lines(SECRETS)}`);
    const { code, err } = await project.run(dryRun);
    expect(code).toBe(0);
    expect(err).toContain("warning: line 1 of .env is not KEY=value, and is ignored");
    expect(err).not.toContain("PASTED");
  });

  it("are refused when wt-cli could not read a value back", async () => {
    project.write(".env", lines({ ...SECRETS, AWS_SECRET_ACCESS_KEY: "\\$begins-so" }));
    const { code, err } = await project.run(dryRun);
    expect(code).toBe(2);
    expect(err).toContain("AWS_SECRET_ACCESS_KEY has a character that wt-cli cannot read");
    expect(err).not.toContain("begins-so");
  });
});
