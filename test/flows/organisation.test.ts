import {
  CreateEventBusCommand,
  PutPermissionCommand,
  PutRuleCommand,
  PutTargetsCommand,
} from "@aws-sdk/client-eventbridge";
import { ConfirmSubscriptionCommand } from "@aws-sdk/client-sns";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type EmbeddedAws, startEmbeddedAws, VirtualClock } from "../../src/local/aws/index.ts";
import { operatorAt, runCommand } from "../cli/run.ts";
import { startEnvironment } from "../cli/webtask/environment.ts";
import { builtCode } from "../cli/webtask/project.ts";
import { MEMBER, type Resource, readStatement, statementsOf, TEMPLATE } from "../deploy/template.ts";
import { loadBuilt, serve } from "../support/hosts.ts";
import {
  enforceRoles,
  FUNCTION_KEY,
  functionCalls,
  makeStack,
  operatorIn,
  type Running,
  runFunction,
  type Stack,
  type StackTarget,
  startSweep,
} from "./stack.ts";

/**
 * An organisation as docs/organisation.md describes it: deploy/template.yaml in the central account, deploy/member.yaml in
 * each account and region, the built file with the permissions of the templates only.
 */
const [CENTRAL, SHOP, LAB, OUTSIDE] = ["111122223333", "222233334444", "333344445555", "999988887777"] as const;
const ORGANIZATION = { id: "o-abcdefghij", accounts: [CENTRAL, SHOP, LAB] };
const [HOME, OTHER_REGION] = ["us-east-1", "eu-west-1"] as const;
const ROLE = "ec2-audit-read";
const roleArn = (account: string) => `arn:aws:iam::${account}:role/${ROLE}`;
const memberIn = (account: string, region: string): StackTarget => ({ account, region, stack: "ec2-audit-member" });

let aws: EmbeddedAws;
let closing: (() => Promise<unknown>)[];
/** The members' stacks so far. */
let members: Stack[];

afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  for (const close of closing.reverse()) await close();
});

async function start(more: { clock?: VirtualClock }): Promise<void> {
  const checked = { topicPolicies: "checked", queuePolicies: "checked" } as const;
  aws = await startEmbeddedAws({ ...more, ...checked, accountId: CENTRAL, organization: ORGANIZATION });
  [closing, members] = [[() => aws.close()], []];
}

async function confirmMail(): Promise<void> {
  const [mail] = aws.mails;
  const { sns } = await operatorIn(aws, { account: CENTRAL, region: HOME });
  await sns.send(new ConfirmSubscriptionCommand({ TopicArn: mail?.topicArn, Token: mail?.token }));
}

async function addMember(
  { account, region }: { account: string; region: string },
  parameters: Readonly<Record<string, string>>,
): Promise<Stack> {
  const stack = await makeStack(aws, memberIn(account, region), MEMBER, { RoleRegion: HOME, ...parameters });
  members.push(stack);
  return stack;
}

const alerts = () => aws.mails.filter(({ type }) => type === "Notification");
const alertsAbout = (id: string) => alerts().filter(({ body }) => body.includes(id));
/** The function's calls after the first `from`, with account and region. */
const called = (from = 0) =>
  functionCalls(aws)
    .slice(from)
    .map(({ service, action, account, region }) => `${service}:${action} ${account} ${region}`);
const assumed = (from = 0) =>
  functionCalls(aws)
    .slice(from)
    .filter(({ action }) => action === "AssumeRole")
    .map(({ params }) => params.RoleArn);

