import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { DescribeTagsCommand } from "@aws-sdk/client-ec2";
import { PublishCommand } from "@aws-sdk/client-sns";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Clients, createClients } from "../../src/aws/clients.ts";
import { assumedRole, cannedResponse } from "../support/canned-aws.ts";
import { configOf } from "../support/config.ts";
import { ACCOUNT, AT } from "../support/events.ts";
import { interceptNetwork, type Sent } from "../support/network.ts";

const OTHER = "210987654321";
const MINUTE = 60_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: AT });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const clientsOf = (more: Readonly<Record<string, unknown>> = {}) => createClients(configOf(more), Date.now);
const describeTags = (clients: Clients, account: string, region: string) =>
  clients.ec2(account === ACCOUNT ? null : account, region).send(new DescribeTagsCommand({}));
const publish = (clients: Clients, region: string) =>
  clients.sns(region).send(new PublishCommand({ TopicArn: "arn", Message: "x" }));
const callsOf = (sent: readonly Sent[], action: string) => sent.filter((request) => request.action === action);

describe("in the function's own account", () => {
  it("calls EC2 in the launch's region, signed with the configured key", async () => {
    const sent = interceptNetwork();
    await describeTags(clientsOf(), ACCOUNT, "eu-west-1");
    expect(sent).toMatchObject([
      {
        protocol: "https:",
        hostname: "ec2.eu-west-1.amazonaws.com",
        accessKeyId: "AKIAIOSFODNN7EXAMPLE",
        scope: "eu-west-1/ec2",
        sessionToken: undefined,
      },
    ]);
  });

  it("sends the session token", async () => {
    const sent = interceptNetwork();
    await describeTags(clientsOf({ AWS_SESSION_TOKEN: "our-token" }), ACCOUNT, "us-east-1");
    expect(sent[0]?.sessionToken).toBe("our-token");
  });

  it("calls SNS in the region of the topic", async () => {
    const sent = interceptNetwork();
    await publish(clientsOf(), "ap-south-1");
    expect(sent).toMatchObject([{ hostname: "sns.ap-south-1.amazonaws.com", scope: "ap-south-1/sns" }]);
  });

  it("assumes no role, even if one is configured", async () => {
    const sent = interceptNetwork();
    await describeTags(clientsOf({ AUDIT_ROLE_NAME: "ec2-audit" }), ACCOUNT, "us-east-1");
    expect(callsOf(sent, "AssumeRole")).toEqual([]);
  });

  it("creates one client for each account and region", () => {
    const clients = clientsOf();
    expect(clients.ec2(null, "us-east-1")).toBe(clients.ec2(null, "us-east-1"));
    expect(clients.ec2(null, "us-east-1")).not.toBe(clients.ec2(null, "eu-west-1"));
    expect(clients.ec2(null, "us-east-1")).not.toBe(clients.ec2(OTHER, "us-east-1"));
    expect(clients.sns("us-east-1")).toBe(clients.sns("us-east-1"));
  });
});

