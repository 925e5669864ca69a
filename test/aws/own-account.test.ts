import { DescribeTagsCommand } from "@aws-sdk/client-ec2";
import { AssumeRoleCommand, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Service } from "../../src/app.ts";
import type { Engine } from "../../src/launches/dispatch.ts";
import { awsError, mockEc2, mockSns } from "../support/aws.ts";
import { configOf } from "../support/config.ts";
import { ACCOUNT, AT, INSTANCE, instanceIds, stateChange } from "../support/events.ts";
import { auditFor, serviceWith } from "../support/service.ts";

/** The topics are in `ACCOUNT`; the function's credentials may be of another account. */
const ec2 = mockEc2();
const sns = mockSns();
const { sts } = ec2;
const OTHER = "210987654321";
const SNS: Engine = { name: "SNS", retryWindowSeconds: 3_600 };
const lines: string[] = [];

beforeEach(() => {
  ec2.start();
  sns.start();
  sts.on(AssumeRoleCommand).resolves({
    Credentials: { AccessKeyId: "ASIA", SecretAccessKey: "s", SessionToken: "t", Expiration: new Date(AT + 3_600_000) },
  });
  lines.length = 0;
  vi.useFakeTimers({ now: AT + 60_000 });
  ec2.launch(INSTANCE);
});
afterEach(() => {
  vi.useRealTimers();
});

const serviceOf = (more: Readonly<Record<string, unknown>> = {}) => serviceWith(configOf(more), lines);
const audit = (service: Service, ...events: readonly unknown[]) => auditFor(SNS, service, events);
const asked = () => sts.commandCalls(GetCallerIdentityCommand).length;
const warnings = () => lines.map((line) => JSON.parse(line)).filter(({ level }) => level === "warn");

describe("credentials of another account than that of the topics", () => {
  beforeEach(() => {
    sts.on(GetCallerIdentityCommand).resolves({ Account: OTHER });
  });

  it("do not audit a launch in the topics' account without a role: it is misconfigured, and EC2 is not called", async () => {
    const service = serviceOf();
    expect(await audit(service, stateChange())).toMatchObject([
      [
        {
          kind: "misconfigured",
          problems: [
            {
              key: "AUDIT_ROLE_NAME",
              problem: `is missing: the launch is in account ${ACCOUNT}, and the function's credentials belong to account ${OTHER}; set it to the name of a role in account ${ACCOUNT}, or use credentials of ${ACCOUNT}`,
            },
          ],
        },
      ],
    ]);
    expect(ec2.mock.calls()).toHaveLength(0);
    expect(service.warnings()).toEqual([
      { key: "AUDIT_ROLE_NAME", problem: expect.stringContaining("belong to another account than LAUNCH_TOPIC_ARN") },
    ]);
  });

  it("audit a launch in their own account without a role", async () => {
    expect(await audit(serviceOf(), stateChange({ account: OTHER }))).toMatchObject([[{ kind: "violating" }]]);
    expect(sts.commandCalls(AssumeRoleCommand)).toHaveLength(0);
  });

  it("audit a launch in the topics' account with AUDIT_ROLE_NAME", async () => {
    const service = serviceOf({ AUDIT_ROLE_NAME: "ec2-audit" });
    expect(await audit(service, stateChange())).toMatchObject([[{ kind: "violating" }]]);
    const { credentials } = ec2.mock.call(0).thisValue.config;
    expect(await credentials()).toMatchObject({ accessKeyId: "ASIA" });
    expect(service.warnings()).toEqual([]);
  });

  it("cause no warning if one of the launch topics is in their account", async () => {
    const topics = [ACCOUNT, OTHER].map((account) => `arn:aws:sns:us-east-1:${account}:launches`);
    const service = serviceOf({ LAUNCH_TOPIC_ARN: topics.join() });
    await audit(service, stateChange({ account: OTHER }));
    expect(service.warnings()).toEqual([]);
  });
});

describe("GetCallerIdentity", () => {
  it("is called once for all concurrent and later launches", async () => {
    const service = serviceOf();
    const ids = instanceIds(50);
    await Promise.all(ids.map((id) => audit(service, stateChange({ id }))));
    await audit(service, stateChange());
    expect([asked(), service.own.known()]).toEqual([1, ACCOUNT]);
  });

  it("is not called for an event without a launch", async () => {
    await audit(serviceOf(), { ...stateChange(), "detail-type": "EBS Volume Notification" });
    expect(asked()).toBe(0);
  });

  it("is not called if the host reports the account", async () => {
    const service = serviceWith({ ...configOf(), account: OTHER }, lines);
    expect(await audit(service, stateChange({ account: OTHER }))).toMatchObject([[{ kind: "violating" }]]);
    expect([asked(), service.own.known()]).toEqual([0, OTHER]);
  });

  it.each([
    ["is refused", () => sts.on(GetCallerIdentityCommand).rejects(awsError("AccessDenied", "denied by an SCP"))],
    ["returns an invalid account", () => sts.on(GetCallerIdentityCommand).resolves({ Account: "<html>" })],
  ])("that %s leaves the alert topic's account, is logged once, and is retried after a minute", async (_, fail) => {
    fail();
    const service = serviceOf();
    for (let count = 0; count < 3; count++) {
      expect(await audit(service, stateChange())).toMatchObject([[{ kind: "violating" }]]);
    }
    expect([asked(), service.own.known()]).toEqual([1, null]);
    expect(service.warnings()).toEqual([]);
    await vi.advanceTimersByTimeAsync(60_000);
    await audit(service, stateChange());
    expect(asked()).toBe(2);
    expect(warnings()).toEqual([
      expect.objectContaining({ message: expect.stringContaining("sts:GetCallerIdentity failed"), account: ACCOUNT }),
    ]);

    sts.on(GetCallerIdentityCommand).resolves({ Account: OTHER });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await audit(service, stateChange())).toMatchObject([[{ kind: "misconfigured" }]]);
    expect(service.own.known()).toBe(OTHER);
  });

  it("delays a launch by at most two seconds, and a late response applies to later launches", async () => {
    let answer = (_: object) => {};
    sts.on(GetCallerIdentityCommand).callsFake(() => new Promise((resolve) => (answer = resolve)));
    const service = serviceOf();
    const first = audit(service, stateChange());
    await vi.advanceTimersByTimeAsync(1_999);
    expect(ec2.mock.commandCalls(DescribeTagsCommand)).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(await first).toMatchObject([[{ kind: "violating" }]]);
    answer({ Account: OTHER });
    expect(await audit(service, stateChange())).toMatchObject([[{ kind: "misconfigured" }]]);
    expect(asked()).toBe(1);
  });

  it("is not awaited past the deadline", async () => {
    sts.on(GetCallerIdentityCommand).callsFake(() => new Promise(() => {}));
    const outcomes = serviceOf().audit([{ event: stateChange() }], SNS, Date.now() + 500);
    await vi.advanceTimersByTimeAsync(500);
    expect(await outcomes).toMatchObject([[{ kind: "failed" }]]);
  });
});
