import { DescribeTagsCommand } from "@aws-sdk/client-ec2";
import { PublishCommand } from "@aws-sdk/client-sns";
import { AssumeRoleCommand } from "@aws-sdk/client-sts";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Service } from "../../src/app.ts";
import type { Engine } from "../../src/launches/dispatch.ts";
import type { Outcome } from "../../src/launches/outcome.ts";
import { awsError, documentIn, mockEc2, mockSns } from "../support/aws.ts";
import { configOf, FOUR_SECRETS } from "../support/config.ts";
import { ACCOUNT, AT, INSTANCE, instanceIds, REGION, runInstances, stateChange, tagChange } from "../support/events.ts";
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

/** An event that is not audited. */
const VOLUME_EVENT = { ...stateChange(), "detail-type": "EBS Volume Notification" };
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
  it("with an untagged instance is alerted with its launcher, in the region of the event", async () => {
    ec2.launch(INSTANCE);
    expect(kindsOf(await audit(serviceOf(), runInstances({ region: "eu-west-1" })))).toEqual([["violating"]]);
    expect(published()).toEqual([[INSTANCE]]);
    expect(documentIn(sns.published()[0]).launchedBy).toBe("arn:aws:iam::123456789012:user/Mateo");
    expect(new Set(await regionsAsked())).toEqual(new Set(["eu-west-1"]));
  });

  it("with a tagged instance is compliant, after exactly one AWS call", async () => {
    ec2.launch(INSTANCE, { tags: TAGGED });
    expect(kindsOf(await audit(serviceOf(), stateChange()))).toEqual([["compliant"]]);
    expect(ec2.mock.calls()).toHaveLength(1);
    expect(sns.mock.calls()).toHaveLength(0);
  });

  it("with a violation within its grace is deferred, then alerted once", async () => {
    vi.setSystemTime(AT + 10_000);
    ec2.launch(INSTANCE);
    const service = serviceOf();
    expect(await audit(service, stateChange())).toMatchObject([[{ kind: "deferred", retryAfterSeconds: 35 }]]);
    expect(published()).toEqual([]);
    vi.setSystemTime(AT + 45_000);
    expect(kindsOf(await audit(service, stateChange()))).toEqual([["violating"]]);
    expect(published()).toEqual([[INSTANCE]]);
  });

  it.each([
    ["ignored", "an event of a volume", VOLUME_EVENT],
    ["malformed", "null", null],
  ])("is %s without an AWS call: %s", async (kind, _, event) => {
    expect(kindsOf(await audit(serviceOf(), event))).toEqual([[kind]]);
    expect(ec2.mock.calls()).toHaveLength(0);
  });

  it("is ignored in a duplicate delivery, with the fields that its launches share", async () => {
    const [first = "", second = ""] = instanceIds(2);
    const duplicate = async (...ids: string[]) => {
      const message = { event: runInstances({ ids }) };
      const [outcomes] = await serviceOf().audit([message], PATIENT, Date.now() + 12_000, async () => null);
      return outcomes;
    };
    const ignored = { kind: "ignored", reason: "duplicate delivery" };
    expect(await duplicate(first)).toMatchObject([{ ...ignored, launch: { instanceId: first } }]);
    const ofTwo = await duplicate(first, second);
    expect(ofTwo).toMatchObject([{ ...ignored, launch: { account: ACCOUNT, region: REGION } }]);
    expect(ofTwo).not.toHaveProperty("0.launch.instanceId");
    expect(ec2.mock.calls()).toHaveLength(0);
  });
});

