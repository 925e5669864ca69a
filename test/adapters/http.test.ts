import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { name, version } from "../../package.json";
import { handleHttp } from "../../src/adapters/http.ts";
import { awsError, mockEc2, mockSns } from "../support/aws.ts";
import { ACCOUNT, AT, INSTANCE, instanceId, REGION, runInstances, stateChange } from "../support/events.ts";
import { clockAt } from "../support/launches.ts";
import { type Fields, LAUNCH_TOPIC, notification, OTHER_SIGNER, signed } from "../support/sns.ts";
import { createTestStack, HTTP_HOSTS, SETTINGS } from "../support/test-stack.ts";

const ec2 = mockEc2();
const sns = mockSns();
beforeEach(() => {
  ec2.start();
  sns.start();
});

const JSON_TYPE = "application/json; charset=utf-8";
const KIB = 1024;

describe.each(HTTP_HOSTS)("the $host", ({ open }) => {
  describe("for GET", () => {
    it("returns the health document", async () => {
      const response = await open().request({ method: "GET" });
      expect(response).toMatchObject({ status: 200, headers: { "content-type": JSON_TYPE } });
      expect(JSON.parse(response.body)).toEqual({
        name,
        version,
        build: "dev",
        configured: true,
        subscribed: "not configured",
        account: ACCOUNT,
      });
      expect(ec2.mock.calls()).toHaveLength(0);
      expect(sns.mock.calls()).toHaveLength(0);
    });

    it("returns null for the account while STS fails", async () => {
      ec2.sts.on(GetCallerIdentityCommand).rejects(awsError("AccessDenied", "denied by an SCP"));
      const response = await open().request({ method: "GET" });
      expect(response.status).toBe(200);
      expect(JSON.parse(response.body)).toMatchObject({ configured: true, account: null });
      expect(response.body).not.toContain("SCP");
    });

    it("returns a warning if the credentials belong to another account than the launch topic", async () => {
      ec2.sts.on(GetCallerIdentityCommand).resolves({ Account: "210987654321" });
      const { body } = await open().request({ method: "GET" });
      expect(JSON.parse(body)).toMatchObject({
        account: "210987654321",
        warnings: [
          { key: "AUDIT_ROLE_NAME", problem: expect.stringContaining("no launch in that account can be audited") },
        ],
      });
      const withRole = await open({ ...SETTINGS, AUDIT_ROLE_NAME: "ec2-audit" }).request({ method: "GET" });
      expect(JSON.parse(withRole.body)).not.toHaveProperty("warnings");
    });

    it("returns 500 with every missing or invalid setting, and none of the values", async () => {
      const settings = {
        ALERT_TOPIC_ARN: "my-secret-topic",
        GRACE_SECONDS: "whenever-i-like",
        FUNCTION_URL: "gopher://x",
      };
      const response = await open(settings).request({ method: "GET" });
      expect(response.status).toBe(500);
      const { configured, problems } = JSON.parse(response.body);
      expect(configured).toBe(false);
      expect(problems.map(({ key }: { key: string }) => key).sort()).toEqual([
        "ALERT_TOPIC_ARN",
        "AWS_ACCESS_KEY_ID",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "FUNCTION_URL",
        "GRACE_SECONDS",
      ]);
      for (const value of Object.values(settings)) expect(response.body).not.toContain(value);
    });

    it("logs the problems of the configuration at most once a minute", async () => {
      const stack = open({ ...SETTINGS, GRACE_SECONDS: "whenever-i-like" });
      for (let asked = 0; asked < 300; asked += 1) await stack.request({ method: "GET" });
      stack.clock.pass(60);
      await stack.request({ method: "HEAD" });
      const line = {
        level: "error",
        message: expect.stringMatching(/not valid: GRACE_SECONDS must be a whole number/),
      };
      expect(stack.lines.map((each) => JSON.parse(each))).toMatchObject([line, line]);
      expect(stack.lines.join()).not.toContain("whenever-i-like");
      expect(stack.lines.join()).not.toContain("_aws");
    });

    it("returns none of the values of a valid configuration", async () => {
      const { body } = await open({ ...SETTINGS, AUDIT_ROLE_NAME: "ec2-audit-reader" }).request({ method: "GET" });
      for (const value of [...Object.values(SETTINGS), "ec2-audit-reader", LAUNCH_TOPIC])
        expect(body).not.toContain(value);
    });
  });

  it("responds to HEAD as to GET, without the body", async () => {
    const response = await open().request({ method: "HEAD" });
    expect(response).toMatchObject({ status: 200, headers: { "content-type": JSON_TYPE }, body: "" });
  });

  it.each(["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])(
    "returns 405 and the allowed methods for %s",
    async (method) => {
      const response = await open().request({ method, body: JSON.stringify(signed(notification(stateChange()))) });
      expect(response).toMatchObject({ status: 405, headers: { allow: "GET, HEAD, POST" } });
      expect(ec2.mock.calls()).toHaveLength(0);
    },
  );

  it("returns 500 for a delivery if the configuration is invalid, and names the settings", async () => {
    const { AWS_REGION: _, ...settings } = SETTINGS;
    const stack = open(settings);
    const response = await stack.deliver(signed(notification(stateChange())));
    expect(response.status).toBe(500);
    expect(JSON.parse(response.body)).toEqual({ outcome: "misconfigured", reason: "AWS_REGION is missing" });
    expect(stack.certificatesRequested).toEqual([]);
    expect(stack.lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: "error", outcome: "misconfigured", failed: 1 },
    ]);
  });

  it("rejects other requests without a valid configuration too, and counts no failure", async () => {
    const stack = open({});
    expect((await stack.request({ body: "{}" })).status).toBe(400);
    expect((await stack.request({ body: "x".repeat(300 * KIB) })).status).toBe(413);
    expect(stack.lines.map((line) => JSON.parse(line).outcome)).toEqual(["rejected", "rejected"]);
  });

  it("returns Retry-After for the last deferred launch of a delivery", async () => {
    const ids = [instanceId(1), instanceId(2)];
    for (const id of ids) ec2.launch(id);
    const stack = open(SETTINGS, { clock: clockAt(AT + 10_400) });
    const response = await stack.deliver(signed(notification(runInstances({ ids }))));
    expect(response).toMatchObject({ status: 503, headers: { "retry-after": "35" } });
    expect(JSON.parse(response.body)).toMatchObject({ outcome: "deferred" });
  });

  it("returns no Retry-After for a failure", async () => {
    ec2.mock.rejects(awsError("RequestLimitExceeded", "Request limit exceeded."));
    const response = await open().deliver(signed(notification(stateChange())));
    expect(response.status).toBe(503);
    expect(response.headers).not.toHaveProperty("retry-after");
  });

  it("logs one line with metrics for each launch", async () => {
    const ids = [instanceId(1), instanceId(2)];
    ec2.launch(ids[0] ?? "", { tags: { name: "web", service: "shop" } });
    ec2.launch(ids[1] ?? "");
    const stack = open();
    await stack.deliver(signed(notification(runInstances({ ids }))));
    const lines = stack.lines.map((line) => JSON.parse(line));
    expect(lines).toMatchObject([
      { outcome: "compliant", instanceId: ids[0], audited: 1, compliant: 1 },
      { outcome: "violating", instanceId: ids[1], audited: 1, violating: 1 },
    ]);
    for (const { _aws } of lines) expect(_aws.CloudWatchMetrics[0].Namespace).toBe("EC2Audit");
  });

  it("logs the message id, by which an operator finds the message in a dead-letter queue", async () => {
    const stack = open();
    const envelope = signed(notification("hello"));
    expect((await stack.deliver(envelope)).status).toBe(500);
    expect(stack.lines.map((line) => JSON.parse(line))).toMatchObject([
      { outcome: "malformed", messageId: envelope.MessageId },
    ]);
  });

  it("logs the message id of the envelope if the host passes no headers", async () => {
    const stack = open();
    const envelope = signed(notification("hello"));
    await stack.request({ body: JSON.stringify(envelope) });
    expect(stack.lines.map((line) => JSON.parse(line))).toMatchObject([{ messageId: envelope.MessageId }]);
  });

  it("returns 200 for an event of another type, and logs it as ignored with its account and region", async () => {
    const stack = open();
    const event = { ...stateChange(), "detail-type": "EBS Volume Notification" };
    expect((await stack.deliver(signed(notification(event)))).status).toBe(200);
    expect(stack.lines.map((line) => JSON.parse(line))).toMatchObject([
      { outcome: "ignored", ignored: 1, account: ACCOUNT, region: REGION, event: "EBS Volume Notification" },
    ]);
  });

  it("escapes control and invisible characters in its log and response", async () => {
    const stack = open();
    const foreign = "\u009b31m \u202e \u2028 \u200b";
    await stack.request({ headers: { "x-amz-sns-message-id": "\u009b31m" }, body: "{}" });
    const event = { ...stateChange(), "detail-type": foreign };
    const response = await stack.deliver(signed(notification(event)));
    const mateo = { type: "IAMUser", arn: foreign };
    ec2.launch(INSTANCE, { tags: { Name: "web", service: "shop" } });
    await stack.deliver(signed(notification(runInstances({ userIdentity: mateo }))));
    ec2.mock.rejects(awsError("UnauthorizedOperation", foreign));
    const failed = await stack.deliver(signed(notification(stateChange())));
    expect(JSON.parse(response.body).reason).toContain("\u202e");
    expect(JSON.parse(failed.body).reason).toContain("\u202e");
    expect(stack.lines).toHaveLength(4);
    for (const text of [...stack.lines, response.body, failed.body]) expect(text).toMatch(/^[ -~]+\n?$/);
  });
});

