import { rmSync } from "node:fs";
import { createServer } from "node:http";
import { dirname } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { version } from "../../../package.json";
import { buildMarkOf, markBuild, UNMARKED } from "../../../src/cli/build-mark.ts";
import { sha256Of } from "../../../src/cli/webtask/bundle.ts";
import { freePort } from "../../../src/local/free-port.ts";
import { type Served, serveOnLoopback } from "../../support/loopback.ts";
import { makeProject, type Project, SECRETS } from "./project.ts";

/** What `deploy webtask` does before wt-cli is at work, and what it says when wt-cli is not there. */

let project: Project;
/** A wt that says where it was called with what. */
let wt: string;
beforeEach(() => {
  project = makeProject();
  wt = project.program("wt", `require("fs").writeFileSync("called", process.argv.join(" ")); process.exit(1);`);
});
afterEach(() => project.remove());

describe("deploy webtask", () => {
  it("refuses a type error before anything is uploaded, with the compiler's text", async () => {
    project.write("src/audit.ts", 'export const graceSeconds: number = "45";\n');
    const { code, out, err } = await project.run(["deploy", "webtask"], { env: { WT_CLI: wt } });
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain("npm run typecheck failed, and nothing was uploaded");
    expect(err).toContain("src/audit.ts(1,14): error TS2322: Type 'string' is not assignable to type 'number'.");
    expect([project.has("called"), project.has("dist/audit.js"), project.has(".ec2-audit")]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it("says that a build was ended, and not that it took too long, when somebody has ended it", async () => {
    project.program("npm", 'process.kill(process.pid, "SIGKILL");');
    const { err } = await project.run(["deploy", "webtask"], { env: { PATH: dirname(wt), WT_CLI: wt } });
    expect(err).toContain("npm run typecheck was ended (SIGKILL), and nothing was uploaded");
  });

  it("refuses a build that fails, before anything is uploaded", async () => {
    project.write(
      "package.json",
      JSON.stringify({ scripts: { typecheck: "true", build: "echo no such module; exit 1" } }),
    );
    const { code, err } = await project.run(["deploy", "webtask"], { env: { WT_CLI: wt } });
    expect(code).toBe(2);
    expect(err).toContain("npm run build failed, and nothing was uploaded:\nno such module");
    expect(project.has("called")).toBe(false);
  });

  it("says under --dry-run what it would deploy, and uploads nothing", async () => {
    const { code, out } = await project.run(["deploy", "webtask", "--dry-run", "--wt-profile", "team"], {
      env: { WT_CLI: wt },
    });
    expect(code).toBe(0);
    expect(out).toContain(`Would deploy ec2-audit, version ${version}. Nothing was uploaded.`);
    expect(out).toContain(`dist/audit.js, 27 bytes, sha256 ${sha256Of(Buffer.from(project.read("dist/audit.js")))}`);
    expect(out).toMatch(/AWS_SECRET_ACCESS_KEY +from \.env/);
    expect(out).toContain(
      `${wt} create <file> --name ec2-audit --secrets-file <secrets file> --ignore-package-json --output json --profile team`,
    );
    expect(out).not.toContain("the-secret-of-the-function");
    expect([project.has("called"), project.has(".ec2-audit")]).toEqual([false, false]);
  });

  it("deploys the file as it was shipped where there are no sources, and says so", async () => {
    project.write("shipped.js", "module.exports = 1;\n");
    const config = project.read("wt.config.json").replace("dist/audit.js", "../shipped.js");
    project.write("installed/wt.config.json", config);
    const { code, out, err } = await project.run([
      "deploy",
      "webtask",
      "--dry-run",
      "--config",
      "installed/wt.config.json",
      "--secrets-file",
      ".env",
      "--json",
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ file: "shipped.js", bytes: 20, commit: null });
    expect(err).toContain("There are no sources here: the file is deployed as it was shipped.");
  });

  it("says that the file to deploy is not there", async () => {
    project.write("package.json", JSON.stringify({ scripts: { typecheck: "true", build: "true" } }));
    const { code, err } = await project.run(["deploy", "webtask", "--dry-run"]);
    expect(code).toBe(2);
    expect(err).toContain("dist/audit.js is not there");
  });

  it("says how to get wt-cli where it is not installed, and keeps nothing", async () => {
    project.write("dist/audit.js", "module.exports = 1;\n");
    const onlyNpm = dirname(project.program("npm", "process.exit(0);"));
    rmSync(wt);
    const { code, err } = await project.run(["deploy", "webtask"], { env: { PATH: onlyNpm, WT_CLI: "" } });
    expect(code).toBe(2);
    expect(err).toContain("wt-cli is not installed: there is no wt on the PATH");
    expect(err).toContain("npm install -g wt-cli, then wt init");
    expect(err).not.toContain("Checking the types");
    expect(project.has(".ec2-audit")).toBe(false);
    for (const WT_CLI of [wt, "./wt"]) {
      const named = await project.run(["deploy", "webtask", "--dry-run"], { env: { PATH: onlyNpm, WT_CLI } });
      expect([named.code, named.err]).toEqual([
        2,
        `error: WT_CLI names ${WT_CLI}, which is not there\n  Correct WT_CLI, or unset it to use the wt on the PATH.`,
      ]);
    }
  });

  it.each([
    {
      what: "not all of its modules",
      says: "Error: Cannot find module 'superagent'",
      exit: 1,
      told: "wt-cli cannot be loaded by its Node",
      hint: "Install it anew: npm install -g wt-cli@11. It was tried on Node 20, 22 and 24.",
    },
    {
      what: "no name of the cluster",
      says: "Uncaught error: getaddrinfo ENOTFOUND sandbox.example.com",
      exit: 99,
      told: "the webtask cluster could not be reached, and nothing was deployed",
      hint: "wt profile ls shows its URL",
    },
    {
      what: "anything else",
      says: "Invalid webtask name",
      exit: 2,
      told: "wt create failed (exit code 2)",
      hint: "wt profile",
    },
    {
      what: "success without a URL",
      says: "done",
      exit: 0,
      told: "wt create did not say the webtask's URL",
      hint: "version 11",
    },
  ])("says what to do when wt-cli has $what, with what wt-cli said", async ({ says, exit, told, hint }) => {
    project.installed();
    const failing = project.program("wt", `console.error(${JSON.stringify(says)}); process.exit(${exit});`);
    const { code, err } = await project.run(["deploy", "webtask"], { env: { WT_CLI: failing } });
    expect(code).toBe(2);
    expect(err).toContain(`error: ${told}`);
    expect(err).toContain(says);
    expect(err).toContain(hint);
    expect(project.has(".ec2-audit")).toBe(false);
  });

  it("says that wt-cli was ended, and not that it took too long, when somebody has ended it", async () => {
    project.installed();
    const ended = project.program("wt", 'process.kill(process.pid, "SIGKILL");');
    const { code, err } = await project.run(["deploy", "webtask"], { env: { WT_CLI: ended } });
    expect(code).toBe(2);
    expect(err).toContain("error: wt create was ended (SIGKILL)");
  });

  it("shows no secret that wt-cli says, and no stack", async () => {
    project.installed();
    const leaking = `console.error("Error: cannot send " + require("fs").readFileSync(process.argv[7], "utf8"));
      console.error("    at somewhere (/somewhere/wt.js:403:1)"); process.exit(99);`;
    const { code, err } = await project.run(["deploy", "webtask"], { env: { WT_CLI: project.program("wt", leaking) } });
    expect(code).toBe(2);
    expect(err).toContain("Error: cannot send AWS_REGION='***'");
    expect(err).toContain("wt create failed (exit code 99), and nothing was deployed");
    for (const secret of [SECRETS.AWS_ACCESS_KEY_ID, SECRETS.AWS_SECRET_ACCESS_KEY]) expect(err).not.toContain(secret);
    expect(err).not.toContain("at somewhere");
  });

  it("says that the function is deployed when only its record could not be written", async () => {
    project.installed();
    project.write(".ec2-audit", "a file in the way");
    const wt = project.program("wt", `console.log('{"url": "https://example.com/ec2-audit"}');`);
    const { code, err } = await project.run(["deploy", "webtask"], { env: { WT_CLI: wt } });
    expect(code).toBe(2);
    expect(err).toContain("https://example.com/ec2-audit is deployed, but could not be kept for a rollback in ");
  });

  /** A wt that says that it has deployed to this URL. */
  const deployingTo = (url: string) => {
    const said = `Your access token was successfuly refreshed.\n${JSON.stringify({ url }, null, 2)}`;
    return project.program("wt", `console.log(${JSON.stringify(said)});`);
  };
  const kept = () => JSON.parse(project.read(".ec2-audit/webtask/ec2-audit/deployments.json")).deployments;

  /** A function that answers as the next of these builds each time, and then always as the last. */
  const builds = (...builds: readonly (string | undefined)[]) => telling(...builds.map((build) => ({ build })));

  /** A healthy function that answers with the next of these each time, and then always with the last. */
  async function telling(...told: readonly object[]): Promise<Served> {
    let asked = 0;
    const server = createServer((_, response) => {
      const more = told[Math.min(asked++, told.length - 1)];
      response.end(JSON.stringify({ name: "ec2-audit", version, configured: true, subscribed: "confirmed", ...more }));
    });
    const { url, close } = await serveOnLoopback(server);
    return { url: `${url}/ec2-audit`, close };
  }
  const marked = markBuild(`module.exports = "${UNMARKED}";`);
  const mark = buildMarkOf(marked) ?? "";

  it.each([
    ["another build of the same version", "0123456789ab"],
    ["an older one, that does not say which build it is", undefined],
  ])("waits while %s answers", async (_, older) => {
    project.installed();
    project.write("dist/audit.js", marked);
    const server = await builds(older, older, mark);
    const waits: number[] = [];
    const { code } = await project.run(["deploy", "webtask"], {
      env: { WT_CLI: deployingTo(server.url) },
      pause: async (ms) => void waits.push(ms),
    });
    server.close();
    expect([code, waits]).toEqual([0, [2_000, 2_000]]);
  });

  it("fails for a function that still answers as another build than the one that was uploaded", async () => {
    project.installed();
    project.write("dist/audit.js", marked);
    const server = await builds("0123456789ab");
    const { code, err } = await project.run(["deploy", "webtask"], { env: { WT_CLI: deployingTo(server.url) } });
    server.close();
    expect(code).toBe(2);
    expect(err).toContain(`it answers as build 0123456789ab, and build ${mark} was deployed`);
  });

  it("passes on the function's warnings without control characters, and succeeds", async () => {
    project.installed();
    project.write("dist/audit.js", "module.exports = 'any';");
    const warnings = [{ key: "AUDIT_ROLE_NAME", problem: "is missing\u001b[2J" }];
    const server = await telling({ account: "210987654321", warnings });
    const { code, err } = await project.run(["deploy", "webtask"], { env: { WT_CLI: deployingTo(server.url) } });
    server.close();
    expect(code).toBe(0);
    expect(err).toContain("warning: the function says: AUDIT_ROLE_NAME is missing\\u001b[2J");
  });

  it("does not check the build of a file without a mark, as of older versions", async () => {
    project.installed();
    project.write("dist/audit.js", "module.exports = 'older';");
    const server = await builds(undefined);
    const { code } = await project.run(["deploy", "webtask"], { env: { WT_CLI: deployingTo(server.url) } });
    server.close();
    expect(code).toBe(0);
  });

  it("asks five times, two seconds apart, before it takes a function for unwell", async () => {
    project.installed();
    const other = await serveOnLoopback(createServer((_, response) => response.end("Hello")));
    const url = `${other.url}/ec2-audit`;
    const waits: number[] = [];
    const { code, err } = await project.run(["deploy", "webtask"], {
      env: { WT_CLI: deployingTo(url) },
      pause: async (ms) => void waits.push(ms),
    });
    await other.close();
    expect(code).toBe(2);
    expect(err).toContain("is not well: it answered 200, but without the health document of ec2-audit");
    expect(waits).toEqual([2_000, 2_000, 2_000, 2_000]);
    expect(kept()).toMatchObject([{ number: 1, health: "bad", url }]);
  });

  it("puts nothing back when the function's host cannot be reached from here, and says how else to ask it", async () => {
    project.installed();
    project.write("dist/audit.js", "module.exports = 'older and well';\n");
    const nobody = `http://127.0.0.1:${await freePort()}/ec2-audit`;
    const wt = deployingTo(nobody);
    await project.run(["deploy", "webtask"], { env: { WT_CLI: wt } });
    const [first] = kept();
    project.write(
      ".ec2-audit/webtask/ec2-audit/deployments.json",
      JSON.stringify({ deployments: [{ ...first, health: "good" }] }),
    );
    project.write("dist/audit.js", "module.exports = 'newer';\n");
    const { code, out, err } = await project.run(["deploy", "webtask", "--json"], { env: { WT_CLI: wt } });
    expect(code).toBe(2);
    expect(err).toContain("of ec2-audit could not be asked for its health from here (ECONNREFUSED)");
    expect(err).toContain("It is what is deployed now.");
    expect(err).toContain(`curl ${nobody}\n  Nothing was put back.`);
    expect(err).not.toContain("not well");
    expect(JSON.parse(out)).toMatchObject({
      deployment: 2,
      health: { state: "unknown" },
      deployedNow: { putBack: null },
    });
    expect(kept()).toMatchObject([{ health: "good" }, { health: "unknown" }]);
    const back = await project.run(["rollback", "webtask", "--yes"], { env: { WT_CLI: wt } });
    expect(back.code).toBe(2);
    expect(back.err).toContain("was put back, and could not be asked for its health from here (ECONNREFUSED)");
    expect(back.err).toContain(`curl ${nobody}`);
  });

  it("tells one who has said no to a rollback from one who has had it", async () => {
    project.installed();
    const wt = deployingTo(`http://127.0.0.1:${await freePort()}/`);
    await project.run(["deploy", "webtask"], { env: { WT_CLI: wt } });
    const args = ["rollback", "webtask", "--to", "1"];
    const declined = await project.run(args, { env: { WT_CLI: wt }, answer: false });
    expect([declined.code, declined.err]).toEqual([1, "Nothing was changed."]);
    rmSync(wt);
    const unasked = await project.run(args, { env: { WT_CLI: wt }, answer: true });
    expect([unasked.code, unasked.asked, unasked.err]).toEqual([2, [], expect.stringContaining("which is not there")]);
  });
});
