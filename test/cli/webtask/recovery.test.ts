import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { version } from "../../../package.json";
import { builtCode, lines, SECRETS } from "./project.ts";
import { answering, type Stage, setStage, withWtCli, wtCli } from "./stage.ts";

/** A function that is not well after it was deployed, and the way back. */

/** Another build of the function, that is well too. */
const another = (code: string, mark: string) => `${code}\n// ${mark}`;
const WELL_UNLESS_LOG_LEVEL_IS_ERROR = `module.exports = (ctx, req, res) => {
  res.writeHead(ctx.secrets.LOG_LEVEL === "error" ? 503 : 200);
  res.end('{"name": "ec2-audit", "version": "${version}", "configured": true}');
};`;
const BROKEN = answering(200, { hello: "world" });

describe.skipIf(wtCli === undefined)(withWtCli("deploy and rollback webtask"), { timeout: 60_000 }, () => {
  let stage: Stage;
  const code = wtCli === undefined ? "" : builtCode();
  beforeEach(async () => {
    stage = await setStage(code, SECRETS);
    stage.project.installed();
  });
  afterEach(() => stage.close());

  it("puts the last deployment that was well back when the new one is not, and says so", async () => {
    await stage.deploy();
    stage.project.builds(BROKEN);
    const { code: exit, out, err } = await stage.deploy("--json");
    expect(exit).toBe(2);
    expect(err).toContain("is not well: it answered 200, but without the health document of ec2-audit");
    expect(err).toMatch(/deployment 1 \(\w{8}, version \S+, of .*\) was put back, and is well\./);
    expect(err.match(/it answered 200/g)).toHaveLength(1);
    expect(err).toContain("wt logs shows why. Mend it, and deploy again.");
    expect(JSON.parse(out)).toMatchObject({
      deployment: 2,
      health: { state: "bad" },
      deployedNow: { deployment: 3, putBack: 1 },
    });
    expect(stage.deployedCode()).toBe(code);
    expect(stage.record().map(({ health }) => health)).toEqual(["good", "bad", "good"]);
  });

  it.each([
    ["cannot be loaded", "throw new Error('no');", "it answered 400, but without the health document of ec2-audit"],
    [
      "is another version",
      answering(200, { name: "ec2-audit", version: "0.9.0", configured: true }),
      `it answers as version 0.9.0, and ${version} was deployed`,
    ],
    [
      "is not configured in so many words",
      answering(200, { name: "ec2-audit", version }),
      "it answered 200, and does not say that it is configured",
    ],
  ])("takes a function for unwell that %s; a first one stays, with what removes it", async (_, bundle, reason) => {
    stage.project.builds(bundle);
    const { code: exit, err } = await stage.deploy();
    expect(exit).toBe(2);
    expect(err).toContain(reason);
    expect(err).toContain(
      "There is nothing to put back: no deployment before it was well. To remove it: wt rm ec2-audit",
    );
    expect([stage.deployedCode(), stage.cluster.created()]).toEqual([bundle, 1]);
  });

  it("waits for a cluster that goes on with the old code for a moment", async () => {
    stage.project.builds(`let asked = 0; const ours = (() => { const module = { exports: {} }; ${code}\n; return module.exports; })();
        module.exports = (ctx, req, res) => (++asked < 4 ? res.end("old") : ours(ctx, req, res));`);
    expect((await stage.deploy()).code).toBe(0);
  });

  it("puts no older code back when the function does not take its secrets, since it would get the same", async () => {
    await stage.deploy();
    const problems = [{ key: "REQUIRED_TAGS", problem: "is not a list" }];
    const bundle = answering(500, { name: "ec2-audit", version, configured: false, problems });
    stage.project.builds(bundle);
    const { code: exit, err } = await stage.deploy();
    expect(exit).toBe(2);
    expect(err).toContain("it does not take its secrets: REQUIRED_TAGS is not a list");
    expect(err).toContain("Older code would get the same secrets, so none was put back.");
    expect(stage.deployedCode()).toBe(bundle);
  });

  it("puts nothing back in place of the same file: it was well before", async () => {
    stage.project.builds(WELL_UNLESS_LOG_LEVEL_IS_ERROR);
    await stage.deploy();
    stage.project.write(".env", lines({ ...SECRETS, LOG_LEVEL: "error" }));
    const { code: exit, err } = await stage.deploy();
    expect(exit).toBe(2);
    expect(err).toMatch(/The same file was well as deployment 1 .*, so nothing was put back/);
    expect(stage.cluster.created()).toBe(2);
  });

  it("says when what was put back is not well either, and when it could not be put back", async () => {
    stage.project.builds(WELL_UNLESS_LOG_LEVEL_IS_ERROR);
    await stage.deploy();
    stage.project.write(".env", lines({ ...SECRETS, LOG_LEVEL: "error" }));
    stage.project.builds(BROKEN);
    const neither = await stage.deploy();
    expect(neither.code).toBe(2);
    expect(neither.err).toMatch(/deployment 1 .* was put back, and is not well: it answered 503/);
    expect(stage.deployedCode()).toBe(WELL_UNLESS_LOG_LEVEL_IS_ERROR);
    rmSync(join(stage.project.folder, ".ec2-audit", "webtask", "ec2-audit", stage.record()[0]?.file ?? ""));
    const gone = await stage.deploy();
    expect(gone.code).toBe(2);
    expect(gone.err).toMatch(/It is still what is deployed, for deployment 1 .* could not be put back: .* is gone/);
    expect(stage.deployedCode()).toBe(BROKEN);
  });

  it("rolls back deployment by deployment, with the secrets as they are now", async () => {
    for (const mark of ["a", "b", "c"]) {
      stage.project.builds(another(code, mark));
      expect((await stage.deploy()).code).toBe(0);
    }
    stage.project.write(".env", lines({ ...SECRETS, GRACE_SECONDS: "60" }));
    const back = await stage.rollback("--yes");
    expect([back.code, back.out]).toEqual([
      0,
      expect.stringContaining("is back, as deployment 4.\nIt answers, and its configuration is valid.\n"),
    ]);
    expect(stage.deployedCode()).toBe(another(code, "b"));
    expect(stage.deployedSecrets()?.GRACE_SECONDS).toBe("60");
    const again = await stage.rollback("--yes", "--json");
    expect(JSON.parse(again.out)).toMatchObject({ deployment: 5, putBack: 1, health: { state: "good" } });
    expect(stage.deployedCode()).toBe(another(code, "a"));
    const nothing = await stage.rollback("--yes");
    expect(nothing.code).toBe(2);
    expect(nothing.err).toContain("there is no older deployment of ec2-audit that was well and is other code");
    expect((await stage.rollback("--yes", "--to", "3")).code).toBe(0);
    expect(stage.deployedCode()).toBe(another(code, "c"));
    const list = await stage.rollback("--list");
    expect(list.out.split("\n").at(-1)).toMatch(/^6 .* good +put back 3, deployed now$/);
    expect(stage.cluster.created()).toBe(6);
  });

  it("asks before it rolls back", async () => {
    for (const mark of ["a", "b"]) {
      stage.project.builds(another(code, mark));
      await stage.deploy();
    }
    const declined = await stage.project.run(["rollback", "webtask"], { env: stage.env, answer: false });
    expect([declined.code, declined.err, stage.cluster.created()]).toEqual([1, "Nothing was changed.", 2]);
    expect(declined.asked[0]).toMatch(
      /^Put deployment 1 .* of ec2-audit back in place of deployment 2 .*, with the secrets as they are now\?$/,
    );
    const nobody = await stage.rollback();
    expect([nobody.code, stage.cluster.created()]).toEqual([2, 2]);
    expect((await stage.project.run(["rollback", "webtask"], { env: stage.env, answer: true })).code).toBe(0);
    expect(stage.deployedCode()).toBe(another(code, "a"));
  });
});
