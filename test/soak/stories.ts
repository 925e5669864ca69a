import type { Random } from "./random.ts";

const SECOND = 1_000;

export type Tags = Readonly<Record<string, string>>;

/** A change of an instance, in ms after the launch: tags that are set, or null for its termination. */
export interface Change {
  readonly after: number;
  readonly tags: Tags | null;
}

/** The lifecycle of a launch's instances. */
export interface Lifecycle {
  readonly kind: Kind;
  /** The tags at the launch. */
  readonly tags: Tags;
  /** In the order of their times. */
  readonly changes: readonly Change[];
}

export const OUT_OF_REACH = "untagged, out of reach";

export type Kind =
  | "tagged"
  | "untagged"
  | "tagged late"
  | "tagged after the grace"
  | "terminated early"
  | "terminated after the grace"
  | "fixed, broken again, fixed"
  | "broken after the grace"
  | "broken for half a minute"
  | "fixed for half a minute"
  | "another allowed value"
  | "fixed, for another team"
  | "tagged, then terminated"
  | "fixed, soon terminated"
  /** In the account without the role. */
  | typeof OUT_OF_REACH;

const NAMED: Tags = { Name: "web", "cost-center": "42" };
const SERVICE: Tags = { service: "shop" };
const PAYMENTS: Tags = { team: "payments" };
const BLANK: Tags = { service: "" };

/** Lifecycles without changes. */
export const TAGGED: Lifecycle = { kind: "tagged", tags: { ...NAMED, ...SERVICE }, changes: [] };
export const UNTAGGED: Lifecycle = { kind: "untagged", tags: NAMED, changes: [] };

const untagged = (kind: Kind, ...changes: readonly Change[]): Lifecycle => ({ ...UNTAGGED, kind, changes });
const tagged = (kind: Kind, ...changes: readonly Change[]): Lifecycle => ({ ...TAGGED, kind, changes });

/** Plans the lifecycle of the instances of a launch. Takes how many they are. */
export function planLifecycle(random: Random, count: number): Lifecycle {
  // EC2 gives times in whole seconds, so an instance seems up to a second older than it is.
  const within = () => random.int(1, 43) * SECOND;
  const afterwards = () => random.int(120, 900) * SECOND;
  /** Returns changes with these tags, one after the other, with at least the given seconds between them. */
  const series = (after: number, least: number, most: number, ...all: readonly (Tags | null)[]): Change[] => {
    let at = after;
    return all.map((tags, index) => {
      if (index > 0) at += random.int(least, most) * SECOND;
      return { after: at, tags };
    });
  };
  const slowly = (...all: readonly (Tags | null)[]) => series(afterwards(), 150, 900, ...all);
  const quickly = (...all: readonly (Tags | null)[]) => series(afterwards(), 5, 40, ...all);
  const planned = random.weighted<() => Lifecycle>([
    [685, () => TAGGED],
    [100, () => UNTAGGED],
    [100, () => untagged("tagged late", { after: within(), tags: SERVICE })],
    [20, () => untagged("tagged after the grace", { after: afterwards(), tags: SERVICE })],
    [30, () => untagged("terminated early", { after: within(), tags: null })],
    [15, () => untagged("terminated after the grace", { after: afterwards(), tags: null })],
    [10, () => untagged("fixed, broken again, fixed", ...slowly(SERVICE, BLANK, SERVICE))],
    [10, () => tagged("broken after the grace", ...slowly(BLANK))],
    [5, () => tagged("broken for half a minute", ...quickly(BLANK, SERVICE))],
    [5, () => untagged("fixed for half a minute", ...quickly(SERVICE, BLANK))],
    [5, () => tagged("another allowed value", ...slowly({ service: "store" }))],
    [5, () => untagged("fixed, for another team", ...slowly({ ...SERVICE, ...PAYMENTS }))],
    [5, () => untagged("fixed, soon terminated", ...quickly(SERVICE, null))],
    [5, () => tagged("tagged, then terminated", ...slowly(null))],
    [5, () => untagged(OUT_OF_REACH)],
  ])();
  if (planned.kind === OUT_OF_REACH) return planned;
  // A chat notification names up to 20 instances.
  const isUnpaid = count === 1 && random.chance(0.1);
  const team = random.weighted([
    [87, planned],
    [10, { ...planned, tags: { ...planned.tags, ...PAYMENTS } }],
    [3, withChange(planned, { after: random.int(5, 30) * SECOND, tags: PAYMENTS })],
  ]);
  return isUnpaid ? withoutCostCenter(team) : team;
}

/** Adds a change; none that follows the termination. */
function withChange(lifecycle: Lifecycle, change: Change): Lifecycle {
  const changes = [...lifecycle.changes, change].sort((a, b) => a.after - b.after);
  const end = changes.findIndex(({ tags }) => tags === null);
  return { ...lifecycle, changes: end < 0 ? changes : changes.slice(0, end + 1) };
}

/** The launch does not set the cost center; a change that sets the service does. */
function withoutCostCenter(lifecycle: Lifecycle): Lifecycle {
  const { "cost-center": costCenter = "", ...tags } = lifecycle.tags;
  const changes = lifecycle.changes.map((change) =>
    change.tags?.service ? { ...change, tags: { ...change.tags, "cost-center": costCenter } } : change,
  );
  return { ...lifecycle, tags, changes };
}
