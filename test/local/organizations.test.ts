import { ListAccountsCommand } from "@aws-sdk/client-organizations";
import { AssumeRoleCommand } from "@aws-sdk/client-sts";
import { describe, expect, it } from "vitest";
import { aws, clock, of, useEmbeddedAws } from "./embedded-aws.ts";
import { ACCOUNT, clients } from "./targets.ts";

const MEMBERS = Array.from({ length: 24 }, (_, index) => String(210_000_000_000 + index));
const [SUSPENDED = "", DELEGATED = ""] = MEMBERS;

/** ListAccounts by a role of the account. */
async function list(account: string, input: object = {}) {
  const role = { RoleArn: `arn:aws:iam::${account}:role/reader`, RoleSessionName: "test" };
  const { Credentials: { AccessKeyId = "", SecretAccessKey = "", SessionToken = "" } = {} } = await of().sts.send(
    new AssumeRoleCommand(role),
  );
  const credentials = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
  return clients(aws.endpoint, "us-east-1", credentials).organizations.send(new ListAccountsCommand(input));
}

/** What needs more than the one organisation of the contract. */
describe("ListAccounts of Organizations", () => {
  describe("with an organisation of 25 accounts", () => {
    useEmbeddedAws({
      organization: {
        id: "o-abcdefghij",
        accounts: [ACCOUNT, ...MEMBERS],
        delegatedAdministrators: [DELEGATED],
        details: { [SUSPENDED]: { name: "old", email: "old@example.org", state: "SUSPENDED" } },
      },
    });

    it("returns 20 accounts in a page, and may return an empty page before the last", async () => {
      const first = await list(ACCOUNT);
      const second = await list(ACCOUNT, { NextToken: first.NextToken });
      const third = await list(ACCOUNT, { NextToken: second.NextToken });
      expect([first, second, third].map(({ Accounts }) => Accounts?.length)).toEqual([20, 0, 5]);
      expect(third.NextToken).toBeUndefined();
    });

    it("returns the details of an account, and Status only until AWS retires it", async () => {
      const old = { Id: SUSPENDED, Name: "old", Email: "old@example.org", State: "SUSPENDED" };
      expect((await list(ACCOUNT)).Accounts?.[1]).toMatchObject({ ...old, Status: "SUSPENDED" });
      await clock.advance(Date.UTC(2026, 8, 9) - clock.now());
      const retired = (await list(ACCOUNT)).Accounts?.[1];
      expect(retired).toMatchObject(old);
      expect(retired).not.toHaveProperty("Status");
    });

    it("answers a delegated administrator, and denies another member", async () => {
      expect((await list(DELEGATED)).Accounts).toHaveLength(20);
      await expect(list(SUSPENDED)).rejects.toMatchObject({ name: "AccessDeniedException" });
    });

    it("is throttled with TooManyRequestsException", async () => {
      aws.faults.add({ service: "organizations", kind: "throttle" });
      await expect(list(ACCOUNT)).rejects.toMatchObject({ name: "TooManyRequestsException" });
    });

    it.each([{ MaxResults: 21 }, { MaxResults: 0 }, { NextToken: "x" }])("refuses %o", async (input) => {
      await expect(list(ACCOUNT, input)).rejects.toMatchObject({ name: "InvalidInputException" });
    });

    it("answers an account of no organisation that it is in none", async () => {
      await expect(list("999988887777")).rejects.toMatchObject({ name: "AWSOrganizationsNotInUseException" });
    });
  });
});
