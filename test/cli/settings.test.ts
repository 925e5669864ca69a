import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readFunctionSettings } from "../../src/cli/settings.ts";

describe("readFunctionSettings", () => {
  const folder = mkdtempSync(join(tmpdir(), "ec2-audit-settings-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (name: string, ...lines: readonly string[]) => writeFileSync(join(folder, name), lines.join("\n"));
  const read = (env: NodeJS.ProcessEnv, from?: readonly string[], file?: string) =>
    readFunctionSettings({ env, folder }, from, file);

  it("takes each key from the first source that has it, and returns that source", () => {
    write(".env", "REQUIRED_TAGS=owner", 'AUDIT_ROLE_NAME="auditor"', "# LOG_LEVEL=debug");
    const { settings, from } = read({ REQUIRED_TAGS: "name", GRACE_SECONDS: "60", HOME: "/root" });
    expect(settings).toEqual({ REQUIRED_TAGS: "owner", AUDIT_ROLE_NAME: "auditor", GRACE_SECONDS: "60" });
    expect(from).toEqual({ REQUIRED_TAGS: ".env", AUDIT_ROLE_NAME: ".env", GRACE_SECONDS: "environment" });
  });

  it("reads the sources in the given order", () => {
    write(".env", "REQUIRED_TAGS=owner");
    expect(read({ REQUIRED_TAGS: "name" }, ["environment", ".env"])).toMatchObject({
      settings: { REQUIRED_TAGS: "name" },
      from: { REQUIRED_TAGS: "environment" },
    });
  });

  it("takes all credentials from one source, so that the operator's session token never joins the function's key", () => {
    write(".env", "AWS_ACCESS_KEY_ID=AKIAFUNCTION", "AWS_SECRET_ACCESS_KEY=of-the-function");
    const operator = {
      AWS_ACCESS_KEY_ID: "ASIAOPERATOR",
      AWS_SECRET_ACCESS_KEY: "of-the-operator",
      AWS_SESSION_TOKEN: "token-of-the-operator",
    };
    expect(read(operator)).toMatchObject({
      settings: { AWS_ACCESS_KEY_ID: "AKIAFUNCTION", AWS_SECRET_ACCESS_KEY: "of-the-function" },
      from: { AWS_ACCESS_KEY_ID: ".env", AWS_SECRET_ACCESS_KEY: ".env" },
    });
    expect(read(operator).settings).not.toHaveProperty("AWS_SESSION_TOKEN");
    write(".env", "AWS_SECRET_ACCESS_KEY=alone");
    expect(read(operator)).toMatchObject({
      settings: { AWS_SECRET_ACCESS_KEY: "of-the-operator", AWS_SESSION_TOKEN: "token-of-the-operator" },
      from: { AWS_SECRET_ACCESS_KEY: "environment" },
    });
  });

  it("reads a given file first, which must exist, unlike the default files", () => {
    write(".env", "REQUIRED_TAGS=owner", "LOG_LEVEL=debug");
    write("production.env", "REQUIRED_TAGS=team");
    expect(read({}, undefined, "production.env").from).toEqual({ REQUIRED_TAGS: "production.env", LOG_LEVEL: ".env" });
    expect(() => read({}, undefined, "missing.env")).toThrow("missing.env does not exist");
    expect(read({}, ["missing.env", "environment"]).settings).toEqual({});
  });

  it("returns the unknown names in a file, but not those in the environment", () => {
    write(".env", "REQUIRED_TAG=owner");
    expect(read({ HOME: "/root" }).unknown).toEqual([{ name: "REQUIRED_TAG", file: ".env" }]);
  });

  it("ignores the byte order mark that editors on Windows write", () => {
    write(".env", "\uFEFFREQUIRED_TAGS=owner", "LOG_LEVEL=debug");
    expect(read({})).toMatchObject({ settings: { REQUIRED_TAGS: "owner", LOG_LEVEL: "debug" }, unknown: [] });
  });

  it("returns the number of a line that is not KEY=value, and reads the lines around it", () => {
    const value = "SNS_SIGNING_CERT='first\nsecond'";
    write(
      ".env",
      "# all",
      "",
      "pasted",
      "REQUIRED_TAGS=owner",
      value,
      "export LOG_LEVEL=debug",
      "  # end",
      "pasted too",
    );
    expect(read({})).toMatchObject({
      settings: { REQUIRED_TAGS: "owner", SNS_SIGNING_CERT: "first\nsecond", LOG_LEVEL: "debug" },
      unknown: [],
      unreadable: [
        { file: ".env", line: 3 },
        { file: ".env", line: 9 },
      ],
    });
  });

  it("throws an error with the name of a source that cannot be read, and without its content", () => {
    expect(() => read({}, undefined, ".")).toThrow(". cannot be read: EISDIR");
  });
});
