import { DescribeTagsCommand } from "@aws-sdk/client-ec2";
import { PutRuleCommand } from "@aws-sdk/client-eventbridge";
import { SimulatePrincipalPolicyCommand } from "@aws-sdk/client-iam";
import { CreateTopicCommand, PublishBatchCommand, PublishCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import { AssumeRoleCommand, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { describe, expect, it } from "vitest";
import { aws, of, useEmbeddedAws } from "./embedded-aws.ts";
import { ACCOUNT, clients, unique } from "./targets.ts";

/** Permissions, which moto_server does not check by default, and IAM's simulator, which it does not have. */
useEmbeddedAws();

const ALICE = `arn:aws:iam::${ACCOUNT}:user/alice`;
const TOPIC = `arn:aws:sns:eu-west-1:${ACCOUNT}:alerts`;
const simulate = async (ActionNames: string[], ResourceArns?: string[], PolicySourceArn = ALICE) =>
  (
    await of().iam.send(
      new SimulatePrincipalPolicyCommand({ PolicySourceArn, ActionNames, ...(ResourceArns && { ResourceArns }) }),
    )
  ).EvaluationResults;
const publish = (TopicArn = TOPIC) => of().sns.send(new PublishCommand({ TopicArn, Message: "x" }));

describe("IAM's simulation", () => {
  it("allows everything that is not denied", async () => {
    expect(await simulate(["sns:Publish", "ec2:DescribeTags"])).toEqual(
      ["sns:Publish", "ec2:DescribeTags"].map((EvalActionName) => ({
        EvalActionName,
        EvalResourceName: "*",
        EvalDecision: "allowed",
        MatchedStatements: [],
        MissingContextValues: [],
      })),
    );
  });

  it("decides for each action on each resource", async () => {
    aws.deny("sns:Publish", TOPIC);
    aws.deny("ec2:Describe*", "*", { explicit: true });
    const results = await simulate(["SNS:Publish", "ec2:DescribeTags"], [TOPIC, `${TOPIC}-other`]);
    expect(results?.map(({ EvalResourceName, EvalDecision }) => [EvalResourceName, EvalDecision])).toEqual([
      [TOPIC, "implicitDeny"],
      [`${TOPIC}-other`, "allowed"],
      [TOPIC, "explicitDeny"],
      [`${TOPIC}-other`, "explicitDeny"],
    ]);
  });

  it("decides for the named user or role", async () => {
    aws.deny("ec2:DescribeTags", "*", { principal: "*:role/audit" });
    const decisions = [ALICE, `arn:aws:iam::${ACCOUNT}:role/audit`].map(
      async (arn) => (await simulate(["ec2:DescribeTags"], undefined, arn))?.[0]?.EvalDecision,
    );
    expect(await Promise.all(decisions)).toEqual(["allowed", "implicitDeny"]);
  });

  it.each([
    ["a session of a role", [`arn:aws:sts::${ACCOUNT}:assumed-role/audit/x`, ["ec2:DescribeTags"]]],
    ["an action without a service", [ALICE, ["DescribeTags"]]],
  ] as const)("does not take %s", async (_what, [arn, actions]) => {
    await expect(simulate([...actions], undefined, arn)).rejects.toMatchObject({ name: "InvalidInputException" });
  });
});

describe("A call without permission", () => {
  it("is refused with each service's own error", async () => {
    const { TopicArn = "" } = await of().sns.send(new CreateTopicCommand({ Name: "alerts" }));
    const { QueueUrl } = await of().sqs.send(new CreateQueueCommand({ QueueName: "q" }));
    aws.deny("*");
    const refused = (what: string, on: string) =>
      `User: ${ALICE} is not authorized to perform: ${what}${on} because no identity-based policy allows the ${what} action`;
    await expect(publish(TopicArn)).rejects.toMatchObject({
      name: "AuthorizationErrorException",
      message: refused("SNS:Publish", ` on resource: ${TOPIC}`),
    });
    await expect(of().sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "x" }))).rejects.toMatchObject({
      name: "AccessDeniedException",
      message: refused("sqs:sendmessage", ` on resource: arn:aws:sqs:eu-west-1:${ACCOUNT}:q`),
    });
    await expect(of().ec2.send(new DescribeTagsCommand({}))).rejects.toMatchObject({
      name: "UnauthorizedOperation",
      message: `You are not authorized to perform this operation. ${refused("ec2:DescribeTags", "")}`,
    });
    await expect(
      of().events.send(new PutRuleCommand({ Name: "r", ScheduleExpression: "rate(1 day)" })),
    ).rejects.toMatchObject({
      name: "AccessDeniedException",
      message: refused("events:PutRule", ` on resource: arn:aws:events:eu-west-1:${ACCOUNT}:rule/r`),
    });
    await expect(simulate(["sns:Publish"])).rejects.toMatchObject({
      name: "AccessDenied",
      message: refused("iam:SimulatePrincipalPolicy", ` on resource: ${ALICE}`),
      $metadata: { httpStatusCode: 403 },
    });
  });

  it("is refused for that resource and caller only, and the error reports an explicit deny", async () => {
    for (const Name of ["alerts", "other"]) await of().sns.send(new CreateTopicCommand({ Name }));
    aws.deny("sns:Publish", "*:alerts", { principal: ALICE, explicit: true });
    await expect(publish()).rejects.toMatchObject({
      message: `User: ${ALICE} is not authorized to perform: SNS:Publish on resource: ${TOPIC} with an explicit deny in an identity-based policy`,
    });
    await publish(TOPIC.replace("alerts", "other"));
    const bob = clients(aws.endpoint, "eu-west-1", { accessKeyId: "bob", secretAccessKey: "x" });
    await bob.sns.send(new PublishCommand({ TopicArn: TOPIC, Message: "x" }));
  });

  it("can be a batch, which needs its entries' permission", async () => {
    const { TopicArn } = await of().sns.send(new CreateTopicCommand({ Name: "alerts" }));
    aws.deny("sns:Publish");
    const PublishBatchRequestEntries = [{ Id: "a", Message: "x" }];
    await expect(
      of().sns.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries })),
    ).rejects.toMatchObject({ name: "AuthorizationErrorException" });
  });

  it("can be of a role's session, if the role has no permission", async () => {
    const role = `arn:aws:iam::${ACCOUNT}:role/audit`;
    const { Credentials } = await of().sts.send(new AssumeRoleCommand({ RoleArn: role, RoleSessionName: "test" }));
    aws.deny("ec2:DescribeTags", "*", { principal: role });
    const session = clients(aws.endpoint, "eu-west-1", {
      accessKeyId: Credentials?.AccessKeyId ?? "",
      secretAccessKey: Credentials?.SecretAccessKey ?? "",
    });
    await expect(session.ec2.send(new DescribeTagsCommand({}))).rejects.toMatchObject({
      name: "UnauthorizedOperation",
      message: expect.stringContaining(`arn:aws:sts::${ACCOUNT}:assumed-role/audit/test`),
    });
    await of().ec2.send(new DescribeTagsCommand({}));
  });

  it("is never GetCallerIdentity, and succeeds once the denial is removed", async () => {
    const lift = aws.deny("*");
    expect((await of().sts.send(new GetCallerIdentityCommand({}))).Account).toBe(ACCOUNT);
    await expect(of().sns.send(new CreateTopicCommand({ Name: unique("t") }))).rejects.toThrow();
    lift();
    await of().sns.send(new CreateTopicCommand({ Name: unique("t") }));
  });
});
