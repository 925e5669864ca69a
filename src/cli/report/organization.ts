import { ListAccountsCommand, type OrganizationsClient } from "@aws-sdk/client-organizations";
import { isDenied } from "../../aws/denied.ts";
import { type AccountsPage, accountsPage } from "../../fleet/organization.ts";
import { describeError } from "../../util/errors.ts";
import { CliError } from "../cli-error.ts";

/**
 * Reads the active accounts of the organization: their names by id. Throws CliError if the credentials' account may not list them
 * or is in no organization, and what the client throws otherwise.
 */
export async function organizationAccounts(
  organizations: Pick<OrganizationsClient, "send">,
): Promise<ReadonlyMap<string, string>> {
  const accounts = new Map<string, string>();
  let next: string | null = "";
  do {
    const page: AccountsPage = await listed(
      accountsPage((input) => organizations.send(new ListAccountsCommand(input)), next),
    );
    for (const [id, name] of page.accounts) accounts.set(id, name);
    next = page.next;
  } while (next !== null);
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
