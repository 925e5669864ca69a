import {
  CreateEventBusCommand,
  PutPermissionCommand,
  PutRuleCommand,
  PutTargetsCommand,
  type Target,
} from "@aws-sdk/client-eventbridge";
import { CreateTopicCommand, SetTopicAttributesCommand, SubscribeCommand } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
} from "@aws-sdk/client-sqs";
import { AssumeRoleCommand } from "@aws-sdk/client-sts";
import { vi } from "vitest";
import type { ApiCall, EmbeddedAws, Mapping, Organization, VirtualClock } from "../../src/local/aws/index.ts";
import { fits } from "../../src/local/aws/resource-policy.ts";
import { type Resource, readTemplate, resolveTemplate, statementsOf, type Template } from "../deploy/template.ts";
import { clients } from "../local/targets.ts";
import { loadBuilt } from "../support/hosts.ts";

/** Creates the resources of the templates that the embedded AWS supports, with AWS's own calls. */

/** The account, region and name of a stack. */
export interface StackTarget {
  readonly account: string;
  readonly region: string;
  readonly stack: string;
}

/** A created stack. */
export interface Stack extends StackTarget {
  /** The resources by their names in the template, with references resolved. */
  readonly resources: Readonly<Record<string, Resource>>;
  arn(resource: string): string;
  output(name: string): string;
  /** Receives the messages of a queue of the stack, which are hidden for the visibility timeout. */
  received(queue: string): Promise<Message[]>;
}

/** The access key of the function. */
export const FUNCTION_KEY = "function";

/** Returns an operator's SDK clients for an account; for another account than the embedded AWS's own, with a role. */
export async function operatorIn(aws: EmbeddedAws, { account, region }: Pick<StackTarget, "account" | "region">) {
  const own = clients(aws.endpoint, region, { accessKeyId: "operator", secretAccessKey: "secret" });
  if (account === aws.accountId) return own;
  const RoleArn = `arn:aws:iam::${account}:role/operator`;
  const { Credentials } = await own.sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "operator" }));
  const { AccessKeyId = "", SecretAccessKey = "", SessionToken = "" } = Credentials ?? {};
  const session = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
  return clients(aws.endpoint, region, session);
}

/**
 * Creates the queues, topics, policies, subscriptions, bus and rules of a template; only resolves the other resources.
 * Throws Error for a reference to a resource that the template does not have.
 */
