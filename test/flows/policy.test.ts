/** A policy of several rule kinds, from the event of a launch to the alert, over real HTTP. */
import { AuthorizeSecurityGroupIngressCommand, CreateSecurityGroupCommand, EC2Client } from "@aws-sdk/client-ec2";
import { CreateTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Clock, type EmbeddedAws, type Launch, startEmbeddedAws } from "../../src/local/aws/index.ts";
import { AT, runInstances, stateChange } from "../support/events.ts";
import { sqsEvent } from "../support/lambda.ts";
import { notification, signed } from "../support/sns.ts";
import { HTTP_HOSTS, onLambda, SETTINGS } from "../support/test-stack.ts";

const POLICY = {
  version: 1,
  rules: [
    { rule: "required-tags", tags: ["name", { key: "env", values: ["prod", "staging"] }], link: "https://wiki/tags" },
    { rule: "security-groups", id: "open-ports", severity: "critical", closed: [22, 3389] },
    { rule: "key-pair", severity: "high", allowed: ["ops-*"], when: { not: { tag: "team", in: "lab" } } },
    { rule: "image", id: "approved-images", owners: ["amazon", "210987654321"] },
    { rule: "public-ip" },
    { rule: "encrypted-volumes", mode: "report" },
  ],
  exemptions: [
    {
      rules: ["approved-images"],
      when: { tag: "project", in: "migration" },
      reason: "The images are replaced in December.",
      until: "2021-12-31",
    },
  ],
};

const credentials = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "secret" };

let aws: EmbeddedAws;
let openGroup: string;
let approved: string;
/** What EC2 does later: an instance starts to run. */
let later: (() => void)[];

beforeEach(async () => {
  later = [];
  const clock: Clock = {
    now: () => AT,
    after: (_, run) => {
      later.push(run);
      return () => {};
    },
  };
  aws = await startEmbeddedAws({ clock });
  const client = { region: "us-east-1", endpoint: aws.endpoint, credentials };
  await new SNSClient(client).send(new CreateTopicCommand({ Name: "ec2_audit_alert" }));
  const ec2 = new EC2Client(client);
  const { GroupId = "" } = await ec2.send(new CreateSecurityGroupCommand({ GroupName: "web", Description: "web" }));
  const ssh = { IpProtocol: "tcp", FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: "0.0.0.0/0" }] };
  await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions: [ssh] }));
  openGroup = GroupId;
  approved = aws.registerImage({ name: "golden-1", ownerId: "210987654321" });
});
afterEach(() => aws.close());

const settings = () => ({ ...SETTINGS, AWS_ENDPOINT_URL: aws.endpoint, AUDIT_POLICY: JSON.stringify(POLICY) });

/** Launches instances that comply with the policy, unless they are given other settings. Returns their ids. */
function launch(given: Partial<Launch> = {}): string[] {
  return aws.launch({
    count: 1,
    imageId: approved,
    keyName: "ops-2021",
    tags: { Name: "web-1", env: "prod" },
    interfaces: [{ publicIp: false }],
    ...given,
  });
}

function boot(): void {
  for (const run of later.splice(0)) run();
}

const actions = () => aws.calls.map(({ action }) => action).filter((action) => action.startsWith("Describe"));
const alerts = () =>
  aws.calls.filter(({ action }) => action === "Publish").map(({ params }) => JSON.parse(String(params.Message)));
const rulesIn = (alert: { default: string }) =>
  JSON.parse(alert.default).findings.map(({ ruleId }: { ruleId: string }) => ruleId);

