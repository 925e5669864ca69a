import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { partitionOf } from "../../src/aws/regions.ts";
import { readParameters, withUploadedCode } from "../../src/cli/lambda/template.ts";
import { type Key, MAX_GRACE_SECONDS, readConfig } from "../../src/config.ts";
import { NAMESPACE } from "../../src/log.ts";
import { MEMBER, readTemplate, reference, resolveTemplate, TEMPLATE } from "./template.ts";

const template = readTemplate(TEMPLATE);
const member = readTemplate(MEMBER);

/** Whether CloudFormation accepts a value. A pattern must match all of it. */
function accepts(parameter: string, value: string): boolean {
  const { AllowedPattern, AllowedValues } = template.Parameters[parameter] ?? {};
  if (AllowedValues) return AllowedValues.map(String).includes(value);
  return new RegExp(`^(?:${AllowedPattern})$`).test(value);
}

function configAccepts(key: Key, value: string): boolean {
  const settings = {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "id",
    AWS_SECRET_ACCESS_KEY: "secret",
    ALERT_TOPIC_ARN: "arn:aws:sns:us-east-1:123456789012:alerts",
    [key]: value,
  };
  return "config" in readConfig(settings);
}

describe("a parameter that mirrors a key of the configuration", () => {
  const key128 = "k".repeat(128);
  const tags = (count: number) => Array.from({ length: count }, (_, index) => `tag${index}`).join(",");
  const topic = "arn:aws:sns:us-east-1:123456789012:";
  const topics = [
    `${topic}alerts`,
    `${topic}alerts.fifo`,
    `${topic}a.b`,
    `${topic}`,
    `${topic}${"a".repeat(256)}`,
    `${topic}${"a".repeat(257)}`,
    `${topic}${"a".repeat(251)}.fifo`,
    `${topic}${"a".repeat(252)}.fifo`,
    "arn:aws-cn:sns:cn-north-1:123456789012:alerts",
    "arn:aws-us-gov:sns:us-gov-west-1:123456789012:alerts",
    "arn:aws-eusc:sns:eusc-de-east-1:123456789012:alerts",
    "arn:aws:sns:cn-north-1:123456789012:alerts",
    "arn:aws:sns:us-gov-west-1:123456789012:alerts",
    "arn:aws-cn:sns:us-east-1:123456789012:alerts",
    "arn:aws:sqs:us-east-1:123456789012:alerts",
    "arn:aws:sns:us-east-1:12345678901:alerts",
    "arn:aws:sns:us-east-1.evil.example:123456789012:alerts",
    "alerts",
  ];
  const samples: readonly [parameter: string, key: Key, values: readonly string[]][] = [
    [
      "RequiredTags",
      "REQUIRED_TAGS",
      [
        "name",
        "name,service",
        " name , service ",
        "cost centre",
        key128,
        `${key128}k`,
        `a,${key128}`,
        tags(50),
        tags(51),
        "name,",
        ",name",
        "a,,b",
        "a, ,b",
        ",",
        "app/owner",
        "env=prod",
        String.raw`name,env=prod|staging,cost-center=/cc-\d{4}/`,
        "env=/a{1,2}/",
        "prod|staging",
        "name;owner",
        "name,cost-*",
      ],
    ],
    [
      "AuditPolicy",
      "AUDIT_POLICY",
      ['{"rules":[{"rule":"required-tags","tags":["name"]}]}', "name,service", "[]", "{", '"rules"'],
    ],
    [
      "GraceSeconds",
      "GRACE_SECONDS",
      ["0", "9", "45", "99", "100", "899", "900", "-1", "4.5", "1e2", "forever", "99999"],
    ],
    ["AuditRestarts", "AUDIT_RESTARTS", ["on", "off", "true", "false", "1", "0", "yes", "2"]],
    ["AlertTopicArn", "ALERT_TOPIC_ARN", topics],
    ["LaunchTopicArn", "LAUNCH_TOPIC_ARN", topics.filter((arn) => arn !== `${topic}alerts`)],
    [
      "AuditRoleName",
      "AUDIT_ROLE_NAME",
      [
        "ec2-audit-read",
        "audit/ec2-read",
        "a+=,.@-_",
        "r".repeat(64),
        "r".repeat(65),
        "arn:aws:iam::123456789012:role/x",
        "a b",
        "/x",
        "x/",
      ],
    ],
    ["LogLevel", "LOG_LEVEL", ["debug", "info", "warn", "error", "verbose", "information"]],
  ];

  it.each(samples)("%s accepts exactly the values that %s accepts", (parameter, key, values) => {
    for (const value of values) expect([value, accepts(parameter, value)]).toEqual([value, configAccepts(key, value)]);
    expect(new Set(values.map((value) => accepts(parameter, value)))).toEqual(new Set([true, false]));
  });

  it("leaves a key at its default when it is empty", () => {
    for (const name of ["RequiredTags", "AuditPolicy", "AlertTopicArn", "LaunchTopicArn", "AuditRoleName"]) {
      expect([name, template.Parameters[name]?.Default, accepts(name, "")]).toEqual([name, "", true]);
    }
  });

  it("refuses a grace over SQS's limit, although the configuration accepts it", () => {
    expect([accepts("GraceSeconds", "901"), configAccepts("GRACE_SECONDS", "901"), MAX_GRACE_SECONDS > 900]).toEqual([
      false,
      true,
      true,
    ]);
  });
});

