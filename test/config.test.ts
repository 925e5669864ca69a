import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { generate } from "selfsigned";
import { beforeAll, describe, expect, it } from "vitest";
import { gatherSettings, KEYS, type Key, readConfig } from "../src/config.ts";
import { configOf, FOUR_SECRETS, problemsOf } from "./support/config.ts";
import { taggedFacts } from "./support/findings.ts";
import { violationOf } from "./support/policy.ts";

const keysOf = (problems: readonly { key: Key }[]) => problems.map(({ key }) => key);

let pem = "";
beforeAll(async () => {
  pem = (await generate([{ name: "commonName", value: "sns.amazonaws.com" }], { keySize: 2048 })).cert;
});

describe("the configuration", () => {
  it("requires only the four secrets of the 2016 function", () => {
    const { policy, alertTopic, launchTopics, ...rest } = configOf();
    expect(rest).toEqual({
      region: "us-east-1",
      account: null,
      credentials: {
        accessKeyId: "AKIAIOSFODNN7EXAMPLE",
        secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
      },
      endpoint: null,
      functionUrl: null,
      graceSeconds: 45,
      auditRoleName: null,
      signingCert: null,
      auditRestarts: false,
      resolvedAlerts: false,
      logLevel: "info",
    });
    expect(alertTopic.arn).toBe("arn:aws:sns:us-east-1:123456789012:ec2_audit_alert");
    expect(launchTopics.map(({ arn }) => arn)).toEqual(["arn:aws:sns:us-east-1:123456789012:ec2_launches_check"]);
    expect(policy.rules.map((rule) => violationOf(rule, taggedFacts())?.details)).toEqual([
      { missing: ["name", "service"], blank: [] },
    ]);
  });

  it("reports each missing key, and assumes no launch topic without an alert topic", () => {
    for (const key of ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "ALERT_TOPIC_ARN"] as const) {
      expect(problemsOf({ [key]: undefined })).toEqual([{ key, problem: "is missing" }]);
    }
    expect(keysOf(problemsOf(Object.fromEntries(KEYS.map((key) => [key, undefined]))))).toEqual([
      "AWS_REGION",
      "AWS_ACCESS_KEY_ID",
      "AWS_SECRET_ACCESS_KEY",
      "ALERT_TOPIC_ARN",
    ]);
  });

  it("treats a blank value as missing, and trims values", () => {
    expect(keysOf(problemsOf({ AWS_REGION: "  " }))).toEqual(["AWS_REGION"]);
    expect(configOf({ AWS_REGION: " eu-west-1\n", GRACE_SECONDS: " 7 " })).toMatchObject({
      region: "eu-west-1",
      graceSeconds: 7,
    });
  });

  it("reads every key", () => {
    const config = configOf({
      AWS_SESSION_TOKEN: "IQoJb3JpZ2luX2IQoJb3JpZ2luX2",
      AWS_ENDPOINT_URL: "http://127.0.0.1:5000",
      LAUNCH_TOPIC_ARN: "arn:aws:sns:us-east-1:123456789012:a, arn:aws:sns:eu-west-1:210987654321:b",
      FUNCTION_URL: "https://example.com/audit",
      REQUIRED_TAGS: "owner",
      GRACE_SECONDS: "0",
      AUDIT_ROLE_NAME: "auditors/ec2-audit",
      SNS_SIGNING_CERT: pem,
      AUDIT_RESTARTS: "true",
      RESOLVED_ALERTS: "on",
      LOG_LEVEL: "DEBUG",
    });
    expect(config).toMatchObject({
      credentials: { sessionToken: "IQoJb3JpZ2luX2IQoJb3JpZ2luX2" },
      endpoint: "http://127.0.0.1:5000",
      launchTopics: [{ name: "a" }, { name: "b", region: "eu-west-1", account: "210987654321" }],
      functionUrl: "https://example.com/audit",
      graceSeconds: 0,
      auditRoleName: "auditors/ec2-audit",
      signingCert: { key: { asymmetricKeyType: "rsa" } },
      auditRestarts: true,
      resolvedAlerts: true,
      logLevel: "debug",
    });
    expect(violationOf(config.policy.rules[0], taggedFacts())?.details.missing).toEqual(["owner"]);
  });

  it.each<[Key, string]>([
    ["AWS_REGION", "us-east-1.evil.com/#"],
    ["ALERT_TOPIC_ARN", "ec2_audit_alert"],
    ["LAUNCH_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:a,"],
    ["LAUNCH_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:a;arn:aws:sns:us-east-1:123456789012:b"],
    ["AWS_ENDPOINT_URL", "localhost"],
    ["AWS_ENDPOINT_URL", "ftp://localhost"],
    ["FUNCTION_URL", "http://example.com/audit"],
    ["FUNCTION_URL", "example.com/audit"],
    ["FUNCTION_URL", "javascript:alert(1)"],
    ["REQUIRED_TAGS", "name,,service"],
    ["AUDIT_POLICY", "name,service"],
    ["AUDIT_POLICY", '{"rules":[]}'],
    ["GRACE_SECONDS", "soon"],
    ["GRACE_SECONDS", "-1"],
    ["GRACE_SECONDS", "45.5"],
    ["GRACE_SECONDS", "1e3"],
    ["GRACE_SECONDS", "0x10"],
    ["GRACE_SECONDS", "45s"],
    ["GRACE_SECONDS", "99999999999999999999"],
    ["AUDIT_ROLE_NAME", "arn:aws:iam::123456789012:role/ec2-audit"],
    ["AUDIT_ROLE_NAME", "/ec2-audit"],
    ["AUDIT_ROLE_NAME", "ec2 audit"],
    ["AUDIT_ROLE_NAME", "r".repeat(65)],
    ["SNS_SIGNING_CERT", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"],
    ["SNS_SIGNING_CERT", "/etc/ssl/sns.pem"],
    ["AUDIT_RESTARTS", "yes please"],
    ["RESOLVED_ALERTS", "sometimes"],
    ["AUDIT_RESTARTS", "2"],
    ["LOG_LEVEL", "verbose"],
    ["LOG_LEVEL", "__proto__"],
  ])("rejects %s=%j without quoting it", (key, value) => {
    const problems = problemsOf({ [key]: value });
    expect(keysOf(problems)).toEqual([key]);
    expect(problems[0]?.problem).not.toContain(value);
  });

  it.each<[Key, string]>([
    ["AWS_REGION", "us-gov-west-1"],
    ["ALERT_TOPIC_ARN", "arn:aws-cn:sns:cn-northwest-1:123456789012:alerts"],
    ["ALERT_TOPIC_ARN", "arn:aws-us-gov:sns:us-gov-east-1:123456789012:alerts.fifo"],
    ["FUNCTION_URL", "https://user.example.com:8443/audit?key=1"],
    ["REQUIRED_TAGS", "Kostenstelle, 部署 ,🛒"],
    ["AUDIT_POLICY", '{"rules":[{"rule":"required-tags","tags":["a"]}]}'],
    ["AUDIT_ROLE_NAME", "Audit_role+=,.@-1"],
    ["LOG_LEVEL", "Error"],
  ])("accepts %s=%j", (key, value) => {
    expect(problemsOf({ [key]: value })).toEqual([]);
  });

  it.each([
    ["on", true],
    ["True", true],
    ["1", true],
    ["off", false],
    ["FALSE", false],
    ["0", false],
  ])("reads AUDIT_RESTARTS=%s as %s", (AUDIT_RESTARTS, auditRestarts) => {
    expect(configOf({ AUDIT_RESTARTS })).toMatchObject({ auditRestarts });
  });

  it("accepts a grace up to 3000 s, because SNS stops retrying after 3,600 s and adds jitter", () => {
    expect(problemsOf({ GRACE_SECONDS: "3000" })).toEqual([]);
    expect(problemsOf({ GRACE_SECONDS: "3001" })).toEqual([
      { key: "GRACE_SECONDS", problem: "must be a whole number of seconds from 0 to 3000" },
    ]);
  });

  it("accepts an http FUNCTION_URL only with AWS_ENDPOINT_URL", () => {
    const FUNCTION_URL = "http://127.0.0.1:8080/";
    expect(keysOf(problemsOf({ FUNCTION_URL }))).toEqual(["FUNCTION_URL"]);
    expect(configOf({ FUNCTION_URL, AWS_ENDPOINT_URL: "http://127.0.0.1:5000" }).functionUrl).toBe(FUNCTION_URL);
  });

  it("rejects REQUIRED_TAGS together with AUDIT_POLICY", () => {
    const AUDIT_POLICY = '{"rules":[{"rule":"required-tags","tags":["a"]}]}';
    expect(problemsOf({ REQUIRED_TAGS: "name", AUDIT_POLICY })).toEqual([
      { key: "REQUIRED_TAGS", problem: expect.stringContaining("AUDIT_POLICY") },
    ]);
  });

  it("reports every problem of a policy, also when REQUIRED_TAGS is set too", () => {
    const AUDIT_POLICY = '{"rules":[{"rule":"x"},{"rule":"y"}]}';
    const keys = ["AUDIT_POLICY", "AUDIT_POLICY"];
    expect(keysOf(problemsOf({ AUDIT_POLICY }))).toEqual(keys);
    expect(keysOf(problemsOf({ AUDIT_POLICY, REQUIRED_TAGS: "name" }))).toEqual(["REQUIRED_TAGS", ...keys]);
  });

  it("accepts a PEM with \\n in place of line breaks, as in a secrets file", () => {
    const oneLine = configOf({ SNS_SIGNING_CERT: pem.replaceAll(/\r?\n/g, "\\n") }).signingCert;
    const lines = configOf({ SNS_SIGNING_CERT: pem }).signingCert;
    expect(oneLine?.key.export({ type: "spki", format: "pem" })).toBe(
      lines?.key.export({ type: "spki", format: "pem" }),
    );
  });

  it("rejects a PEM with a key in place of a certificate", () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const text = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    expect(keysOf(problemsOf({ SNS_SIGNING_CERT: text }))).toEqual(["SNS_SIGNING_CERT"]);
  });

  it("rejects a route to a launch topic, because alerts would arrive as launches, without quoting it", () => {
    const policy = (topic: string) =>
      JSON.stringify({
        rules: [{ rule: "tag-limit", max: 9 }],
        routes: [{ topic: `${FOUR_SECRETS.ALERT_TOPIC_ARN}_2` }, { topic }],
      });
    const LAUNCH_TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:launches";
    const problems = problemsOf({ LAUNCH_TOPIC_ARN, AUDIT_POLICY: policy(LAUNCH_TOPIC_ARN) });
    expect(problems).toMatchObject([
      { key: "AUDIT_POLICY", problem: expect.stringContaining("routes[1].topic must not be") },
    ]);
    expect(JSON.stringify(problems)).not.toContain(LAUNCH_TOPIC_ARN);
    expect(problemsOf({ LAUNCH_TOPIC_ARN, AUDIT_POLICY: policy(FOUR_SECRETS.ALERT_TOPIC_ARN) })).toEqual([]);
  });

  it("rejects a route to a topic in another partition than the alert topic, because every publish would fail", () => {
    const policy = (...topics: string[]) =>
      JSON.stringify({ rules: [{ rule: "tag-limit", max: 9 }], routes: topics.map((topic) => ({ topic })) });
    const ours = "arn:aws:sns:eu-west-1:123456789012:oncall";
    const chinese = "arn:aws-cn:sns:cn-north-1:123456789012:oncall";
    expect(problemsOf({ AUDIT_POLICY: policy(ours, chinese) })).toEqual([
      {
        key: "AUDIT_POLICY",
        problem:
          "is not valid: routes[1].topic must be in the partition of ALERT_TOPIC_ARN: the function's credentials are not valid in another one",
      },
    ]);
    expect(problemsOf({ ALERT_TOPIC_ARN: chinese, AUDIT_POLICY: policy(`${chinese}_2`) })).toEqual([]);
  });

  it("reports all problems at once, each with its key", () => {
    const problems = problemsOf({
      AWS_REGION: "moon",
      AWS_ACCESS_KEY_ID: "",
      AWS_SECRET_ACCESS_KEY: "",
      AWS_ENDPOINT_URL: "moon",
      ALERT_TOPIC_ARN: "moon",
      LAUNCH_TOPIC_ARN: "moon",
      FUNCTION_URL: "moon",
      AUDIT_POLICY: "moon",
      GRACE_SECONDS: "soon",
      AUDIT_ROLE_NAME: "the moon",
      SNS_SIGNING_CERT: "moon",
      AUDIT_RESTARTS: "moon",
      RESOLVED_ALERTS: "sun",
      LOG_LEVEL: "moon",
    });
    expect(new Set(keysOf(problems))).toEqual(
      new Set(KEYS.filter((key) => key !== "AWS_SESSION_TOKEN" && key !== "REQUIRED_TAGS")),
    );
  });

  it("quotes no value in a problem", () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9+/=~!*]{12,60}$/);
    const wrapped = fc.tuple(
      secret,
      fc.constantFrom("", "arn:aws:sns:", "https://", '{"rules": "', "-----BEGIN CERTIFICATE-----\n"),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...KEYS), wrapped), (given) => {
        const settings = Object.fromEntries(Object.entries(given).map(([key, [text, before]]) => [key, before + text]));
        const reading = readConfig(gatherSettings(settings, {}));
        const reported = JSON.stringify("problems" in reading ? reading.problems : []);
        for (const [text] of Object.values(given)) expect(reported).not.toContain(text);
      }),
    );
  });

  it("quotes no secret that was put into a policy by mistake", () => {
    for (const AUDIT_POLICY of [
      '{"rules":[{"rule":"hunter2hunter2","severity":"hunter2hunter2","tags":["hunter2hunter2", 1]}]}',
      '{"rules":[{"rule":"required-tags","tags":["name"],"hunter2hunter2":1}]}',
      '{"rules":[{"rule":"required-tags","tags":["name"]}],"hunter2hunter2":1}',
    ]) {
      const problems = problemsOf({ AUDIT_POLICY });
      expect(problems.length).toBeGreaterThan(0);
      expect(JSON.stringify(problems)).not.toContain("hunter2");
    }
  });
});

