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
import { builtCode, lines, makeProject, SECRETS } from "../cli/webtask/project.ts";
import { answering, type Stage, setStage, withWtCli, wtCli } from "../cli/webtask/stage.ts";
import { post } from "../support/hosts.ts";
import { launchEnvelope } from "../support/launch.ts";

const POLICY = JSON.stringify({ rules: [{ rule: "required-tags", tags: ["name", 'it\'s # "$HOME" = \\n'] }] });

describe.skipIf(wtCli === undefined)(withWtCli("deploy webtask"), { timeout: 60_000 }, () => {
  let aws: EmbeddedAws;
  let stage: Stage;
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
    stage = await setStage(code, secrets);
  });
  afterEach(() => stage.close());

  it("deploys: the secrets arrive, the function is well, and a signed delivery is audited", async () => {
    const { code: exit, out, err } = await stage.deploy();
    expect([exit, err]).toEqual([0, expect.stringContaining("Uploading ec2-audit with wt-cli")]);
    const url = `${stage.cluster.url}/api/run/${stage.cluster.container}/ec2-audit`;
    expect(out).toContain(`Deployed ec2-audit, version ${version}`);
    expect(out).toContain("as deployment 1.\nIt answers, and its configuration is valid.\n");
    expect(out).toContain(url);
    expect(out).toContain(`ec2-audit setup --url ${url}`);
    expect(stage.deployedSecrets()).toEqual(secrets);
    expect(stage.deployedCode()).toBe(code);

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

  // Checking the types and building would take longer than all the rest.
  describe("as it was shipped", () => {
    beforeEach(() => stage.project.installed());

    it("shows no secret to others on the machine, and leaves none behind", async () => {
      const { AWS_ACCESS_KEY_ID = "", AWS_SECRET_ACCESS_KEY = "", ...others } = secrets;
      stage.project.write(".env", lines(others));
      Object.assign(stage.env, { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY });
      const { out, err } = await stage.deploy("--json");
      const seen = JSON.parse(stage.project.read("seen.json"));
      expect(seen.args).toContain("--ignore-package-json");
      expect(seen.modes).toEqual(["600", "700"]);
      expect(() => statSync(seen.file)).toThrow("ENOENT");
      const kept = stage.project.read(".ec2-audit/webtask/ec2-audit/deployments.json");
      for (const secret of ["AKIAFUNCTIONSOWN", "the-secret-of-the-function"]) {
        for (const place of [JSON.stringify(seen.args), JSON.stringify(seen.env), out, err, kept])
          expect(place).not.toContain(secret);
      }
      const folder = join(stage.project.folder, ".ec2-audit");
      expect((statSync(folder).mode & 0o777).toString(8)).toBe("700");
      expect(readFileSync(join(folder, ".gitignore"), "utf8")).toBe("*\n");
    });

    it("hands over every value as it was meant", async () => {
      secrets = {
        ...secrets,
        AUDIT_POLICY: POLICY,
        AWS_SECRET_ACCESS_KEY: "$HOME'\"#= a/b+c",
        AWS_SESSION_TOKEN: "'quoted'",
      };
      const { AUDIT_POLICY, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, SNS_SIGNING_CERT, ...others } =
        secrets;
      stage.project.write(".env", lines(others));
      const given = {
        AUDIT_POLICY,
        AWS_ACCESS_KEY_ID,
        AWS_SECRET_ACCESS_KEY,
        AWS_SESSION_TOKEN,
        SNS_SIGNING_CERT: aws.signingCert,
      };
      Object.assign(stage.env, given);
      expect((await stage.deploy()).code).toBe(0);
      expect(stage.deployedSecrets()).toEqual({
        ...others,
        ...given,
        SNS_SIGNING_CERT: aws.signingCert.trim(),
      });
    });

    it("writes what wt-cli's parser reads back, whatever the value, or refuses it", () => {
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
        { numRuns: 3_000 },
      );
      expect(written).toBeGreaterThan(1_500);
    });

    it("takes accounts that sign in by OpenID too, and wt-cli's profiles", async () => {
      stage.cluster.logIn(stage.project.home, "OpenID");
      const { code: exit, out } = await stage.deploy("--json", "--wt-profile", "default");
      expect(exit).toBe(0);
      expect(JSON.parse(out)).toMatchObject({
        deployment: 1,
        health: { state: "good" },
        deployedNow: { deployment: 1 },
      });
      expect(stage.deployedSecrets()).toEqual(secrets);
      stage.project.write("own.env", lines(secrets));
      const own = ["--config", "wt.config.json", "--secrets-file", "own.env", "--wt-profile", "default"];
      expect((await stage.deploy(...own)).out).toContain(`  ec2-audit rollback webtask ${own.join(" ")}`);
      const other = await stage.deploy("--wt-profile", "team");
      expect(other.code).toBe(2);
      expect(other.err).toContain("wt-cli has no such profile");
    });

    it("does not tell somebody to subscribe a function that is subscribed, and warns of another's FUNCTION_URL", async () => {
      stage.project.builds(answering(200, { name: "ec2-audit", version, configured: true, subscribed: "confirmed" }));
      stage.project.write(
        ".env",
        lines({ ...secrets, FUNCTION_URL: `${stage.cluster.url}/api/run/${stage.cluster.container}/other` }),
      );
      const other = await stage.deploy();
      expect(other.out).not.toContain("ec2-audit setup");
      expect(other.out).toContain("ec2-audit doctor");
      for (const { err } of [other, await stage.deploy("--json")]) {
        expect(err).toContain("FUNCTION_URL (.env) is not the URL that wt-cli answered");
      }
      stage.project.write(
        ".env",
        lines({ ...secrets, FUNCTION_URL: `${stage.cluster.url}/api/run/${stage.cluster.container}/ec2-audit/` }),
      );
      expect((await stage.deploy()).err).not.toContain("FUNCTION_URL");
    });

    it("says when wt-cli is not logged in, when its log-in is refused, and when the cluster is not there", async () => {
      const nobody = makeProject();
      nobody.installed();
      nobody.builds(code);
      const notLoggedIn = await nobody.run(["deploy", "webtask"], { env: stage.env });
      stage.cluster.logIn(nobody.home, "opaque token", "the-token-of-another");
      const refused = await nobody.run(["deploy", "webtask"], { env: stage.env });
      const elsewhere = await startCluster();
      elsewhere.logIn(nobody.home);
      await elsewhere.close();
      const unreachable = await nobody.run(["deploy", "webtask"], { env: stage.env });
      nobody.remove();
      expect([notLoggedIn.code, refused.code, unreachable.code, stage.cluster.created()]).toEqual([2, 2, 2, 0]);
      expect(notLoggedIn.err).toContain("wt-cli is not logged in to a webtask cluster, and nothing was deployed");
      expect(refused.err).toContain("the webtask cluster does not take the log-in of wt-cli, and nothing was deployed");
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
