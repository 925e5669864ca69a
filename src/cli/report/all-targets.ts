import { isDenied } from "../../aws/denied.ts";
import { type Account, type RegionChoice, type RegionProblem, type Targets, targetsIn } from "../../fleet/targets.ts";
import { nearest } from "../../util/nearest.ts";
import { CliError } from "../cli-error.ts";

/** Accounts are asked for their regions this many at a time. */
const AT_ONCE = 32;

/**
 * Returns the places of accounts, with those of one account and those of one region far apart, so that a slow account or region
 * does not hold the others. Throws CliError for a region that does not exist, and what DescribeRegions throws for the operator's
 * own account.
 */
export async function targetsOf(accounts: readonly Account[], choice: RegionChoice): Promise<Targets> {
  const found: Targets[] = Array.from(accounts, () => ({ places: [], unread: [], calls: 0, problem: null }));
  const queue = accounts.entries();
  const work = async () => {
    for (const [index, account] of queue) found[index] = await targetsIn(account, choice);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, accounts.length) }, work));
  for (const { problem } of found) if (problem !== null) throw problemError(problem);
  return {
    places: interleaved(found.map(({ places }) => places)),
    unread: found.flatMap(({ unread }) => unread),
    calls: found.reduce((sum, { calls }) => sum + calls, 0),
    problem: null,
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

function problemError(problem: RegionProblem): unknown {
  if (problem.kind === "own-regions") return ownRegionsError(problem.error);
  const { region, names } = problem;
  const meant = nearest(region, names);
  const hint = meant === undefined ? `The regions are ${names.join(", ")}.` : `Did you mean ${meant}?`;
  return new CliError(`there is no region ${region}`, hint);
}

function ownRegionsError(error: unknown): unknown {
  if (!isDenied(error)) return error;
  return new CliError(
    "the regions are not known: the credentials do not allow ec2:DescribeRegions",
    "Give --regions, such as --regions us-east-1,eu-west-1, or ask for the permission.",
  );
}