describe("every parameter", () => {
  it.each([
    ["template.yaml", template],
    ["member.yaml", member],
  ])("of %s has a group, a label, and a message about an invalid value", (_, { Metadata, Parameters }) => {
    const { ParameterGroups, ParameterLabels } = Metadata["AWS::CloudFormation::Interface"];
    const names = Object.keys(Parameters).sort();
    expect(ParameterGroups.flatMap((group) => group.Parameters).sort()).toEqual(names);
    expect(Object.keys(ParameterLabels).sort()).toEqual(names);
    for (const [name, { AllowedPattern, ConstraintDescription }] of Object.entries(Parameters)) {
      expect([name, ConstraintDescription !== undefined]).toEqual([name, AllowedPattern !== undefined]);
    }
  });

  it("is known to deploy lambda", () => {
    expect(readParameters(readFileSync(TEMPLATE, "utf8")).map(({ name }) => name)).toEqual(
      Object.keys(template.Parameters),
    );
  });
});

describe("the template that deploy lambda sends", () => {
  const text = withUploadedCode(readFileSync(TEMPLATE, "utf8"), { bucket: "artefacts", key: "audit.zip" });

  it("differs from the file only in the location of the code", () => {
    const folder = mkdtempSync(join(tmpdir(), "ec2-audit-template-"));
    const file = join(folder, "template.yaml");
    writeFileSync(file, text);
    const sent = readTemplate(file);
    rmSync(folder, { recursive: true });
    const { Function: audit } = template.Resources;
    if (audit === undefined) throw new Error("the template has no function");
    const Properties = { ...audit.Properties, CodeUri: "s3://artefacts/audit.zip" };
    expect(sent).toEqual({
      ...template,
      Resources: { ...template.Resources, Function: { ...audit, Properties } },
    });
  });

  it("is within CloudFormation's size limit", () => {
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(51_200);
  });
});

describe("the grace", () => {
  it("is the queue's delay, and zero for the function", () => {
    const { LaunchQueue, Function: audit } = resolveTemplate(template, { GraceSeconds: "120" });
    expect(LaunchQueue?.Properties.DelaySeconds).toBe("120");
    expect(audit?.Properties.Environment).toMatchObject({ Variables: { GRACE_SECONDS: "0" } });
  });

  it("has the function's own default", () => {
    const settings = {
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "id",
      AWS_SECRET_ACCESS_KEY: "secret",
      ALERT_TOPIC_ARN: "arn:aws:sns:us-east-1:123456789012:alerts",
    };
    const reading = readConfig(settings);
    expect("config" in reading && String(reading.config.graceSeconds)).toBe(template.Parameters.GraceSeconds?.Default);
  });
});