describe("a request body that does not arrive", () => {
  it("causes 503 at the deadline, and does not count as a failure", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { app, stack } = createTestStack({}, SETTINGS);
    const request = { method: "POST", headers: {}, body: () => new Promise<never>(() => {}) };
    const response = handleHttp(app, request, SETTINGS, stack.clock.now() + 12_000);
    await vi.advanceTimersByTimeAsync(12_000);
    expect(await response).toMatchObject({ status: 503, body: expect.stringContaining("did not arrive") });
    expect(stack.lines.map((line) => JSON.parse(line))).toMatchObject([{ level: "warn", outcome: "rejected" }]);
    vi.useRealTimers();
  });
});

describe("a certificate that does not arrive", () => {
  it("causes 503 at the deadline", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { app, stack } = createTestStack({}, SETTINGS, { fetchText: () => new Promise(() => {}) });
    const body = JSON.stringify(signed(notification(stateChange())));
    const request = { method: "POST", headers: {}, body: async () => body };
    const response = handleHttp(app, request, SETTINGS, stack.clock.now() + 12_000);
    await vi.advanceTimersByTimeAsync(12_000);
    expect(await response).toMatchObject({ status: 503 });
    vi.useRealTimers();
  });
});

describe("a large launch", () => {
  it.each(HTTP_HOSTS)(
    "is audited by the $host if its envelope exceeds 256 KiB and its message does not",
    async ({ open }) => {
      const ids = Array.from({ length: 1_000 }, (_, index) => instanceId(index + 1));
      for (const id of ids) ec2.launch(id, { tags: { Name: "web", service: "shop" } });
      const event = runInstances({ ids });
      const padded = { ...event, detail: { ...event.detail, requestParameters: { userData: '"'.repeat(60 * KIB) } } };
      const envelope = signed(notification(padded));
      expect(Buffer.byteLength(String(envelope.Message))).toBeLessThan(256 * KIB);
      expect(Buffer.byteLength(JSON.stringify(envelope))).toBeGreaterThan(256 * KIB);
      expect((await open().deliver(envelope)).status).toBe(200);
      expect(ec2.tagCalls()).toHaveLength(5);
    },
  );
});

