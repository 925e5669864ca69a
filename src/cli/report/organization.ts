import { ListAccountsCommand, type OrganizationsClient } from "@aws-sdk/client-organizations";
import { isDenied } from "../../aws/denied.ts";
import { describeError } from "../../util/errors.ts";
import { CliError } from "../cli-error.ts";

/**
 * Reads the active accounts of the organization: their names by id. Throws CliError if the credentials' account may not list them
 * or is in no organization, and what the client throws otherwise.
 * https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
 */
export async function organizationAccounts(
  organizations: Pick<OrganizationsClient, "send">,
): Promise<ReadonlyMap<string, string>> {
  const accounts = new Map<string, string>();
  let next: string | undefined;
  do {
    const page = await listed(organizations.send(new ListAccountsCommand({ ...(next && { NextToken: next }) })));
    for (const { Id, Name = "", State, Status } of page.Accounts ?? []) {
      // AWS retires `Status` on 9 September 2026, and had no `State` before.
      if (Id !== undefined && (State ?? Status) === "ACTIVE") accounts.set(Id, Name);
    }
    next = page.NextToken;
  } while (next);
  return accounts;
}

async function listed<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    const isNone = error instanceof Error && error.name === "AWSOrganizationsNotInUseException";
    if (!isNone && !isDenied(error)) throw error;
    throw new CliError(
      isNone
        ? "the account of the credentials is not in an organization"
        : `the accounts of the organization cannot be listed: ${describeError(error)}`,
      `--organization needs credentials of the organization's management account or of a delegated administrator account,
with the permission organizations:ListAccounts. Or name the accounts: --accounts 123456789012,210987654321`,
    );
  }
}