describe("in another account", () => {
  const role = { AUDIT_ROLE_NAME: "ec2-audit" };

  it("assumes the role with the configured key, and calls EC2 with the assumed credentials", async () => {
    const sent = interceptNetwork();
    await describeTags(clientsOf({ ...role, AWS_SESSION_TOKEN: "our-token" }), OTHER, "eu-west-1");
    const [assume, describe] = sent;
    expect(assume).toMatchObject({
      hostname: "sts.us-east-1.amazonaws.com",
      accessKeyId: "AKIAIOSFODNN7EXAMPLE",
      sessionToken: "our-token",
    });
    expect(assume?.parameters.get("RoleArn")).toBe("arn:aws:iam::210987654321:role/ec2-audit");
    expect(assume?.parameters.get("RoleSessionName")).toBe("ec2-audit");
    expect(describe).toMatchObject({
      hostname: "ec2.eu-west-1.amazonaws.com",
      accessKeyId: "ASIAIOSFODNN7EXAMPLE",
      sessionToken: "assumed-token",
    });
  });

  it("publishes alerts with the configured key", async () => {
    const sent = interceptNetwork();
    const clients = clientsOf(role);
    await describeTags(clients, OTHER, "us-east-1");
    await publish(clients, "us-east-1");
    expect(callsOf(sent, "Publish")[0]?.accessKeyId).toBe("AKIAIOSFODNN7EXAMPLE");
  });

  it("includes the path of a role", async () => {
    const sent = interceptNetwork();
    await describeTags(clientsOf({ AUDIT_ROLE_NAME: "auditors/ec2" }), OTHER, "us-east-1");
    expect(sent[0]?.parameters.get("RoleArn")).toBe("arn:aws:iam::210987654321:role/auditors/ec2");
  });

  it("assumes the role once for all regions and concurrent calls", async () => {
    const sent = interceptNetwork();
    const clients = clientsOf(role);
    await Promise.all(["us-east-1", "eu-west-1", "us-east-1"].map((region) => describeTags(clients, OTHER, region)));
    await describeTags(clients, OTHER, "ap-south-1");
    expect(callsOf(sent, "AssumeRole")).toHaveLength(1);
    expect(callsOf(sent, "DescribeTags")).toHaveLength(4);
  });

  it("assumes the role once for each account, even with more accounts than cached clients", async () => {
    const sent = interceptNetwork();
    const clients = clientsOf(role);
    const accounts = Array.from({ length: 300 }, (_, index) => String(400_000_000_000 + index));
    for (const account of [...accounts, ...accounts]) await describeTags(clients, account, "us-east-1");
    expect(callsOf(sent, "DescribeTags")).toHaveLength(600);
    expect(callsOf(sent, "AssumeRole")).toHaveLength(300);
  });

  it("assumes the role of each account", async () => {
    const sent = interceptNetwork();
    const clients = clientsOf(role);
    for (const account of [OTHER, "333333333333", OTHER]) await describeTags(clients, account, "us-east-1");
    expect(callsOf(sent, "AssumeRole").map(({ parameters }) => parameters.get("RoleArn"))).toEqual([
      "arn:aws:iam::210987654321:role/ec2-audit",
      "arn:aws:iam::333333333333:role/ec2-audit",
    ]);
  });

  it("uses assumed credentials until five minutes before they expire, then assumes the role again", async () => {
    let times = 0;
    const sent = interceptNetwork((request) =>
      request.action === "AssumeRole"
        ? assumedRole(`ASIA${++times}`, new Date(Date.now() + 60 * MINUTE))
        : cannedResponse(request),
    );
    const clients = clientsOf(role);
    const keys = [];
    for (const minutes of [0, 54, 56, 60 + 50, 60 + 52]) {
      vi.setSystemTime(AT + minutes * MINUTE);
      for (const region of ["us-east-1", "eu-west-1"]) await describeTags(clients, OTHER, region);
      keys.push(
        callsOf(sent, "DescribeTags")
          .slice(-2)
          .map(({ accessKeyId }) => accessKeyId),
      );
    }
    expect(keys).toEqual([
      ["ASIA1", "ASIA1"],
      ["ASIA1", "ASIA1"],
      ["ASIA2", "ASIA2"],
      ["ASIA2", "ASIA2"],
      ["ASIA3", "ASIA3"],
    ]);
    expect(times).toBe(3);
  });

  it("does not cache a failure to assume the role", async () => {
    let times = 0;
    const sent = interceptNetwork((request) =>
      request.action === "AssumeRole" && ++times === 1 ? "<AssumeRoleResponse/>" : cannedResponse(request),
    );
    const clients = clientsOf(role);
    const both = ["us-east-1", "eu-west-1"].map((region) => describeTags(clients, OTHER, region));
    for (const answer of await Promise.allSettled(both)) {
      expect(answer).toMatchObject({
        status: "rejected",
        reason: { message: "AssumeRole returned no credentials" },
      });
    }
    expect(callsOf(sent, "DescribeTags")).toEqual([]);
    await describeTags(clients, OTHER, "us-east-1");
    await describeTags(clients, OTHER, "eu-west-1");
    expect(callsOf(sent, "AssumeRole")).toHaveLength(2);
  });

  it("does not share a failure between accounts", async () => {
    interceptNetwork((request) =>
      request.parameters.get("RoleArn")?.includes(OTHER) ? "<AssumeRoleResponse/>" : cannedResponse(request),
    );
    const clients = clientsOf(role);
    await expect(describeTags(clients, OTHER, "us-east-1")).rejects.toThrow();
    await expect(describeTags(clients, "333333333333", "us-east-1")).resolves.toBeDefined();
  });
});

describe("the endpoint", () => {
  it("is AWS_ENDPOINT_URL for every call, if it is set", async () => {
    const sent = interceptNetwork();
    const clients = clientsOf({ AWS_ENDPOINT_URL: "http://127.0.0.1:5000", AUDIT_ROLE_NAME: "ec2-audit" });
    await describeTags(clients, OTHER, "eu-west-1");
    await publish(clients, "us-east-1");
    expect(sent.map(({ action }) => action)).toEqual(["AssumeRole", "DescribeTags", "Publish"]);
    expect(new Set(sent.map(({ protocol, hostname }) => `${protocol}//${hostname}`))).toEqual(
      new Set(["http://127.0.0.1"]),
    );
  });

  it.each(["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2"])("is not read from the host's own %s", async (key) => {
    const sent = interceptNetwork();
    vi.stubEnv(key, "http://127.0.0.1:9");
    await describeTags(clientsOf(), ACCOUNT, "us-east-1");
    vi.unstubAllEnvs();
    expect(sent[0]?.hostname).toBe("ec2.us-east-1.amazonaws.com");
  });
});

describe("a connection", () => {
  it("that the server closed is retried once", async () => {
    const reset = () => Object.assign(new Error("socket hang up"), { code: "ECONNRESET", name: "TimeoutError" });
    vi.useRealTimers();
    let failures = 1;
    const sent = interceptNetwork((request) => (failures-- > 0 ? reset() : cannedResponse(request)));
    await describeTags(clientsOf(), ACCOUNT, "us-east-1");
    expect(sent).toHaveLength(2);

    failures = Number.POSITIVE_INFINITY;
    await expect(describeTags(clientsOf(), ACCOUNT, "us-east-1")).rejects.toThrow("socket hang up");
    expect(sent).toHaveLength(4);
  });

  it("has timeouts to open, to respond and to continue, so that three calls fit into SNS's 15 s", async () => {
    const server = createServer((_request, response) =>
      response.end("<DescribeTagsResponse><tagSet/></DescribeTagsResponse>"),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const clients = clientsOf({ AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` });
      await describeTags(clients, ACCOUNT, "us-east-1");
      const { requestHandler } = clients.ec2(null, "us-east-1").config;
      const settings = requestHandler instanceof NodeHttpHandler ? requestHandler.httpHandlerConfigs() : {};
      expect(settings).toMatchObject({ throwOnRequestTimeout: true });
      for (const limit of ["connectionTimeout", "requestTimeout", "socketTimeout"] as const) {
        expect({ [limit]: settings[limit] ?? Number.POSITIVE_INFINITY }).toEqual({
          [limit]: expect.toSatisfy((ms) => ms > 0 && ms <= 5_000),
        });
      }
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