describe("an organisation with deploy/template.yaml in the central account", () => {
  let clock: VirtualClock;
  let central: Stack;
  let run: Running;
  let parameters: Readonly<Record<string, string>>;

  const startCentral = async (AuditRoleName: string) => {
    clock = new VirtualClock(Date.parse("2026-11-23T03:00:00Z"));
    await start({ clock });
    central = await makeStack(aws, { account: CENTRAL, region: HOME, stack: "ec2-audit" }, TEMPLATE, {
      AlertEmail: "team@example.com",
      OrganizationId: ORGANIZATION.id,
      AuditRoleName,
      TagChanges: "true",
      ResolvedAlerts: "on",
    });
    await confirmMail();
    const principalArn = central.output("FunctionRoleArn");
    const statements = statementsOf(central.resources.FunctionRole);
    enforceRoles(aws, { account: CENTRAL, principalArn, statements }, () => members, ORGANIZATION);
    run = runFunction(aws, clock, central);
    parameters = {
      CentralBusArn: central.output("EventBusArn"),
      CentralRoleArn: principalArn,
      OrganizationId: ORGANIZATION.id,
    };
  };
  beforeEach(() => startCentral(ROLE));

  describe("with two members in two regions", () => {
    beforeEach(async () => {
      for (const account of [SHOP, LAB])
        for (const region of [HOME, OTHER_REGION]) await addMember({ account, region }, parameters);
    });

    it.each([
      [SHOP, HOME],
      [LAB, OTHER_REGION],
    ])(
      "audits a launch in account %s and region %s with the account's role, and alerts it once",
      async (account, region) => {
        const [id = ""] = aws.launch({ account, region, count: 1 });
        await run.later(49);
        expect(called()).toEqual([]);
        await run.later(3_600);
        expect(called()).toEqual([
          `sts:AssumeRole ${CENTRAL} ${HOME}`,
          `ec2:DescribeTags ${account} ${region}`,
          `ec2:DescribeInstances ${account} ${region}`,
          `sns:Publish ${CENTRAL} ${HOME}`,
        ]);
        expect(assumed()).toEqual([roleArn(account)]);
        expect(alerts()).toMatchObject([
          { subject: expect.stringContaining(`(${region}, ${account})`), body: expect.stringContaining(id) },
        ]);
      },
    );

    it("audits simultaneous launches in one batch, with an alert for each account and region", async () => {
      const places = [SHOP, LAB].flatMap((account) => [HOME, OTHER_REGION].map((region) => ({ account, region })));
      for (const place of places) aws.launch({ ...place, count: 3 });
      await run.later(3_600);
      expect(run.mapping.invocations).toBe(1);
      const subjects = alerts().map(({ subject }) => subject);
      const expected = places.map(
        ({ account, region }) => `[MEDIUM] 3 instances lack tags name, service (${region}, ${account})`,
      );
      expect(subjects.sort()).toEqual(expected.sort());
      expect(assumed().sort()).toEqual([roleArn(SHOP), roleArn(LAB)]);
    });

    it("sends no alert for a compliant launch", async () => {
      aws.launch({ account: LAB, region: OTHER_REGION, count: 1, tags: { Name: "web", service: "shop" } });
      await run.later(3_600);
      expect([called().at(-1), alerts()]).toEqual([`ec2:DescribeTags ${LAB} ${OTHER_REGION}`, []]);
    });

    it("audits a launch in the central account with the function's own role", async () => {
      const [id = ""] = aws.launch({ account: CENTRAL, region: HOME, count: 1 });
      await run.later(3_600);
      expect([assumed(), alertsAbout(id)]).toEqual([
        [],
        [expect.objectContaining({ subject: expect.stringContaining(`(${HOME}, ${CENTRAL})`) })],
      ]);
    });

    it("receives a launch of the central account in another region from that region's rule, and assumes no role", async () => {
      const stack = await addMember({ account: CENTRAL, region: OTHER_REGION }, parameters);
      expect(Object.keys(stack.resources)).not.toContain("AuditRole");
      const [id = ""] = aws.launch({ account: CENTRAL, region: OTHER_REGION, count: 1 });
      await run.later(3_600);
      expect([assumed(), alertsAbout(id)]).toEqual([
        [],
        [expect.objectContaining({ subject: expect.stringContaining(`(${OTHER_REGION}, ${CENTRAL})`) })],
      ]);
    });

    it("refuses an event that a member sends to the default bus of the central account", async () => {
      const { events } = await operatorIn(aws, { account: SHOP, region: HOME });
      const undelivered = members.find(({ account, region }) => account === SHOP && region === HOME);
      const Arn = `arn:aws:events:${HOME}:${CENTRAL}:event-bus/default`;
      const RoleArn = undelivered?.arn("SendRole");
      const DeadLetterConfig = { Arn: undelivered?.arn("UndeliveredQueue") };
      const Targets = [{ Id: "central-bus", Arn, RoleArn, DeadLetterConfig }];
      await events.send(new PutTargetsCommand({ Rule: "ec2-audit-member-LaunchRule", Targets }));
      const [id = ""] = aws.launch({ account: SHOP, region: HOME, count: 1 });
      await run.later(3_600);
      expect([alertsAbout(id), await undelivered?.received("UndeliveredQueue")]).toMatchObject([
        [],
        [{ MessageAttributes: { ERROR_CODE: { StringValue: "NO_PERMISSIONS" } } }],
      ]);
    });

    it("grants the roles exactly the calls that the function makes, except for those of Lambda itself", async () => {
      for (const account of [CENTRAL, SHOP, LAB]) aws.launch({ account, region: HOME, count: 1 });
      await startSweep(aws, central, "2026-11-23T03:00:00Z");
      await run.later(3_600);
      const calledIn = (account: string) =>
        new Set(
          functionCalls(aws)
            .filter((call) => call.account === account)
            .map(({ service, action }) => `${service}:${action}`),
        );
      const allowedBy = (role: Resource | undefined) =>
        new Set(statementsOf(role).flatMap(({ actions }) => actions.filter((action) => !/^(sqs|logs):/.test(action))));
      const auditRole = (account: string) => members.find((stack) => stack.account === account)?.resources.AuditRole;
      expect(calledIn(CENTRAL)).toEqual(allowedBy(central.resources.FunctionRole));
      expect(calledIn(SHOP)).toEqual(allowedBy(auditRole(SHOP)));
      expect(calledIn(LAB)).toEqual(allowedBy(auditRole(LAB)));
    });

    it("refuses an account outside the organisation: its event goes to its own undelivered queue", async () => {
      const outside = await addMember({ account: OUTSIDE, region: HOME }, parameters);
      const [id] = aws.launch({ account: OUTSIDE, region: HOME, count: 1 });
      await run.later(3_600);
      expect([run.mapping.invocations, called()]).toEqual([0, []]);
      const [message, ...more] = await outside.received("UndeliveredQueue");
      expect([JSON.parse(message?.Body ?? ""), more]).toMatchObject([{ detail: { "instance-id": id } }, []]);
      expect(message?.MessageAttributes).toMatchObject({
        ERROR_CODE: { StringValue: "NO_PERMISSIONS" },
        TARGET_ARN: { StringValue: parameters.CentralBusArn },
      });
    });
  });

  it("assumes a member's role with a path by its path and name", async () => {
    await aws.close();
    vi.restoreAllMocks();
    await startCentral(`security/${ROLE}`);
    await addMember({ account: SHOP, region: HOME }, { ...parameters, RolePath: "/security/" });
    const [id = ""] = aws.launch({ account: SHOP, region: HOME, count: 1 });
    await run.later(3_600);
    expect([assumed(), alertsAbout(id).length]).toEqual([[`arn:aws:iam::${SHOP}:role/security/${ROLE}`], 1]);
  });

  it("receives tag changes only from members with TagChanges", async () => {
    await addMember({ account: SHOP, region: HOME }, parameters);
    await addMember({ account: LAB, region: HOME }, { ...parameters, TagChanges: "true" });
    for (const account of [SHOP, LAB]) {
      const ids = aws.launch({ account, region: HOME, count: 1 });
      await run.later(60);
      aws.tag(ids, { Name: "web" }, { account, region: HOME });
    }
    await run.later(3_600);
    const alerted = (account: string) => alerts().filter(({ subject }) => subject.includes(account)).length;
    expect([alerted(SHOP), alerted(LAB)]).toEqual([1, 2]);
  });

  it("resolves the violation of a terminated instance of a member with TagChanges", async () => {
    await addMember(
      { account: SHOP, region: OTHER_REGION },
      { ...parameters, TagChanges: "true", RoleRegion: OTHER_REGION },
    );
    const ids = aws.launch({ account: SHOP, region: OTHER_REGION, count: 1 });
    await run.later(3_600);
    aws.terminate(ids, { account: SHOP, region: OTHER_REGION });
    await run.later(3_600);
    const texts = alertsAbout(ids[0] ?? "").map(({ body }) => body.includes("terminated"));
    expect(texts).toEqual([false, true]);
  });

  it("retries the launch of a member whose role does not exist yet, and delays no other", async () => {
    await addMember({ account: SHOP, region: HOME }, parameters);
    // The stack in its other region has no role: the stack with the role comes later.
    await addMember({ account: LAB, region: OTHER_REGION }, parameters);
    const [early = ""] = aws.launch({ account: SHOP, region: HOME, count: 1 });
    const [late = ""] = aws.launch({ account: LAB, region: OTHER_REGION, count: 1 });
    await run.later(3_600);
    expect([alertsAbout(early).length, alertsAbout(late).length]).toEqual([1, 0]);
    await addMember({ account: LAB, region: HOME }, parameters);
    await run.later(3_600);
    expect([alertsAbout(early).length, alertsAbout(late).length]).toEqual([1, 1]);
  });

  it("audits the next launch of a member whose role was deleted and recreated", async () => {
    await addMember({ account: SHOP, region: HOME }, parameters);
    aws.launch({ account: SHOP, region: HOME, count: 1 });
    await run.later(60);
    const sessions = new Set(functionCalls(aws).map(({ accessKeyId }) => accessKeyId));
    sessions.delete(FUNCTION_KEY);
    aws.faults.add({ service: "ec2", kind: "bad-key", when: ({ accessKeyId }) => sessions.has(accessKeyId) });
    const [id = ""] = aws.launch({ account: SHOP, region: HOME, count: 1 });
    await run.later(60);
    expect([sessions.size, alertsAbout(id).length, assumed().length]).toEqual([1, 1, 2]);
  });

  it("dead-letters a launch after five hours when the member's role trusts another function", async () => {
    const CentralRoleArn = `arn:aws:iam::${CENTRAL}:role/somebody-else`;
    await addMember({ account: SHOP, region: HOME }, { ...parameters, CentralRoleArn });
    const [id = ""] = aws.launch({ account: SHOP, region: HOME, count: 1 });
    await run.later(5 * 3_600);
    expect(await central.received("DeadLetterQueue")).toEqual([]);
    await run.later(900);
    expect([run.mapping.invocations, alerts()]).toEqual([100, []]);
    const [message] = await central.received("DeadLetterQueue");
    expect(JSON.parse(message?.Body ?? "")).toMatchObject({ account: SHOP, detail: { "instance-id": id } });
  });
});

