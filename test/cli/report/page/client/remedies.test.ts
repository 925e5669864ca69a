import { describe, expect, it } from "vitest";
import { commandsFor } from "../../../../../src/cli/report/page/client/remedies.ts";
import { findingsOf } from "./findings.ts";

const IDS = ["i-00000000000000001", "i-00000000000000002"] as const;
const PLACE = "# Account 210000000000 (prod-core), region us-east-1";

/** Returns the lines of the commands for an instance with each of these remedies, in two regions if there are two. */
async function commands(remedies: readonly ((id: string, region: string) => string)[], regions = ["us-east-1"]) {
  const findings = await findingsOf(remedies.length, (line, index) => {
    const [instanceId, region] = [IDS[index] ?? line.instanceId, regions[index] ?? "us-east-1"];
    const remedy = remedies[index]?.(instanceId, region).split("\n") ?? [];
    return { ...line, account: "210000000000", region, instanceId, remedy };
  });
  return commandsFor(findings, findings.column("instanceId").codes.keys()).trimEnd().split("\n");
}

describe("commandsFor", () => {
  it("writes a command with a list of resources once for all instances", async () => {
    const createTags = (id: string) =>
      `aws ec2 create-tags --region us-east-1 \\\n  --resources ${id} \\\n  --tags Key=owner,Value=<value>`;
    expect(await commands([createTags, createTags])).toEqual([
      PLACE,
      "aws ec2 create-tags --region us-east-1 \\",
      `  --resources ${IDS[0]} ${IDS[1]} \\`,
      "  --tags Key=owner,Value=<value>",
    ]);
  });

  it("writes a filter with all instances", async () => {
    const describe = (id: string) =>
      `aws ec2 describe-iam-instance-profile-associations --region us-east-1 \\\n  --filters Name=instance-id,Values=${id}`;
    expect((await commands([describe, describe])).at(-1)).toBe(
      `  --filters Name=instance-id,Values=${IDS[0]},${IDS[1]}`,
    );
  });

  it("repeats a command that takes one instance", async () => {
    const stop = (id: string) =>
      `aws ec2 modify-instance-metadata-options --region us-east-1 --instance-id ${id} --http-tokens required`;
    expect(await commands([stop, stop])).toEqual([PLACE, stop(IDS[0]), stop(IDS[1])]);
  });

  it("writes a command without an instance once for each region", async () => {
    const encrypt = (_: string, region: string) => `aws ec2 enable-ebs-encryption-by-default --region ${region}`;
    expect(await commands([encrypt, encrypt], ["eu-west-1", "eu-west-1"])).toHaveLength(2);
    expect(await commands([encrypt, encrypt], ["eu-west-1", "us-east-1"])).toEqual([
      "# Account 210000000000 (prod-core), region eu-west-1",
      encrypt("", "eu-west-1"),
      "",
      PLACE,
      encrypt("", "us-east-1"),
    ]);
  });

  it("makes a comment of everything that is not a command of the AWS CLI", async () => {
    const prose = "Replace the volume by a copy:\naws ec2 create-snapshot, then\nrm -rf ~\n  rm -rf /";
    expect(await commands([() => prose])).toEqual([PLACE, ...prose.split("\n").map((line) => `# ${line}`)]);
  });

  it("keeps the further lines of a command, and no line after it", async () => {
    const revoke = `aws ec2 revoke-security-group-ingress --region us-east-1 \\
  --group-id sg-1 --ip-permissions '[
    {"IpProtocol":"tcp"}]'
Then ask the team.`;
    const lines = await commands([() => revoke]);
    expect(lines.slice(1, 4)).toEqual(revoke.split("\n").slice(0, 3));
    expect(lines[4]).toBe("# Then ask the team.");
  });

  it("splits a list of more than a thousand resources", async () => {
    const findings = await findingsOf(1_500, (line) => ({
      ...line,
      account: "210000000000",
      region: "us-east-1",
      remedy: [`aws ec2 delete-tags --region us-east-1 --resources ${line.instanceId} --tags Key=a`],
    }));
    const rows = [...findings.column("instanceId").codes.keys()];
    const lists = commandsFor(findings, [...rows, ...rows])
      .split("\n")
      .flatMap((line) => (line.startsWith("aws ") ? [line.match(/i-\w+/g) ?? []] : []));
    expect(lists.map(({ length }) => length)).toEqual([1_000, 500]);
    expect(new Set(lists.flat()).size).toBe(1_500);
  });
});
