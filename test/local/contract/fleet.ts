import { DescribeRegionsCommand } from "@aws-sdk/client-ec2";
import { type Account, ListAccountsCommand, paginateListAccounts } from "@aws-sdk/client-organizations";
import { describe, expect, it } from "vitest";
import { ACCOUNT, clients, type Target } from "../targets.ts";

/** The calls that find the places of a fleet. */
export function fleetContract(target: () => Target): void {
  describe("EC2: DescribeRegions", () => {
    const regions = async (input: object) => {
      const { Regions = [] } = await clients(target().endpoint).ec2.send(new DescribeRegionsCommand(input));
      return Regions;
    };

    it("returns each region with its endpoint and its opt-in status", async () => {
      expect(await regions({})).toEqual(
        expect.arrayContaining([
          {
            RegionName: "us-east-1",
            Endpoint: "ec2.us-east-1.amazonaws.com",
            OptInStatus: "opt-in-not-required",
          },
        ]),
      );
    });

    it("returns the named regions, also those that are not enabled", async () => {
      const named = await regions({ RegionNames: ["me-south-1", "eu-west-1"] });
      const statuses = Object.fromEntries(named.map(({ RegionName, OptInStatus }) => [RegionName, OptInStatus]));
      expect(statuses).toEqual({ "eu-west-1": "opt-in-not-required", "me-south-1": "not-opted-in" });
    });
  });

  describe("Organizations: ListAccounts", () => {
    const organizations = () => clients(target().endpoint).organizations;

    it("returns the accounts with their names, e-mail addresses and states", async () => {
      const { Accounts = [] } = await organizations().send(new ListAccountsCommand({}));
      expect(Accounts).toHaveLength(3);
      expect(Accounts.find(({ Id }) => Id === ACCOUNT)?.Arn).toMatch(
        new RegExp(`^arn:aws:organizations::${ACCOUNT}:account/o-[a-z0-9]{10,32}/${ACCOUNT}$`),
      );
      expect(Accounts.find(({ Name }) => Name === "shop")).toEqual({
        Id: expect.stringMatching(/^\d{12}$/),
        Arn: expect.stringMatching(/^arn:aws:organizations::/),
        Email: "shop@example.com",
        Name: "shop",
        Status: "ACTIVE",
        State: "ACTIVE",
        JoinedMethod: "CREATED",
        JoinedTimestamp: expect.any(Date),
      });
    });

    it("returns every account once over pages of MaxResults", async () => {
      const found: Account[] = [];
      for await (const page of paginateListAccounts({ client: organizations(), pageSize: 1 }, {})) {
        expect(page.Accounts?.length).toBeLessThanOrEqual(1);
        found.push(...(page.Accounts ?? []));
      }
      expect(new Set(found.map(({ Id }) => Id)).size).toBe(3);
      expect(found.map(({ Name }) => Name)).toEqual(expect.arrayContaining(["shop", "lab"]));
    });
  });
}