export async function makeStack(
  aws: EmbeddedAws,
  place: StackTarget,
  file: string,
  parameters: Readonly<Record<string, string>>,
): Promise<Stack> {
  const { account, region, stack } = place;
  const given = { ...parameters, "AWS::AccountId": account, "AWS::Region": region, "AWS::StackName": stack };
  const template = readTemplate(file);
  const resolved = resolveTemplate(withOutputs(template), given);
  const settle = (value: unknown) => settleReferences(value, resolved, place, aws.endpoint);
  const { [OUTPUTS]: outputs, ...made } = resolved;
  const resources = Object.fromEntries(
    Object.entries(made).map(([name, resource]) => [
      name,
      // The dashboard refers to resources that the embedded AWS does not have.
      resource.Type === "AWS::CloudWatch::Dashboard" ? resource : (settle(resource) as Resource),
    ]),
  );
  const { sns, sqs, events } = await operatorIn(aws, place);
  const each = async (type: string, make: (properties: Fields, name: string) => Promise<unknown>) => {
    for (const [name, { Type, Properties }] of Object.entries(resources))
      if (Type === type) await make(Properties, name);
  };
  const urlOf = (name: string) => `${aws.endpoint}/${account}/${stack}-${name}`;

  await each("AWS::SQS::Queue", (properties, name) =>
    sqs.send(new CreateQueueCommand({ QueueName: `${stack}-${name}`, Attributes: attributesOf(properties) })),
  );
  await each("AWS::SNS::Topic", (properties, name) =>
    sns.send(new CreateTopicCommand({ Name: `${stack}-${name}`, Attributes: attributesOf(properties) })),
  );
  await each("AWS::SQS::QueuePolicy", async ({ Queues, PolicyDocument }) => {
    for (const QueueUrl of Queues as string[]) {
      await sqs.send(
        new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy: JSON.stringify(PolicyDocument) } }),
      );
    }
  });
  await each("AWS::SNS::TopicPolicy", async ({ Topics, PolicyDocument }) => {
    const policy = { AttributeName: "Policy", AttributeValue: JSON.stringify(PolicyDocument) };
    for (const TopicArn of Topics as string[]) await sns.send(new SetTopicAttributesCommand({ TopicArn, ...policy }));
  });
  await each("AWS::SNS::Subscription", ({ Protocol, Endpoint, TopicArn, Region: _, ...attributes }) =>
    sns.send(
      new SubscribeCommand({
        Protocol: String(Protocol),
        Endpoint: String(Endpoint),
        TopicArn: String(TopicArn),
        Attributes: attributesOf(attributes),
      }),
    ),
  );
  await each("AWS::Events::EventBus", ({ Name }) => events.send(new CreateEventBusCommand({ Name: String(Name) })));
  await each("AWS::Events::Rule", async ({ EventPattern, Targets, EventBusName }, name) => {
    const Name = `${stack}-${name}`;
    const on = EventBusName === undefined ? {} : { EventBusName: String(EventBusName) };
    await events.send(new PutRuleCommand({ Name, EventPattern: JSON.stringify(EventPattern), ...on }));
    await events.send(new PutTargetsCommand({ Rule: Name, Targets: Targets as Target[], ...on }));
  });
  await each("AWS::Events::EventBusPolicy", ({ EventBusName, StatementId, Statement }) => {
    const Policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Sid: StatementId, ...(Statement as object) }],
    });
    return events.send(new PutPermissionCommand({ EventBusName: String(EventBusName), Policy }));
  });

  return {
    ...place,
    resources,
    arn: (name) => String(settle({ "Fn::GetAtt": `${name}.Arn` })),
    output: (name) => String(settle(outputs?.Properties[name])),
    received: async (name) => {
      const reader = await operatorIn(aws, place);
      const asked = { QueueUrl: urlOf(name), MaxNumberOfMessages: 10, MessageAttributeNames: ["All"] };
      return (await reader.sqs.send(new ReceiveMessageCommand(asked))).Messages ?? [];
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

const OUTPUTS = "Outputs of the stack";

/** Adds the outputs as a resource, so that they are resolved with the others. */
function withOutputs(template: Template): Template {
  const values = Object.entries(template.Outputs).map(([name, { Value }]) => [name, Value] as const);
  const outputs = { Type: OUTPUTS, Properties: Object.fromEntries(values) };
  return { ...template, Resources: { ...template.Resources, [OUTPUTS]: outputs } };
}

/** Returns attributes as SQS and SNS expect them: strings. */
function attributesOf(properties: Fields): Record<string, string> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [
      name,
      typeof value === "object" ? JSON.stringify(value) : String(value),
    ]),
  );
}

