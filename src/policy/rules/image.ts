import type { Fact, Facts } from "../../facts/facts.ts";
import type { Image } from "../../facts/images.ts";
import type { Matcher } from "../matcher.ts";
import { ownersOf } from "../names.ts";
import { relaunch } from "../remedies/commands.ts";
import { compliant, notJudged, ofInstance, ruleKind, violates } from "../rule.ts";
import { flag, integer, matchers, matchesAny, optional, quoted, withDefault } from "../settings.ts";
import { shortList, verb } from "../words.ts";

const DAY_MS = 86_400_000;

/** The result of one demand on an image: null if it is met, the problem as a clause, or a fact that is not known. */
type Check = { readonly problem: string } | { readonly unknown: string; readonly late: boolean } | null;

/** A demand on an image. */
interface Demand {
  /** The setting that it comes from. */
  readonly name: string;
  check(image: Image, facts: Facts, now: number): Check;
}

/** `image`: the instance must run an allowed image. */
export const image = ruleKind({
  name: "image",
  what: "An instance must run an allowed image (AMI).",
  why: "An image decides what software an instance starts with. One that is old, public or of an unknown owner can be vulnerable or hostile.",
  settles: "at-launch",
  fields: {
    ids: optional(matchers, { about: "The ids of the allowed images.", demand: "the image must be {}" }),
    owners: optional(matchers, {
      about:
        "The allowed owners: an account id, `amazon`, `aws-marketplace`, `aws-backup-vault`, or `self` for the account of the instance.",
      demand: "the image's owner must be {}",
    }),
    names: optional(matchers, { about: "The names of the allowed images.", demand: "the image's name must be {}" }),
    maxAgeDays: optional(integer(1, 3650), {
      about: "The maximum age of the image, in days since it was created.",
      demand: "the image must be at most {} days old",
    }),
    deprecated: withDefault(flag, true, {
      about: "Whether a deprecated image is allowed.",
      demandIfFalse: "the image must not be deprecated",
    }),
    deregistered: withDefault(flag, true, {
      about: "Whether a deregistered image is allowed.",
      demandIfFalse: "the image must not be deregistered",
    }),
    public: withDefault(flag, true, {
      about: "Whether a public image is allowed.",
      demandIfFalse: "the image must not be public",
    }),
    allowedAmis: withDefault(flag, false, {
      about: "Whether the image must meet the account's criteria for Allowed AMIs.",
      demand: "the image must meet the account's criteria for Allowed AMIs",
    }),
  },
  atLeastOne: ["ids", "owners", "names", "maxAgeDays", "deprecated", "deregistered", "public", "allowedAmis"],
  example: {
    rule: { rule: "image", owners: ["self", "amazon"], maxAgeDays: 90, deprecated: false },
    fails: ["the owner of the image is `679593333241`", "the image is 120 days old", "the image is deprecated"],
    passes: ["the image is from `amazon` and 30 days old"],
  },

  configure({ ids, ...settings }) {
    const demands = demandsOf(settings);
    return {
      needs: demands.length > 0 ? ["instance", "image"] : ["instance"],
      check: ofInstance(({ imageId }, facts, now) => {
        const checks = [
          { name: "ids", result: checkId(ids, imageId) },
          ...demands.map(({ name, check }) => ({
            name,
            result: checkImage(facts.image, (of) => check(of, facts, now)),
          })),
        ];
        const problems = checks.flatMap(({ name, result }) =>
          result !== null && "problem" in result ? [{ name, problem: result.problem }] : [],
        );
        if (problems.length > 0) {
          const clauses = problems.map(({ problem }) => problem).filter((problem) => problem !== "");
          return violates({
            message: `the image ${imageId} is not allowed${clauses.length > 0 ? `: ${clauses.join("; ")}` : ""}`,
            summary: (instances) => `${verb(instances, "runs", "run")} a wrong image`,
            action: (affected) => `Launch ${affected} again from an allowed image`,
            remedy: () => relaunch("image", "from an allowed image"),
            details: { notAllowed: problems.map(({ name }) => name).sort() },
          });
        }
        const unknown = checks.flatMap(({ result }) => (result !== null && "unknown" in result ? [result] : []));
        const [first] = unknown;
        if (first !== undefined)
          return notJudged(
            first.unknown,
            unknown.some(({ late }) => late),
          );
        return compliant(`the image ${imageId} is allowed`);
      }),
    };
  },
});

