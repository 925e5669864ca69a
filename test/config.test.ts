import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { generate } from "selfsigned";
import { beforeAll, describe, expect, test } from "vitest";
import { isAccountId, isRegion, partitionOf } from "../src/aws/regions.ts";
import { besideTopic, parseTopicArn } from "../src/aws/topic-arn.ts";
import { gatherSettings, KEYS, type Key, MAX_GRACE_SECONDS, readConfig } from "../src/config.ts";
import { configOf, FOUR_SECRETS, problemsOf } from "./support/config.ts";

const keysOf = (problems: readonly { key: Key }[]) => problems.map(({ key }) => key);

let pem = "";
beforeAll(async () => {
  pem = (await generate([{ name: "commonName", value: "sns.amazonaws.com" }], { keySize: 2048 })).cert;
});

describe("the configuration", () => {
  test("the four secrets of the 2016 function are enough", () => {
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
      logLevel: "info",
    });
    expect(alertTopic.arn).toBe("arn:aws:sns:us-east-1:123456789012:ec2_audit_alert");
    expect(launchTopics.map(({ arn }) => arn)).toEqual(["arn:aws:sns:us-east-1:123456789012:ec2_launches_check"]);
    expect(policy.rules.map((rule) => rule.check({ tags: new Map(), instance: null })?.details)).toEqual([
      { missing: ["name", "service"], blank: [] },
    ]);
  });

  test("each of three is missed by its name; without the topic no launch topic is guessed", () => {
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

  test("a value of blanks counts as missing, and blanks around a value do not count", () => {
    expect(keysOf(problemsOf({ AWS_REGION: "  " }))).toEqual(["AWS_REGION"]);
    expect(configOf({ AWS_REGION: " eu-west-1\n", GRACE_SECONDS: " 7 " })).toMatchObject({
      region: "eu-west-1",
      graceSeconds: 7,
    });
  });

  test("every key has its effect", () => {
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
      logLevel: "debug",
    });
    expect(config.policy.rules[0]?.check({ tags: new Map(), instance: null })?.details.missing).toEqual(["owner"]);
  });

  test.each<[Key, string]>([
    ["AWS_REGION", "us-east-1.evil.com/#"],
    ["AWS_REGION", "US-EAST-1"],
    ["AWS_REGION", "local"],
    ["ALERT_TOPIC_ARN", "ec2_audit_alert"],
    ["ALERT_TOPIC_ARN", "arn:aws:sqs:us-east-1:123456789012:ec2_audit_alert"],
    ["ALERT_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:ec2_audit_alert:6b0e71bd-7e97-4d97-80ce-4a0994e55286"],
    ["ALERT_TOPIC_ARN", "arn:aws:sns:cn-north-1:123456789012:ec2_audit_alert"],
    ["ALERT_TOPIC_ARN", "arn:aws-cn:sns:us-east-1:123456789012:ec2_audit_alert"],
    ["ALERT_TOPIC_ARN", "arn:aws:sns:us-east-1:1234:ec2_audit_alert"],
    ["ALERT_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:a topic"],
    ["LAUNCH_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:a,"],
    ["LAUNCH_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:a;arn:aws:sns:us-east-1:123456789012:b"],
    ["AWS_ENDPOINT_URL", "localhost"],
    ["AWS_ENDPOINT_URL", "ftp://localhost"],
    ["FUNCTION_URL", "http://example.com/audit"],
    ["FUNCTION_URL", "example.com/audit"],
    ["FUNCTION_URL", "javascript:alert(1)"],
    ["REQUIRED_TAGS", "name,,service"],
    ["REQUIRED_TAGS", "env=prod|staging"],
    ["REQUIRED_TAGS", "name;owner"],
    ["REQUIRED_TAGS", "cost-*"],
    ["AUDIT_POLICY", "name,service"],
    ["AUDIT_POLICY", '{"rules":[]}'],
    ["GRACE_SECONDS", "soon"],
    ["GRACE_SECONDS", "-1"],
    ["GRACE_SECONDS", "45.5"],
    ["GRACE_SECONDS", "1e3"],
    ["GRACE_SECONDS", "0x10"],
    ["GRACE_SECONDS", "45s"],
    ["GRACE_SECONDS", String(MAX_GRACE_SECONDS + 1)],
    ["GRACE_SECONDS", "99999999999999999999"],
    ["AUDIT_ROLE_NAME", "arn:aws:iam::123456789012:role/ec2-audit"],
    ["AUDIT_ROLE_NAME", "/ec2-audit"],
    ["AUDIT_ROLE_NAME", "ec2 audit"],
    ["AUDIT_ROLE_NAME", "r".repeat(65)],
    ["SNS_SIGNING_CERT", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"],
    ["SNS_SIGNING_CERT", "/etc/ssl/sns.pem"],
    ["AUDIT_RESTARTS", "yes please"],
    ["AUDIT_RESTARTS", "2"],
    ["LOG_LEVEL", "verbose"],
    ["LOG_LEVEL", "__proto__"],
  ])("%s is not %j", (key, value) => {
    const problems = problemsOf({ [key]: value });
    expect(keysOf(problems)).toEqual([key]);
    expect(problems[0]?.problem).not.toContain(value);
  });

  test.each<[Key, string]>([
    ["AWS_REGION", "us-gov-west-1"],
    ["AWS_REGION", "ap-southeast-5"],
    ["ALERT_TOPIC_ARN", "arn:aws-cn:sns:cn-northwest-1:123456789012:alerts"],
    ["ALERT_TOPIC_ARN", "arn:aws-us-gov:sns:us-gov-east-1:123456789012:alerts.fifo"],
    ["FUNCTION_URL", "https://user.example.com:8443/audit?key=1"],
    ["REQUIRED_TAGS", "Kostenstelle, 部署 ,🛒"],
    ["AUDIT_POLICY", '{"rules":[{"rule":"required-tags","tags":["a"]}]}'],
    ["GRACE_SECONDS", String(MAX_GRACE_SECONDS)],
    ["AUDIT_ROLE_NAME", "Audit_role+=,.@-1"],
    ["LOG_LEVEL", "Error"],
  ])("%s may be %j", (key, value) => {
    expect(problemsOf({ [key]: value })).toEqual([]);
  });

  test.each([
    ["on", true],
    ["True", true],
    ["1", true],
    ["off", false],
    ["FALSE", false],
    ["0", false],
  ])("AUDIT_RESTARTS=%s turns the audit of restarts on or off: %s", (AUDIT_RESTARTS, auditRestarts) => {
    expect(configOf({ AUDIT_RESTARTS })).toMatchObject({ auditRestarts });
  });

  test("a grace over 3000 s is refused: SNS gives up after 3,600 s, and adds jitter to its delays", () => {
    expect(problemsOf({ GRACE_SECONDS: "3000" })).toEqual([]);
    expect(problemsOf({ GRACE_SECONDS: "3001" })).toEqual([
      { key: "GRACE_SECONDS", problem: "is not a whole number of seconds from 0 to 3000" },
    ]);
  });

  test("FUNCTION_URL may be http only beside an emulator's AWS_ENDPOINT_URL", () => {
    const FUNCTION_URL = "http://127.0.0.1:8080/";
    expect(keysOf(problemsOf({ FUNCTION_URL }))).toEqual(["FUNCTION_URL"]);
    expect(configOf({ FUNCTION_URL, AWS_ENDPOINT_URL: "http://127.0.0.1:5000" }).functionUrl).toBe(FUNCTION_URL);
  });

  test("the short and the whole policy exclude each other: which one is meant cannot be known", () => {
    const AUDIT_POLICY = '{"rules":[{"rule":"required-tags","tags":["a"]}]}';
    expect(problemsOf({ REQUIRED_TAGS: "name", AUDIT_POLICY })).toEqual([
      { key: "REQUIRED_TAGS", problem: expect.stringContaining("AUDIT_POLICY") },
    ]);
  });

  test("each problem of a policy is one of the configuration's", () => {
    expect(keysOf(problemsOf({ AUDIT_POLICY: '{"rules":[{"rule":"x"},{"rule":"y"}]}' }))).toEqual([
      "AUDIT_POLICY",
      "AUDIT_POLICY",
    ]);
  });

  test("a PEM may have its line breaks written out, as a secrets file has them", () => {
    const oneLine = configOf({ SNS_SIGNING_CERT: pem.replaceAll(/\r?\n/g, "\\n") }).signingCert;
    const lines = configOf({ SNS_SIGNING_CERT: pem }).signingCert;
    expect(oneLine?.key.export({ type: "spki", format: "pem" })).toBe(
      lines?.key.export({ type: "spki", format: "pem" }),
    );
  });

  test("a PEM that holds a key in place of a certificate is refused", () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const text = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    expect(keysOf(problemsOf({ SNS_SIGNING_CERT: text }))).toEqual(["SNS_SIGNING_CERT"]);
  });

  test("every problem is reported at once, each with its key", () => {
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
      LOG_LEVEL: "moon",
    });
    expect(new Set(keysOf(problems))).toEqual(
      new Set(KEYS.filter((key) => key !== "AWS_SESSION_TOKEN" && key !== "REQUIRED_TAGS")),
    );
  });

  test("no problem holds a value, whatever was put under whichever key", () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9+/=~!*]{12,60}$/);
    const wrapped = fc.tuple(
      secret,
      fc.constantFrom("", "arn:aws:sns:", "https://", '{"rules": "', "-----BEGIN CERTIFICATE-----\n"),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...KEYS), wrapped), (given) => {
        const settings = Object.fromEntries(Object.entries(given).map(([key, [text, before]]) => [key, before + text]));
        const reading = readConfig(gatherSettings(settings, {}));
        const told = JSON.stringify("problems" in reading ? reading.problems : []);
        for (const [text] of Object.values(given)) expect(told).not.toContain(text);
      }),
    );
  });

  test("a secret that was put under the wrong key of a policy is not told either", () => {
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

describe("where the settings come from", () => {
  test("a secret wins over the environment variable, key by key", () => {
    const env = { GRACE_SECONDS: "10", LOG_LEVEL: "error" };
    expect(configOf({ GRACE_SECONDS: "20" }, env)).toMatchObject({ graceSeconds: 20, logLevel: "error" });
  });

  test("the environment alone is enough: on Lambda there are no secrets", () => {
    const settings = gatherSettings({}, { ...FOUR_SECRETS, AWS_SESSION_TOKEN: "token", PATH: "/usr/bin" });
    expect(settings).toEqual({ ...FOUR_SECRETS, AWS_SESSION_TOKEN: "token" });
  });

  test("a blank secret does not hide the environment's value", () => {
    expect(configOf({ GRACE_SECONDS: "" }, { GRACE_SECONDS: "10" }).graceSeconds).toBe(10);
  });

  test("a session token of the environment is never mixed with the key of the secrets", () => {
    const env = { AWS_ACCESS_KEY_ID: "ASIAENV", AWS_SECRET_ACCESS_KEY: "env", AWS_SESSION_TOKEN: "env-token" };
    expect(configOf({}, env).credentials).toEqual({
      accessKeyId: FOUR_SECRETS.AWS_ACCESS_KEY_ID,
      secretAccessKey: FOUR_SECRETS.AWS_SECRET_ACCESS_KEY,
    });
  });

  test("nor is a secret access key of the environment: half a pair of secrets is a problem", () => {
    const env = { AWS_ACCESS_KEY_ID: "ASIAENV", AWS_SECRET_ACCESS_KEY: "env" };
    expect(problemsOf({ AWS_SECRET_ACCESS_KEY: undefined }, env)).toEqual([
      { key: "AWS_SECRET_ACCESS_KEY", problem: "is missing" },
    ]);
  });

  test("nor a token among the secrets with the key of the environment", () => {
    const env = { AWS_ACCESS_KEY_ID: "AKIAENV", AWS_SECRET_ACCESS_KEY: "env" };
    const settings = gatherSettings({ AWS_SESSION_TOKEN: "left over" }, { ...FOUR_SECRETS, ...env });
    expect(settings).toMatchObject(env);
    expect(settings).not.toHaveProperty("AWS_SESSION_TOKEN");
  });

  test("credentials are of one source: all of the secrets, or all of the environment", () => {
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

  test("a value that is not text is not taken", () => {
    expect(gatherSettings({ GRACE_SECONDS: { valueOf: () => 1 }, LOG_LEVEL: ["debug"], AWS_REGION: null }, {})).toEqual(
      {},
    );
  });

  test("nothing is taken from the secrets' prototype, nor from a key __proto__", () => {
    const inherited: Record<string, unknown> = Object.create({ GRACE_SECONDS: "0", AUDIT_ROLE_NAME: "x" });
    expect(gatherSettings(inherited, {})).toEqual({});
    expect(gatherSettings(JSON.parse('{"__proto__": {"GRACE_SECONDS": "0"}, "constructor": "x"}'), {})).toEqual({});
  });

  test("a key id that the secrets only inherit does not put the environment's credentials out of force", () => {
    const inherited: Record<string, unknown> = Object.create({ AWS_ACCESS_KEY_ID: "inherited" });
    expect(gatherSettings(inherited, FOUR_SECRETS)).toEqual(FOUR_SECRETS);
  });
});

const REGIONS = ["us-east-1", "ap-southeast-2", "il-central-1", "cn-north-1", "us-gov-west-1"] as const;

describe("the ARN of a topic", () => {
  const name = fc
    .tuple(fc.stringMatching(/^[A-Za-z0-9_-]{1,250}$/), fc.constantFrom("", ".fifo"))
    .map((parts) => parts.join(""));
  const account = fc.stringMatching(/^[0-9]{12}$/);

  test("is taken apart and put together again, in every partition", () => {
    fc.assert(
      fc.property(fc.constantFrom(...REGIONS), account, name, (region, owner, called) => {
        const arn = `arn:${partitionOf(region).name}:sns:${region}:${owner}:${called}`;
        const topic = { arn, region, account: owner, name: called, fifo: called.endsWith(".fifo") };
        expect(parseTopicArn(arn)).toEqual(topic);
        expect(parseTopicArn(besideTopic(topic, "ec2_launches_check").arn)).toEqual(
          besideTopic(topic, "ec2_launches_check"),
        );
      }),
    );
  });

  test("is nothing else: what is accepted has just the characters of an ARN, and a region of its partition", () => {
    const almost = fc
      .tuple(
        fc.constantFrom("arn", "ARN", ""),
        fc.constantFrom("aws", "aws-cn", "aws-us-gov", "aws-iso"),
        fc.constantFrom("sns", "sqs", "SNS"),
        fc.oneof(fc.constantFrom(...REGIONS), fc.string()),
        fc.oneof(account, fc.string()),
        fc.oneof(name, fc.string()),
      )
      .map((parts) => parts.join(":"));
    fc.assert(
      fc.property(fc.oneof(fc.string(), almost), (text) => {
        const topic = parseTopicArn(text);
        if (topic === null) return;
        expect(text).toMatch(/^arn:aws(?:-cn|-us-gov)?:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+(?:\.fifo)?$/);
        expect(text.split(":")[1]).toBe(partitionOf(topic.region).name);
        expect(topic.name.length).toBeLessThanOrEqual(256);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    "",
    "arn:aws:sns:us-east-1:123456789012:a\n",
    "arn:aws:sns:us-east-1:123456789012:",
    `arn:aws:sns:us-east-1:123456789012:${"n".repeat(257)}`,
    "arn:aws:sns:us-east-1:123456789012:.fifo",
  ])("is not %j", (text) => {
    expect(parseTopicArn(text)).toBeNull();
  });
});

describe("a region", () => {
  test.each([
    ["us-east-1", "aws", "amazonaws.com"],
    ["mx-central-1", "aws", "amazonaws.com"],
    ["ap-southeast-7", "aws", "amazonaws.com"],
    ["cn-northwest-1", "aws-cn", "amazonaws.com.cn"],
    ["us-gov-east-1", "aws-us-gov", "amazonaws.com"],
  ])("%s is one, of the partition %s", (region, partition, dnsSuffix) => {
    expect(isRegion(region)).toBe(true);
    expect(partitionOf(region)).toMatchObject({ name: partition, dnsSuffix });
  });

  test.each([
    "evil.com/#",
    "us-east-1.evil.com",
    "us-east-1/",
    "us-east-1\n",
    "us-east-1:80",
    "@us-east-1",
    "us_east_1",
    "us-east-1a",
    "us-east-",
    "",
  ])("%j is none", (text) => {
    expect(isRegion(text)).toBe(false);
  });

  test("makes a host name that ends where AWS's ends, whatever text is taken for one", () => {
    const text = fc.oneof(
      fc.string(),
      fc.tuple(fc.constantFrom(...REGIONS), fc.string()).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(text, (region) => {
        fc.pre(isRegion(region));
        expect(new URL(`https://ec2.${region}.amazonaws.com/`).hostname).toBe(`ec2.${region}.amazonaws.com`);
      }),
    );
  });

  test("an account is twelve digits", () => {
    expect(isAccountId("012345678901")).toBe(true);
    for (const text of ["1234567890123", "12345678901", "12345678901\n", "１２３４５６７８９０１２", "-12345678901"]) {
      expect(isAccountId(text)).toBe(false);
    }
  });
});