/** Resolves the references to resources, which `resolveTemplate` leaves. */
function settleReferences(
  value: unknown,
  resources: Template["Resources"],
  place: StackTarget,
  endpoint: string,
): unknown {
  const { account, region, stack } = place;
  const arnOf = (name: string): string => {
    const { Type, Properties = {} } = resources[name] ?? {};
    const own = `${stack}-${name}`;
    switch (Type) {
      case "AWS::SQS::Queue":
        return `arn:aws:sqs:${region}:${account}:${own}`;
      case "AWS::SNS::Topic":
        return `arn:aws:sns:${region}:${account}:${own}`;
      case "AWS::Events::EventBus":
        return `arn:aws:events:${region}:${account}:event-bus/${Properties.Name}`;
      case "AWS::Events::Rule": {
        const bus = Properties.EventBusName === undefined ? "" : `${settle(Properties.EventBusName)}/`;
        return `arn:aws:events:${region}:${account}:rule/${bus}${own}`;
      }
      case "AWS::IAM::Role":
        return `arn:aws:iam::${account}:role${Properties.Path}${Properties.RoleName ?? own}`;
      case "AWS::Logs::LogGroup":
        return `arn:aws:logs:${region}:${account}:log-group:${Properties.LogGroupName}`;
      default:
        throw new Error(`the stack has no resource ${name} with an ARN`);
    }
  };
  const reference = (name: string): string => {
    const type = resources[name]?.Type;
    if (type === "AWS::SQS::Queue") return `${endpoint}/${account}/${stack}-${name}`;
    if (type === "AWS::SNS::Topic") return arnOf(name);
    if (type === "AWS::Events::EventBus") return String(resources[name]?.Properties.Name);
    if (name === "Function.Version") return `arn:aws:lambda:${region}:${account}:function:${stack}:1`;
    if (type === undefined) throw new Error(`the stack has no ${name}`);
    return `${stack}-${name}`;
  };
  const settle = (each: unknown): unknown => {
    if (Array.isArray(each)) return each.map(settle);
    if (typeof each !== "object" || each === null) return each;
    const [[name = "", inner] = []] = Object.entries(each);
    if (name === "Ref") return reference(String(inner));
    if (name === "Fn::GetAtt") {
      const [resource = "", attribute] = String(inner).split(".");
      return attribute === "Arn" ? arnOf(resource) : `${stack}-${resource}`;
    }
    if (name === "Fn::Sub" && Array.isArray(inner)) {
      const values: Fields = { "AWS::Partition": "aws", ...inner[1] };
      return String(inner[0]).replaceAll(/\$\{([\w:]+)\}/g, (_whole, key: string) => String(settle(values[key])));
    }
    return Object.fromEntries(Object.entries(each).map(([key, item]) => [key, settle(item)]));
  };
  return settle(value);
}

/** The running function of a stack. */
export interface Running {
  readonly mapping: Mapping;
  /** Advances the clock; each invocation returns at the moment it began. */
  later(seconds: number): Promise<void>;
}

/**
 * Invokes the built file with the messages of the stack's queue, with the template's event source mapping and environment,
 * on the clock of the embedded AWS. Undo it with `vi.restoreAllMocks` and `vi.unstubAllEnvs`.
 */
export function runFunction(aws: EmbeddedAws, clock: VirtualClock, stack: Stack): Running {
  const { Function: resource } = stack.resources;
  if (resource === undefined) throw new Error("the stack has no function");
  const { Environment, Events, Timeout, Handler } = resource.Properties as unknown as FunctionProperties;
  const { Queue, BatchSize, MaximumBatchingWindowInSeconds, FunctionResponseTypes, ScalingConfig } =
    Events.Launches.Properties;
  const environment = {
    ...Environment.Variables,
    AWS_REGION: stack.region,
    AWS_ACCESS_KEY_ID: FUNCTION_KEY,
    AWS_SECRET_ACCESS_KEY: "function-secret",
    AWS_ENDPOINT_URL: aws.endpoint,
  };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
  vi.spyOn(Date, "now").mockImplementation(() => clock.now());
  const { handler } = loadBuilt();
  if (Handler !== "audit.handler") throw new Error(`the built file has no ${Handler}`);
  const reportsFailures = FunctionResponseTypes?.includes("ReportBatchItemFailures") === true;
  const mapping = aws.mapQueue(
    {
      queueArn: Queue,
      batchSize: BatchSize,
      maximumBatchingWindowSeconds: MaximumBatchingWindowInSeconds,
      maximumConcurrency: Number(ScalingConfig.MaximumConcurrency),
      timeoutSeconds: Timeout,
      functionArn: `arn:aws:lambda:${stack.region}:${stack.account}:function:${stack.stack}:live`,
    },
    async (event, { invokedFunctionArn, deadline }) => {
      const getRemainingTimeInMillis = () => deadline - clock.now();
      const context = { invokedFunctionArn, getRemainingTimeInMillis };
      const answer = await handler(event, context);
      return reportsFailures ? answer : undefined;
    },
  );
  return {
    mapping,
    later: async (seconds) => {
      const end = clock.now() + seconds * 1_000;
      do {
        await clock.advance(Math.max(0, Math.min(clock.nextAt ?? end, end) - clock.now()));
        await mapping.idle();
      } while (clock.now() < end);
    },
  };
}

