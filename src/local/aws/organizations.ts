import type { Clock } from "./clock.ts";
import { AwsError } from "./errors.ts";
import { integer, type Params, text } from "./params.ts";
import type { Caller, JsonService } from "./service.ts";

/** An organisation of accounts. */
export interface Organization {
  readonly id: string;
  readonly accounts: readonly string[];
  /** Default: the first of `accounts`. */
  readonly managementAccount?: string;
  /** Member accounts that can call Organizations as the management account can. Default: none. */
  readonly delegatedAdministrators?: readonly string[];
  /** What is known of an account, by its id. Default: an active account with a name and an address made of its id. */
  readonly details?: Readonly<Record<string, AccountDetails>>;
}

/** https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html */
export interface AccountDetails {
  readonly name?: string;
  readonly email?: string;
  readonly state?: "PENDING_ACTIVATION" | "ACTIVE" | "SUSPENDED" | "PENDING_CLOSURE" | "CLOSED";
}

/** The same page: "The Status parameter in the Account object will be retired on September 9, 2026." */
const STATUS_RETIRES = Date.UTC(2026, 8, 9);
const MAX_PAGE = 20;

/** Returns Organizations: ListAccounts. @param organization undefined: no account is in an organisation */
export function createOrganizations(clock: Clock, organization: Organization | undefined): JsonService {
  return {
    protocol: "json",
    version: "1.1",
    actions: { ListAccounts: (params, caller) => listAccounts(clock, organization, params, caller) },
  };
}

/**
 * https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html: "These operations can occasionally return
 * an empty set of results even when more results are available." Here an empty page follows every page but the last.
 */
function listAccounts(
  clock: Clock,
  organization: Organization | undefined,
  params: Params,
  { account: caller }: Caller,
): object {
  if (organization === undefined || !organization.accounts.includes(caller)) {
    throw new AwsError("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.");
  }
  const { accounts, managementAccount = accounts[0] ?? "", delegatedAdministrators = [] } = organization;
  if (![managementAccount, ...delegatedAdministrators].includes(caller)) {
    throw new AwsError("AccessDeniedException", "You don't have permissions to access this resource.");
  }
  const size = integer(params, "MaxResults") ?? MAX_PAGE;
  if (!(size >= 1 && size <= MAX_PAGE)) {
    throw new AwsError("InvalidInputException", "You specified an invalid value.");
  }
  const { kind, start } = readToken(text(params, "NextToken"));
  if (kind === "empty") return { Accounts: [], NextToken: token("page", start) };
  const end = start + size;
  return {
    Accounts: accounts.slice(start, end).map((id) => accountFields(organization, managementAccount, id, clock.now())),
    ...(end < accounts.length && { NextToken: token("empty", end) }),
  };
}

function readToken(given: string | undefined): { kind: "page" | "empty"; start: number } {
  if (given === undefined) return { kind: "page", start: 0 };
  const [, kind, start] = /^(page|empty):(\d{1,9})$/.exec(Buffer.from(given, "base64url").toString()) ?? [];
  if (kind === undefined) throw new AwsError("InvalidInputException", "You specified an invalid value.");
  return { kind: kind === "page" ? "page" : "empty", start: Number(start) };
}

function token(kind: "page" | "empty", start: number): string {
  return Buffer.from(`${kind}:${start}`).toString("base64url");
}

function accountFields(organization: Organization, managementAccount: string, id: string, now: number): object {
  const {
    name = `account-${id}`,
    email = `aws+${id}@example.com`,
    state = "ACTIVE",
  } = organization.details?.[id] ?? {};
  // The status has no value for the states that came with `State`.
  const status = ["ACTIVE", "SUSPENDED", "PENDING_CLOSURE"].includes(state) ? state : "SUSPENDED";
  return {
    Id: id,
    Arn: `arn:aws:organizations::${managementAccount}:account/${organization.id}/${id}`,
    Email: email,
    Name: name,
    ...(now < STATUS_RETIRES && { Status: status }),
    State: state,
    JoinedMethod: id === managementAccount ? "INVITED" : "CREATED",
    JoinedTimestamp: Date.UTC(2020, 0, 1) / 1000,
  };
}