describe("an account and region", () => {
  it("of the alert topic receive the alert", async () => {
    ec2.launch(INSTANCE);
    await audit(serviceOf({ ALERT_TOPIC_ARN: "arn:aws:sns:ap-south-1:123456789012:alerts" }), stateChange());
    expect(await sns.mock.call(0).thisValue.config.region()).toBe("ap-south-1");
  });

  it("that are not the function's own require AUDIT_ROLE_NAME: without it, the launch is misconfigured and AWS is not called", async () => {
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

  it("that are not the function's own are audited with the role, and named in the alert", async () => {
    ec2.launch(INSTANCE);
    await audit(serviceOf({ AUDIT_ROLE_NAME: "ec2-audit" }), stateChange({ account: OTHER }));
    expect(sns.published()[0]?.MessageAttributes?.account?.StringValue).toBe(OTHER);
    expect(sns.published()[0]?.TopicArn).toBe(FOUR_SECRETS.ALERT_TOPIC_ARN);
  });

  it("whose role cannot be assumed fail the launch with STS's error", async () => {
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
  it("each have their own outcomes, in their order", async () => {
    const [good = "", bad = ""] = instanceIds(2);
    ec2.launch(good, { tags: TAGGED });
    ec2.launch(bad);
    const outcomes = await audit(
      serviceOf(),
      stateChange({ id: bad }),
      "nonsense",
      runInstances({ ids: [good, bad] }),
      stateChange({ account: OTHER }),
      VOLUME_EVENT,
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

  it("of one region in one call form one batch: 5 AWS calls for a thousand", async () => {
    const ids = instanceIds(1000);
    for (const id of ids) ec2.launch(id, { tags: TAGGED });
    const outcomes = await audit(serviceOf(), ...ids.map((id) => stateChange({ id })));
    expect(new Set(outcomes.flat().map(({ kind }) => kind))).toEqual(new Set(["compliant"]));
    expect(ec2.tagCalls()).toHaveLength(5);
  });

  it("that arrive one by one during a batch form the next batch: 2 AWS calls for a hundred", async () => {
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

  it("of two regions form two batches and two alerts", async () => {
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

  it("are published at ten a second, because SNS ends an e-mail subscription that gets more", async () => {
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

  it("that are not published by the deadline fail, so that they are delivered again", async () => {
    const outcomes = start(150);
    await vi.advanceTimersByTimeAsync(30_000);
    const kinds = kindsOf(await outcomes).flat();
    expect(kinds.filter((kind) => kind === "violating")).toHaveLength(sentBy());
    expect(kinds.filter((kind) => kind === "failed")).toHaveLength(150 - sentBy());
    expect(sentBy()).toBe(110);
  });

  it("of consecutive deliveries are not published faster", async () => {
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

describe("a grace that is longer than the engine's retry window", () => {
  const shortRetry: Engine = { name: "an asynchronous Lambda call", retryWindowSeconds: 170 };

  it("is a misconfiguration that names the key and the engine", async () => {
    ec2.launch(INSTANCE);
    const outcomes = await serviceOf({ GRACE_SECONDS: "171" }).audit(
      [{ event: stateChange() }],
      shortRetry,
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

  it("is valid if it is equal to the retry window", async () => {
    ec2.launch(INSTANCE, { tags: TAGGED });
    expect(
      kindsOf(
        await serviceOf({ GRACE_SECONDS: "170" }).audit([{ event: stateChange() }], shortRetry, Date.now() + 12_000),
      ),
    ).toEqual([["compliant"]]);
  });

  it("does not affect an event without a launch", async () => {
    expect(
      kindsOf(
        await serviceOf({ GRACE_SECONDS: "171" }).audit([{ event: VOLUME_EVENT }], shortRetry, Date.now() + 12_000),
      ),
    ).toEqual([["ignored"]]);
  });
});

describe("a call to AWS that hangs", () => {
  const never = () => new Promise(() => {});

  it("fails every launch at the deadline, and not before", async () => {
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
        reason: "timed out: AWS was slow, or more alerts were due than the function sends in a second",
      })),
    ]);
  });

  it("fails a launch at once if the deadline has passed already", async () => {
    ec2.mock.on(DescribeTagsCommand).callsFake(never);
    const outcomes = serviceOf().audit([{ event: stateChange() }], PATIENT, Date.now() - 1);
    await vi.advanceTimersByTimeAsync(0);
    expect(kindsOf(await outcomes)).toEqual([["failed"]]);
  });

  it("causes no alert after the deadline, and the next delivery is audited", async () => {
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

  it("leaves no timer if it responds in time", async () => {
    ec2.launch(INSTANCE, { tags: TAGGED });
    await audit(serviceOf(), stateChange());
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("an AWS error that quotes secrets", () => {
  const SECRETS = {
    AWS_ACCESS_KEY_ID: "AKIAI44QH8DHBEXAMPLE",
    AWS_SECRET_ACCESS_KEY: "je7MtGbClwBF2Zp9Utkh3yCo8nvbEXAMPLEKEY",
    AWS_SESSION_TOKEN: "IQoJb3JpZ2luX2VjEXAMPLETOKEN",
  };
  /** AWS's explanation of an invalid signature, which quotes the request. */
  const QUOTING = `The request signature we calculated does not match the signature you provided.
The Canonical String for this request should have been
'POST
host:ec2.us-east-1.amazonaws.com
x-amz-security-token:${SECRETS.AWS_SESSION_TOKEN}
Credential=${SECRETS.AWS_ACCESS_KEY_ID}, ${SECRETS.AWS_SECRET_ACCESS_KEY}'`;

  it.each([
    ["reading tags", () => ec2.mock.on(DescribeTagsCommand).rejects(awsError("SignatureDoesNotMatch", QUOTING))],
    ["publishing", () => sns.mock.on(PublishCommand).rejects(awsError("SignatureDoesNotMatch", QUOTING))],
  ])("is logged and returned without them: %s", async (_, fail) => {
    ec2.launch(INSTANCE);
    fail();
    const service = serviceOf({ ...SECRETS, LOG_LEVEL: "debug" });
    const outcomes = await audit(service, stateChange());
    for (const outcome of outcomes.flat()) service.log.outcome(outcome, 1, null);
    expect(kindsOf(outcomes)).toEqual([["failed"]]);
    const output = lines.join("\n") + JSON.stringify(outcomes);
    expect(output).toContain("SignatureDoesNotMatch: The request signature we calculated");
    for (const secret of Object.values(SECRETS)) expect(output).not.toContain(secret);
  });
});