interface FunctionProperties {
  readonly Handler: string;
  readonly Timeout: number;
  readonly Environment: { readonly Variables: Readonly<Record<string, string>> };
  readonly Events: {
    readonly Launches: {
      readonly Properties: {
        readonly Queue: string;
        readonly BatchSize: number;
        readonly MaximumBatchingWindowInSeconds: number;
        readonly FunctionResponseTypes?: readonly string[];
        readonly ScalingConfig: { readonly MaximumConcurrency: string | number };
      };
    };
  };
}

/**
 * Denies the function every call that its role does not allow, in its own account and, with an assumed role, in others;
 * and to assume a role that does not exist or does not trust it. Reads the stacks at each call.
 */
export function enforceRoles(
  aws: EmbeddedAws,
  central: { readonly account: string; readonly principalArn: string; readonly statements: Statements },
  members: () => readonly Stack[],
  organization: Organization | undefined,
): void {
  const inOrganization = (account: string) => (organization?.accounts.includes(account) ? organization.id : undefined);
  const roleIn = (account: string) =>
    members().find((stack) => stack.account === account && stack.resources.AuditRole !== undefined);
  const isTrusted = (roleArn: string) => {
    const stack = roleIn(roleArn.split(":")[4] ?? "");
    if (stack === undefined || stack.arn("AuditRole") !== roleArn) return false;
    const trust = stack.resources.AuditRole?.Properties.AssumeRolePolicyDocument as { Statement: Trust[] } | undefined;
    return trust?.Statement.some(
      ({ Principal, Condition }) =>
        Principal.AWS === `arn:aws:iam::${central.account}:root` &&
        conditionHolds(Condition, {
          "aws:PrincipalArn": central.principalArn,
          "aws:PrincipalOrgID": inOrganization(central.account),
        }),
    );
  };
  const isAllowed = (call: ApiCall) => {
    const action = `${call.service}:${call.action}`;
    if (call.accessKeyId !== FUNCTION_KEY) {
      const role = roleIn(call.account)?.resources.AuditRole;
      return statementsOf(role).some(({ actions }) => actions.includes(action));
    }
    const resource = String(call.params.RoleArn ?? call.params.TopicArn ?? "*");
    const context = { "aws:ResourceOrgID": inOrganization(resource.split(":")[4] ?? "") };
    const allowed = central.statements.some(
      (statement) =>
        statement.actions.includes(action) &&
        statement.resources.some((each) => fits(String(each), resource)) &&
        conditionHolds(statement.condition, context),
    );
    return allowed && (action !== "sts:AssumeRole" || isTrusted(resource));
  };
  aws.faults.add({ kind: "deny", when: (call) => isByFunction(aws, call) && !isAllowed(call) });
}

type Statements = ReturnType<typeof statementsOf>;
interface Trust {
  readonly Principal: { readonly AWS: string };
  readonly Condition: unknown;
}

/** Whether a condition of StringEquals and ArnEquals holds in a context. */
function conditionHolds(condition: unknown, context: Readonly<Record<string, string | undefined>>): boolean {
  const operators = Object.entries((condition ?? {}) as Record<string, Record<string, string>>);
  return operators.every(
    ([operator, keys]) =>
      ["StringEquals", "ArnEquals"].includes(operator) &&
      Object.entries(keys).every(([key, value]) => context[key] === value),
  );
}

/** Whether the function made a call: with its own key, or with the session of a role that only it assumes. */
function isByFunction(aws: EmbeddedAws, { accessKeyId, account, service }: ApiCall): boolean {
  if (accessKeyId === FUNCTION_KEY) return true;
  return account !== aws.accountId && service === "ec2";
}

/** Sends the message of the template's schedule to the launch queue, as EventBridge Scheduler does at a time in ISO 8601. */
export async function startSweep(aws: EmbeddedAws, stack: Stack, time: string): Promise<void> {
  const { Target } = stack.resources.Sweep?.Properties ?? {};
  const { Input } = Target as { readonly Input: string };
  const { sqs } = await operatorIn(aws, stack);
  const QueueUrl = `${aws.endpoint}/${stack.account}/${stack.stack}-LaunchQueue`;
  const MessageBody = Input.replaceAll("<aws.scheduler.scheduled-time>", time);
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
}

/** Returns the calls of the function, oldest first. */
export function functionCalls(aws: EmbeddedAws) {
  return aws.calls.filter((call) => isByFunction(aws, call));
}
