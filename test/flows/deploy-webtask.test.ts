import { readFileSync, realpathSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { EC2Client, RunInstancesCommand } from "@aws-sdk/client-ec2";
import { CreateTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { version } from "../../package.json";
import { secretsFileText } from "../../src/cli/webtask/secrets-file.ts";
import { type EmbeddedAws, startEmbeddedAws } from "../../src/local/aws/index.ts";
import { startCluster } from "../cli/webtask/cluster.ts";
import { type Environment, RECORDED_WT, startEnvironment, wtCli } from "../cli/webtask/environment.ts";
import { builtCode, lines, makeProject, SECRETS } from "../cli/webtask/project.ts";
import { post } from "../support/hosts.ts";
import { launchEnvelope } from "../support/launch.ts";

const POLICY = JSON.stringify({ rules: [{ rule: "required-tags", tags: ["name", 'it\'s # "$HOME" = \\n'] }] });

const suite =
  wtCli === undefined
    ? "deploy webtask (skipped: WT_CLI does not name the public wt-cli)"
    : "deploy webtask, with the public wt-cli";

describe.skipIf(wtCli === undefined)(suite, { timeout: 60_000 }, () => {
  let aws: EmbeddedAws;
  let environment: Environment;
  let secrets: Record<string, string>;
  const code = wtCli === undefined ? "" : builtCode();

  beforeAll(async () => {
    aws = await startEmbeddedAws();
    const credentials = { accessKeyId: "local", secretAccessKey: "local" };
    const sns = new SNSClient({ region: "us-east-1", endpoint: aws.endpoint, credentials });
    await sns.send(new CreateTopicCommand({ Name: "ec2_audit_alert" }));
  });
  afterAll(() => aws?.close());
  beforeEach(async () => {
    const certificate = aws.signingCert.trim().replaceAll(/\r?\n/g, "\\n");
    secrets = { ...SECRETS, AWS_ENDPOINT_URL: aws.endpoint, SNS_SIGNING_CERT: certificate };
    environment = await startEnvironment(code, secrets, RECORDED_WT);
  });
  afterEach(() => environment.close());

  it("deploys a healthy function with its secrets, which audits a signed delivery", async () => {
    const { code: exit, out, err } = await environment.deploy();
    expect([exit, err]).toEqual([0, expect.stringContaining("Uploading ec2-audit with wt-cli")]);
    const url = `${environment.cluster.url}/api/run/${environment.cluster.container}/ec2-audit`;
    expect(out).toContain(`Deployed ec2-audit, version ${version}`);
    expect(out).toContain("as deployment 1.\nThe function responds, and its configuration is valid.\n");
    expect(out).toContain(url);
    expect(out).toContain(`ec2-audit setup --url ${url}`);
    expect(environment.deployedSecrets()).toEqual(secrets);
    expect(environment.deployedCode()).toBe(code);

    const credentials = { accessKeyId: "local", secretAccessKey: "local" };
    const ec2 = new EC2Client({ region: "us-east-1", endpoint: aws.endpoint, credentials });
    const { Instances = [] } = await ec2.send(
      new RunInstancesCommand({ ImageId: "ami-0abcdef1234567890", MinCount: 1, MaxCount: 1 }),
    );
    const now = Date.now();
    const envelope = launchEnvelope(Instances[0]?.InstanceId ?? "", { at: now - 120_000, now });
    const delivered = await post(url, JSON.stringify(aws.sign(envelope)));
    expect([delivered.status, delivered.body.outcome]).toEqual([200, "violating"]);
    expect(aws.callCounts.get("sns:Publish")).toBe(1);
  });

  // The type check and the build would take longer than all other steps.
  describe("as an installed package", () => {
    beforeEach(() => environment.project.installed());

    it("hides the secrets from other users of the machine, and removes them afterwards", async () => {
      const { AWS_ACCESS_KEY_ID = "", AWS_SECRET_ACCESS_KEY = "", ...others } = secrets;
      environment.project.write(".env", lines(others));
      Object.assign(environment.env, { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY });
      const { out, err } = await environment.deploy("--json");
      const seen = JSON.parse(environment.project.read("seen.json"));
      expect(seen.args).toContain("--ignore-package-json");
      expect(seen.modes).toEqual(["600", "700"]);
      expect(() => statSync(seen.file)).toThrow("ENOENT");
      const kept = environment.project.read(".ec2-audit/webtask/ec2-audit/deployments.json");
      for (const secret of ["AKIAFUNCTIONSOWN", "the-secret-of-the-function"]) {
        for (const text of [JSON.stringify(seen.args), JSON.stringify(seen.env), out, err, kept])
          expect(text).not.toContain(secret);
      }
      const folder = join(environment.project.folder, ".ec2-audit");
      expect((statSync(folder).mode & 0o777).toString(8)).toBe("700");
      expect(readFileSync(join(folder, ".gitignore"), "utf8")).toBe("*\n");
    });

    it("passes every value unchanged", async () => {
      secrets = {
        ...secrets,
        AUDIT_POLICY: POLICY,
        AWS_SECRET_ACCESS_KEY: "$HOME'\"#= a/b+c",
        AWS_SESSION_TOKEN: "'quoted'",
      };
      const { AUDIT_POLICY, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, SNS_SIGNING_CERT, ...others } =
        secrets;
      environment.project.write(".env", lines(others));
      const given = {
        AUDIT_POLICY,
        AWS_ACCESS_KEY_ID,
        AWS_SECRET_ACCESS_KEY,
        AWS_SESSION_TOKEN,
        SNS_SIGNING_CERT: aws.signingCert,
      };
      Object.assign(environment.env, given);
      expect((await environment.deploy()).code).toBe(0);
      expect(environment.deployedSecrets()).toEqual({
        ...others,
        ...given,
        SNS_SIGNING_CERT: aws.signingCert.trim(),
      });
    });

    it("writes every value so that wt-cli's parser reads it back, or refuses it", () => {
      const { parse } = createRequire(realpathSync(wtCli ?? ""))("dotenv");
      const parts = fc.constantFrom(
        "'",
        '"',
        "\\",
        "\\n",
        "\n",
        "\r\n",
        "$",
        "\\$",
        "HOME",
        "#",
        "=",
        " ",
        "a",
        "ü",
        "\u2028",
        "`",
      );
      let written = 0;
      fc.assert(
        fc.property(fc.oneof(fc.string({ unit: parts, maxLength: 12 }), fc.string({ unit: "binary" })), (text) => {
          const value = text.trim().replaceAll("\r\n", "\n");
          const file = textOrRefusal({ BEFORE: "1", KEY: text, AFTER: "2" });
          if (file === null) return;
          written += 1;
          expect(parse(file)).toEqual({ BEFORE: "1", KEY: value, AFTER: "2" });
        }),
        { numRuns: 1_000 },
      );
      expect(written).toBeGreaterThan(500);
    });

    it("supports OpenID accounts, and wt-cli's profiles", async () => {
      environment.cluster.logIn(environment.project.home, "OpenID");
      const { code: exit, out } = await environment.deploy("--json", "--wt-profile", "default");
      expect(exit).toBe(0);
      expect(JSON.parse(out)).toMatchObject({
        deployment: 1,
        health: { state: "good" },
        deployedNow: { deployment: 1 },
      });
      expect(environment.deployedSecrets()).toEqual(secrets);
      environment.project.write("own.env", lines(secrets));
      const own = ["--config", "wt.config.json", "--secrets-file", "own.env", "--wt-profile", "default"];
      expect((await environment.deploy(...own)).out).toContain(`  ec2-audit rollback webtask ${own.join(" ")}`);
      const other = await environment.deploy("--wt-profile", "team");
      expect(other.code).toBe(2);
      expect(other.err).toContain("wt-cli does not have that profile");
    });

    it("distinguishes a missing log-in, a refused log-in and a cluster that cannot be reached", async () => {
      const other = makeProject();
      other.installed();
      other.builds(code);
      const notLoggedIn = await other.run(["deploy", "webtask"], { env: environment.env });
      environment.cluster.logIn(other.home, "opaque token", "the-token-of-another");
      const refused = await other.run(["deploy", "webtask"], { env: environment.env });
      const elsewhere = await startCluster();
      elsewhere.logIn(other.home);
      await elsewhere.close();
      const unreachable = await other.run(["deploy", "webtask"], { env: environment.env });
      other.remove();
      expect([notLoggedIn.code, refused.code, unreachable.code, environment.cluster.created()]).toEqual([2, 2, 2, 0]);
      expect(notLoggedIn.err).toContain("wt-cli is not logged in to a webtask cluster, and nothing was deployed");
      expect(refused.err).toContain("the webtask cluster refused wt-cli's log-in, and nothing was deployed");
      expect(unreachable.err).toContain("the webtask cluster could not be reached, and nothing was deployed");
      for (const { err } of [notLoggedIn, refused]) expect(err).toContain("Log in with wt init");
    });
  });
});

function textOrRefusal(secrets: Readonly<Record<string, string>>): string | null {
  try {
    return secretsFileText(secrets);
  } catch {
    return null;
  }
}
