import { command } from "../remedies/commands.ts";
import { compliant, ofInstance, ruleKind, violates } from "../rule.ts";
import { flag, withDefault } from "../settings.ts";
import { brief, verb } from "../words.ts";

/** `public-ip`: the instance must have no public IP address. */
export const publicIp = ruleKind({
  name: "public-ip",
  what: "An instance must have no public IPv4 address.",
  why: "An instance that the internet can reach is attacked within minutes. Most need no address of their own: a load balancer or Session Manager reaches them.",
  settles: "when-running",
  fields: {
    ipv6: withDefault(flag, false, {
      about:
        "Whether IPv6 addresses are not allowed either. They can be reached where the subnet has an internet gateway.",
      demand: "there must be no IPv6 address",
    }),
  },
  example: {
    rule: { rule: "public-ip" },
    fails: ["a network interface has the address `203.0.113.25`"],
    passes: ["the only address is `10.0.0.157`"],
  },

  configure({ ipv6 }) {
    return {
      needs: ["instance"],
      check: ofInstance(({ publicIps, ipv6Addresses }) => {
        const v4 = [...publicIps].sort();
        const v6 = ipv6 ? [...ipv6Addresses].sort() : [];
        if (v4.length + v6.length === 0) return compliant(`it has no public IPv4${ipv6 ? " or IPv6" : ""} address`);
        const has = [
          ...(v4.length > 0 ? [`the public IPv4 ${verb(v4.length, "address", "addresses")} ${brief(v4)}`] : []),
          ...(v6.length > 0 ? [`the IPv6 ${verb(v6.length, "address", "addresses")} ${brief(v6)}`] : []),
        ];
        return violates({
          message: `it has ${has.join(" and ")}`,
          summary: (instances) =>
            `${verb(instances, "has", "have")} ${v4.length > 0 ? "a public IP address" : "an IPv6 address"}`,
          action: (affected) =>
            `Remove the ${v4.length === 0 ? "IPv6" : v6.length === 0 ? "public" : "public and IPv6"} addresses of ${affected}`,
          remedy: (_, region) => [
            ...(v4.length > 0 ? removeIpv4(region) : []),
            ...(v6.length > 0 ? removeIpv6(region) : []),
          ],
          details: { publicIpv4: v4, ipv6: v6 },
        });
      }),
    };
  },
});

/**
 * No shell accepts a command that ends in `<...>`.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/working-with-ip-addresses.html
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyNetworkInterfaceAttribute.html
 */
function removeIpv4(region: string): readonly string[] {
  return [
    "An address that AWS assigned:",
    ...command(`aws ec2 modify-network-interface-attribute --region ${region}`, [
      ["--no-associate-public-ip-address"],
      ["--network-interface-id", "<eni-id>"],
    ]),
    "An Elastic IP address:",
    ...command(`aws ec2 disassociate-address --region ${region}`, [["--association-id", "<eipassoc-id>"]]),
  ];
}

function removeIpv6(region: string): readonly string[] {
  return [
    "An IPv6 address:",
    ...command(`aws ec2 unassign-ipv6-addresses --region ${region}`, [
      ["--ipv6-addresses", "<address>"],
      ["--network-interface-id", "<eni-id>"],
    ]),
  ];
}
