import type { Instance as Ec2Instance } from "@aws-sdk/client-ec2";
import { describe, expect, it } from "vitest";
import { readInstance } from "../../../src/facts/instances.ts";
import { AT, INSTANCE } from "../../support/events.ts";
import { factsOf } from "../../support/findings.ts";
import { problemsOf, ruleOf } from "../../support/policy.ts";

const judge = (settings: object, from: Ec2Instance) =>
  ruleOf({ rule: "public-ip", ...settings }).check(factsOf({ instance: readInstance(INSTANCE, from) }), AT);

const PRIVATE: Ec2Instance = {
  PrivateIpAddress: "10.0.0.157",
  NetworkInterfaces: [{ PrivateIpAddresses: [{ Primary: true, PrivateIpAddress: "10.0.0.157" }], Ipv6Addresses: [] }],
};
const ASSIGNED: Ec2Instance = {
  PublicIpAddress: "203.0.113.25",
  NetworkInterfaces: [{ Association: { IpOwnerId: "amazon", PublicIp: "203.0.113.25" } }],
};
const SECOND_INTERFACE: Ec2Instance = {
  ...PRIVATE,
  NetworkInterfaces: [
    { Attachment: { DeviceIndex: 0 } },
    {
      Attachment: { DeviceIndex: 1 },
      PrivateIpAddresses: [
        { Primary: true, PrivateIpAddress: "10.0.1.7" },
        { PrivateIpAddress: "10.0.1.8", Association: { IpOwnerId: "123456789012", PublicIp: "198.51.100.8" } },
      ],
    },
  ],
};
const IPV6: Ec2Instance = { ...PRIVATE, NetworkInterfaces: [{ Ipv6Addresses: [{ Ipv6Address: "2001:db8::1" }] }] };

function violationBy(settings: object, from: Ec2Instance) {
  const judgement = judge(settings, from);
  if (judgement.kind !== "violation") throw new Error(`the verdict is ${judgement.kind}`);
  return judgement.violation;
}

describe("public-ip", () => {
  it("needs the instance, and waits until it runs", () => {
    expect(ruleOf({ rule: "public-ip" })).toMatchObject({ needs: ["instance"], settles: "when-running" });
  });

  it("is compliant without a public address", () => {
    expect(judge({}, PRIVATE)).toEqual({ kind: "compliant", because: "it has no public IPv4 address" });
    expect(judge({ ipv6: true }, PRIVATE)).toEqual({
      kind: "compliant",
      because: "it has no public IPv4 or IPv6 address",
    });
    expect(judge({}, IPV6).kind).toBe("compliant");
  });

  it("is violated by the address of any network interface", () => {
    expect(violationBy({}, ASSIGNED)).toMatchObject({
      message: "it has the public IPv4 address 203.0.113.25",
      details: { publicIpv4: ["203.0.113.25"], ipv6: [] },
    });
    expect(violationBy({}, SECOND_INTERFACE).message).toBe("it has the public IPv4 address 198.51.100.8");
  });

  it("is violated by an IPv6 address with ipv6", () => {
    const violation = violationBy({ ipv6: true }, IPV6);
    expect(violation).toMatchObject({
      message: "it has the IPv6 address 2001:db8::1",
      details: { publicIpv4: [], ipv6: ["2001:db8::1"] },
    });
    expect([1, 2].map((count) => violation.summary(count))).toEqual(["has an IPv6 address", "have an IPv6 address"]);
    expect(violation.remedy([], "us-east-1")).toEqual([
      "An IPv6 address:",
      "aws ec2 unassign-ipv6-addresses --region us-east-1 \\",
      "  --ipv6-addresses <address> \\",
      "  --network-interface-id <eni-id>",
    ]);
  });

  it("names both kinds of addresses, sorted, and no more than five of each", () => {
    const from: Ec2Instance = {
      NetworkInterfaces: Array.from({ length: 7 }, (_, index) => ({
        Association: { PublicIp: `203.0.113.${7 - index}` },
        Ipv6Addresses: [{ Ipv6Address: `2001:db8::${7 - index}` }],
      })),
    };
    const { message, details, remedy } = violationBy({ ipv6: true }, from);
    expect(message).toBe(
      "it has the public IPv4 addresses 203.0.113.1, 203.0.113.2, 203.0.113.3, 203.0.113.4, 203.0.113.5 and 2 more and the IPv6 addresses 2001:db8::1, 2001:db8::2, 2001:db8::3, 2001:db8::4, 2001:db8::5 and 2 more",
    );
    expect(details.publicIpv4).toHaveLength(7);
    expect(remedy([], "us-east-1")).toHaveLength(11);
  });

  it("has a remedy for an assigned address and for an Elastic IP address", () => {
    expect(violationBy({}, ASSIGNED).remedy(["i-1234567890abcdef0"], "us-east-1").join(" ")).toMatch(
      /^An address that AWS assigned: aws ec2 modify-network-interface-attribute .* An Elastic IP address: aws ec2 disassociate-address .*<eipassoc-id>$/,
    );
  });

  it("refuses a setting that is not true or false", () => {
    expect(problemsOf({ rule: "public-ip", ipv6: 1 })).toEqual(["rules[0].ipv6 must be true or false"]);
  });

  it("says what it demands", () => {
    expect(ruleOf({ rule: "public-ip", ipv6: true }).demands()).toBe(
      "An instance must have no public IPv4 address; there must be no IPv6 address",
    );
    expect(ruleOf({ rule: "public-ip" }).demands()).toBe("An instance must have no public IPv4 address");
  });
});
