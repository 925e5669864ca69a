import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type EmbeddedAws, startEmbeddedAws } from "../../src/local/aws/index.ts";
import { loadBuilt } from "../support/hosts.ts";
import { readTemplate, TEMPLATE } from "./template.ts";

/** The template's inline code that CodeDeploy calls before a new version gets traffic, with the built file as the version. */
const VERSION = "arn:aws:lambda:us-east-1:123456789012:function:ec2-audit:7";
const CHECK = "arn:aws:lambda:us-east-1:123456789012:function:CodeDeployHook_check";
const DEPLOYMENT = { DeploymentId: "d-ABCDEF123", LifecycleEventHookExecutionId: "execution" };
const TOPIC = "arn:aws:sns:us-east-1:123456789012:alerts";

/** Lambda's response to Invoke. */
interface Invoked {
  readonly FunctionError?: string;
  readonly Payload?: Uint8Array;
}
interface Command {
  readonly input: Readonly<Record<string, unknown>>;
}
type Invoke = (input: Readonly<Record<string, unknown>>) => Promise<Invoked>;

function inlineCode(): string {
  const code = readTemplate(TEMPLATE).Resources.VersionCheck?.Properties.Code as { ZipFile: string } | undefined;
  return code?.ZipFile ?? "";
}

/** Runs the check with `invoke` as Lambda. Returns its reports to CodeDeploy. */
async function check(invoke: Invoke): Promise<readonly Command["input"][]> {
  const reports: Command["input"][] = [];
  class Sent implements Command {
    constructor(readonly input: Command["input"]) {}
  }
  const modules: Readonly<Record<string, object>> = {
    "@aws-sdk/client-lambda": {
      InvokeCommand: Sent,
      LambdaClient: class {
        send = ({ input }: Command) => invoke(input);
      },
    },
    "@aws-sdk/client-codedeploy": {
      PutLifecycleEventHookExecutionStatusCommand: Sent,
      CodeDeployClient: class {
        send = async ({ input }: Command) => reports.push(input);
      },
    },
  };
  const code: { handler?(event: object, context: object): Promise<void> } = {};
  const host = { env: { NEW_VERSION: VERSION } };
  new Function("require", "exports", "process", inlineCode())((name: string) => modules[name], code, host);
  await code.handler?.(DEPLOYMENT, { invokedFunctionArn: CHECK });
  return reports;
}

let aws: EmbeddedAws;
beforeEach(async () => {
  aws = await startEmbeddedAws({});
  vi.spyOn(console, "log").mockReturnValue();
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await aws.close();
});

/** Lambda with the built file as the new version. */
async function version({ FunctionName, Payload }: Command["input"], settings: Readonly<Record<string, string>> = {}) {
  expect(FunctionName).toBe(VERSION);
  const environment = {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "function",
    AWS_SECRET_ACCESS_KEY: "secret",
    AWS_ENDPOINT_URL: aws.endpoint,
    ALERT_TOPIC_ARN: TOPIC,
    GRACE_SECONDS: "0",
    ...settings,
  };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  const context = { invokedFunctionArn: VERSION, getRemainingTimeInMillis: () => 30_000 };
  const response = await loadBuilt().handler(JSON.parse(String(Payload)), context);
  return { Payload: Buffer.from(JSON.stringify(response)) };
}
const status = (reports: readonly Command["input"][]) => reports.map((each) => each.status);

describe("the check before a new version gets traffic", () => {
  it("passes a version that audits the launch of an instance that does not exist, without an alert", async () => {
    const reports = await check((input) => version(input));
    expect(reports).toEqual([
      { deploymentId: "d-ABCDEF123", lifecycleEventHookExecutionId: "execution", status: "Succeeded" },
    ]);
    const calls = aws.calls.map(({ service, action }) => `${service}:${action}`);
    expect(calls).toContain("ec2:DescribeInstances");
    expect(calls).not.toContain("sns:Publish");
  });

  it("fails a version that is misconfigured", async () => {
    expect(status(await check((input) => version(input, { ALERT_TOPIC_ARN: "none" })))).toEqual(["Failed"]);
  });

  it("fails a version without access to EC2", async () => {
    aws.faults.add({ kind: "deny", service: "ec2" });
    expect(status(await check((input) => version(input)))).toEqual(["Failed"]);
  });

  // https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
  it.each<[string, Invoke]>([
    [
      "cannot load",
      async () => ({ FunctionError: "Unhandled", Payload: Buffer.from('{"errorType":"Runtime.ImportModuleError"}') }),
    ],
    ["returns a malformed response", async () => ({ Payload: Buffer.from("null") })],
    ["returns nothing", async () => ({})],
    ["cannot be called", () => Promise.reject(new Error("AccessDeniedException"))],
  ])("reports a version that %s, so that CodeDeploy does not wait for an hour", async (_, invoke) => {
    expect(status(await check(invoke))).toEqual(["Failed"]);
  });

  it("is small enough for inline code, and has a name that CodeDeploy's managed policy allows", () => {
    expect(inlineCode().length).toBeLessThanOrEqual(4_096);
    const name = readTemplate(TEMPLATE).Resources.VersionCheck?.Properties.FunctionName as { "Fn::Sub": [string] };
    expect(name["Fn::Sub"][0]).toMatch(/^CodeDeployHook_/);
  });
});
