import { request as httpRequest, type RequestOptions } from "node:http";
import https from "node:https";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { type CannedAws, cannedResponse, startCannedAws } from "../support/canned-aws.ts";
import { loadBuilt } from "../support/hosts.ts";
import { launchEvent } from "../support/launch.ts";

/**
 * The built file without AWS_ENDPOINT_URL: it must not need the parts of the SDK that it leaves out to call AWS's own
 * hosts. The test redirects https requests to loopback and records their hosts.
 */
let aws: CannedAws;
const called: string[] = [];

beforeAll(async () => {
  aws = await startCannedAws((call, request) => {
    called.push(`${call.action} ${request.headers.host}`);
    return cannedResponse(call);
  });
});
afterAll(() => aws.close());
afterEach(() => {
  called.length = 0;
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

const INSTANCE = "i-0123456789abcdef0";
const OTHER = "210987654321";

function redirectToLoopback(): void {
  const { port } = new URL(aws.url);
  const redirected = ({ headers, method, path }: RequestOptions, onResponse?: Parameters<typeof httpRequest>[2]) =>
    httpRequest({ headers, method, path, host: "127.0.0.1", port }, onResponse);
  vi.spyOn(https, "request").mockImplementation(redirected as typeof https.request);
}

describe.each([
  { region: "us-east-1", partition: "aws", domain: "us-east-1.amazonaws.com" },
  { region: "eu-west-1", partition: "aws", domain: "eu-west-1.amazonaws.com" },
  { region: "cn-north-1", partition: "aws-cn", domain: "cn-north-1.amazonaws.com.cn" },
  { region: "us-gov-west-1", partition: "aws-us-gov", domain: "us-gov-west-1.amazonaws.com" },
  { region: "eusc-de-east-1", partition: "aws-eusc", domain: "eusc-de-east-1.amazonaws.eu" },
])("in $region", ({ region, partition, domain }) => {
  it("audits and alerts a launch of another account with calls to the region's hosts", async () => {
    redirectToLoopback();
    vi.spyOn(process.stdout, "write").mockReturnValue(true);
    const settings = {
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
      AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
      ALERT_TOPIC_ARN: `arn:${partition}:sns:${region}:123456789012:ec2_audit_alert`,
      AUDIT_ROLE_NAME: "ec2-audit",
    };
    for (const [key, value] of Object.entries(settings)) vi.stubEnv(key, value);
    const event = { ...launchEvent(INSTANCE, Date.now() - 120_000), account: OTHER, region };
    const result = await loadBuilt().handler(event, { getRemainingTimeInMillis: () => 30_000 });
    expect(result).toMatchObject({ outcomes: [{ outcome: "violating" }] });
    expect(called).toEqual([
      `GetCallerIdentity sts.${domain}`,
      `AssumeRole sts.${domain}`,
      `DescribeTags ec2.${domain}`,
      `DescribeInstances ec2.${domain}`,
      `Publish sns.${domain}`,
    ]);
  });
});
