import { DescribeRegionsCommand, type EC2Client, type Region } from "@aws-sdk/client-ec2";
import { isDenied } from "../../aws/denied.ts";
import { requireSet } from "../../facts/pages.ts";
import { NO_COUNTS } from "../../fleet/counts.ts";
import { type Pace, paced } from "../../fleet/paced.ts";
import { ALL_REGIONS, type Place, type PlaceResult } from "../../fleet/place.ts";
import { callFailed, INTERRUPTED } from "../../fleet/place-error.ts";
import { nearest } from "../../util/nearest.ts";
import { CliError } from "../cli-error.ts";

/** An account to read. */
export interface Account {
  readonly id: string;
  /** The role that is assumed to read it; null for the account of the operator's credentials. */
  readonly role: { readonly name: string; assume(): Promise<unknown> } | null;
  /** Returns a client of EC2. */
  ec2(region: string): Pick<EC2Client, "send">;
}

/** A place to read, and a client of EC2 for it. */
export interface Target extends Place {
  ec2(): Pick<EC2Client, "send">;
}

/** The places to read, and those of which it is already known that they cannot be read. */
export interface Targets {
  readonly places: readonly Target[];
  readonly unread: readonly PlaceResult[];
  /** The calls of EC2 that it took to find them. */
  readonly calls: number;
}

/** Which regions are read, and where AWS is asked for them. */
export interface RegionChoice {
  /** Null for all enabled ones of each account. */
  readonly regions: readonly string[] | null;
  readonly askIn: string;
  /** When its signal aborts, the accounts whose regions are not known yet are partial. */
  readonly pace: Pace;
}

/** Accounts are asked for their regions this many at a time. */
const AT_ONCE = 32;

/**
 * Returns the places of accounts, with those of one account and those of one region far apart, so that a slow account or region
 * does not hold the others. Throws CliError for a region that does not exist, and what DescribeRegions throws for the operator's
 * own account.
 */
export async function targetsOf(accounts: readonly Account[], choice: RegionChoice): Promise<Targets> {
  const found: Targets[] = Array.from(accounts, () => ({ places: [], unread: [], calls: 0 }));
  const queue = accounts.entries();
  const work = async () => {
    for (const [index, account] of queue) found[index] = await targetsIn(account, choice);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, accounts.length) }, work));
  return {
    places: interleaved(found.map(({ places }) => places)),
    unread: found.flatMap(({ unread }) => unread),
    calls: found.reduce((sum, { calls }) => sum + calls, 0),
  };
}

/** Returns all entries in rounds with one entry of each list. Each list begins one entry later than the one before it. */
function interleaved<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, round) =>
    lists.flatMap((list, index) => {
      const at = (round + index) % longest;
      return list.slice(at, at + 1);
    }),
  ).flat();
}

async function targetsIn(account: Account, choice: RegionChoice): Promise<Targets> {
  const { regions, askIn, pace } = choice;
  const { id, role } = account;
  const isStopped = () => pace.signal.aborted;
  const unread = (calls: number, result: StatusAndReason): Targets => ({
    places: [],
    unread: (regions ?? [ALL_REGIONS]).map((region) => unreadPlace({ account: id, region }, result)),
    calls,
  });
  try {
    await role?.assume();
  } catch (error) {
    return unread(0, isStopped() ? INTERRUPTED : roleError(id, role?.name ?? "", error));
  }
  const ec2 = paced(account.ec2(askIn), pace);
  try {
    const { Regions: all } = await ec2.send(new DescribeRegionsCommand({ AllRegions: true }));
    return { ...chosen(account, requireSet(all, "DescribeRegions"), regions), calls: ec2.calls };
  } catch (error) {
    if (isStopped()) return unread(ec2.calls, INTERRUPTED);
    if (error instanceof CliError) throw error;
    if (regions !== null) return { ...at(account, regions), calls: ec2.calls };
    if (role === null) throw ownRegionsError(error);
    return unread(ec2.calls, regionsError(error));
  }
}

/** Returns the chosen ones of an account's regions. Those that are not enabled are off. */
function chosen(
  account: Account,
  all: readonly Region[],
  regions: readonly string[] | null,
): Pick<Targets, "places" | "unread"> {
  const names = all.flatMap(({ RegionName }) => RegionName ?? []).sort();
  const off = new Set(all.flatMap(({ RegionName, OptInStatus }) => (OptInStatus === "not-opted-in" ? RegionName : [])));
  const unknown = regions?.find((region) => !names.includes(region));
  if (unknown !== undefined) {
    const meant = nearest(unknown, names);
    const hint = meant === undefined ? `The regions are ${names.join(", ")}.` : `Did you mean ${meant}?`;
    throw new CliError(`there is no region ${unknown}`, hint);
  }
  const isOff = (region: string) => off.has(region);
  return {
    places: at(account, regions ?? names).places.filter(({ region }) => !isOff(region)),
    unread: (regions ?? []).filter(isOff).map((region) => unreadPlace({ account: account.id, region }, OFF)),
  };
}

const OFF = { status: "off", reason: "the region is not enabled for the account" } as const;

function at(account: Account, regions: readonly string[]): Pick<Targets, "places" | "unread"> {
  return {
    places: regions.map((region) => ({ account: account.id, region, ec2: () => account.ec2(region) })),
    unread: [],
  };
}

type StatusAndReason = Pick<PlaceResult, "status" | "reason">;

/** Returns the result of a place without calls. */
export function unreadPlace({ account, region }: Place, { status, reason }: StatusAndReason): PlaceResult {
  return { account, region, status, reason, ...NO_COUNTS, calls: 0, notJudgedRules: [] };
}

function roleError(account: string, role: string, error: unknown): StatusAndReason {
  const what = `the role ${role} in the account ${account}`;
  if (!isDenied(error)) return { status: "failed", reason: callFailed(`sts:AssumeRole for ${what}`, error) };
  return { status: "denied", reason: `AWS does not allow sts:AssumeRole for ${what}, if it exists there` };
}

function regionsError(error: unknown): StatusAndReason {
  if (!isDenied(error)) return { status: "failed", reason: callFailed("ec2:DescribeRegions", error) };
  return { status: "denied", reason: "the credentials do not allow ec2:DescribeRegions" };
}

function ownRegionsError(error: unknown): unknown {
  if (!isDenied(error)) return error;
  return new CliError(
    "the regions are not known: the credentials do not allow ec2:DescribeRegions",
    "Give --regions, such as --regions us-east-1,eu-west-1, or ask for the permission.",
  );
}
