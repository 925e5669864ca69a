import { describe, expect, it } from "vitest";
import { canTranslate, translate } from "./translate.ts";

const able = canTranslate();
const suite = "the template, as SAM translates it";

describe.skipIf(!able)(able ? suite : `${suite} (skipped: python's samtranslator is not installed)`, () => {
  const release = "0123456789abcdef";
  const [byDefault, allAtOnce, released, otherRelease, otherSetting, otherSettingOnly] = able
    ? translate([
        {},
        { Deployment: "AllAtOnce" },
        { Release: release },
        { Release: "f123456789abcdef" },
        { Release: release, LogLevel: "warn" },
        { LogLevel: "warn" },
      ])
    : [];
  const versionOf = (template: typeof byDefault) =>
    Object.entries(template?.Resources ?? {}).find(([, { Type }]) => Type === "AWS::Lambda::Version")?.[0];

  it("has the queue call the alias, and CodeDeploy move it", () => {
    const { FunctionLaunches, FunctionAliaslive } = byDefault?.Resources ?? {};
    expect(FunctionLaunches?.Properties).toEqual({
      BatchSize: 100,
      EventSourceArn: { "Fn::GetAtt": ["LaunchQueue", "Arn"] },
      FunctionName: { Ref: "FunctionAliaslive" },
      FunctionResponseTypes: ["ReportBatchItemFailures"],
      MaximumBatchingWindowInSeconds: 5,
      ScalingConfig: { MaximumConcurrency: { Ref: "MaximumConcurrency" } },
    });
    expect(FunctionAliaslive).toMatchObject({
      Properties: { Name: "live" },
      UpdatePolicy: { CodeDeployLambdaAliasUpdate: { DeploymentGroupName: { Ref: "FunctionDeploymentGroup" } } },
    });
  });

  it.each([
    ["a canary", byDefault],
    ["AllAtOnce", allAtOnce],
  ])("has CodeDeploy check the new version before it gets traffic, with %s", (_, template) => {
    const resources = template?.Resources ?? {};
    expect(resources.FunctionAliaslive).toMatchObject({
      UpdatePolicy: { CodeDeployLambdaAliasUpdate: { BeforeAllowTrafficHook: { Ref: "VersionCheck" } } },
    });
    expect(resources.VersionCheck?.Properties.Environment).toEqual({
      Variables: { NEW_VERSION: { Ref: versionOf(template) } },
    });
    expect(resources.FunctionDeploymentGroup?.Properties.ServiceRoleArn).toEqual({
      "Fn::GetAtt": ["DeploymentRole", "Arn"],
    });
  });

  it("rolls back a canary on any of four alarms, and AllAtOnce on none", () => {
    const alarms = ["ErrorAlarm", "AttemptFailedAlarm", "OldestMessageAlarm", "DeadLetterAlarm"];
    expect(byDefault?.Resources.FunctionDeploymentGroup?.Properties).toMatchObject({
      AlarmConfiguration: {
        "Fn::If": ["RollsBackOnAlarm", { Enabled: true, Alarms: alarms.map((Ref) => ({ Name: { Ref } })) }, {}],
      },
      AutoRollbackConfiguration: { Enabled: true },
      DeploymentConfigName: {
        "Fn::Sub": [expect.stringContaining("CodeDeployDefault.Lambda"), { ConfigName: "Canary10Percent5Minutes" }],
      },
    });
  });

  it("creates a new version when Release changes, and only then, because SAM ignores other parameters", () => {
    expect(versionOf(otherRelease)).not.toBe(versionOf(released));
    expect(versionOf(otherSetting)).toBe(versionOf(released));
    expect(versionOf(otherSettingOnly)).toBe(versionOf(byDefault));
  });

  it("puts the release into the description, without which Lambda would not publish the same code again", () => {
    expect(released?.Resources.Function?.Properties.Description).toBe(`EC2 audit ${release}`);
  });
});