describe.each(HTTP_HOSTS)("a launch on the $host", ({ open }) => {
  const deliver = async (id: string) => {
    const stack = open(settings());
    const { status } = await stack.deliver(signed(notification(stateChange({ id }))));
    return { status, lines: stack.lines.map((line) => JSON.parse(line)) };
  };

  it("that violates several rules is one alert, the most severe finding first", async () => {
    const [id = ""] = launch({
      ...{ keyName: "laptop", imageId: aws.registerImage({ name: "own" }), tags: { Name: "web-1" } },
      interfaces: [{ publicIp: false }, { publicIp: false, securityGroups: [openGroup] }],
    });
    boot();
    expect((await deliver(id)).status).toBe(200);
    const [alert, ...others] = alerts();
    expect(others).toEqual([]);
    expect(rulesIn(alert)).toEqual(["open-ports", "key-pair", "approved-images", "required-tags"]);
    expect(alert.email).toContain("https://wiki/tags");
    expect(alert.sms).toMatch(/^CRITICAL web-1 .* \(us-east-1, 123456789012\), \+3 rules/);
    // A rule that is judged in reports only costs no call.
    expect(actions().sort()).toEqual(["DescribeInstanceImageMetadata", "DescribeInstances", "DescribeSecurityGroups"]);
  });

  it("that complies, is exempt or is out of scope is not alerted", async () => {
    const own = aws.registerImage({ name: "own" });
    const ids = [
      ...launch(),
      ...launch({ imageId: own, tags: { Name: "web-2", env: "prod", project: "migration" } }),
      ...launch({ keyName: "laptop", tags: { Name: "web-3", env: "staging", team: "lab" } }),
    ];
    boot();
    for (const id of ids) {
      const { status, lines } = await deliver(id);
      expect([status, lines.map(({ outcome }) => outcome)]).toEqual([200, ["compliant"]]);
    }
    expect(alerts()).toEqual([]);
  });

  it("that is pending waits until it runs, because it gets its public address then", async () => {
    const [id = ""] = launch({ interfaces: [{ publicIp: true }] });
    expect((await deliver(id)).status).toBe(503);
    expect(alerts()).toEqual([]);
    boot();
    expect((await deliver(id)).status).toBe(200);
    expect(alerts().map(rulesIn)).toEqual([["public-ip"]]);
  });

  it("is judged by the other rules when a permission is missing, and the alert and the log say so once", async () => {
    aws.faults.add({ action: "DescribeSecurityGroups", kind: "deny" });
    const [id = ""] = launch({ keyName: "laptop", interfaces: [{ publicIp: false, securityGroups: [openGroup] }] });
    boot();
    const { status, lines } = await deliver(id);
    const reason = "the credentials do not allow ec2:DescribeSecurityGroups";
    const [alert] = alerts();
    expect([status, rulesIn(alert)]).toEqual([200, ["key-pair"]]);
    expect(JSON.parse(alert.default).notJudged).toEqual([{ ruleId: "open-ports", reason, instances: 1 }]);
    expect(alert.email.replaceAll(/\s+/g, " ").split(`Not judged: open-ports, because ${reason}.`)).toHaveLength(2);
    expect(lines).toMatchObject([
      { level: "error", outcome: "violating", notJudged: 1, rulesNotJudged: ["open-ports"] },
    ]);
  });

  it("is an error line and a metric, and no alert, when it complies as far as it can be judged", async () => {
    aws.faults.add({ action: "DescribeSecurityGroups", kind: "deny" });
    const [id = ""] = launch();
    boot();
    const { status, lines } = await deliver(id);
    expect([status, alerts()]).toEqual([200, []]);
    expect(lines).toMatchObject([
      {
        level: "error",
        outcome: "not-judged",
        message: "not judged: open-ports: the credentials do not allow ec2:DescribeSecurityGroups",
        notJudged: 1,
      },
    ]);
  });

  it("is retried when EC2 throttles the call of one fact, and then judged by all rules", async () => {
    aws.faults.add({ action: "DescribeInstanceImageMetadata", kind: "throttle" });
    const [id = ""] = launch({ imageId: aws.registerImage({ name: "own" }) });
    boot();
    expect((await deliver(id)).status).toBe(503);
    aws.faults.clear();
    expect((await deliver(id)).status).toBe(200);
    expect(alerts().map(rulesIn)).toEqual([["approved-images"]]);
  });
});

describe("200 launches of one account and region", () => {
  it("take five EC2 operations with every fact in force", async () => {
    const rules = [
      ...POLICY.rules.map((rule) => ({ ...rule, mode: "alert" })),
      { rule: "network", defaultVpc: false },
      { rule: "tag-limit", max: 20 },
    ];
    const stack = onLambda({ ...settings(), AUDIT_POLICY: JSON.stringify({ rules }) });
    const ids = launch({ count: 200, keyName: "laptop" });
    boot();
    const event = sqsEvent(JSON.stringify(runInstances({ ids })));
    expect(await stack.invoke(event)).toEqual({ batchItemFailures: [] });
    expect(actions().sort()).toEqual([
      "DescribeInstanceImageMetadata",
      "DescribeInstances",
      "DescribeSecurityGroups",
      "DescribeVolumes",
      "DescribeVpcs",
    ]);
    // The key pair, the volume and the VPC of each.
    expect(alerts().flatMap(rulesIn)).toHaveLength(600);
  });
});
