import { isAccountId } from "../aws/regions.ts";
import { isObject } from "../util/json.ts";

/** Calls ListAccounts of Organizations. https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html */
export type ListAccounts = (input: {
  readonly NextToken?: string;
}) => Promise<{ readonly Accounts?: unknown; readonly NextToken?: unknown }>;

/** A page of the organization's accounts. */
export interface AccountsPage {
  /** The names of the active accounts, by id. */
  readonly accounts: ReadonlyMap<string, string>;
  /** The token of the next page; null after the last one. */
  readonly next: string | null;
}

/** Reads a page of accounts. Takes its token; "" for the first page. Throws what the call throws, and an Error for a response of something else. */
export async function accountsPage(list: ListAccounts, token: string): Promise<AccountsPage> {
  const { Accounts, NextToken } = await list(token === "" ? {} : { NextToken: token });
  if (!Array.isArray(Accounts)) throw new Error("the response to ListAccounts is not from Organizations");
  const accounts = new Map<string, string>();
  for (const account of Accounts) {
    const { Id, Name, State, Status }: Readonly<Record<string, unknown>> = isObject(account) ? account : {};
    // AWS retires `Status` on 9 September 2026, and had no `State` before.
    if (typeof Id !== "string" || !isAccountId(Id) || (State ?? Status) !== "ACTIVE") continue;
    accounts.set(Id, typeof Name === "string" ? Name : "");
  }
  return { accounts, next: typeof NextToken === "string" && NextToken !== "" ? NextToken : null };
}
