import { describe, expect, it } from "vitest";
import { canTranslate, translate } from "./translate.ts";

const able = canTranslate();

describe.skipIf(!able)(
  able
    ? "the template, as SAM translates it"
    : "the template, as SAM translates it (skipped: python's samtranslator is not there)",
  () => {
    const versionOf = (parameters: Readonly<Record<string, string>>) =>
      Object.entries(translate(parameters).Resources).find(([, { Type }]) => Type === "AWS::Lambda::Version")?.[0];

    it("has the queue call the alias, and the alias move by CodeDeploy", () => {
      const { FunctionLaunches, FunctionAliaslive } = translate({}).Resources;
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

    it("has CodeDeploy check the new version before traffic moves, in every way of deploying", () => {
      for (const Deployment of ["Canary10Percent5Minutes", "AllAtOnce"]) {
        const { Resources } = translate({ Deployment });
        const version = versionOf({ Deployment });
        expect(Resources.FunctionAliaslive).toMatchObject({
          UpdatePolicy: { CodeDeployLambdaAliasUpdate: { BeforeAllowTrafficHook: { Ref: "VersionCheck" } } },
        });
        expect(Resources.VersionCheck?.Properties.Environment).toEqual({
          Variables: { NEW_VERSION: { Ref: version } },
        });
        expect(Resources.FunctionDeploymentGroup?.Properties.ServiceRoleArn).toEqual({
          "Fn::GetAtt": ["DeploymentRole", "Arn"],
        });
      }
    }, 60_000);

    it("sends a canary back on four alarms, and AllAtOnce asks none", () => {
      const { FunctionDeploymentGroup: group } = translate({}).Resources;
      const alarms = ["ErrorAlarm", "AttemptFailedAlarm", "OldestMessageAlarm", "DeadLetterAlarm"];
      expect(group?.Properties).toMatchObject({
        AlarmConfiguration: {
          "Fn::If": ["AsksAlarms", { Enabled: true, Alarms: alarms.map((Ref) => ({ Name: { Ref } })) }, {}],
        },
        AutoRollbackConfiguration: { Enabled: true },
        DeploymentConfigName: {
          "Fn::Sub": [expect.stringContaining("CodeDeployDefault.Lambda"), { ConfigName: "Canary10Percent5Minutes" }],
        },
      });
    }, 60_000);

    it("makes a new version when Release changes, and only then: SAM does not look into other parameters", () => {
      const release = "0123456789abcdef";
      expect(versionOf({ Release: "f123456789abcdef" })).not.toBe(versionOf({ Release: release }));
      expect(versionOf({ Release: release, LogLevel: "warn" })).toBe(versionOf({ Release: release }));
      expect(versionOf({ LogLevel: "warn" })).toBe(versionOf({}));
    }, 60_000);

    it("tells the version's release, without which Lambda would not publish the same code anew", () => {
      expect(translate({ Release: "0123456789abcdef" }).Resources.Function?.Properties.Description).toBe(
        "EC2 audit 0123456789abcdef",
      );
    });
  },
);
