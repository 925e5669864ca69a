import { createServer, request as httpRequest, type RequestOptions, type Server } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { loadBuilt } from "../support/hosts.ts";
import { launchEvent } from "../support/launch.ts";
import { answerAsAws } from "../support/network.ts";

/**
 * The file that is deployed, without an AWS_ENDPOINT_URL: what it leaves out of the SDK must not be needed on the way to
 * AWS's own hosts either. https requests are turned to loopback, and those hosts are written down.
 */
let server: Server;
const asked: string[] = [];

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const parameters = new URLSearchParams(body);
    const action = parameters.get("Action");
    asked.push(`${action} ${request.headers.host}`);
    const untagged = `<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>${INSTANCE}</instanceId>
      <instanceState><name>running</name></instanceState></item></instancesSet></item></reservationSet></DescribeInstancesResponse>`;
    const sent = { action, parameters, protocol: "", hostname: "", accessKeyId: "", scope: "", sessionToken: "" };
    response.end(action === "DescribeInstances" ? untagged : answerAsAws(sent));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(() => void server.close());
afterEach(() => {
  asked.length = 0;
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

const INSTANCE = "i-0123456789abcdef0";
const OTHER = "210987654321";

function turnToLoopback(): void {
  const { port } = server.address() as AddressInfo;
  const turned = ({ headers, method, path }: RequestOptions, onResponse?: Parameters<typeof httpRequest>[2]) =>
    httpRequest({ headers, method, path, host: "127.0.0.1", port }, onResponse);
  vi.spyOn(https, "request").mockImplementation(turned as typeof https.request);
}

describe.each([
  { region: "us-east-1", partition: "aws", domain: "us-east-1.amazonaws.com" },
  { region: "eu-west-1", partition: "aws", domain: "eu-west-1.amazonaws.com" },
  { region: "cn-north-1", partition: "aws-cn", domain: "cn-north-1.amazonaws.com.cn" },
  { region: "us-gov-west-1", partition: "aws-us-gov", domain: "us-gov-west-1.amazonaws.com" },
  { region: "eusc-de-east-1", partition: "aws-eusc", domain: "eusc-de-east-1.amazonaws.eu" },
])("in $region", ({ region, partition, domain }) => {
  it("audits a launch of another account, and alerts it, at AWS's own hosts of that region", async () => {
    turnToLoopback();
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
    const answer = await loadBuilt().handler(event, { getRemainingTimeInMillis: () => 30_000 });
    expect(answer).toMatchObject({ outcomes: [{ outcome: "violating" }] });
    expect(asked).toEqual([
      `GetCallerIdentity sts.${domain}`,
      `AssumeRole sts.${domain}`,
      `DescribeTags ec2.${domain}`,
      `DescribeInstances ec2.${domain}`,
      `Publish sns.${domain}`,
    ]);
  });
});
