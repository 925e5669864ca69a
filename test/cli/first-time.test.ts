import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type EmbeddedAws, type Fault, startEmbeddedAws } from "../../src/local/aws/index.ts";
import { operatorAt, runCommand } from "./run.ts";

const NOT_AWS = "error: the response did not come from AWS\n  Check AWS_ENDPOINT_URL.";

/** What a new operator meets first, whichever command is tried: each says what is wrong and what to do. */
describe("The first errors of a new operator", () => {
  let aws: EmbeddedAws;
  beforeAll(async () => {
    aws = await startEmbeddedAws();
  });
  afterAll(() => aws.close());
  beforeEach(() => aws.faults.clear());
  const setup = (env: Readonly<Record<string, string>>, ...args: readonly string[]) =>
    runCommand(["setup", ...args], { env });

  it("reports missing credentials", async () => {
    const { code, err } = await setup({ AWS_ENDPOINT_URL: aws.endpoint, AWS_REGION: "us-east-1" });
    expect(code).toBe(2);
    expect(err).toContain("error: no AWS credentials were found\n  Sign in with aws sso login or aws configure");
  });

  it("reports a profile that does not exist", async () => {
    for (const [env, ...args] of [[{}, "--profile", "nope"], [{ AWS_PROFILE: "nope" }]] as const) {
      const { code, err } = await setup({ AWS_REGION: "us-east-1", ...env }, ...args);
      expect([code, err]).toEqual([2, expect.stringContaining("the AWS profile nope does not exist\n")]);
      expect(err).toContain("aws configure list-profiles lists the profiles.");
    }
  });

  it("reports a profile without credentials, or without a region", async () => {
    const folder = mkdtempSync(join(tmpdir(), "ec2-audit-empty-"));
    const file = join(folder, "config");
    writeFileSync(file, "[profile bare]\noutput = json\n");
    const env = { AWS_CONFIG_FILE: file, AWS_PROFILE: "bare" };
    const { err } = await setup({ ...env, AWS_REGION: "us-east-1" });
    const { err: without } = await setup(env);
    rmSync(folder, { recursive: true });
    expect(err).toContain("error: no AWS credentials were found for the profile bare\n");
    expect(without).toContain("error: no region is set, and the profile bare has none\n");
  });

  it.each([
    ["AWS_ENDPOINT_URL", "127.0.0.1:4611"],
    ["AWS_ENDPOINT_URL", "localhost"],
    ["AWS_ENDPOINT_URL", "localhost:4566"],
    ["AWS_ENDPOINT_URL_SNS", "localhost"],
  ])("reports %s if it is %s", async (name, value) => {
    const { code, err } = await setup({ ...operatorAt(aws.endpoint), [name]: value });
    expect([code, err]).toEqual([2, `error: ${name} is not a URL\n  A URL is, for example, http://127.0.0.1:4566.`]);
  });

  it.each(["", "_SNS", "_SQS", "_EVENTBRIDGE"])(
    "reports a server that is not AWS at AWS_ENDPOINT_URL%s",
    async (service) => {
      const page = "<!doctype html><html><body>Welcome</body></html>";
      for (const [status, text] of [
        [200, page],
        [200, "<html><body>Welcome</body></html>"],
        [404, "404 page not found"],
        [404, "<html><body>no</body></html>"],
        [405, ""],
      ] as const) {
        const server = createHttpServer((_, response) => response.writeHead(status).end(text)).listen(0, "127.0.0.1");
        await new Promise((resolve) => server.once("listening", resolve));
        const { port } = server.address() as AddressInfo;
        const env = { ...operatorAt(aws.endpoint), [`AWS_ENDPOINT_URL${service}`]: `http://127.0.0.1:${port}` };
        const ends = [await setup(env), await runCommand(["teardown"], { env })];
        server.closeAllConnections();
        server.close();
        for (const { code, out, err } of ends) {
          expect([code, out, err], `${status} ${text}`).toEqual([2, "", expect.stringContaining(NOT_AWS)]);
        }
      }
    },
  );

  it("reports a failure of AWS", async () => {
    const { code, err } = await refused("error");
    expect([code, err]).toEqual([2, expect.stringMatching(/error: AWS failed: Internal\w+: /)]);
    expect(err).toContain("Nothing is lost: run the command again in a minute.");
  }, 40_000);

  it("reports a timeout without the names of the SDK's packages", async () => {
    const create = () =>
      new Command().action(() => {
        const message =
          "@smithy/node-http-handler - [ERROR] a request has exceeded the configured 20000 ms requestTimeout.";
        throw Object.assign(new Error(message), { name: "TimeoutError" });
      });
    const { err } = await runCommand([], { create });
    expect(err).toContain("AWS could not be reached: TimeoutError: a request has exceeded the configured 20000 ms");
  });

  it("reports a missing region", async () => {
    const { AWS_REGION: _, ...env } = operatorAt(aws.endpoint);
    const { code, err } = await setup(env);
    expect([code, err]).toEqual([
      2,
      "error: no region is set\n  Give --region, such as --region us-east-1, or set AWS_REGION.",
    ]);
  });

  it("reports an invalid region name", async () => {
    const { code, err } = await setup(operatorAt(aws.endpoint), "--region", "frankfurt");
    expect([code, err]).toEqual([
      2,
      expect.stringContaining('"frankfurt" is not the name of an AWS region, such as us-east-1'),
    ]);
  });

  it("reports a region that does not exist", async () => {
    const { AWS_ENDPOINT_URL: _, ...env } = operatorAt(aws.endpoint);
    const { code, err } = await setup(env, "--region", "us-middle-7");
    expect(code).toBe(2);
    expect(err).toMatch(/error: the host does not exist: .*us-middle-7.*\n {2}Check the region's name \(--region\)/);
  }, 40_000);

  it("reports a refused connection to AWS_ENDPOINT_URL", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    await new Promise((resolve) => server.close(resolve));
    const { code, err } = await setup(operatorAt(`http://127.0.0.1:${port}`));
    expect([code, err]).toEqual([2, expect.stringContaining("error: AWS could not be reached")]);
    expect(err).toContain("If AWS_ENDPOINT_URL is set, check that an emulator listens there.");
  });

  const refused = async (kind: Fault["kind"]) => {
    aws.faults.add({ kind, times: 100 });
    return setup(operatorAt(aws.endpoint));
  };

  it("reports keys that AWS rejects", async () => {
    const { code, err } = await refused("bad-key");
    expect([code, err]).toEqual([2, expect.stringMatching(/error: AWS does not accept these credentials: \w+:/)]);
  });

  it("names a call that is not allowed", async () => {
    const { code, err } = await refused("deny");
    expect([code, err]).toEqual([
      2,
      expect.stringMatching(/error: AWS does not allow this: .*is not authorized to perform/),
    ]);
  });

  it("reports a profile that requires a one-time code", async () => {
    const folder = mkdtempSync(join(tmpdir(), "ec2-audit-mfa-"));
    const file = join(folder, "config");
    const role =
      "role_arn = arn:aws:iam::123456789012:role/r\nsource_profile = keys\nmfa_serial = arn:aws:iam::1:mfa/me";
    const keys = "aws_access_key_id = AKIAKEYS\naws_secret_access_key = s";
    writeFileSync(file, `[profile mfa]\n${role}\n[profile keys]\n${keys}\n`);
    const env = { AWS_ENDPOINT_URL: aws.endpoint, AWS_REGION: "us-east-1", AWS_CONFIG_FILE: file };
    const { code, err } = await setup(env, "--profile", "mfa");
    rmSync(folder, { recursive: true });
    expect([code, err]).toEqual([2, expect.stringContaining("error: the profile requires a one-time code (MFA)")]);
    expect(err).toContain("aws configure export-credentials");
  });

  it('does not take "associated" for an SSO error', async () => {
    const create = () =>
      new Command().action(() => {
        throw new Error("the key associated with the topic was not found");
      });
    const { err } = await runCommand([], { create });
    expect(err).toBe("error: the key associated with the topic was not found");
  });

  it("reports throttling", async () => {
    const { code, err } = await refused("throttle");
    expect([code, err]).toEqual([2, expect.stringContaining("error: AWS throttled the call")]);
  }, 40_000);

  it("reports a proxy's page without a stack trace", async () => {
    const { code, err } = await refused("html");
    expect([code, err]).toEqual([2, expect.stringMatching(/^error: |\nerror: /)]);
    expect(err).not.toMatch(/\n\s+at /);
  });

  it("never shows a secret key", async () => {
    for (const kind of ["bad-key", "deny", "html"] as const) {
      aws.faults.clear();
      const { out, err } = await refused(kind);
      expect(out + err).not.toContain("operator-secret");
    }
  });
});