describe("the reason of an unverified delivery", () => {
  const event = stateChange();
  const foreign = "arn:aws:sns:us-east-1:210987654321:ec2_launches_check";
  const REFUSED: readonly [string, Fields, Record<string, string>, string][] = [
    ["another topic", signed(notification(event, { TopicArn: foreign })), {}, "the topic is not in LAUNCH_TOPIC_ARN"],
    ["another key", signed(notification(event), { signer: OTHER_SIGNER }), {}, "the signature is not from SNS"],
    [
      "another type in the header",
      signed(notification(event)),
      { "x-amz-sns-message-type": "x" },
      "the header x-amz-sns-message-type differs from the envelope's Type",
    ],
    [
      "another topic in the header",
      signed(notification(event)),
      { "x-amz-sns-topic-arn": "x" },
      "the header x-amz-sns-topic-arn differs from the envelope's TopicArn",
    ],
    [
      "an old one",
      signed(notification(event, { Timestamp: "2021-11-11T01:00:00Z" })),
      {},
      "the message is older than two hours",
    ],
    [
      "another version",
      { ...signed(notification(event)), SignatureVersion: "3" },
      {},
      "the SignatureVersion is not 1 or 2",
    ],
    [
      "another host",
      { ...signed(notification(event)), SigningCertURL: "https://example.com/" },
      {},
      "the SigningCertURL is not the URL of an SNS certificate in the topic's region",
    ],
  ];
  describe.each(HTTP_HOSTS)("in the $host", ({ open }) => {
    it.each(REFUSED)(
      "is the same in every response, and is detailed only in the log: %s",
      async (_, envelope, headers, reason) => {
        const stack = open();
        const response = await stack.deliver(envelope, headers);
        expect(response.status).toBe(403);
        expect(JSON.parse(response.body)).toEqual({
          outcome: "rejected",
          reason: "the delivery could not be verified",
        });
        expect(stack.lines.map((line) => JSON.parse(line))).toMatchObject([{ outcome: "rejected", message: reason }]);
      },
    );
  });
});

describe("an internal error", () => {
  it("causes 503, and its text is only in the log", async () => {
    const { app, stack } = createTestStack(SETTINGS, SETTINGS);
    const error = new TypeError("Cannot read properties of null (reading 'secretName')");
    const request = { method: "POST", headers: {}, body: () => Promise.reject(error) };
    const response = await handleHttp(app, request, {}, AT + 90_000);
    expect(response.status).toBe(503);
    expect(JSON.parse(response.body)).toEqual({ outcome: "failed", reason: "an internal error: see the log" });
    expect(stack.lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: "error", outcome: "failed", message: expect.stringContaining("secretName") },
    ]);
  });
});