describe("the sources of the settings", () => {
  it("prefer a secret to the environment variable, key by key", () => {
    const env = { GRACE_SECONDS: "10", LOG_LEVEL: "error" };
    expect(configOf({ GRACE_SECONDS: "20" }, env)).toMatchObject({ graceSeconds: 20, logLevel: "error" });
  });

  it("may be only the environment, as on Lambda", () => {
    const settings = gatherSettings({}, { ...FOUR_SECRETS, AWS_SESSION_TOKEN: "token", PATH: "/usr/bin" });
    expect(settings).toEqual({ ...FOUR_SECRETS, AWS_SESSION_TOKEN: "token" });
  });

  it("ignore a blank secret", () => {
    expect(configOf({ GRACE_SECONDS: "" }, { GRACE_SECONDS: "10" }).graceSeconds).toBe(10);
  });

  it("never combine a session token of the environment with the key of the secrets", () => {
    const env = { AWS_ACCESS_KEY_ID: "ASIAENV", AWS_SECRET_ACCESS_KEY: "env", AWS_SESSION_TOKEN: "env-token" };
    expect(configOf({}, env).credentials).toEqual({
      accessKeyId: FOUR_SECRETS.AWS_ACCESS_KEY_ID,
      secretAccessKey: FOUR_SECRETS.AWS_SECRET_ACCESS_KEY,
    });
  });

  it("never combine a secret access key of the environment with the key id of the secrets", () => {
    const env = { AWS_ACCESS_KEY_ID: "ASIAENV", AWS_SECRET_ACCESS_KEY: "env" };
    expect(problemsOf({ AWS_SECRET_ACCESS_KEY: undefined }, env)).toEqual([
      { key: "AWS_SECRET_ACCESS_KEY", problem: "is missing" },
    ]);
  });

  it("never combine a session token of the secrets with the key of the environment", () => {
    const env = { AWS_ACCESS_KEY_ID: "AKIAENV", AWS_SECRET_ACCESS_KEY: "env" };
    const settings = gatherSettings({ AWS_SESSION_TOKEN: "left over" }, { ...FOUR_SECRETS, ...env });
    expect(settings).toMatchObject(env);
    expect(settings).not.toHaveProperty("AWS_SESSION_TOKEN");
  });

  it("provide all credentials from the same source", () => {
    const source = (name: string) =>
      fc.record(
        {
          AWS_ACCESS_KEY_ID: fc.constant(`${name}-id`),
          AWS_SECRET_ACCESS_KEY: fc.constant(`${name}-key`),
          AWS_SESSION_TOKEN: fc.constant(`${name}-token`),
        },
        { requiredKeys: [] },
      );
    fc.assert(
      fc.property(source("secret"), source("env"), (secrets, env) => {
        const {
          AWS_ACCESS_KEY_ID: id,
          AWS_SECRET_ACCESS_KEY: key,
          AWS_SESSION_TOKEN: token,
        } = gatherSettings(secrets, env);
        fc.pre(id !== undefined);
        for (const other of [key, token]) if (other !== undefined) expect(other.split("-")[0]).toBe(id.split("-")[0]);
      }),
    );
  });

  it("ignore a value that is not text", () => {
    expect(gatherSettings({ GRACE_SECONDS: { valueOf: () => 1 }, LOG_LEVEL: ["debug"], AWS_REGION: null }, {})).toEqual(
      {},
    );
  });

  it("ignore the prototype of the secrets, and a key __proto__", () => {
    const inherited: Record<string, unknown> = Object.create({ GRACE_SECONDS: "0", AUDIT_ROLE_NAME: "x" });
    expect(gatherSettings(inherited, {})).toEqual({});
    expect(gatherSettings(JSON.parse('{"__proto__": {"GRACE_SECONDS": "0"}, "constructor": "x"}'), {})).toEqual({});
  });

  it("keep the environment's credentials if the secrets only inherit a key id", () => {
    const inherited: Record<string, unknown> = Object.create({ AWS_ACCESS_KEY_ID: "inherited" });
    expect(gatherSettings(inherited, FOUR_SECRETS)).toEqual(FOUR_SECRETS);
  });
});