function checkId(ids: readonly Matcher[] | undefined, imageId: string | null): Check {
  if (ids === undefined) return null;
  if (imageId === null) return unreported("id");
  if (matchesAny(ids, imageId)) return null;
  const list = shortList(ids);
  return { problem: list === null ? "" : `it is not ${list}` };
}

function checkImage(image: Fact<Image>, check: (image: Image) => Check): Check {
  return "unknown" in image ? image : check(image.value);
}

function unreported(what: string): Check {
  return { unknown: `EC2 does not report the image's ${what}`, late: false };
}

interface Settings {
  readonly owners: readonly Matcher[] | undefined;
  readonly names: readonly Matcher[] | undefined;
  readonly maxAgeDays: number | undefined;
  readonly deprecated: boolean;
  readonly deregistered: boolean;
  readonly public: boolean;
  readonly allowedAmis: boolean;
}

/** Returns the demands that need the metadata of the image. */
function demandsOf(settings: Settings): Demand[] {
  const { owners, names, maxAgeDays } = settings;
  const all: (Demand | false)[] = [
    owners !== undefined && {
      name: "owners",
      check(image, { account }) {
        const own = ownersOf(image, account);
        if (own.some((owner) => matchesAny(owners, owner))) return null;
        return differs("owner", image.ownerAlias ?? image.ownerId, owners);
      },
    },
    names !== undefined && {
      name: "names",
      check: ({ name }) => (name !== null && matchesAny(names, name) ? null : differs("name", name, names)),
    },
    maxAgeDays !== undefined && {
      name: "maxAgeDays",
      check({ creationDate }, _, now) {
        if (creationDate === null || Number.isNaN(Date.parse(creationDate))) return unreported("creation date");
        if (now - Date.parse(creationDate) <= maxAgeDays * DAY_MS) return null;
        const days = maxAgeDays === 1 ? "1 day" : `${maxAgeDays} days`;
        return { problem: `it was created on ${creationDate.slice(0, 10)}, more than ${days} ago` };
      },
    },
    !settings.deprecated && {
      name: "deprecated",
      check({ deprecationTime }, _, now) {
        if (deprecationTime === null) return null;
        const time = Date.parse(deprecationTime);
        if (Number.isNaN(time)) return unreported("deprecation time");
        return time <= now ? { problem: `it has been deprecated since ${deprecationTime.slice(0, 10)}` } : null;
      },
    },
    !settings.deregistered && {
      name: "deregistered",
      check: ({ state }) =>
        state === null ? unreported("state") : state === "deregistered" ? { problem: "it is deregistered" } : null,
    },
    !settings.public && {
      name: "public",
      check: ({ isPublic }) =>
        isPublic === null ? unreported("launch permissions") : isPublic ? { problem: "it is public" } : null,
    },
    settings.allowedAmis && {
      name: "allowedAmis",
      check({ isAllowed }) {
        if (isAllowed === null) return { unknown: "EC2 does not report whether the image is allowed", late: false };
        return isAllowed ? null : { problem: "it does not meet the account's criteria for Allowed AMIs" };
      },
    },
  ];
  return all.filter((demand) => demand !== false);
}

/** Returns the problem of a value that is not allowed. */
function differs(what: string, value: string | null, allowed: readonly Matcher[]): Check {
  if (value === null) return unreported(what);
  const list = shortList(allowed);
  return { problem: `its ${what} is ${quoted(value)}${list === null ? "" : `, not ${list}`}` };
}
