import { isInstanceId } from "../aws/instance-id.ts";
import { isAccountId, isRegion } from "../aws/regions.ts";
import { autoScalingGroup } from "../facts/launcher.ts";
import type { Tags } from "../facts/tags.ts";
import { isObject, quote } from "../util/json.ts";

/** An instance to audit, with the data of its event. */
export interface Launch {
  readonly account: string;
  readonly region: string;
  readonly instanceId: string;
  /** The time of the event, in milliseconds since 1970. The grace starts here. */
  readonly at: number;
  /** The launcher, if the event names one: the ARN of an IAM principal, or an Auto Scaling group. */
  readonly launchedBy: string | null;
  /** The event's `detail-type`. */
  readonly event: string;
  /** What may resolve findings of the instance; missing for a launch, and without RESOLVED_ALERTS. */
  readonly change?: Change;
}

/** A change that may resolve findings. */
export type Change = TagChange | Termination;

export interface TagChange extends Delayed {
  readonly kind: "tags";
  /** The keys of added, changed and deleted tags. */
  readonly keys: readonly string[];
  /** The instance's tags after the change, as the event has them; null if it has none. */
  readonly tags: Tags | null;
}

export interface Termination extends Delayed {
  readonly kind: "terminated";
}

interface Delayed {
  /** How long the queue kept the event, in seconds. It keeps a launch as long, so that tags can arrive. */
  readonly delayedSeconds: number;
}

/** The `detail-type` of the event that reports every start of an instance, launch or restart. */
export const STATE_CHANGE = "EC2 Instance State-change Notification";

/** The launches in an event, or the reason why there are none. */
export type EventReading =
  | { readonly kind: "launches"; readonly launches: readonly Launch[] }
  | {
      readonly kind: "ignored";
      readonly reason: string;
      /** The known fields of the launch. */
      readonly launch: Partial<Launch>;
      /** The event reports launches, but does not name the instances. */
      readonly warning?: true;
    }
  /** A sweep is due, or goes on. */
  | { readonly kind: "sweep"; readonly event: SweepEvent }
  | { readonly kind: "malformed"; readonly reason: string };

/** An event that begins or continues a sweep. */
export interface SweepEvent extends Origin {
  readonly detail: Fields;
}

/** The tolerance for different clocks. Without a limit, an event from the future could extend the grace without end. */
const MAX_AHEAD_MS = 15 * 60_000;

/** The maximum length of a `detail-type`. https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html */
const MAX_TYPE = 128;

export type Fields = Readonly<Record<string, unknown>>;

/** The fields that all events have. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html */
interface Origin {
  readonly account: string;
  readonly region: string;
  readonly at: number;
  readonly event: string;
}

type Reader = (detail: Fields, origin: Origin, event: Fields, delayedSeconds: number | null) => EventReading;

/** The `detail-type` of the event that reports changed tags, at any time after a launch. */
export const TAG_CHANGE = "Tag Change on Resource";

/** The `detail-type` of the message that continues a sweep in the next invocation. */
export const SWEEP_CONTINUATION = "EC2 Audit Sweep Continuation";

/** The supported events, by `detail-type`. */
const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  [STATE_CHANGE, readStateChange],
  ["AWS API Call via CloudTrail", readApiCall],
  ["EC2 Instance Launch Successful", readAutoScalingLaunch],
  [TAG_CHANGE, readTagChange],
  ["Scheduled Event", readSweep],
  [SWEEP_CONTINUATION, readSweep],
]);

/**
 * Reads the launches in an EventBridge event. Takes the event as parsed JSON, the time now in milliseconds since 1970, and for
 * how many seconds the queue kept it; null to read no changes that may resolve findings. An event of another type is ignored, also a
 * termination without changes; a value that is not an event is malformed.
 */
export function readEvent(event: unknown, now: number, delayedSeconds: number | null = null): EventReading {
  if (!isObject(event)) return malformed("the event is not a JSON object");
  const type = event["detail-type"];
  if (typeof type !== "string") return malformed('the event has no "detail-type"');
  const reader = READERS.get(type);
  const { account, region, time, detail } = event;
  if (reader === undefined) {
    const about = {
      event: type.slice(0, MAX_TYPE),
      ...(typeof account === "string" && isAccountId(account) && { account }),
      ...(typeof region === "string" && isRegion(region) && { region }),
    };
    return ignored(`events of the type ${quote(type)} are not audited`, about);
  }
  if (typeof account !== "string" || !isAccountId(account))
    return malformed('the event\'s "account" is not an account id');
  if (typeof region !== "string" || !isRegion(region)) return malformed('the event\'s "region" is not a region name');
  const at = typeof time === "string" ? Date.parse(time) : Number.NaN;
  if (Number.isNaN(at)) return malformed('the event\'s "time" is not a time');
  if (at > now + MAX_AHEAD_MS) return malformed('the event\'s "time" is more than 15 minutes in the future');
  if (!isObject(detail)) return malformed('the event has no "detail"');
  return reader(detail, { account, region, at, event: type }, event, delayedSeconds);
}

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html */
function readStateChange(detail: Fields, origin: Origin, _: Fields, delayedSeconds: number | null): EventReading {
  const { state, "instance-id": instanceId } = detail;
  if (typeof state !== "string") return malformed('the event\'s "detail.state" is missing');
  if (state === "terminated" && delayedSeconds !== null) {
    const change = { kind: "terminated", delayedSeconds } as const;
    return launches({ ...origin, change }, [instanceId], null, "detail.instance-id");
  }
  if (state !== "pending" && state !== "running") {
    return ignored(`the instance is ${quote(state)}`, { ...origin, ...(isInstanceId(instanceId) && { instanceId }) });
  }
  return launches(origin, [instanceId], null, "detail.instance-id");
}

