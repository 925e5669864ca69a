import { DescribeTagsCommand } from "@aws-sdk/client-ec2";
import { PublishCommand } from "@aws-sdk/client-sns";
import { AssumeRoleCommand } from "@aws-sdk/client-sts";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Service } from "../../src/app.ts";
import type { Engine } from "../../src/launches/dispatch.ts";
import type { Outcome } from "../../src/launches/outcome.ts";
import { awsError, documentIn, mockEc2, mockSns } from "../support/aws.ts";
import { configOf, FOUR_SECRETS } from "../support/config.ts";
import {
  AT,
  autoScalingLaunch,
  INSTANCE,
  instanceIds,
  refusedRunInstances,
  runInstances,
  scheduledEvent,
  stateChange,
  tagChange,
} from "../support/events.ts";
import { auditFor, serviceWith } from "../support/service.ts";

const ec2 = mockEc2();
const sns = mockSns();
const { sts } = ec2;
const lines: string[] = [];

beforeEach(() => {
  ec2.start();
  sns.start();
  lines.length = 0;
  vi.useFakeTimers({ now: AT + 60_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

const TAGGED = { Name: "web-1", service: "shop" };
const PATIENT: Engine = { name: "the queue", retryWindowSeconds: Number.POSITIVE_INFINITY };
const OTHER = "210987654321";

const serviceOf = (more: Readonly<Record<string, unknown>> = {}) => serviceWith(configOf(more), lines);
const audit = (service: Service, ...events: readonly unknown[]) => auditFor(PATIENT, service, events);
const kindsOf = (outcomes: readonly Outcome[][]) => outcomes.map((of) => of.map(({ kind }) => kind));
const published = () =>
  sns.published().map((message) => documentIn(message).findings.map((finding) => finding.instanceId));
/** The regions that the clients of the calls were made for. */
const regionsAsked = () => Promise.all(ec2.mock.calls().map((call): Promise<string> => call.thisValue.config.region()));

describe("an event", () => {
  test.each([
    ["EC2 Instance State-change Notification", stateChange({ state: "running" }), null],
    ["AWS API Call via CloudTrail", runInstances(), "arn:aws:iam::123456789012:user/Mateo"],
    ["EC2 Instance Launch Successful", autoScalingLaunch(), "Auto Scaling group my-auto-scaling-group"],
    ["Tag Change on Resource", tagChange(), null],
  ])("%s of an untagged instance is alerted, with its launcher", async (_, event, launchedBy) => {
    ec2.launch(INSTANCE);
    expect(kindsOf(await audit(serviceOf(), event))).toEqual([["violating"]]);
    expect(published()).toEqual([[INSTANCE]]);
    expect(documentIn(sns.published()[0]).launchedBy).toBe(launchedBy);
  });

  test("of a tagged instance is compliant, for exactly one call to AWS", async () => {
    ec2.launch(INSTANCE, { tags: TAGGED });
    expect(kindsOf(await audit(serviceOf(), stateChange()))).toEqual([["compliant"]]);
    expect(ec2.mock.calls()).toHaveLength(1);
    expect(sns.mock.calls()).toHaveLength(0);
  });

  test("that breaks a rule within its grace is deferred until the grace is over, then alerted once", async () => {
    vi.setSystemTime(AT + 10_000);
    ec2.launch(INSTANCE);
    const service = serviceOf();
    expect(await audit(service, stateChange())).toMatchObject([[{ kind: "deferred", retryAfterSeconds: 35 }]]);
    expect(published()).toEqual([]);
    vi.setSystemTime(AT + 45_000);
    expect(kindsOf(await audit(service, stateChange()))).toEqual([["violating"]]);
    expect(published()).toEqual([[INSTANCE]]);
  });

  test.each([
    ["a refused RunInstances", refusedRunInstances()],
    ["a scheduled event", scheduledEvent()],
    ["an instance that stops", stateChange({ state: "stopping" })],
    ["an event of another kind", { ...stateChange(), "detail-type": "EBS Snapshot Notification" }],
  ])("that is %s is ignored and asks nothing of AWS", async (_, event) => {
    expect(kindsOf(await audit(serviceOf(), event))).toEqual([["ignored"]]);
    expect(ec2.mock.calls()).toHaveLength(0);
  });

  test.each([
    ["no detail", { ...stateChange(), detail: undefined }],
    ["an instance id that is none", stateChange({ id: "i-*" })],
    ["a region that would end a host name", stateChange({ region: "evil.com/#" })],
    ["a time far ahead", stateChange({ time: new Date(AT + 3_600_000).toISOString() })],
    ["nothing in it", null],
  ])("with %s is malformed and asks nothing of AWS", async (_, event) => {
    expect(kindsOf(await audit(serviceOf(), event))).toEqual([["malformed"]]);
    expect(ec2.mock.calls()).toHaveLength(0);
  });
});

describe("where a launch is audited", () => {
  test.each(["eu-west-1", "cn-north-1", "us-gov-west-1"])("is the region of its event, %s", async (region) => {
    ec2.launch(INSTANCE, { tags: TAGGED });
    await audit(serviceOf(), stateChange({ region }));
    expect(await regionsAsked()).toEqual([region]);
  });

  test("the alert goes to the region of its topic", async () => {
    ec2.launch(INSTANCE);
    await audit(serviceOf({ ALERT_TOPIC_ARN: "arn:aws:sns:ap-south-1:123456789012:alerts" }), stateChange());
    expect(await sns.mock.call(0).thisValue.config.region()).toBe("ap-south-1");
  });

  test("in another account needs AUDIT_ROLE_NAME: without it the outcome names the key, and AWS is not asked", async () => {
    expect(await audit(serviceOf(), stateChange({ account: OTHER }))).toEqual([
      [
        {
          kind: "misconfigured",
          launch: expect.objectContaining({ account: OTHER, instanceId: INSTANCE }),
          problems: [{ key: "AUDIT_ROLE_NAME", problem: expect.stringContaining(OTHER) }],
        },
      ],
    ]);
    expect(ec2.mock.calls()).toHaveLength(0);
  });

  test("in another account, with the role, is that account, and the alert says so", async () => {
    ec2.launch(INSTANCE);
    await audit(serviceOf({ AUDIT_ROLE_NAME: "ec2-audit" }), stateChange({ account: OTHER }));
    expect(sns.published()[0]?.MessageAttributes?.account?.StringValue).toBe(OTHER);
    expect(sns.published()[0]?.TopicArn).toBe(FOUR_SECRETS.ALERT_TOPIC_ARN);
  });

  test("a role that cannot be assumed there fails the launch, with STS's reason", async () => {
    ec2.mock.restore();
    sts
      .on(AssumeRoleCommand)
      .rejects(awsError("AccessDenied", "User: arn:aws:iam::123456789012:user/x is not authorized"));
    const outcomes = await audit(serviceOf({ AUDIT_ROLE_NAME: "ec2-audit" }), stateChange({ account: OTHER }));
    expect(outcomes).toMatchObject([
      [{ kind: "failed", reason: expect.stringContaining("AccessDenied: User: arn:aws:iam") }],
    ]);
  });
});

describe("many events", () => {
  test("get their outcomes in their order, each its own", async () => {
    const [good = "", bad = ""] = instanceIds(2);
    ec2.launch(good, { tags: TAGGED });
    ec2.launch(bad);
    const outcomes = await audit(
      serviceOf(),
      stateChange({ id: bad }),
      "nonsense",
      runInstances({ ids: [good, bad] }),
      stateChange({ account: OTHER }),
      scheduledEvent(),
      stateChange({ id: good }),
    );
    expect(kindsOf(outcomes)).toEqual([
      ["violating"],
      ["malformed"],
      ["compliant", "violating"],
      ["misconfigured"],
      ["ignored"],
      ["compliant"],
    ]);
  });

  test("a thousand of one region, given together, are one batch: 5 calls", async () => {
    const ids = instanceIds(1000);
    for (const id of ids) ec2.launch(id, { tags: TAGGED });
    const outcomes = await audit(serviceOf(), ...ids.map((id) => stateChange({ id })));
    expect(new Set(outcomes.flat().map(({ kind }) => kind))).toEqual(new Set(["compliant"]));
    expect(ec2.tagCalls()).toHaveLength(5);
  });

  test("a hundred deliveries, each on its own while AWS is asked, are two calls", async () => {
    const ids = instanceIds(100);
    let answer = () => {};
    ec2.mock.on(DescribeTagsCommand).callsFake(() => new Promise((resolve) => (answer = () => resolve({ Tags: [] }))));
    vi.setSystemTime(AT);
    const service = serviceOf();
    const outcomes = [];
    for (const id of ids) {
      outcomes.push(audit(service, stateChange({ id })));
      await vi.advanceTimersByTimeAsync(1);
    }
    answer();
    await vi.advanceTimersByTimeAsync(1);
    answer();
    expect((await Promise.all(outcomes)).flat(2)).toHaveLength(100);
    expect(ec2.tagCalls().map((call) => call.length)).toEqual([1, 99]);
  });

  test("of an Auto Scaling burst are one message", async () => {
    const ids = instanceIds(40);
    for (const id of ids) ec2.launch(id, { tags: { "aws:autoscaling:groupName": "web" } });
    await audit(serviceOf(), ...ids.map((id) => autoScalingLaunch({ id, group: "web" })));
    expect(published()).toEqual([ids]);
  });

  test("of two regions are two batches and two messages", async () => {
    const [here = "", there = ""] = instanceIds(2);
    for (const id of [here, there]) ec2.launch(id);
    await audit(serviceOf(), stateChange({ id: here }), stateChange({ id: there, region: "eu-west-1" }));
    expect((await regionsAsked()).sort()).toEqual(["eu-west-1", "eu-west-1", "us-east-1", "us-east-1"]);
    expect(published()).toHaveLength(2);
  });
});

describe("alerts for many accounts at once", () => {
  const accounts = (count: number) => Array.from({ length: count }, (_, index) => String(100_000_000_000 + index));
  const start = (count: number) => {
    ec2.mock.on(DescribeTagsCommand).resolves({ Tags: [] });
    sts.on(AssumeRoleCommand).resolves({
      Credentials: {
        AccessKeyId: "ASIA",
        SecretAccessKey: "secret",
        SessionToken: "token",
        Expiration: new Date(AT + 3_600_000),
      },
    });
    ec2.launch(INSTANCE);
    const service = serviceOf({ AUDIT_ROLE_NAME: "ec2-audit" });
    return audit(service, ...accounts(count).map((account) => stateChange({ account })));
  };
  const sentBy = () => sns.published().length;

  test("leave ten a second, for SNS ends an e-mail subscription that gets more, and none is lost", async () => {
    const outcomes = start(40);
    const sent = [];
    for (const step of [500, 1_000, 1_000, 1_000, 1_000]) {
      await vi.advanceTimersByTimeAsync(step);
      sent.push(sentBy());
    }
    expect(sent).toEqual([10, 20, 30, 40, 40]);
    expect(kindsOf(await outcomes)).toEqual(Array(40).fill(["violating"]));
    expect(new Set(sns.published().map((message) => documentIn(message).account)).size).toBe(40);
  });

  test("that do not leave within the time of the delivery are failures, to be brought again", async () => {
    const outcomes = start(150);
    await vi.advanceTimersByTimeAsync(30_000);
    const kinds = kindsOf(await outcomes).flat();
    expect(kinds.filter((kind) => kind === "violating")).toHaveLength(sentBy());
    expect(kinds.filter((kind) => kind === "failed")).toHaveLength(150 - sentBy());
    expect(sentBy()).toBe(110);
  });

  test("of deliveries one after the other leave no faster", async () => {
    ec2.launch(INSTANCE);
    const service = serviceOf();
    const outcomes = [];
    for (let index = 0; index < 12; index++) {
      outcomes.push(audit(service, tagChange({ time: new Date(AT + index * 1_000).toISOString() })));
      await vi.advanceTimersByTimeAsync(10);
    }
    expect(sentBy()).toBe(10);
    await vi.advanceTimersByTimeAsync(1_200);
    expect(sentBy()).toBe(12);
    expect(kindsOf((await Promise.all(outcomes)).flat())).toEqual(Array(12).fill(["violating"]));
  });
});

describe("a grace that is longer than the engine calls again", () => {
  const hasty: Engine = { name: "an asynchronous Lambda call", retryWindowSeconds: 170 };

  test("is a misconfiguration that names the key and the engine: the alert would be lost", async () => {
    ec2.launch(INSTANCE);
    const outcomes = await serviceOf({ GRACE_SECONDS: "171" }).audit(
      [{ event: stateChange() }],
      hasty,
      Date.now() + 12_000,
    );
    expect(outcomes).toMatchObject([
      [
        {
          kind: "misconfigured",
          problems: [{ key: "GRACE_SECONDS", problem: expect.stringContaining("an asynchronous Lambda call") }],
        },
      ],
    ]);
    expect(ec2.mock.calls()).toHaveLength(0);
  });

  test("one that is just as long is none", async () => {
    ec2.launch(INSTANCE, { tags: TAGGED });
    expect(
      kindsOf(await serviceOf({ GRACE_SECONDS: "170" }).audit([{ event: stateChange() }], hasty, Date.now() + 12_000)),
    ).toEqual([["compliant"]]);
  });

  test("does not matter to an event that is not audited", async () => {
    expect(
      kindsOf(
        await serviceOf({ GRACE_SECONDS: "171" }).audit([{ event: scheduledEvent() }], hasty, Date.now() + 12_000),
      ),
    ).toEqual([["ignored"]]);
  });
});

describe("when AWS hangs", () => {
  const never = () => new Promise(() => {});

  test("every launch is answered as failed at the deadline, and not before", async () => {
    ec2.mock.on(DescribeTagsCommand).callsFake(never);
    let outcomes: Outcome[][] | null = null;
    void audit(serviceOf(), runInstances({ ids: instanceIds(2) })).then((answer) => {
      outcomes = answer;
    });
    await vi.advanceTimersByTimeAsync(11_999);
    expect(outcomes).toBeNull();
    await vi.advanceTimersByTimeAsync(1);
    expect(outcomes).toMatchObject([
      instanceIds(2).map((instanceId) => ({
        kind: "failed",
        launch: { instanceId },
        reason: "timed out: AWS was slow, or more alerts were due than can be sent in a second",
      })),
    ]);
  });

  test("a deadline that has passed already is answered at once", async () => {
    ec2.mock.on(DescribeTagsCommand).callsFake(never);
    const outcomes = serviceOf().audit([{ event: stateChange() }], PATIENT, Date.now() - 1);
    await vi.advanceTimersByTimeAsync(0);
    expect(kindsOf(await outcomes)).toEqual([["failed"]]);
  });

  test("what it says after the deadline is not alerted, for the delivery comes again; the next one is audited", async () => {
    let answer = (_: object) => {};
    ec2.launch(INSTANCE);
    ec2.mock
      .on(DescribeTagsCommand)
      .callsFakeOnce(() => new Promise((resolve) => (answer = resolve)))
      .resolves({ Tags: [] });
    const service = serviceOf();
    const late = audit(service, stateChange());
    await vi.advanceTimersByTimeAsync(12_000);
    expect(kindsOf(await late)).toEqual([["failed"]]);
    answer({ Tags: [] });
    await vi.advanceTimersByTimeAsync(0);
    expect(published()).toEqual([]);

    expect(kindsOf(await audit(service, stateChange()))).toEqual([["violating"]]);
    expect(published()).toEqual([[INSTANCE]]);
  });

  test("in one region, another region's launches are audited meanwhile", async () => {
    const [here = "", there = ""] = instanceIds(2);
    ec2.launch(there, { tags: TAGGED });
    ec2.mock.on(DescribeTagsCommand, { Filters: [{ Name: "resource-id", Values: [here] }] }).callsFake(never);
    const service = serviceOf();
    const hanging = audit(service, stateChange({ id: here }));
    expect(kindsOf(await audit(service, stateChange({ id: there, region: "eu-west-1" })))).toEqual([["compliant"]]);
    await vi.advanceTimersByTimeAsync(12_000);
    expect(kindsOf(await hanging)).toEqual([["failed"]]);
  });

  test("no timer is left over when it did not hang", async () => {
    ec2.launch(INSTANCE, { tags: TAGGED });
    await audit(serviceOf(), stateChange());
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("no secret is in any line of the log, nor in any outcome", () => {
  const SECRETS = {
    AWS_ACCESS_KEY_ID: "AKIAI44QH8DHBEXAMPLE",
    AWS_SECRET_ACCESS_KEY: "je7MtGbClwBF2Zp9Utkh3yCo8nvbEXAMPLEKEY",
    AWS_SESSION_TOKEN: "IQoJb3JpZ2luX2VjEXAMPLETOKEN",
  };
  /** As AWS explains a wrong signature: the request it was made of, word for word. */
  const QUOTING = `The request signature we calculated does not match the signature you provided.
The Canonical String for this request should have been
'POST
host:ec2.us-east-1.amazonaws.com
x-amz-security-token:${SECRETS.AWS_SESSION_TOKEN}
Credential=${SECRETS.AWS_ACCESS_KEY_ID}, ${SECRETS.AWS_SECRET_ACCESS_KEY}'`;

  test.each([
    ["reading tags", () => ec2.mock.on(DescribeTagsCommand).rejects(awsError("SignatureDoesNotMatch", QUOTING))],
    ["publishing", () => sns.mock.on(PublishCommand).rejects(awsError("SignatureDoesNotMatch", QUOTING))],
  ])("when %s fails with an answer that quotes the request", async (_, fail) => {
    ec2.launch(INSTANCE);
    fail();
    const service = serviceOf({ ...SECRETS, LOG_LEVEL: "debug" });
    const outcomes = await audit(service, stateChange());
    for (const outcome of outcomes.flat()) service.log.outcome(outcome, 1, null);
    expect(kindsOf(outcomes)).toEqual([["failed"]]);
    const told = lines.join("\n") + JSON.stringify(outcomes);
    expect(told).toContain("SignatureDoesNotMatch: The request signature we calculated");
    for (const secret of Object.values(SECRETS)) expect(told).not.toContain(secret);
  });
});
