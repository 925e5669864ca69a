import { afterEach, describe, expect, it, vi } from "vitest";
import { createApp, type Host, type Opening, type Service } from "../src/app.ts";
import { KEYS, type Key } from "../src/config.ts";
import type { Engine } from "../src/launches/dispatch.ts";
import { cannedResponse } from "./support/canned-aws.ts";
import { FOUR_SECRETS } from "./support/config.ts";
import { AT, stateChange } from "./support/events.ts";
import { taggedFacts } from "./support/findings.ts";
import { interceptNetwork } from "./support/network.ts";
import { violationOf } from "./support/policy.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const hostOf = (lines: string[] = []): Host => ({
  now: () => AT,
  write: (line) => lines.push(line),
  certificates: { keyOf: async () => ({ kind: "failed", reason: "no network in tests" }) },
});
const ENGINE: Engine = { name: "SNS", retryWindowSeconds: 3_600 };

function serviceIn(opening: Opening): Service {
  if ("problems" in opening) throw new Error(JSON.stringify(opening.problems));
  return opening.service;
}

/** The configuration, with its rules replaced by their messages for an instance without tags. */
function contentOf({ config }: Service) {
  const rules = config.policy.rules.map((rule) => [rule.severity, violationOf(rule, taggedFacts())?.message]);
  return { ...config, policy: rules };
}

/** Another valid value for every key. */
const CHANGED: Readonly<Record<Exclude<Key, "AUDIT_POLICY" | "SNS_SIGNING_CERT">, string>> = {
  AWS_REGION: "eu-west-1",
  AWS_ACCESS_KEY_ID: "AKIAI44QH8DHBEXAMPLE",
  AWS_SECRET_ACCESS_KEY: "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
  AWS_SESSION_TOKEN: "another-token",
  AWS_ENDPOINT_URL: "http://127.0.0.1:5000",
  ALERT_TOPIC_ARN: "arn:aws:sns:us-east-1:123456789012:another",
  LAUNCH_TOPIC_ARN: "arn:aws:sns:us-east-1:123456789012:launches",
  FUNCTION_URL: "https://example.com/audit",
  REQUIRED_TAGS: "owner",
  GRACE_SECONDS: "1",
  AUDIT_ROLE_NAME: "ec2-audit",
  AUDIT_RESTARTS: "true",
  RESOLVED_ALERTS: "true",
  LOG_LEVEL: "error",
};

describe("a warm container", () => {
  it("keeps its service while no value changes", () => {
    const app = createApp({}, hostOf());
    const service = serviceIn(app.open({ ...FOUR_SECRETS }));
    expect(serviceIn(app.open({ ...FOUR_SECRETS }))).toBe(service);
    expect(serviceIn(app.open({ ...FOUR_SECRETS, MORE: "x", GRACE_SECONDS: "" }))).toBe(service);
  });

  it.each(Object.entries(CHANGED))("creates a new one when %s is changed, added or removed", (key, value) => {
    const app = createApp({}, hostOf());
    const before = serviceIn(app.open(FOUR_SECRETS));
    const changed = serviceIn(app.open({ ...FOUR_SECRETS, [key]: value }));
    expect(changed).not.toBe(before);
    expect(contentOf(changed)).not.toEqual(contentOf(before));
    const after = serviceIn(app.open(FOUR_SECRETS));
    expect(after).not.toBe(changed);
    expect(contentOf(after)).toEqual(contentOf(before));
  });

  it("creates a new one when the policy or the certificate is added, and reports their problems", () => {
    const app = createApp({}, hostOf());
    serviceIn(app.open(FOUR_SECRETS));
    const AUDIT_POLICY = '{"rules":[{"rule":"required-tags","severity":"critical","tags":["a"]}]}';
    expect(serviceIn(app.open({ ...FOUR_SECRETS, AUDIT_POLICY })).config.policy.rules[0]?.severity).toBe("critical");
    expect(app.open({ ...FOUR_SECRETS, SNS_SIGNING_CERT: "x" })).toMatchObject({
      problems: [{ key: "SNS_SIGNING_CERT" }],
    });
  });

  it("is tested with every setting", () => {
    expect(new Set([...Object.keys(CHANGED), "AUDIT_POLICY", "SNS_SIGNING_CERT"])).toEqual(new Set(KEYS));
  });

  it("signs the next call with the current key", async () => {
    const sent = interceptNetwork();
    const app = createApp({}, hostOf());
    const secrets = [FOUR_SECRETS, { ...FOUR_SECRETS, AWS_ACCESS_KEY_ID: CHANGED.AWS_ACCESS_KEY_ID }, FOUR_SECRETS];
    for (const each of secrets) await serviceIn(app.open(each)).audit([{ event: stateChange() }], ENGINE, AT + 12_000);
    expect(sent.map(({ action, accessKeyId }) => [action, accessKeyId])).toEqual([
      ["GetCallerIdentity", "AKIAIOSFODNN7EXAMPLE"],
      ["DescribeTags", "AKIAIOSFODNN7EXAMPLE"],
      ["GetCallerIdentity", "AKIAI44QH8DHBEXAMPLE"],
      ["DescribeTags", "AKIAI44QH8DHBEXAMPLE"],
      ["GetCallerIdentity", "AKIAIOSFODNN7EXAMPLE"],
      ["DescribeTags", "AKIAIOSFODNN7EXAMPLE"],
    ]);
  });

  it("does not use the assumed credentials of an earlier configuration", async () => {
    const sent = interceptNetwork();
    const app = createApp({}, hostOf());
    const secrets = { ...FOUR_SECRETS, AUDIT_ROLE_NAME: "ec2-audit" };
    for (const each of [secrets, secrets, { ...secrets, AWS_SECRET_ACCESS_KEY: "changed" }]) {
      await serviceIn(app.open(each)).audit([{ event: stateChange({ account: "210987654321" }) }], ENGINE, AT + 12_000);
    }
    expect(sent.map(({ action }) => action)).toEqual([
      "GetCallerIdentity",
      "AssumeRole",
      "DescribeTags",
      "DescribeTags",
      "GetCallerIdentity",
      "AssumeRole",
      "DescribeTags",
    ]);
  });
});