describe("the function's environment", () => {
  const variablesOf = (parameters: Readonly<Record<string, string>>) => {
    const { Function: audit } = resolveTemplate(template, parameters);
    const environment = audit?.Properties.Environment as { Variables: Record<string, unknown> } | undefined;
    return environment?.Variables ?? {};
  };
  /** Lambda's own variables, and the ARN of the topic that CloudFormation creates. */
  const lambda = { AWS_REGION: "us-east-1", AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret" };
  const made = "arn:aws:sns:us-east-1:123456789012:ec2-audit-AlertTopic-1";

  it.each([
    ["no parameters", {}],
    ["tags", { RequiredTags: "name,owner" }],
    ["a policy", { AuditPolicy: '{"rules":[{"rule":"required-tags","tags":["name"]}]}' }],
    ["an organisation", { OrganizationId: "o-abcdefghij", AuditRoleName: "ec2-audit-read" }],
    ["restarts", { AuditRestarts: "true" }],
    ["existing topics", { AlertTopicArn: `${made}x`, LaunchTopicArn: "arn:aws:sns:us-east-1:123456789012:launches" }],
  ])("is a valid configuration with %s", (_, parameters: Record<string, string>) => {
    const variables = variablesOf(parameters);
    const topic = typeof variables.ALERT_TOPIC_ARN === "string" ? variables.ALERT_TOPIC_ARN : made;
    expect(readConfig({ ...lambda, ...variables, ALERT_TOPIC_ARN: topic })).toHaveProperty("config");
  });

  it("has no REQUIRED_TAGS beside AUDIT_POLICY, because a rule of the template refuses both", () => {
    expect(Object.keys(variablesOf({}))).not.toContain("REQUIRED_TAGS");
    expect(Object.keys(variablesOf({ AuditPolicy: "{}" }))).not.toContain("REQUIRED_TAGS");
    expect(readFileSync(TEMPLATE, "utf8")).toMatch(
      /OnePolicy:\n {4}Assertions:\n {6}- Assert: !Or \[!Equals \[!Ref RequiredTags, ""\], !Equals \[!Ref AuditPolicy, ""\]\]/,
    );
  });
});

describe("the retry window", () => {
  const receives = (parameters: Readonly<Record<string, string>>) => {
    const policy = resolveTemplate(template, parameters).LaunchQueue?.Properties.RedrivePolicy;
    return (policy as { maxReceiveCount: unknown } | undefined)?.maxReceiveCount;
  };

  it("is half an hour, or five hours for an organisation, or the value of the parameter", () => {
    expect(receives({})).toBe(10);
    expect(receives({ OrganizationId: "o-abcdefghij" })).toBe(100);
    expect(receives({ OrganizationId: "o-abcdefghij", MaxReceiveCount: "20" })).toBe("20");
  });

  it("ends in queues that keep failed and undelivered messages for fourteen days", () => {
    const queues = (resources: ReturnType<typeof resolveTemplate>) =>
      Object.entries(resources).filter(([name, { Type }]) => Type === "AWS::SQS::Queue" && name !== "LaunchQueue");
    const dead = [...queues(resolveTemplate(template)), ...queues(resolveTemplate(member, MEMBER_PARAMETERS))];
    expect(dead.map(([name, { Properties }]) => [name, Properties.MessageRetentionPeriod])).toEqual([
      ["DeadLetterQueue", 1_209_600],
      ["UndeliveredQueue", 1_209_600],
      ["UndeliveredQueue", 1_209_600],
    ]);
  });

  it("has a dead-letter queue for every rule and subscription", () => {
    const all = { TagChanges: "true", AlertEmail: "team@example.com", LaunchTopicArn: "" };
    for (const resources of [
      resolveTemplate(template, all),
      resolveTemplate(template, { ...all, CloudTrail: "true" }),
      resolveTemplate(template, { LaunchTopicArn: "arn:aws:sns:us-east-1:123456789012:launches" }),
      resolveTemplate(member, { ...MEMBER_PARAMETERS, TagChanges: "true" }),
    ]) {
      for (const { Type, Properties } of Object.values(resources)) {
        if (Type === "AWS::Events::Rule")
          expect(Properties.Targets).toMatchObject([
            { DeadLetterConfig: { Arn: { "Fn::GetAtt": "UndeliveredQueue.Arn" } } },
          ]);
        if (Type === "AWS::SNS::Subscription")
          expect(Properties.RedrivePolicy).toEqual({ deadLetterTargetArn: { "Fn::GetAtt": "UndeliveredQueue.Arn" } });
      }
    }
  });
});

describe("a launch topic", () => {
  const subscriptionTo = (region: string) =>
    resolveTemplate(template, { LaunchTopicArn: `arn:aws:sns:${region}:123456789012:launches` }).LaunchTopicSubscription
      ?.Properties;

  // https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
  it("in another region is subscribed in that region, without a dead-letter queue, which SNS would refuse", () => {
    expect(subscriptionTo("us-east-1")).toMatchObject({ Region: "us-east-1", RedrivePolicy: expect.anything() });
    expect(subscriptionTo("eu-west-1")).toMatchObject({ Region: "eu-west-1" });
    expect(subscriptionTo("eu-west-1")).not.toHaveProperty("RedrivePolicy");
  });
});

describe("the event bus of an organisation", () => {
  const resources = (parameters: Readonly<Record<string, string>>) =>
    resolveTemplate(template, { OrganizationId: "o-abcdefghij", AuditRoleName: "ec2-audit-read", ...parameters });

  it("belongs to the stack, and is open only to that organisation", () => {
    const { EventBus, EventBusPolicy } = resources({ "AWS::StackName": "ec2-audit" });
    expect(EventBus?.Properties.Name).toBe("ec2-audit");
    expect(EventBusPolicy?.Properties).toMatchObject({
      EventBusName: { Ref: "EventBus" },
      Statement: {
        Effect: "Allow",
        Action: "events:PutEvents",
        Resource: { "Fn::GetAtt": "EventBus.Arn" },
        Condition: { StringEquals: { "aws:PrincipalOrgID": "o-abcdefghij" } },
      },
    });
    expect(Object.keys(resolveTemplate(template))).not.toContain("EventBus");
  });

  it("has rules that may send to the queue, also when the account's own launches come from a topic", () => {
    const { LaunchQueuePolicy } = resources({
      CloudTrail: "true",
      LaunchTopicArn: "arn:aws:sns:us-east-1:123456789012:launches",
    });
    const arns = (names: readonly string[]) => names.map((name) => ({ "Fn::GetAtt": `${name}.Arn` }));
    expect(LaunchQueuePolicy?.Properties.PolicyDocument).toMatchObject({
      Statement: [
        { Condition: { ArnEquals: { "aws:SourceArn": arns(["MemberLaunchRule", "MemberCloudTrailRule"]) } } },
        { Condition: { ArnEquals: { "aws:SourceArn": "arn:aws:sns:us-east-1:123456789012:launches" } } },
      ],
    });
  });
});

describe("a key for topics and queues", () => {
  const key = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555";
  const encryption = (resources: ReturnType<typeof resolveTemplate>) =>
    Object.values(resources)
      .filter(({ Type }) => ["AWS::SQS::Queue", "AWS::SNS::Topic"].includes(Type))
      .map(({ Properties }) => [Properties.KmsMasterKeyId, Properties.SqsManagedSseEnabled]);

  it("encrypts them all; without a key, the queues use SQS's own key", () => {
    const mail = { AlarmEmail: "team@example.com" };
    expect(encryption(resolveTemplate(template, { ...mail, KmsKeyArn: key }))).toEqual(Array(5).fill([key, undefined]));
    expect(encryption(resolveTemplate(member, { ...MEMBER_PARAMETERS, KmsKeyArn: key }))).toEqual([[key, undefined]]);
    const own = encryption(resolveTemplate(template, mail));
    expect(own.filter(([, managed]) => managed === true)).toHaveLength(3);
    expect(own.every(([id]) => id === undefined)).toBe(true);
  });
});

describe("the sweep", () => {
  it("is started by the schedule, with an event of this account and region that names the scheduled time", () => {
    const { Sweep } = resolveTemplate(template);
    expect(Sweep?.Properties).toMatchObject({
      ScheduleExpression: "cron(0 6 * * ? *)",
      FlexibleTimeWindow: { Mode: "OFF" },
      Target: {
        Arn: { "Fn::GetAtt": "LaunchQueue.Arn" },
        RoleArn: { "Fn::GetAtt": "SweepRole.Arn" },
        DeadLetterConfig: { Arn: { "Fn::GetAtt": "UndeliveredQueue.Arn" } },
      },
    });
    const target = Sweep?.Properties.Target as { readonly Input: string } | undefined;
    expect(JSON.parse(target?.Input ?? "")).toEqual({
      version: "0",
      id: "<aws.scheduler.execution-id>",
      "detail-type": "Scheduled Event",
      source: "aws.scheduler",
      account: "123456789012",
      time: "<aws.scheduler.scheduled-time>",
      region: "us-east-1",
      resources: ["<aws.scheduler.schedule-arn>"],
      detail: {},
    });
  });

  it("covers what SweepDetail says", () => {
    const { Sweep } = resolveTemplate(template, { SweepDetail: '{"hours":168,"regions":["eu-west-1"]}' });
    const target = Sweep?.Properties.Target as { readonly Input: string } | undefined;
    expect(JSON.parse(target?.Input ?? "")).toMatchObject({ detail: { hours: 168, regions: ["eu-west-1"] } });
    expect(["{}", '{\n"hours": 168\n}', "", "168", "[]"].map((detail) => accepts("SweepDetail", detail))).toEqual([
      ...[true, true],
      ...[false, false, false],
    ]);
  });

  it("does not exist without a schedule", () => {
    const made = Object.keys(resolveTemplate(template, { SweepSchedule: "" }));
    expect([made.includes("Sweep"), made.includes("SweepRole")]).toEqual([false, false]);
  });

  it.each([
    "",
    "cron(0 6 * * ? *)",
    "cron(30 5 ? * MON-FRI *)",
    "cron(0 6 L * ? 2027)",
    "rate(12 hours)",
    "rate(1 day)",
  ])("accepts the schedule %j", (schedule) => {
    expect(accepts("SweepSchedule", schedule)).toBe(true);
  });

  it.each([
    "daily",
    "0 6 * * *",
    "cron(0 6 * * *)",
    "rate(1 minute)",
    "rate(0 days)",
    "rate(1 days)",
    "at(2027-01-01T06:00:00)",
  ])("refuses the schedule %j", (schedule) => {
    expect(accepts("SweepSchedule", schedule)).toBe(false);
  });
});

describe("every role", () => {
  const boundary = "arn:aws:iam::123456789012:policy/developers";
  const pathsAndBoundaries = (resources: ReturnType<typeof resolveTemplate>) =>
    Object.values(resources)
      .filter(({ Type }) => Type === "AWS::IAM::Role")
      .map(({ Properties }) => [Properties.Path, Properties.PermissionsBoundary]);

  it("has the given path and permissions boundary, also instead of a role that SAM would create", () => {
    const given = { RolePath: "/audit/", PermissionsBoundaryArn: boundary };
    expect(pathsAndBoundaries(resolveTemplate(template, given))).toEqual(Array(4).fill(["/audit/", boundary]));
    expect(pathsAndBoundaries(resolveTemplate(member, { ...MEMBER_PARAMETERS, ...given }))).toEqual(
      Array(2).fill(["/audit/", boundary]),
    );
    expect(pathsAndBoundaries(resolveTemplate(template))).toEqual(Array(4).fill(["/", undefined]));
  });
});

describe("the visibility timeout", () => {
  // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
  it("is six times the function's timeout, plus the batching window", () => {
    const { LaunchQueue, Function: audit } = resolveTemplate(template);
    expect(audit?.Properties).toMatchObject({
      Timeout: 30,
      Events: { Launches: { Properties: { MaximumBatchingWindowInSeconds: 5 } } },
    });
    expect(LaunchQueue?.Properties.VisibilityTimeout).toBe(6 * 30 + 5);
  });
});

describe("the alarms", () => {
  const alarms = (parameters: Readonly<Record<string, string>>) =>
    Object.entries(resolveTemplate(template, parameters)).filter(([, { Type }]) => Type === "AWS::CloudWatch::Alarm");

  it("notify the same recipient in both directions, except the one that only deployments use", () => {
    const actions = alarms({ AlarmEmail: "team@example.com" }).map(([name, { Properties }]) => {
      expect(Properties.OKActions).toEqual(Properties.AlarmActions);
      return [name, Properties.AlarmActions];
    });
    expect(actions).toEqual(
      actions.map(([name]) => [name, name === "AttemptFailedAlarm" ? undefined : [{ Ref: "AlarmTopic" }]]),
    );
  });

  it("have an output that states when there is no recipient", () => {
    expect(template.Outputs.AlarmsReach?.Value).toEqual({
      "Fn::If": [
        "MakesAlarmTopic",
        { Ref: "AlarmEmail" },
        { "Fn::If": ["HasAlarmTopic", { Ref: "AlarmTopicArn" }, "none: set AlarmEmail"] },
      ],
    });
  });
});

describe("the link to the dashboard", () => {
  it.each(["us-east-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1"])("is to the console of %s", (region) => {
    const { name, consoleHost } = partitionOf(region);
    expect(template.Mappings?.Partition?.[name]).toEqual({ Console: consoleHost });
  });

  // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-cloudwatch-dashboard.html
  it("names the region too: a dashboard is of the account, and a stack of the same name may be in another region", () => {
    const nameIn = (region: string) =>
      resolveTemplate(template, { "AWS::StackName": "ec2-audit", "AWS::Region": region }).Dashboard?.Properties
        .DashboardName;
    expect([nameIn("us-east-1"), nameIn("eu-west-1")]).toEqual(["ec2-audit-us-east-1", "ec2-audit-eu-west-1"]);
    expect(JSON.stringify(template.Outputs.DashboardUrl?.Value)).toContain(
      `#dashboards:name=${reference("AWS::StackName")}-${reference("AWS::Region")}`,
    );
  });
});

const MEMBER_PARAMETERS = {
  CentralBusArn: "arn:aws:events:us-east-1:111122223333:event-bus/default",
  CentralRoleArn: "arn:aws:iam::111122223333:role/ec2-audit-FunctionRole-1",
  OrganizationId: "o-abcdefghij",
};

describe("the rules", () => {
  const patterns = (resources: ReturnType<typeof resolveTemplate>) =>
    Object.values(resources)
      .filter(({ Type }) => Type === "AWS::Events::Rule")
      .map(({ Properties }) => Properties.EventPattern);
  const launch = {
    source: ["aws.ec2"],
    "detail-type": ["EC2 Instance State-change Notification"],
    detail: { state: ["pending"] },
  };

  it("match each launch once, in pending: this account's on the default bus, other accounts' on the stack's own bus", () => {
    const own = { account: ["123456789012"], ...launch };
    expect(patterns(resolveTemplate(template))).toEqual([own]);
    const resources = resolveTemplate(template, { OrganizationId: "o-abcdefghij" });
    expect(patterns(resources)).toEqual([own, launch]);
    expect(resources.LaunchRule?.Properties.EventBusName).toBeUndefined();
    expect(resources.MemberLaunchRule?.Properties.EventBusName).toEqual({ Ref: "EventBus" });
    expect(patterns(resolveTemplate(member, MEMBER_PARAMETERS))).toEqual([{ account: ["123456789012"], ...launch }]);
  });

  it("match CloudTrail's calls, tag changes and terminations if the parameters request them", () => {
    const requested = { CloudTrail: "true", TagChanges: "true" };
    const types = (resources: ReturnType<typeof resolveTemplate>) =>
      (patterns(resources) as { "detail-type": string[] }[]).flatMap((pattern) => pattern["detail-type"]);
    const all = [
      ...launch["detail-type"],
      "AWS API Call via CloudTrail",
      "Tag Change on Resource",
      ...launch["detail-type"],
    ];
    expect(types(resolveTemplate(template, requested))).toEqual(all);
    expect(types(resolveTemplate(template, { ...requested, OrganizationId: "o-abcdefghij" }))).toEqual([
      ...all,
      ...all,
    ]);
    expect(types(resolveTemplate(member, { ...MEMBER_PARAMETERS, ...requested }))).toEqual(all);
  });

  it("do not exist when launches come from a topic", () => {
    expect(
      patterns(resolveTemplate(template, { LaunchTopicArn: "arn:aws:sns:us-east-1:123456789012:launches" })),
    ).toEqual([]);
  });
});

describe("the metrics", () => {
  it("are those that the function writes", () => {
    const body = template.Resources.Dashboard?.Properties.DashboardBody as { "Fn::Sub": string } | undefined;
    const dashboard: { widgets: { properties: { metrics: unknown[][] } }[] } = JSON.parse(body?.["Fn::Sub"] ?? "");
    const own = dashboard.widgets.flatMap(({ properties: { metrics } }) =>
      metrics[0]?.[0] === NAMESPACE ? metrics : [],
    );
    const names = own.map((metric) => metric[1]).filter((name) => typeof name === "string");
    const launches = ["compliant", "violating", "deferred", "notJudged"];
    expect(names).toEqual([...launches, "failed", "rejected", "unseen", "ignored", "milliseconds"]);
    const alarms = Object.values(template.Resources).filter(({ Properties }) => Properties.Namespace === NAMESPACE);
    const dimensions = [{ Name: "FunctionName", Value: { Ref: "Function" } }];
    expect(alarms.map(({ Properties }) => [Properties.MetricName, Properties.Dimensions])).toEqual([
      ["failed", dimensions],
      ["failed", dimensions],
      ["notJudged", dimensions],
    ]);
  });

  it("are limited to this stack's function", () => {
    const body = template.Resources.Dashboard?.Properties.DashboardBody as { "Fn::Sub": string };
    const dashboard: { widgets: { properties: { metrics: unknown[][] } }[] } = JSON.parse(body["Fn::Sub"]);
    const first = dashboard.widgets
      .map(({ properties: { metrics } }) => metrics[0] ?? [])
      .filter(([namespace]) => namespace === NAMESPACE);
    expect(first).toHaveLength(3);
    for (const metric of first) expect(metric.slice(2, 4)).toEqual(["FunctionName", reference("Function")]);
  });
});
