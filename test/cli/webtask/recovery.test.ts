import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { version } from "../../../package.json";
import { type Environment, responding, startEnvironment } from "./environment.ts";
import { builtCode, lines, SECRETS } from "./project.ts";

/** Deployments of an unhealthy function, and rollbacks. */

/** Another build of the function, which is healthy too. */
const another = (code: string, mark: string) => `${code}\n// ${mark}`;
const HEALTHY_UNLESS_LOG_LEVEL_IS_ERROR = `module.exports = (ctx, req, res) => {
  res.writeHead(ctx.secrets.LOG_LEVEL === "error" ? 503 : 200);
  res.end('{"name": "ec2-audit", "version": "${version}", "configured": true}');
};`;
const BROKEN = responding(200, { hello: "world" });

describe("deploy and rollback webtask", () => {
  let environment: Environment;
  const code = builtCode();
  beforeEach(async () => {
    environment = await startEnvironment(code, SECRETS);
    environment.project.installed();
  });
  afterEach(() => environment.close());

  it("rolls back to the newest earlier deployment that was healthy when the new one is unhealthy", async () => {
    await environment.deploy();
    environment.project.builds(BROKEN);
    const { code: exit, out, err } = await environment.deploy("--json");
    expect(exit).toBe(2);
    expect(err).toContain("is unhealthy: it responded with 200, but without the health document of ec2-audit");
    expect(err).toMatch(/Rolled back to deployment 1 \(\w{8}, version \S+, .*\), which is healthy\./);
    expect(err.match(/it responded with 200/g)).toHaveLength(1);
    expect(err).toContain("wt logs shows the cause. Fix it, then deploy again.");
    expect(JSON.parse(out)).toMatchObject({
      deployment: 2,
      health: { state: "bad" },
      deployedNow: { deployment: 3, putBack: 1 },
    });
    expect(environment.deployedCode()).toBe(code);
    expect(environment.record().map(({ health }) => health)).toEqual(["good", "bad", "good"]);
  });

  it.each([
    [
      "cannot be loaded",
      "throw new Error('no');",
      "it responded with 400, but without the health document of ec2-audit",
    ],
    [
      "is another version",
      responding(200, { name: "ec2-audit", version: "0.9.0", configured: true }),
      `it runs version 0.9.0, but version ${version} was deployed`,
    ],
    [
      "does not report that it is configured",
      responding(200, { name: "ec2-audit", version }),
      'it responded with 200, without "configured": true',
    ],
  ])("fails for a function that %s, and keeps a first deployment", async (_, bundle, reason) => {
    environment.project.builds(bundle);
    const { code: exit, err } = await environment.deploy();
    expect(exit).toBe(2);
    expect(err).toContain(reason);
    expect(err).toContain(
      "There was no rollback, because no earlier deployment was healthy. To remove this one: wt rm ec2-audit",
    );
    expect([environment.deployedCode(), environment.cluster.created()]).toEqual([bundle, 1]);
  });

  it("waits for a cluster that runs the old code for a moment longer", async () => {
    environment.project.builds(`let asked = 0; const ours = (() => { const module = { exports: {} }; ${code}\n; return module.exports; })();
        module.exports = (ctx, req, res) => (++asked < 4 ? res.end("old") : ours(ctx, req, res));`);
    expect((await environment.deploy()).code).toBe(0);
  });

  it("does not roll back when the secrets are not valid, because earlier code would get the same", async () => {
    await environment.deploy();
    const problems = [{ key: "REQUIRED_TAGS", problem: "is not a list" }];
    const bundle = responding(500, { name: "ec2-audit", version, configured: false, problems });
    environment.project.builds(bundle);
    const { code: exit, err } = await environment.deploy();
    expect(exit).toBe(2);
    expect(err).toContain("its configuration is not valid: REQUIRED_TAGS is not a list");
    expect(err).toContain("There was no rollback, because earlier code would get the same secrets.");
    expect(environment.deployedCode()).toBe(bundle);
  });

  it("does not roll back from a file that was healthy before", async () => {
    environment.project.builds(HEALTHY_UNLESS_LOG_LEVEL_IS_ERROR);
    await environment.deploy();
    environment.project.write(".env", lines({ ...SECRETS, LOG_LEVEL: "error" }));
    const { code: exit, err } = await environment.deploy();
    expect(exit).toBe(2);
    expect(err).toMatch(/The same file was healthy as deployment 1 .*, so there was no rollback/);
    expect(environment.cluster.created()).toBe(2);
  });

  it("reports a rollback that is unhealthy too, and one that failed", async () => {
    environment.project.builds(HEALTHY_UNLESS_LOG_LEVEL_IS_ERROR);
    await environment.deploy();
    environment.project.write(".env", lines({ ...SECRETS, LOG_LEVEL: "error" }));
    environment.project.builds(BROKEN);
    const neither = await environment.deploy();
    expect(neither.code).toBe(2);
    expect(neither.err).toMatch(/Rolled back to deployment 1 .*, which is unhealthy: it responded with 503/);
    expect(environment.deployedCode()).toBe(HEALTHY_UNLESS_LOG_LEVEL_IS_ERROR);
    rmSync(join(environment.project.folder, ".ec2-audit", "webtask", "ec2-audit", environment.record()[0]?.file ?? ""));
    const gone = await environment.deploy();
    expect(gone.code).toBe(2);
    expect(gone.err).toMatch(/It is still deployed, because the rollback to deployment 1 .* failed: .* does not exist/);
    expect(environment.deployedCode()).toBe(BROKEN);
  });

  it("rolls back deployment by deployment, with the current secrets", async () => {
    for (const mark of ["a", "b", "c"]) {
      environment.project.builds(another(code, mark));
      expect((await environment.deploy()).code).toBe(0);
    }
    environment.project.write(".env", lines({ ...SECRETS, GRACE_SECONDS: "60" }));
    const back = await environment.rollback("--yes");
    expect([back.code, back.out]).toEqual([
      0,
      expect.stringContaining(", as deployment 4.\nThe function responds, and its configuration is valid.\n"),
    ]);
    expect(environment.deployedCode()).toBe(another(code, "b"));
    expect(environment.deployedSecrets()?.GRACE_SECONDS).toBe("60");
    const again = await environment.rollback("--yes", "--json");
    expect(JSON.parse(again.out)).toMatchObject({ deployment: 5, putBack: 1, health: { state: "good" } });
    expect(environment.deployedCode()).toBe(another(code, "a"));
    const nothing = await environment.rollback("--yes");
    expect(nothing.code).toBe(2);
    expect(nothing.err).toContain("no earlier deployment of ec2-audit was healthy and has different code");
    expect((await environment.rollback("--yes", "--to", "3")).code).toBe(0);
    expect(environment.deployedCode()).toBe(another(code, "c"));
    const list = await environment.rollback("--list");
    expect(list.out.split("\n").at(-1)).toMatch(/^6 .* good +restores 3, current$/);
    expect(environment.cluster.created()).toBe(6);
  });

  it("asks for confirmation before it rolls back", async () => {
    for (const mark of ["a", "b"]) {
      environment.project.builds(another(code, mark));
      await environment.deploy();
    }
    const declined = await environment.project.run(["rollback", "webtask"], { env: environment.env, answer: false });
    expect([declined.code, declined.err, environment.cluster.created()]).toEqual([1, "Nothing was changed.", 2]);
    expect(declined.asked[0]).toMatch(
      /^Roll back ec2-audit from deployment 2 .* to deployment 1 .*, with the current secrets\?$/,
    );
    const unanswered = await environment.rollback();
    expect([unanswered.code, environment.cluster.created()]).toEqual([2, 2]);
    expect((await environment.project.run(["rollback", "webtask"], { env: environment.env, answer: true })).code).toBe(
      0,
    );
    expect(environment.deployedCode()).toBe(another(code, "a"));
  });
});