describe("a launch that is retried because one topic failed", () => {
  it("is published only to that topic, also with a new access key", async () => {
    const topic = "arn:aws:sns:us-east-1:123456789012:oncall";
    let isGone = true;
    const sent = interceptNetwork((call) => {
      const isRoute = call.parameters.get("TopicArn") === topic;
      const body = "<ErrorResponse><Error><Code>NotFound</Code><Message>-</Message></Error></ErrorResponse>";
      return isRoute && isGone ? { statusCode: 404, body } : cannedResponse(call);
    });
    const AUDIT_POLICY = JSON.stringify({ rules: [{ rule: "required-tags", tags: ["name"] }], routes: [{ topic }] });
    const secrets = { ...FOUR_SECRETS, AUDIT_POLICY };
    const app = createApp({}, hostOf());
    const launch = { event: stateChange({ time: new Date(AT - 120_000).toISOString() }) };
    const audit = (each: object) => serviceIn(app.open({ ...each })).audit([launch], ENGINE, AT + 12_000);
    expect(await audit(secrets)).toMatchObject([[{ kind: "failed" }]]);
    isGone = false;
    expect(await audit({ ...secrets, AWS_ACCESS_KEY_ID: CHANGED.AWS_ACCESS_KEY_ID })).toMatchObject([
      [{ kind: "violating" }],
    ]);
    const published = sent.filter(({ action }) => action === "Publish");
    expect(published.map(({ parameters }) => parameters.get("TopicArn")).sort()).toEqual([
      FOUR_SECRETS.ALERT_TOPIC_ARN,
      topic,
      topic,
    ]);
  });
});

describe("an invalid configuration", () => {
  it("is reported with every problem, without an AWS call, until the secrets are valid", () => {
    const sent = interceptNetwork();
    const app = createApp({}, hostOf());
    expect(app.open({})).toMatchObject({
      problems: ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "ALERT_TOPIC_ARN"].map((key) => ({ key })),
    });
    expect("service" in app.open(FOUR_SECRETS)).toBe(true);
    expect("problems" in app.open({})).toBe(true);
    expect(sent).toEqual([]);
  });

  it("is logged before there is a LOG_LEVEL", () => {
    const lines: string[] = [];
    const app = createApp({ LOG_LEVEL: "nonsense" }, hostOf(lines));
    const opening = app.open({});
    if ("service" in opening) throw new Error("valid");
    app.log.outcome({ kind: "misconfigured", problems: opening.problems }, 0, null);
    expect(lines.join()).toContain("LOG_LEVEL must be one of debug, info, warn, error");
    expect(lines.join()).not.toContain("nonsense");
  });
});

describe("on Lambda", () => {
  it("reads the configuration from the environment", () => {
    const app = createApp({ ...FOUR_SECRETS, AWS_SESSION_TOKEN: "role-token" }, hostOf());
    expect(serviceIn(app.open({})).config.credentials).toMatchObject({ sessionToken: "role-token" });
  });

  it("creates a new service when an environment variable changes in a warm process", () => {
    const env: NodeJS.ProcessEnv = { ...FOUR_SECRETS };
    const app = createApp(env, hostOf());
    expect(serviceIn(app.open({})).config.graceSeconds).toBe(45);
    env.GRACE_SECONDS = "7";
    expect(serviceIn(app.open({})).config.graceSeconds).toBe(7);
  });
});
