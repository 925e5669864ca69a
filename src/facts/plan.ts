import { isDenied } from "../aws/denied.ts";
import { describeError } from "../util/errors.ts";
import type { Fact, FactName, FactReader, Facts, Unknown } from "./facts.ts";
import type { Image } from "./images.ts";
import type { Instance } from "./instances.ts";
import { mapReads, type Read, type Reads, readOf } from "./pages.ts";
import type { SecurityGroup } from "./security-groups.ts";
import { isTerminated } from "./terminated.ts";

/** The facts that EC2 reports. The account, region and launcher are known without it. */
export type ReadFacts = Omit<Facts, "account" | "region" | "launchedBy">;

/** The facts of an instance that EC2 shows. */
export interface ShownFacts extends ReadFacts {
  readonly instance: Instance;
}

/** The reads of the facts that some rules need. Each EC2 operation is called once per batch of instances. */
export interface FactPlan {
  /** Reads only tags, with the cheapest call; null if a rule needs more. */
  readonly readTags: ((instanceIds: readonly string[]) => Promise<Reads<ReadFacts>>) | null;
  /** Reads all facts that the rules need, and the instance; null for an instance that EC2 does not show. */
  readonly read: (instanceIds: readonly string[]) => Promise<Reads<ShownFacts | null>>;
}

/** The EC2 action that reads each fact. */
export const ACTIONS: Readonly<Record<FactName, string>> = {
  tags: "ec2:DescribeTags",
  instance: "ec2:DescribeInstances",
  securityGroups: "ec2:DescribeSecurityGroups",
  image: "ec2:DescribeInstanceImageMetadata",
  volumes: "ec2:DescribeVolumes",
  defaultVpc: "ec2:DescribeVpcs",
};

/**
 * Returns the facts that are read for these needs. Each alert is confirmed with DescribeInstances, which also returns tags:
 * DescribeTags is called only if no rule needs more.
 */
export function factsFor(needs: readonly FactName[]): FactName[] {
  const isRead = (name: FactName) =>
    name === "instance" || (name === "tags" ? !needsMore(needs) : needs.includes(name));
  return (Object.keys(ACTIONS) as FactName[]).filter(isRead);
}

/** Returns the IAM actions that the reads of these facts need. */
export function actionsFor(needs: readonly FactName[]): string[] {
  return factsFor(needs).map((name) => ACTIONS[name]);
}

function needsMore(needs: readonly FactName[]): boolean {
  return needs.some((name) => name !== "tags");
}

const NOT_READ: Unknown = { unknown: "the policy does not need it", late: false };
const UNREAD = { securityGroups: NOT_READ, image: NOT_READ, volumes: NOT_READ, defaultVpc: NOT_READ };

/**
 * Plans the reads for rules that need these facts. A fact is not known if the credentials do not allow its call. Any other failed
 * call is the error of its instances, or leaves the fact unknown for the reason that `explain` returns.
 */
export function planFacts(
  needs: readonly FactName[],
  reader: FactReader,
  explain?: (action: string, error: unknown) => string,
): FactPlan {
  return {
    readTags: needsMore(needs)
      ? null
      : async (ids) => mapReads(await reader.tags(ids), (tags) => ({ ...UNREAD, tags, instance: null })),
    read: async (ids) => {
      const instances = await reader.instances(ids);
      const shown = [...instances.values()].flatMap((read) =>
        "value" in read && read.value && !isTerminated(read.value) ? [read.value] : [],
      );
      const more = await readMore(needs, shown, reader, explain);
      return new Map(
        [...instances].map(([id, read]): [string, Read<ShownFacts | null>] => {
          if ("error" in read) return [id, read];
          return [id, read.value === null ? { value: null } : more(read.value)];
        }),
      );
    },
  };
}

/** Reads the facts that DescribeInstances does not return, in parallel. Returns all facts of an instance, or a call's error. */
async function readMore(
  needs: readonly FactName[],
  instances: readonly Instance[],
  reader: FactReader,
  explain?: (action: string, error: unknown) => string,
): Promise<(instance: Instance) => Read<ShownFacts>> {
  const ids = instances.map(({ instanceId }) => instanceId);
  const groupIds = [...new Set(instances.flatMap(({ groups }) => groups.map(({ groupId }) => groupId)))];
  const isNeeded = (name: FactName) => needs.includes(name) && instances.length > 0;
  const [groups, images, volumes, vpc] = await Promise.all([
    isNeeded("securityGroups") ? reader.securityGroups(groupIds) : null,
    isNeeded("image") ? reader.images(ids) : null,
    isNeeded("volumes") ? reader.volumes(ids) : null,
    isNeeded("defaultVpc")
      ? reader.defaultVpc().then(
          (value): Read<string | null> => ({ value }),
          (error: unknown): Read<string | null> => ({ error }),
        )
      : null,
  ]);
  const factOf = <T>(name: FactName, read: Read<T>): Fact<T> => {
    if ("value" in read) return read;
    if (isDenied(read.error)) return { unknown: `the credentials do not allow ${ACTIONS[name]}`, late: false };
    if (explain === undefined) throw read.error;
    return { unknown: explain(ACTIONS[name], read.error), late: false };
  };
  /** Returns all groups of an instance. A group of another account, in a shared VPC, is not shown. */
  const allGroups = (
    groupIds: Instance["groups"],
    reads: Reads<SecurityGroup | null>,
  ): Fact<readonly SecurityGroup[]> => {
    const found: SecurityGroup[] = [];
    for (const { groupId } of groupIds) {
      const fact = shownFact(factOf("securityGroups", readOf(reads, groupId)), `the security group ${groupId}`);
      if ("unknown" in fact) return fact;
      found.push(fact.value);
    }
    return { value: found };
  };
  return (instance) => {
    if (isTerminated(instance)) return { value: { ...UNREAD, tags: instance.tags, instance } };
    const { instanceId } = instance;
    try {
      const value: ShownFacts = {
        tags: instance.tags,
        instance,
        securityGroups: groups === null ? NOT_READ : allGroups(instance.groups, groups),
        image: images === null ? NOT_READ : shownFact(factOf("image", readOf(images, instanceId)), "the image"),
        volumes: volumes === null ? NOT_READ : factOf("volumes", readOf(volumes, instanceId)),
        defaultVpc: vpc === null ? NOT_READ : factOf("defaultVpc", vpc),
      };
      return { value };
    } catch (error) {
      return { error };
    }
  };
}

/** Reads the images of instances. Returns the image of an instance, which any failed call leaves unknown. Never throws. */
export async function readImages(
  ids: readonly string[],
  reader: Pick<FactReader, "images">,
): Promise<(instanceId: string) => Fact<Image>> {
  const images = await reader.images(ids);
  return (instanceId) => {
    const read = readOf(images, instanceId);
    return "error" in read ? { unknown: describeError(read.error), late: false } : shownFact(read, "the image");
  };
}

function shownFact<T>(fact: Fact<T | null>, what: string): Fact<T> {
  if ("unknown" in fact) return fact;
  return fact.value === null ? { unknown: `EC2 does not show ${what}`, late: true } : { value: fact.value };
}
