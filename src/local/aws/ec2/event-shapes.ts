import { randomUUID } from "node:crypto";
import { arn, hex } from "../arns.ts";
import type { EventInput } from "../events/bus.ts";
import type { Params } from "../params.ts";
import type { Caller } from "../service.ts";
import { reservationFields } from "./instance.ts";
import type { Instance, InstanceState } from "./model.ts";

/** CloudTrail's limit for responseElements: 100 KB. */
const MAX_RESPONSE_BYTES = 102_400;

const arnOf = (instance: Instance) => arn("ec2", instance.region, instance.account, `instance/${instance.id}`);

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html */
export function stateChange(instance: Instance, state: InstanceState): EventInput {
  return {
    account: instance.account,
    region: instance.region,
    source: "aws.ec2",
    detailType: "EC2 Instance State-change Notification",
    resources: [arnOf(instance)],
    detail: { "instance-id": instance.id, state },
  };
}

/** https://docs.aws.amazon.com/tag-editor/latest/userguide/monitor-tag-changes.html: `tags` are those after the change. */
export function tagChange(instance: Instance, changed: readonly string[]): EventInput {
  return {
    account: instance.account,
    region: instance.region,
    source: "aws.tag",
    detailType: "Tag Change on Resource",
    resources: [arnOf(instance)],
    detail: {
      "changed-tag-keys": [...changed],
      service: "ec2",
      "resource-type": "instance",
      version: 5,
      tags: Object.fromEntries(instance.tags),
    },
  };
}

/** https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html */
export function launchSuccessful(instance: Instance, group: string, now: number): EventInput {
  const seconds = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;
  const groupArn = arn(
    "autoscaling",
    instance.region,
    instance.account,
    `autoScalingGroup:${randomUUID()}:autoScalingGroupName/${group}`,
  );
  const activity = randomUUID();
  const { subnet } = instance.interfaces[0];
  return {
    account: instance.account,
    region: instance.region,
    source: "aws.autoscaling",
    detailType: "EC2 Instance Launch Successful",
    resources: [groupArn, arnOf(instance)],
    detail: {
      StatusCode: "InProgress",
      Description: `Launching a new EC2 instance: ${instance.id}`,
      AutoScalingGroupName: group,
      ActivityId: activity,
      Details: { "Availability Zone": subnet.zone, "Subnet ID": subnet.id },
      RequestId: activity,
      StatusMessage: "",
      EndTime: seconds(now),
      EC2InstanceId: instance.id,
      StartTime: seconds(instance.launchedAt),
      Cause: `At ${seconds(instance.launchedAt)} an instance was started in response to a difference between desired and actual capacity.`,
      Origin: "EC2",
      Destination: "AutoScalingGroup",
    },
  };
}

/**
 * Returns CloudTrail's event of a RunInstances call, which has lists as `{ items: […] }`.
 * https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference.html
 */
export function runInstancesTrail(
  instances: readonly Instance[],
  caller: Caller,
  params: Params,
  now: number,
): EventInput {
  const first = instances[0];
  const time = `${new Date(now).toISOString().slice(0, 19)}Z`;
  const tags = [...(first?.tags ?? [])].map(([key, value]) => ({ key, value }));
  return {
    account: caller.account,
    region: caller.region,
    source: "aws.ec2",
    detailType: "AWS API Call via CloudTrail",
    resources: [],
    detail: {
      eventVersion: "1.10",
      userIdentity: userIdentity(caller, time),
      eventTime: time,
      eventSource: "ec2.amazonaws.com",
      eventName: "RunInstances",
      awsRegion: caller.region,
      sourceIPAddress: caller.sourceIp,
      userAgent: caller.userAgent,
      requestParameters: {
        instancesSet: {
          items: [{ imageId: first?.imageId, minCount: Number(params.MinCount), maxCount: Number(params.MaxCount) }],
        },
        instanceType: first?.instanceType,
        monitoring: { enabled: false },
        disableApiTermination: false,
        clientToken: first?.clientToken,
        ...(tags.length === 0 ? {} : { tagSpecificationSet: { items: [{ resourceType: "instance", tags }] } }),
      },
      responseElements: withinTrail(inItems({ requestId: randomUUID(), ...reservationFields(instances) })),
      requestID: randomUUID(),
      eventID: randomUUID(),
      readOnly: false,
      eventType: "AwsApiCall",
      managementEvent: true,
      recipientAccountId: caller.account,
      eventCategory: "Management",
    },
  };
}

/**
 * CloudTrail replaces the content of a field above its size limit by `omitted`, so the event of one call for some hundred
 * instances does not name them.
 * https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
 */
function withinTrail(responseElements: unknown): unknown {
  const fits = Buffer.byteLength(JSON.stringify(responseElements)) <= MAX_RESPONSE_BYTES;
  return fits ? responseElements : { omitted: true };
}

/** https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html */
function userIdentity(caller: Caller, time: string): object {
  const common = {
    principalId: caller.userId,
    arn: caller.arn,
    accountId: caller.account,
    accessKeyId: caller.accessKeyId,
  };
  if (caller.role === undefined) return { type: "IAMUser", ...common, userName: caller.arn.split("/").at(-1) };
  const { name, id } = caller.role;
  return {
    type: "AssumedRole",
    ...common,
    sessionContext: {
      sessionIssuer: {
        type: "Role",
        principalId: id,
        arn: arn("iam", caller.region, caller.account, `role/${name}`, "global"),
        accountId: caller.account,
        userName: name,
      },
      attributes: { creationDate: time, mfaAuthenticated: "false" },
    },
  };
}

function inItems(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? {} : { items: value.map(inItems) };
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, inItems(each)]));
}

/** The identity with which Auto Scaling launches: its service-linked role in the account. */
export function autoScalingCaller(account: string, region: string): Caller {
  const role = { name: "AWSServiceRoleForAutoScaling", id: `AROA${hex(16).toUpperCase()}`, session: "AutoScaling" };
  return {
    account,
    region,
    arn: arn("sts", region, account, `assumed-role/${role.name}/${role.session}`, "global"),
    userId: `${role.id}:${role.session}`,
    accessKeyId: `ASIA${hex(16).toUpperCase()}`,
    signed: true,
    role,
    userAgent: "autoscaling.amazonaws.com",
    sourceIp: "autoscaling.amazonaws.com",
  };
}
