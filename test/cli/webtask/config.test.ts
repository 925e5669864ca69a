import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeProject, type Project } from "./project.ts";

/** The messages about problems in wt.config.json. */

const dryRun = ["deploy", "webtask", "--dry-run"];
let project: Project;
beforeEach(() => {
  project = makeProject();
  project.installed();
});
afterEach(() => project.remove());

describe("wt.config.json", () => {
  it("is refused with all problems, each with its JSON path and a suggestion", async () => {
    const secrets = { AWS_REGON: "required", LOG_LEVEL: "maybe", "GRACE SECONDS": "optional" };
    project.write(
      "wt.config.json",
      JSON.stringify({ name: "../x", mian: "dist/audit.js", secrets, secretsFrom: [".env", 7] }),
    );
    const { code, err, out } = await project.run(dryRun);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain("wt.config.json is not valid:");
    expect(err).toContain("$.main is missing");
    expect(err).toContain('$.mian is not a key of this file: did you mean "main"?');
    expect(err).toContain("$.name must have 1 to 100 letters, digits and");
    expect(err).toContain('$.secrets.AWS_REGON is not a key of this file: did you mean "AWS_REGION"?');
    expect(err).toContain('$.secrets["GRACE SECONDS"] is not a key of this file: did you mean "GRACE_SECONDS"?');
    expect(err).toContain('$.secrets.LOG_LEVEL must be "required" or "optional"');
    expect(err).toContain("$.secretsFrom[1] must be a string");
  });

  it("is refused with all keys when none is similar", async () => {
    project.write("wt.config.json", JSON.stringify({ name: "x", main: "x", secrets: {}, region: "us-east-1" }));
    const { err } = await project.run(dryRun);
    expect(err).toContain(
      "$.region is not a key of this file: the keys are $schema, name, main, policy, secrets, secretsFrom",
    );
  });

  it("is refused without the text of a secret that it contains by mistake", async () => {
    const secrets = { AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI" };
    project.write("wt.config.json", JSON.stringify({ name: "x", main: "x", secrets }));
    const pasted = await project.run(dryRun);
    project.write("wt.config.json", '{ "name": "x", "secrets": { "AWS_SECRET_ACCESS_KEY": wJalrXUtnFEMI } }');
    const broken = await project.run(dryRun);
    for (const { code, err } of [pasted, broken]) {
      expect(code).toBe(2);
      expect(err).not.toContain("wJalr");
    }
    expect(pasted.err).toContain("put the secret itself into .env, never into this file");
    expect(broken.err).toMatch(/wt\.config\.json is not JSON at line \d+, column \d+/);
  });

  it("is refused with a suggestion for a misspelt environment", async () => {
    const config = JSON.parse(project.read("wt.config.json"));
    project.write("wt.config.json", JSON.stringify({ ...config, secretsFrom: ["Enviroment"] }));
    const { code, err } = await project.run(dryRun);
    expect(code).toBe(2);
    expect(err).toContain('$.secretsFrom[0] is neither a file nor "environment": did you mean "environment"?');
  });

  it("can be named with --config, which refuses a file that does not exist", async () => {
    project.write("other.json", project.read("wt.config.json").replace('"ec2-audit"', '"audit-2"'));
    const named = await project.run([...dryRun, "--config", "other.json", "--json"]);
    expect(JSON.parse(named.out).name).toBe("audit-2");
    const none = await project.run([...dryRun, "--config", "nowhere.json"]);
    expect(none.code).toBe(2);
    expect(none.err).toContain("the file nowhere.json does not exist");
  });
});
