import { rmSync } from "node:fs";
import { createServer } from "node:http";
import { dirname } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { version } from "../../../package.json";
import { buildMarkOf, markBuild, UNMARKED } from "../../../src/cli/build-mark.ts";
import { sha256Of } from "../../../src/cli/webtask/bundle.ts";
import { freePort } from "../../../src/local/free-port.ts";
import { type Served, serveOnLoopback } from "../../support/loopback.ts";
import { builtCode, lines, makeProject, type Project, SECRETS } from "./project.ts";

/** `deploy webtask` before wt-cli starts, its messages about a failing wt-cli, and its health check. */

let project: Project;
/** A wt that records its arguments in the file `called`. */
let wt: string;
beforeEach(() => {
  project = makeProject();
  wt = project.program("wt", `require("fs").writeFileSync("called", process.argv.join(" ")); process.exit(1);`);
});
afterEach(() => project.remove());

describe("deploy webtask", () => {
  it.each([
    ["typecheck", { typecheck: "echo error TS2322; exit 1", build: "touch built" }, "error TS2322"],
    ["build", { typecheck: "true", build: "echo no such module; exit 1" }, "no such module"],
  ])("uploads nothing when npm run %s fails, and prints its output", async (script, scripts, output) => {
    project.write("package.json", JSON.stringify({ scripts }));
    const { code, out, err } = await project.run(["deploy", "webtask"], { env: { WT_CLI: wt } });
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(`npm run ${script} failed, and nothing was uploaded:\n${output}`);
    for (const file of ["called", "built", ".ec2-audit"]) expect(project.has(file)).toBe(false);
  });

  it("reports the signal that ended the build", async () => {
    project.program("npm", 'process.kill(process.pid, "SIGKILL");');
    const { err } = await project.run(["deploy", "webtask"], { env: { PATH: dirname(wt), WT_CLI: wt } });
    expect(err).toContain("npm run typecheck was ended (SIGKILL), and nothing was uploaded");
  });

  it("prints the deployment with --dry-run, and uploads nothing", async () => {
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

  it.each([
    ["--policy", (policy: string) => project.write("audit-policy.json", policy), ["--policy", "audit-policy.json"]],
    [
      '"policy" in wt.config.json',
      (policy: string) => {
        const config = JSON.parse(project.read("wt.config.json"));
        project.write("wt.config.json", JSON.stringify({ ...config, policy: "audit-policy.json" }));
        project.write("audit-policy.json", policy);
      },
      [],
    ],
  ])("puts the policy of %s into the code, and not into the secrets", async (_, write, options) => {
    const policy = { rules: [{ rule: "key-pair", allowed: ["k".repeat(1000), "\u2028"] }] };
    write(JSON.stringify(policy, null, 2));
    project.builds(builtCode());
    const save = 'require("fs").copyFileSync(process.argv[3], "uploaded"); process.exit(1);';
    const { err } = await project.run(["deploy", "webtask", ...options], {
      env: { WT_CLI: project.program("wt", save) },
    });
    const uploaded = project.read("uploaded");
    expect(err).not.toContain("not valid");
    expect(buildMarkOf(uploaded)).toMatch(/^[0-9a-f]{12}$/);
    expect(buildMarkOf(uploaded)).not.toBe(buildMarkOf(builtCode()));
    const [, line = ""] = /^process\.env\.AUDIT_POLICY \?\?= (.*);$/m.exec(uploaded) ?? [];
    expect(JSON.parse(JSON.parse(line))).toEqual(policy);
  });

  it.each([
    [
      '{"rules": [{"rule": "key-pair"}]}',
      "AUDIT_POLICY (audit-policy.json) is not a policy: rules[0] must have at least",
    ],
    ["{", "AUDIT_POLICY (audit-policy.json) is not a policy: it is not JSON"],
  ])("refuses the policy file %s, and uploads nothing", async (policy, problem) => {
    project.write("audit-policy.json", policy);
    const { code, err } = await project.run(["deploy", "webtask", "--policy", "audit-policy.json"], {
      env: { WT_CLI: wt },
    });
    expect([code, err, project.has("called")]).toEqual([2, expect.stringContaining(problem), false]);
  });

  it("refuses a policy file beside the secret AUDIT_POLICY", async () => {
    const policy = '{"rules": [{"rule": "key-pair", "none": true}]}';
    project.write("audit-policy.json", policy);
    project.write(".env", lines({ ...SECRETS, AUDIT_POLICY: policy }));
    const { err } = await project.run(["deploy", "webtask", "--policy", "audit-policy.json"], { env: { WT_CLI: wt } });
    expect(err).toContain(
      "AUDIT_POLICY (.env) is set together with the policy file audit-policy.json: remove one of them",
    );
  });

  it("deploys the shipped file when there are no sources", async () => {
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
    expect(err).toContain("This is an installed package: the shipped file is deployed.");
  });

  it("refuses when the file to deploy does not exist", async () => {
    project.write("package.json", JSON.stringify({ scripts: { typecheck: "true", build: "true" } }));
    const { code, err } = await project.run(["deploy", "webtask", "--dry-run"]);
    expect(code).toBe(2);
    expect(err).toContain("dist/audit.js does not exist");
  });

  it("prints how to install wt-cli when it does not exist, and records nothing", async () => {
    project.write("dist/audit.js", "module.exports = 1;\n");
    const onlyNpm = dirname(project.program("npm", "process.exit(0);"));
    rmSync(wt);
    const { code, err } = await project.run(["deploy", "webtask"], { env: { PATH: onlyNpm, WT_CLI: "" } });
    expect(code).toBe(2);
    expect(err).toContain("wt-cli is not installed: wt is not on the PATH");
    expect(err).toContain("Run npm install -g wt-cli, then wt init");
    expect(err).not.toContain("Checking the types");
    expect(project.has(".ec2-audit")).toBe(false);
    for (const WT_CLI of [wt, "./wt"]) {
      const named = await project.run(["deploy", "webtask", "--dry-run"], { env: { PATH: onlyNpm, WT_CLI } });
      expect([named.code, named.err]).toEqual([
        2,
        `error: WT_CLI names ${WT_CLI}, which does not exist\n  Correct WT_CLI, or unset it to use wt from the PATH.`,
      ]);
    }
  });

  it.each([
    {
      what: "a missing module",
      prints: "Error: Cannot find module 'superagent'",
      exit: 1,
      message: "Node cannot load wt-cli",
      hint: "Install it again: npm install -g wt-cli@11. It works on Node 20, 22 and 24.",
    },
    {
      what: "an unknown host",
      prints: "Uncaught error: getaddrinfo ENOTFOUND sandbox.example.com",
      exit: 99,
      message: "the webtask cluster could not be reached, and nothing was deployed",
      hint: "wt profile ls prints its URL",
    },
    {
      what: "another error",
      prints: "Invalid webtask name",
      exit: 2,
      message: "wt create failed (exit code 2)",
      hint: "wt profile",
    },
    {
      what: "success without a URL",
      prints: "done",
      exit: 0,
      message: "wt create did not print the webtask's URL",
      hint: "version 11",
    },
  ])("prints a fix and wt-cli's output when wt-cli ends with $what", async ({ prints, exit, message, hint }) => {
    project.installed();
    const failing = project.program("wt", `console.error(${JSON.stringify(prints)}); process.exit(${exit});`);
    const { code, err } = await project.run(["deploy", "webtask"], { env: { WT_CLI: failing } });
    expect(code).toBe(2);
    expect(err).toContain(`error: ${message}`);
    expect(err).toContain(prints);
    expect(err).toContain(hint);
    expect(project.has(".ec2-audit")).toBe(false);
  });

  it("reports the signal that ended wt-cli", async () => {
    project.installed();
    const ended = project.program("wt", 'process.kill(process.pid, "SIGKILL");');
    const { code, err } = await project.run(["deploy", "webtask"], { env: { WT_CLI: ended } });
    expect(code).toBe(2);
    expect(err).toContain("error: wt create was ended (SIGKILL)");
  });

  it("removes secrets and stack traces from wt-cli's output", async () => {
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

  it("prints that the function is deployed when only the record could not be written", async () => {
    project.installed();
    project.write(".ec2-audit", "a file in the way");
    const wt = project.program("wt", `console.log('{"url": "https://example.com/ec2-audit"}');`);
    const { code, err } = await project.run(["deploy", "webtask"], { env: { WT_CLI: wt } });
    expect(code).toBe(2);
    expect(err).toContain("https://example.com/ec2-audit is deployed, but could not be recorded for a rollback in ");
  });

  /** A wt that reports a deployment to this URL. */
  const deployingTo = (url: string) => {
    const output = `Your access token was successfuly refreshed.\n${JSON.stringify({ url }, null, 2)}`;
    return project.program("wt", `console.log(${JSON.stringify(output)});`);
  };
  const recorded = () => JSON.parse(project.read(".ec2-audit/webtask/ec2-audit/deployments.json")).deployments;

  /** A healthy function that reports the next of these builds at each request, and then always the last. */
  const builds = (...builds: readonly (string | undefined)[]) => reporting(...builds.map((build) => ({ build })));

  /** A healthy function that reports the next of these fields at each request, and then always the last. */
  async function reporting(...reports: readonly object[]): Promise<Served> {
    let requests = 0;
    const server = createServer((_, response) => {
      const more = reports[Math.min(requests++, reports.length - 1)];
      response.end(JSON.stringify({ name: "ec2-audit", version, configured: true, subscribed: "confirmed", ...more }));
    });
    const { url, close } = await serveOnLoopback(server);
    return { url: `${url}/ec2-audit`, close };
  }
  const marked = markBuild(`module.exports = "${UNMARKED}";`);
  const mark = buildMarkOf(marked) ?? "";

  it.each([
    ["another build of the same version", "0123456789ab"],
    ["an older version, which reports no build", undefined],
  ])("waits while the cluster runs %s", async (_, older) => {
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

  it("fails for a function that still runs another build than the uploaded one", async () => {
    project.installed();
    project.write("dist/audit.js", marked);
    const server = await builds("0123456789ab");
    const { code, err } = await project.run(["deploy", "webtask"], { env: { WT_CLI: deployingTo(server.url) } });
    server.close();
    expect(code).toBe(2);
    expect(err).toContain(`it runs build 0123456789ab, but build ${mark} was deployed`);
  });

  it("prints the function's warnings without control characters, and succeeds", async () => {
    project.installed();
    project.write("dist/audit.js", "module.exports = 'any';");
    const warnings = [{ key: "AUDIT_ROLE_NAME", problem: "is missing\u001b[2J" }];
    const server = await reporting({ account: "210987654321", warnings });
    const { code, err } = await project.run(["deploy", "webtask"], { env: { WT_CLI: deployingTo(server.url) } });
    server.close();
    expect(code).toBe(0);
    expect(err).toContain("warning: the function reports: AUDIT_ROLE_NAME is missing\\u001b[2J");
  });

  it("does not suggest setup for a subscribed function, and warns of a FUNCTION_URL that is not its own", async () => {
    project.installed();
    const server = await reporting({});
    const env = { WT_CLI: deployingTo(server.url) };
    const secrets = { ...SECRETS, AWS_ENDPOINT_URL: server.url };
    project.write(".env", lines({ ...secrets, FUNCTION_URL: `${server.url}/other` }));
    const other = await project.run(["deploy", "webtask"], { env });
    const otherJson = await project.run(["deploy", "webtask", "--json"], { env });
    project.write(".env", lines({ ...secrets, FUNCTION_URL: `${server.url}/` }));
    const own = await project.run(["deploy", "webtask"], { env });
    server.close();
    expect(other.out).not.toContain("ec2-audit setup");
    expect(other.out).toContain("ec2-audit doctor");
    for (const { err } of [other, otherJson])
      expect(err).toContain("FUNCTION_URL (.env) is not the URL that wt-cli printed");
    expect(own.err).not.toContain("FUNCTION_URL");
  });

  it("does not check the build of a file without a mark", async () => {
    project.installed();
    project.write("dist/audit.js", "module.exports = 'older';");
    const server = await builds(undefined);
    const { code } = await project.run(["deploy", "webtask"], { env: { WT_CLI: deployingTo(server.url) } });
    server.close();
    expect(code).toBe(0);
  });

  it("checks the health five times, two seconds apart, before it reports an unhealthy function", async () => {
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
    expect(err).toContain("is unhealthy: it responded with 200, but without the health document of ec2-audit");
    expect(waits).toEqual([2_000, 2_000, 2_000, 2_000]);
    expect(recorded()).toMatchObject([{ number: 1, health: "bad", url }]);
  });

  it("does not roll back when this machine cannot reach the function, and prints another way to check", async () => {
    project.installed();
    project.write("dist/audit.js", "module.exports = 'older and healthy';\n");
    const closed = `http://127.0.0.1:${await freePort()}/ec2-audit`;
    const wt = deployingTo(closed);
    await project.run(["deploy", "webtask"], { env: { WT_CLI: wt } });
    const [first] = recorded();
    project.write(
      ".ec2-audit/webtask/ec2-audit/deployments.json",
      JSON.stringify({ deployments: [{ ...first, health: "good" }] }),
    );
    project.write("dist/audit.js", "module.exports = 'newer';\n");
    const { code, out, err } = await project.run(["deploy", "webtask", "--json"], { env: { WT_CLI: wt } });
    expect(code).toBe(2);
    expect(err).toContain("of ec2-audit cannot be reached from this machine (ECONNREFUSED), so its health is unknown");
    expect(err).toContain("It is still deployed.");
    expect(err).toContain(`curl ${closed}\n  There was no rollback.`);
    expect(err).not.toContain("unhealthy");
    expect(JSON.parse(out)).toMatchObject({
      deployment: 2,
      health: { state: "unknown" },
      deployedNow: { putBack: null },
    });
    expect(recorded()).toMatchObject([{ health: "good" }, { health: "unknown" }]);
    const back = await project.run(["rollback", "webtask", "--yes"], { env: { WT_CLI: wt } });
    expect(back.code).toBe(2);
    expect(back.err).toContain(", which cannot be reached from this machine (ECONNREFUSED)");
    expect(back.err).toContain(`curl ${closed}`);
  });

  it("exits with 1 when the operator declines a rollback, and does not ask when wt-cli does not exist", async () => {
    project.installed();
    const wt = deployingTo(`http://127.0.0.1:${await freePort()}/`);
    await project.run(["deploy", "webtask"], { env: { WT_CLI: wt } });
    const args = ["rollback", "webtask", "--to", "1"];
    const declined = await project.run(args, { env: { WT_CLI: wt }, answer: false });
    expect([declined.code, declined.err]).toEqual([1, "Nothing was changed."]);
    rmSync(wt);
    const unasked = await project.run(args, { env: { WT_CLI: wt }, answer: true });
    expect([unasked.code, unasked.asked, unasked.err]).toEqual([
      2,
      [],
      expect.stringContaining("which does not exist"),
    ]);
  });
});