/**
 * Reads the instances of a `RunInstances` call. A refused call has an `errorCode` and no instances. CloudTrail omits a response
 * over 100 KB, which is that of a large launch. A retry does not bring its instances back, so the event is ignored with a
 * warning.
 * https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
 */
function readApiCall(detail: Fields, origin: Origin): EventReading {
  if (detail.eventSource !== "ec2.amazonaws.com" || detail.eventName !== "RunInstances") {
    return ignored("the API call is not RunInstances", origin);
  }
  if (detail.errorCode !== undefined) return ignored("the RunInstances call failed, so nothing was launched", origin);
  const response = detail.responseElements;
  const set = isObject(response) ? response.instancesSet : undefined;
  const items: unknown = isObject(set) ? set.items : undefined;
  const ids = Array.isArray(items)
    ? items.map((item: unknown) => (isObject(item) ? item.instanceId : undefined))
    : undefined;
  // AWS does not document which of these has the mark.
  const isOmitted = [detail, response, set].some((part) => isObject(part) && part.omitted === true);
  if (isOmitted && !ids?.length) return { kind: "ignored", reason: OMITTED, launch: origin, warning: true };
  if (ids === undefined) return malformed('the event\'s "detail.responseElements.instancesSet.items" is missing');
  return launches(origin, ids, launcherOf(detail.userIdentity), "detail.responseElements…instanceId");
}

const OMITTED =
  'CloudTrail omitted the instances of a large launch: only a rule for "EC2 Instance State-change Notification" reports them';

/**
 * Returns the launcher that CloudTrail names. `invokedBy` is the host name of the AWS service that made the request. A service
 * that launches on its own behalf has no ARN. One that acts with the account's authority has the ARN of root, which is not the
 * launcher.
 * https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html */
function launcherOf(identity: unknown): string | null {
  if (!isObject(identity)) return null;
  const { type, arn, invokedBy, principalId } = identity;
  const names: readonly unknown[] = type === "Root" ? [invokedBy, arn, principalId] : [arn, invokedBy, principalId];
  return names.find((name): name is string => typeof name === "string" && name !== "") ?? null;
}

/** https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html */
function readAutoScalingLaunch(detail: Fields, origin: Origin): EventReading {
  const group = detail.AutoScalingGroupName;
  const launchedBy = typeof group === "string" && group !== "" ? autoScalingGroup(group) : null;
  return launches(origin, [detail.EC2InstanceId], launchedBy, "detail.EC2InstanceId");
}

/** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-tag-changes.html */
function readTagChange(detail: Fields, origin: Origin, event: Fields, delayedSeconds: number | null): EventReading {
  if (detail.service !== "ec2" || detail["resource-type"] !== "instance") {
    return ignored("the resource is not an instance", origin);
  }
  const arns = event.resources;
  if (!Array.isArray(arns)) return malformed('the event\'s "resources" is missing');
  const ids = arns.map((arn: unknown) => (typeof arn === "string" ? arn.slice(arn.lastIndexOf("/") + 1) : undefined));
  const about = delayedSeconds === null ? origin : { ...origin, change: tagChangeOf(detail, delayedSeconds) };
  return launches(about, ids, null, "resources");
}

function readSweep(detail: Fields, origin: Origin): EventReading {
  return { kind: "sweep", event: { ...origin, detail } };
}

/** The maximum number of keys or tags of an event that are used. A resource has at most 50 tags, and one change can replace them all. */
const MAX_TAGS = 100;

/** Returns the change. An event that does not name the changed keys resolves nothing. */
function tagChangeOf({ "changed-tag-keys": keys, tags }: Fields, delayedSeconds: number): TagChange {
  const entries = isObject(tags) ? Object.entries(tags).slice(0, MAX_TAGS) : null;
  return {
    kind: "tags",
    keys: Array.isArray(keys) ? keys.slice(0, MAX_TAGS).filter((key: unknown) => typeof key === "string") : [],
    tags: entries && new Map(entries.map(([key, value]) => [key, typeof value === "string" ? value : ""])),
    delayedSeconds,
  };
}

function launches(
  origin: Origin & Pick<Launch, "change">,
  ids: readonly unknown[],
  launchedBy: string | null,
  where: string,
): EventReading {
  if (ids.length === 0 || !ids.every(isInstanceId)) return malformed(`the event's "${where}" is not an instance id`);
  return { kind: "launches", launches: [...new Set(ids)].map((instanceId) => ({ ...origin, instanceId, launchedBy })) };
}

function ignored(reason: string, launch: Partial<Launch>): EventReading {
  return { kind: "ignored", reason, launch };
}

function malformed(reason: string): EventReading {
  return { kind: "malformed", reason };
}
