import { DescribeTagsCommand } from "@aws-sdk/client-ec2";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Clients, createClients } from "../../src/aws/clients.ts";
import { assumedRole, cannedResponse } from "../support/canned-aws.ts";
import { configOf } from "../support/config.ts";
import { AT } from "../support/events.ts";
import { interceptNetwork, refusedByEc2 } from "../support/network.ts";

const [SHOP, LAB] = ["210987654321", "333333333333"] as const;
const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

let clients: Clients;
/** The access keys of assumed roles and of calls to EC2, and the error of each key that EC2 refuses. */
let given: string[];
let used: string[];
let refused: (accessKeyId: string) => string | undefined;
let stsFails: boolean;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: AT });
  [given, used, refused, stsFails] = [[], [], () => undefined, false];
  interceptNetwork((request) => {
    if (request.action === "AssumeRole") {
      if (stsFails) return new Error("STS does not answer");
      given.push(`ASIA${given.length + 1}`);
      return assumedRole(given.at(-1) ?? "", new Date(Date.now() + HOUR));
    }
    const { accessKeyId = "" } = request;
    used.push(accessKeyId);
    const code = refused(accessKeyId);
    return code === undefined ? cannedResponse(request) : refusedByEc2(code);
  });
  clients = createClients(configOf({ AUDIT_ROLE_NAME: "ec2-audit" }), Date.now);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const ask = (account: string = SHOP, region = "us-east-1") =>
  clients.ec2(account, region).send(new DescribeTagsCommand({}));
const later = (milliseconds: number) => vi.setSystemTime(Date.now() + milliseconds);

/** Makes EC2 refuse all credentials so far, as if the role was recreated or its sessions were revoked. */
function refuseSoFar(code = "AuthFailure"): void {
  const old = new Set(given);
  refused = (key) => (old.has(key) ? code : undefined);
}

describe("assumed credentials that EC2 refuses", () => {
  it.each([
    "AuthFailure",
    "ExpiredToken",
    "InvalidClientTokenId",
    "RequestExpired",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
  ])("with %s are dropped: the role is assumed again, and the call retried once", async (code) => {
    await ask();
    refuseSoFar(code);
    await ask();
    await ask();
    expect(used).toEqual(["ASIA1", "ASIA1", "ASIA2", "ASIA2"]);
  });

  it("are replaced by one AssumeRole for concurrent calls in all regions", async () => {
    const regions = ["us-east-1", "eu-west-1", "ap-south-1"];
    const everywhere = () => Promise.all([...regions, ...regions].map((region) => ask(SHOP, region)));
    await everywhere();
    refuseSoFar();
    await everywhere();
    expect(given).toEqual(["ASIA1", "ASIA2"]);
  });

  it("are also replaced in a region that is called later", async () => {
    for (const region of ["us-east-1", "eu-west-1"]) await ask(SHOP, region);
    refuseSoFar();
    await ask(SHOP, "us-east-1");
    later(10 * SECOND);
    await ask(SHOP, "eu-west-1");
    expect(used.slice(-2)).toEqual(["ASIA1", "ASIA2"]);
    expect(given).toEqual(["ASIA1", "ASIA2"]);
  });

  it("take one AssumeRole a minute if their replacements are refused too, and the call fails with EC2's error", async () => {
    await ask();
    refused = () => "UnauthorizedOperation";
    for (let seconds = 0; seconds < 60; seconds += 5) {
      await expect(ask()).rejects.toMatchObject({ name: "UnauthorizedOperation" });
      later(5 * SECOND);
    }
    expect(given).toHaveLength(2);
    await expect(ask()).rejects.toMatchObject({ name: "UnauthorizedOperation" });
    expect(given).toHaveLength(3);
    refused = () => undefined;
    await ask();
    expect(given).toHaveLength(3);
  });

  it("do not affect those of another account", async () => {
    await Promise.all([ask(SHOP), ask(LAB)]);
    refuseSoFar();
    await ask(SHOP);
    expect(given).toHaveLength(3);
    await ask(LAB);
    expect(given).toHaveLength(4);
  });

  it("are not used again if the role cannot be assumed: the next call assumes it again", async () => {
    await ask();
    refuseSoFar();
    stsFails = true;
    await expect(ask()).rejects.toThrow("STS does not answer");
    stsFails = false;
    await ask();
    expect(used.at(-1)).toBe("ASIA2");
  });
});

describe("any other error of EC2", () => {
  it("does not renew the credentials", async () => {
    await ask();
    refused = () => "InvalidParameterValue";
    await expect(ask()).rejects.toMatchObject({ name: "InvalidParameterValue" });
    expect(given).toHaveLength(1);
    expect(used).toHaveLength(2);
  });
});
