import { imageOf } from "./image-metadata.ts";
import { newAssociation } from "./instance-profiles.ts";
import type { GeneratedInstances } from "./instances.ts";
import { DEFAULT_METADATA_OPTIONS } from "./metadata-options.ts";
import type { Ec2State, Instance, InstanceOptions, InstanceState } from "./model.ts";
import { newInterfaces } from "./network-interfaces.ts";
import { newVolume } from "./volumes.ts";

/** The settings of an instance of a generated fleet. */
export interface GeneratedInstance extends InstanceOptions {
  readonly imageId: string;
  /** In ms since 1970. */
  readonly launchedAt: number;
  readonly tags?: Readonly<Record<string, string>>;
  /** Default running. */
  readonly state?: InstanceState;
  /** The Auto Scaling group that launched it. Default: a user. */
  readonly group?: string | undefined;
  /** The service principal that manages it, such as `eks.amazonaws.com`. Default: none. */
  readonly operator?: string | undefined;
}

/** An instance has at most this number of ids: its own, and those of its interfaces, volumes and so on. */
const IDS = 16;

/**
 * Returns instances that are made from their index when they are asked for.
 * @param make returns the settings of an instance, the same ones each time
 */
export function generatedInstances(
  state: Ec2State,
  count: number,
  make: (index: number) => GeneratedInstance,
): GeneratedInstances<Instance> {
  const seed = [...`${state.account} ${state.region}`].reduce((hash, char) => mix(hash, char.charCodeAt(0)), 0);
  return {
    count,
    at: (index) => instanceAt(state, index, make(index), seed),
    indexOf: (id) => {
      const number = numberOf(id);
      if (number === undefined || number % IDS !== 0 || number / IDS >= count) return undefined;
      return idOf("i", number, seed) === id ? number / IDS : undefined;
    },
  };
}

function instanceAt(state: Ec2State, index: number, made: GeneratedInstance, seed: number): Instance {
  let number = index * IDS;
  const makeId = (prefix: string) => idOf(prefix, number++, seed);
  const { group, tags = {}, launchedAt, ...options } = made;
  const { architecture, platform } = imageOf(state, options.imageId, launchedAt);
  return {
    id: makeId("i"),
    reservationId: makeId("r"),
    account: state.account,
    region: state.region,
    imageId: options.imageId,
    architecture,
    platform,
    instanceType: options.instanceType ?? "m1.small",
    keyName: options.keyName,
    tenancy: options.tenancy ?? "default",
    lifecycle: options.lifecycle,
    interfaces: newInterfaces(state, options, index + 1, index, makeId),
    volumes: (options.volumes ?? [{}]).map((volume) => newVolume(state, volume, new Map(), makeId)),
    requesterId: group === undefined ? undefined : "940372691376",
    operator: options.operator,
    clientToken: makeId("token").slice("token-".length),
    attachedAt: launchedAt,
    firstRanAt: launchedAt,
    launchedAt,
    tags: new Map([
      ...(group === undefined ? [] : [["aws:autoscaling:groupName", group] as const]),
      ...Object.entries(tags),
    ]),
    state: options.state ?? "running",
    metadataOptions: { ...DEFAULT_METADATA_OPTIONS, ...options.metadataOptions },
    metadataPending: false,
    association:
      options.instanceProfile === undefined ? undefined : newAssociation(state, options.instanceProfile, makeId),
  };
}

/**
 * Returns the id of a number: its digits look random, as AWS's do, because a report of ids that can be compressed would be smaller
 * than a real one. The last nine digits are a hash of the number, and the first eight the number, masked by a hash of those.
 */
function idOf(prefix: string, number: number, seed: number): string {
  const [low, high] = [mix(seed, number), mix(~seed, number) & 15];
  const masked = (number ^ mix(low, high)) >>> 0;
  return `${prefix}-${hex(masked)}${high.toString(16)}${hex(low)}`;
}

const BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Returns the eight digits of an integer of 32 bits. */
function hex(value: number): string {
  return `${BYTES[value >>> 24]}${BYTES[(value >>> 16) & 255]}${BYTES[(value >>> 8) & 255]}${BYTES[value & 255]}`;
}

/** Returns the number of an id of 17 digits, which may be of another place; undefined for other text. */
function numberOf(id: string): number | undefined {
  const [, masked, high, low] = /^i-([0-9a-f]{8})([0-9a-f])([0-9a-f]{8})$/.exec(id) ?? [];
  if (masked === undefined || high === undefined || low === undefined) return undefined;
  return (Number.parseInt(masked, 16) ^ mix(Number.parseInt(low, 16), Number.parseInt(high, 16))) >>> 0;
}

/** Returns a hash of 32 bits: the finalizer of MurmurHash3 over both. */
function mix(seed: number, value: number): number {
  let hash = Math.imul(seed ^ value, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