describe("Credentials and region are found as the AWS CLI finds them", () => {
  let aws: EmbeddedAws;
  const folder = mkdtempSync(join(tmpdir(), "ec2-audit-profile-"));
  beforeAll(async () => {
    aws = await startEmbeddedAws();
    const profile = ["[profile work]", "region = eu-central-1"];
    const keys = ["[work]", "aws_access_key_id = AKIAPROFILE", "aws_secret_access_key = secret-of-the-profile"];
    writeFileSync(join(folder, "config"), profile.join("\n"));
    writeFileSync(join(folder, "credentials"), keys.join("\n"));
  });
  afterAll(async () => {
    await aws.close();
    rmSync(folder, { recursive: true });
  });
  const files = () => ({
    AWS_ENDPOINT_URL: aws.endpoint,
    AWS_CONFIG_FILE: join(folder, "config"),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, "credentials"),
  });
  const asked = async (env: Readonly<Record<string, string>>, ...args: readonly string[]) => {
    const from = aws.calls.length;
    await runCommand(["setup", "--dry-run", ...args], { env });
    return [...new Set(aws.calls.slice(from).map(({ accessKeyId, region }) => `${accessKeyId} ${region}`))];
  };

  it("by --profile, with the region of the profile", async () => {
    expect(await asked(files(), "--profile", "work")).toEqual(["AKIAPROFILE eu-central-1"]);
  });

  it("by --profile, also in the suggested commands", async () => {
    const { out } = await runCommand(["setup", "--profile", "work"], { env: files() });
    expect(out).toContain("aws iam put-user-policy --profile work --user-name ec2-audit");
  });

  it("by AWS_PROFILE, with --region before it", async () => {
    expect(await asked({ ...files(), AWS_PROFILE: "work" }, "--region", "us-west-2")).toEqual([
      "AKIAPROFILE us-west-2",
    ]);
  });

  it("by the environment, where AWS_REGION comes before AWS_DEFAULT_REGION", async () => {
    const env = operatorAt(aws.endpoint, "ap-south-1");
    expect(await asked({ ...env, AWS_DEFAULT_REGION: "us-west-2" })).toEqual(["operator ap-south-1"]);
    const { AWS_REGION: _, ...without } = env;
    expect(await asked({ ...without, AWS_DEFAULT_REGION: "us-west-2" })).toEqual(["operator us-west-2"]);
    expect(await asked({ ...without, AWS_REGION: "", AWS_DEFAULT_REGION: "us-west-2" })).toEqual([
      "operator us-west-2",
    ]);
  });

  it("by an explicit --profile, whatever keys are in the environment, without a warning of the SDK", async () => {
    const warn = vi.spyOn(console, "warn");
    const env = { ...files(), ...operatorAt(aws.endpoint), AWS_PROFILE: "other" };
    expect(await asked(env, "--profile", "work")).toEqual(["AKIAPROFILE us-east-1"]);
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });

  it("by the credentials in the environment, even with AWS_PROFILE", async () => {
    const env = { ...files(), ...operatorAt(aws.endpoint), AWS_PROFILE: "work" };
    expect(await asked(env)).toEqual(["operator us-east-1"]);
  });

  it("without the variables that are empty", async () => {
    const { AWS_REGION: _, ...without } = operatorAt(aws.endpoint);
    const empty = { AWS_REGION: "", AWS_DEFAULT_REGION: "", AWS_PROFILE: "", AWS_SESSION_TOKEN: "" };
    const { code, err } = await runCommand(["setup"], { env: { ...without, ...empty } });
    expect([code, err]).toEqual([2, expect.stringContaining("error: no region is set\n")]);
    const keys = { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "" };
    expect(await asked({ ...files(), ...empty, ...keys, AWS_PROFILE: "work" })).toEqual(["AKIAPROFILE eu-central-1"]);
  });

  it("not by an access key id without its secret key, or the reverse", async () => {
    const { AWS_SECRET_ACCESS_KEY: _, ...half } = operatorAt(aws.endpoint);
    const { code, err } = await runCommand(["setup"], { env: { ...files(), ...half, AWS_PROFILE: "work" } });
    expect([code, err]).toEqual([2, expect.stringContaining("AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY")]);
  });

  it("and are named, with the account, before setup or teardown changes anything", async () => {
    const profile = ["--profile", "work", "--region", "us-east-1"];
    const { err } = await runCommand(["setup", ...profile], { env: files() });
    expect(err).toContain("Setting up EC2 audit in us-east-1 (123456789012), with the profile work\n");
    const { out } = await runCommand(["teardown", ...profile], { env: files(), answer: false });
    expect(out).toContain("EC2 audit in us-east-1, account 123456789012, with the profile work:\n");
    for (const command of ["setup", "teardown"]) {
      const { out: json } = await runCommand([command, "--dry-run", "--json"], { env: operatorAt(aws.endpoint) });
      expect(JSON.parse(json)).toMatchObject({
        account: "123456789012",
        credentials: "the credentials in the environment",
      });
    }
  });

  it("from one provider for all services, which assumes a role once", async () => {
    const role = "role_arn = arn:aws:iam::123456789012:role/operator\nsource_profile = work";
    const file = join(folder, "with-role");
    writeFileSync(file, `[profile deployer]\nregion = us-east-1\n${role}\n`);
    const from = aws.calls.length;
    await runCommand(["setup", "--dry-run", "--profile", "deployer"], { env: { ...files(), AWS_CONFIG_FILE: file } });
    const calls = aws.calls.slice(from).map(({ action }) => action);
    expect(calls.length).toBeGreaterThan(3);
    expect(calls.filter((action) => action === "AssumeRole")).toHaveLength(1);
  });
});
