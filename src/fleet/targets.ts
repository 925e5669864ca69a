import { DescribeRegionsCommand, type EC2Client, type Region } from "@aws-sdk/client-ec2";
import { isDenied } from "../aws/denied.ts";
import { requireSet } from "../facts/pages.ts";
import { NO_COUNTS } from "./counts.ts";
import { type Pace, paced } from "./paced.ts";
import { ALL_REGIONS, type Place, type PlaceResult } from "./place.ts";
import { callFailed, INTERRUPTED } from "./place-error.ts";

/** An account to read. */
export interface Account {
  readonly id: string;
  /** The role that is assumed to read it; null for the account of the credentials. */
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
  /** A problem of the choice of regions. Its places are among the unread ones too. */
  readonly problem: RegionProblem | null;
}

/** A region that does not exist, or regions of the credentials' own account that cannot be listed. */
export type RegionProblem =
  | { readonly kind: "unknown-region"; readonly region: string; readonly names: readonly string[] }
  | { readonly kind: "own-regions"; readonly error: unknown };

/** Which regions are read, and where AWS is asked for them. */
export interface RegionChoice {
  /** Null for all enabled ones of each account. */
  readonly regions: readonly string[] | null;
  readonly askIn: string;
  /** When its signal aborts, the accounts whose regions are not known yet are partial. */
  readonly pace: Pace;
}

/**
 * Returns the places of an account, and those that cannot be read. Never throws: an account whose role cannot be assumed, or whose
 * regions cannot be listed, is a place that cannot be read.
 */
export async function targetsIn(account: Account, choice: RegionChoice): Promise<Targets> {
  const { regions, askIn, pace } = choice;
  const { id, role } = account;
  const isStopped = () => pace.signal.aborted;
  const unread = (calls: number, result: StatusAndReason): Targets => ({
    places: [],
    unread: (regions ?? [ALL_REGIONS]).map((region) => unreadPlace({ account: id, region }, result)),
    calls,
    problem: null,
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
    if (regions !== null) return { places: at(account, regions), unread: [], calls: ec2.calls, problem: null };
    return {
      ...unread(ec2.calls, regionsError(error)),
      problem: role === null ? { kind: "own-regions", error } : null,
    };
  }
}

/** Returns the chosen ones of an account's regions. Those that are not enabled are off. */
function chosen(
  account: Account,
  all: readonly Region[],
  regions: readonly string[] | null,
): Pick<Targets, "places" | "unread" | "problem"> {
  const names = all.flatMap(({ RegionName }) => RegionName ?? []).sort();
  const off = new Set(all.flatMap(({ RegionName, OptInStatus }) => (OptInStatus === "not-opted-in" ? RegionName : [])));
  const unknown = (regions ?? []).filter((region) => !names.includes(region));
  const [first] = unknown;
  const unread = (region: string, result: StatusAndReason) => unreadPlace({ account: account.id, region }, result);
  return {
    places: at(
      account,
      (regions ?? names).filter((region) => !off.has(region) && !unknown.includes(region)),
    ),
    unread: [
      ...(regions ?? []).filter((region) => off.has(region)).map((region) => unread(region, OFF)),
      ...unknown.map((region) => unread(region, { status: "failed", reason: `there is no region ${region}` })),
    ],
    problem: first === undefined ? null : { kind: "unknown-region", region: first, names },
  };
}

const OFF = { status: "off", reason: "the region is not enabled for the account" } as const;

function at(account: Account, regions: readonly string[]): readonly Target[] {
  return regions.map((region) => ({ account: account.id, region, ec2: () => account.ec2(region) }));
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
