/**
 * AWS's documented sample events. Each function returns the sample, with changes.
 * EC2: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html
 * CloudTrail: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html
 * Auto Scaling: https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html
 * Tags: https://docs.aws.amazon.com/tag-editor/latest/userguide/tag-monitor.html
 * Scheduled: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
 */
export interface EventBridgeEvent {
  readonly [key: string]: unknown;
  readonly detail: Readonly<Record<string, unknown>>;
}

export const ACCOUNT = "123456789012";
export const REGION = "us-east-1";
export const INSTANCE = "i-1234567890abcdef0";
/** The time of the samples, as text and in milliseconds since 1970. */
export const TIME = "2021-11-11T21:29:54Z";
export const AT = Date.parse(TIME);

interface Where {
  readonly account?: string;
  readonly region?: string;
  readonly time?: string;
}

/** Returns the instance id for a number. */
export function instanceId(number: number): string {
  return `i-${number.toString(16).padStart(17, "0")}`;
}

/** Returns the first `count` instance ids. */
export function instanceIds(count: number): string[] {
  return Array.from({ length: count }, (_, index) => instanceId(index + 1));
}

export function stateChange({
  id = INSTANCE,
  state = "pending",
  ...where
}: Where & { id?: string; state?: string } = {}) {
  return {
    ...envelope("7bf73129-1428-4cd3-a780-95db273d1602", "EC2 Instance State-change Notification", "aws.ec2", where),
    resources: [instanceArn(id, where)],
    detail: { "instance-id": id, state },
  } satisfies EventBridgeEvent;
}

/** The IAM user of CloudTrail's samples. */
export const MATEO = {
  type: "IAMUser",
  principalId: "EXAMPLE6E4XEGITWATV6R",
  arn: "arn:aws:iam::123456789012:user/Mateo",
  accountId: ACCOUNT,
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  userName: "Mateo",
};

export function runInstances({
  ids = [INSTANCE],
  userIdentity = MATEO,
  ...where
}: Where & { ids?: readonly string[]; userIdentity?: unknown } = {}) {
  return {
    ...envelope("c6ee3b3c-8c0c-4a7e-8b0a-2f0f5a3a8a11", "AWS API Call via CloudTrail", "aws.ec2", where),
    resources: [],
    detail: {
      eventVersion: "1.10",
      userIdentity,
      eventTime: where.time ?? TIME,
      eventSource: "ec2.amazonaws.com",
      eventName: "RunInstances",
      awsRegion: where.region ?? REGION,
      sourceIPAddress: "192.0.2.0",
      userAgent: "aws-cli/2.13.5 Python/3.11.4 Linux/4.14.255-314-253.539.amzn2.x86_64 exec-env/CloudShell",
      requestParameters: {
        instancesSet: { items: [{ imageId: "ami-0abcdef1234567890", minCount: ids.length, maxCount: ids.length }] },
        instanceType: "t3.micro",
      },
      responseElements: {
        requestId: "e4336db0-149f-4a6b-844d-EXAMPLEb9d16",
        reservationId: "r-0123456789abcdef0",
        ownerId: where.account ?? ACCOUNT,
        groupSet: {},
        instancesSet: {
          items: ids.map((id) => ({
            instanceId: id,
            imageId: "ami-0abcdef1234567890",
            instanceState: { code: 0, name: "pending" },
          })),
        },
      },
      requestID: "e4336db0-149f-4a6b-844d-EXAMPLEb9d16",
      eventID: "e755e09c-42f9-4c5c-9064-EXAMPLE228c7",
      readOnly: false,
      eventType: "AwsApiCall",
      managementEvent: true,
      recipientAccountId: where.account ?? ACCOUNT,
      eventCategory: "Management",
    },
  } satisfies EventBridgeEvent;
}

/** A RunInstances call that EC2 refused. CloudTrail reports it too, without instances. */
export function refusedRunInstances(errorCode = "Client.InstanceLimitExceeded") {
  const event = runInstances();
  const detail = {
    ...event.detail,
    errorCode,
    errorMessage: "You have requested more vCPU capacity",
    responseElements: null,
  };
  return { ...event, detail } satisfies EventBridgeEvent;
}

export function autoScalingLaunch({
  id = INSTANCE,
  group = "my-auto-scaling-group",
  ...where
}: Where & { id?: string; group?: string } = {}) {
  return {
    ...envelope("3e3c153a-8339-4e30-8c35-687ebef853fe", "EC2 Instance Launch Successful", "aws.autoscaling", where),
    resources: ["auto-scaling-group-arn", instanceArn(id, where)],
    detail: {
      StatusCode: "InProgress",
      Description: `Launching a new EC2 instance: ${id}`,
      AutoScalingGroupName: group,
      ActivityId: "87654321-4321-4321-4321-210987654321",
      Details: { "Availability Zone": "us-east-1b", "Subnet ID": "subnet-12345678" },
      RequestId: "12345678-1234-1234-1234-123456789012",
      StatusMessage: "",
      EndTime: where.time ?? TIME,
      EC2InstanceId: id,
      StartTime: where.time ?? TIME,
      Cause: "description-text",
      Origin: "EC2",
      Destination: "AutoScalingGroup",
    },
  } satisfies EventBridgeEvent;
}

export function tagChange({
  id = INSTANCE,
  service = "ec2",
  resourceType = "instance",
  ...where
}: Where & { id?: string; service?: string; resourceType?: string } = {}) {
  return {
    ...envelope("bddcf1d6-0251-35a1-aab0-adc1fb47c11c", "Tag Change on Resource", "aws.tag", where),
    resources: [instanceArn(id, where)],
    detail: {
      "changed-tag-keys": ["a-new-key", "an-updated-key", "a-deleted-key"],
      service,
      "resource-type": resourceType,
      version: 3,
      tags: {
        "a-new-key": "tag-value-on-new-key-just-added",
        "an-updated-key": "tag-value-was-just-changed",
        "an-unchanged-key": "tag-value-still-the-same",
      },
    },
  } satisfies EventBridgeEvent;
}

export function scheduledEvent(where: Where = {}) {
  return {
    ...envelope("53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "Scheduled Event", "aws.events", where),
    resources: ["arn:aws:events:us-east-1:123456789012:rule/my-scheduled-rule"],
    detail: {},
  } satisfies EventBridgeEvent;
}

function envelope(
  id: string,
  type: string,
  source: string,
  { account = ACCOUNT, region = REGION, time = TIME }: Where,
) {
  return { version: "0", id, "detail-type": type, source, account, time, region };
}

function instanceArn(id: string, { account = ACCOUNT, region = REGION }: Where): string {
  const partition = region.startsWith("cn-") ? "aws-cn" : region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
  return `arn:${partition}:ec2:${region}:${account}:instance/${id}`;
}
