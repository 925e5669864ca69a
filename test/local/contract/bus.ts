import {
  CreateEventBusCommand,
  DeleteEventBusCommand,
  DeleteRuleCommand,
  DescribeEventBusCommand,
  DescribeRuleCommand,
  ListRulesCommand,
  PutPermissionCommand,
  PutRuleCommand,
  RemovePermissionCommand,
} from "@aws-sdk/client-eventbridge";
import { describe, expect, it } from "vitest";
import { ACCOUNT, clients, type Target } from "../targets.ts";

/** Permissions of buses, and custom buses. */
export function busContract(target: () => Target): void {
  // No other test opens the bus of this region.
  const events = () => clients(target().endpoint, "eu-north-1").events;
  const statements = async () => {
    const { Policy } = await events().send(new DescribeEventBusCommand({}));
    return Policy === undefined ? [] : JSON.parse(Policy).Statement;
  };
  const Condition = { Type: "StringEquals", Key: "aws:PrincipalOrgID", Value: "o-abcdefghij" };
  const open = (StatementId: string, more: { Principal: string; Condition?: typeof Condition }) =>
    events().send(new PutPermissionCommand({ StatementId, Action: "events:PutEvents", ...more }));
  const close = (StatementId: string) => events().send(new RemovePermissionCommand({ StatementId }));

  describe("EventBridge: the default bus", () => {
    it("can be opened to an organisation and to an account, and closed again, statement by statement", async () => {
      const bus = `arn:aws:events:eu-north-1:${ACCOUNT}:event-bus/default`;
      expect(await events().send(new DescribeEventBusCommand({}))).toMatchObject({ Name: "default", Arn: bus });
      expect(await statements()).toEqual([]);
      await open("organisation", { Principal: "*", Condition });
      await open("account", { Principal: "210987654321" });
      expect(await statements()).toMatchObject([
        {
          Sid: "organisation",
          Effect: "Allow",
          // moto_server writes everyone as an ARN.
          Principal: expect.anything(),
          Action: "events:PutEvents",
          Resource: bus,
          Condition: { StringEquals: { "aws:PrincipalOrgID": "o-abcdefghij" } },
        },
        { Sid: "account", Principal: { AWS: "arn:aws:iam::210987654321:root" } },
      ]);
      await close("organisation");
      expect(await statements()).toMatchObject([{ Sid: "account" }]);
      await close("account");
      expect(await statements()).toEqual([]);
    });

    it("a statement replaces the statement with the same id", async () => {
      await open("one", { Principal: "210987654321" });
      await open("one", { Principal: "111122223333" });
      expect(await statements()).toMatchObject([{ Sid: "one", Principal: { AWS: "arn:aws:iam::111122223333:root" } }]);
      await close("one");
    });

    it("removing a statement that does not exist fails", async () => {
      await expect(close("nobody")).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    });
  });

  describe("EventBridge: a custom bus", () => {
    it("is created once, has its own policy and rules, and can be deleted", async () => {
      const Name = "own";
      const bus = `arn:aws:events:eu-north-1:${ACCOUNT}:event-bus/${Name}`;
      expect(await events().send(new CreateEventBusCommand({ Name }))).toMatchObject({ EventBusArn: bus });
      await expect(events().send(new CreateEventBusCommand({ Name }))).rejects.toMatchObject({
        name: "ResourceAlreadyExistsException",
      });
      const statement = { StatementId: "s", Principal: "210987654321", Action: "events:PutEvents" };
      await events().send(new PutPermissionCommand({ EventBusName: Name, ...statement }));
      const { Arn, Policy } = await events().send(new DescribeEventBusCommand({ Name }));
      expect([Arn, JSON.parse(Policy ?? "{}").Statement]).toMatchObject([bus, [{ Sid: "s", Resource: bus }]]);
      expect(await statements()).toEqual([]);

      const rule = { Name: "take", EventPattern: '{"source":["aws.ec2"]}' };
      const { RuleArn } = await events().send(new PutRuleCommand({ ...rule, EventBusName: Name }));
      expect(RuleArn).toBe(`arn:aws:events:eu-north-1:${ACCOUNT}:rule/own/take`);
      expect(await events().send(new DescribeRuleCommand({ Name: "take", EventBusName: bus }))).toMatchObject({
        EventBusName: Name,
      });
      expect((await events().send(new ListRulesCommand({}))).Rules).toEqual([]);
      await events().send(new DeleteRuleCommand({ Name: "take", EventBusName: Name }));
      await events().send(new DeleteEventBusCommand({ Name }));
    });

    it("has no rules if it does not exist", async () => {
      const rule = { Name: "take", EventPattern: '{"source":["aws.ec2"]}', EventBusName: "nowhere" };
      await expect(events().send(new PutRuleCommand(rule))).rejects.toMatchObject({
        name: "ResourceNotFoundException",
      });
    });
  });
}