describe("an organisation with setup and a webtask in the central account", () => {
  const USER = `arn:aws:iam::${CENTRAL}:user/${FUNCTION_KEY}`;
  const BUS = "ec2-audit";
  const CentralBusArn = `arn:aws:events:${HOME}:${CENTRAL}:event-bus/${BUS}`;
  const LAUNCHES = {
    source: ["aws.ec2"],
    "detail-type": ["EC2 Instance State-change Notification"],
    detail: { state: ["pending"] },
  };
  const setup = (...args: string[]) => runCommand(["setup", ...args], { env: operatorAt(aws.endpoint) });
  const secrets = () => ({
    AWS_REGION: HOME,
    AWS_ACCESS_KEY_ID: FUNCTION_KEY,
    AWS_SECRET_ACCESS_KEY: "function-secret",
    ALERT_TOPIC_ARN: `arn:aws:sns:${HOME}:${CENTRAL}:ec2_audit_alert`,
    AWS_ENDPOINT_URL: aws.endpoint,
    SNS_SIGNING_CERT: aws.signingCert.trim().replaceAll(/\r?\n/g, "\\n"),
    GRACE_SECONDS: "0",
    AUDIT_ROLE_NAME: ROLE,
  });

  /** The permission that docs/organisation.md adds to `setup --show-policy`. */
  const ASSUME = {
    Effect: "Allow",
    Action: "sts:AssumeRole",
    Resource: `arn:aws:iam::*:role/${ROLE}`,
    Condition: { StringEquals: { "aws:ResourceOrgID": ORGANIZATION.id } },
  };

  /** Runs setup and the steps of docs/organisation.md. `deploy` returns the function's URL. */
  async function install(deploy: () => Promise<string>, more: object[] = [ASSUME]): Promise<void> {
    const { out } = await setup("--show-policy");
    const statements = [...JSON.parse(out).Statement, ...more].map(readStatement);
    enforceRoles(aws, { account: CENTRAL, principalArn: USER, statements }, () => members, ORGANIZATION);
    expect((await setup("--email", "team@example.com")).code).toBe(0);
    await confirmMail();
    expect((await setup("--url", await deploy())).code).toBe(0);
    const { events } = await operatorIn(aws, { account: CENTRAL, region: HOME });
    await events.send(new CreateEventBusCommand({ Name: BUS }));
    await events.send(
      new PutPermissionCommand({
        EventBusName: BUS,
        Action: "events:PutEvents",
        Principal: "*",
        StatementId: "organization",
        Condition: { Type: "StringEquals", Key: "aws:PrincipalOrgID", Value: ORGANIZATION.id },
      }),
    );
    const rule = { EventBusName: BUS, Name: "ec2_launches", EventPattern: JSON.stringify(LAUNCHES) };
    await events.send(new PutRuleCommand(rule));
    const Targets = [{ Id: "launch-topic", Arn: `arn:aws:sns:${HOME}:${CENTRAL}:ec2_launches_check` }];
    await events.send(new PutTargetsCommand({ EventBusName: BUS, Rule: rule.Name, Targets }));
    const parameters = { CentralBusArn, CentralRoleArn: USER, OrganizationId: ORGANIZATION.id };
    for (const account of [SHOP, OUTSIDE])
      for (const region of [HOME, OTHER_REGION]) await addMember({ account, region }, parameters);
  }

  async function served(): Promise<string> {
    const webtask = await serve(loadBuilt(), secrets());
    closing.push(() => webtask.close());
    return webtask.url;
  }

  beforeEach(async () => {
    // The function writes its log to stdout.
    vi.spyOn(process.stdout, "write").mockReturnValue(true);
    await start({});
  });

  it("audits launches of the central account and, with its role, of a member; refuses other accounts", async () => {
    await install(served);
    const alertedIn = async (account: string, region: string) => {
      const from = functionCalls(aws).length;
      const [id = ""] = aws.launch({ account, region, count: 1 });
      await aws.idle();
      return { assumed: assumed(from), subjects: alertsAbout(id).map(({ subject }) => subject) };
    };
    const subjects = (account: string, region: string) => [expect.stringContaining(`(${region}, ${account})`)];
    expect(await alertedIn(CENTRAL, HOME)).toEqual({ assumed: [], subjects: subjects(CENTRAL, HOME) });
    expect(await alertedIn(SHOP, HOME)).toEqual({ assumed: [roleArn(SHOP)], subjects: subjects(SHOP, HOME) });
    expect((await alertedIn(SHOP, OTHER_REGION)).subjects).toEqual(subjects(SHOP, OTHER_REGION));
    expect((await alertedIn(OUTSIDE, OTHER_REGION)).subjects).toEqual([]);
    const outside = members.find(({ account, region }) => account === OUTSIDE && region === OTHER_REGION);
    expect(await outside?.received("UndeliveredQueue")).toHaveLength(1);
  });

  it("sends no alert without the permission to assume the member's role", async () => {
    await install(served, []);
    aws.launch({ account: SHOP, region: HOME, count: 1 });
    await aws.idle();
    expect([assumed(), alerts()]).toEqual([[roleArn(SHOP)], []]);
  });

  it("deploy webtask sends AUDIT_ROLE_NAME, so that a member's launch is alerted", { timeout: 60_000 }, async () => {
    const environment = await startEnvironment(builtCode(), secrets());
    closing.push(() => environment.close());
    await install(async () => {
      expect((await environment.deploy()).code).toBe(0);
      return `${environment.cluster.url}/api/run/${environment.cluster.container}/ec2-audit`;
    });
    const [id = ""] = aws.launch({ account: SHOP, region: OTHER_REGION, count: 1 });
    await aws.idle();
    expect(alertsAbout(id)).toMatchObject([{ subject: expect.stringContaining(`(${OTHER_REGION}, ${SHOP})`) }]);
  });
});
