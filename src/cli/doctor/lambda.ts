import { DescribeStackResourcesCommand, type StackResource } from "@aws-sdk/client-cloudformation";
import { type FunctionConfiguration, GetFunctionConfigurationCommand } from "@aws-sdk/client-lambda";
import { partitionOf } from "../../aws/regions.ts";
import { parseTopicArn } from "../../aws/topic-arn.ts";
import { type Config, gatherSettings, readConfig } from "../../config.ts";
import { FORMATS } from "../../policy/routes.ts";
import { type Aws, connect, type Identity } from "../aws.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { regionFlags } from "../flags.ts";
import { ifExists } from "../if-exists.ts";
import { readStack, type Stack } from "../lambda/stack.ts";
import { ALIAS, readLive } from "../lambda/versions.ts";
import { launchActions } from "../policy-file.ts";
import { checkAlertKey } from "./alert-key.ts";
import { checkAlertTopic } from "./alert-topic.ts";
import { type Check, type Examination, reporter } from "./check.ts";
import { checkOperator, identifyOperator, NEEDS_OPERATOR, unchecked } from "./credentials.ts";
import { checkQueues } from "./lambda-queues.ts";
import { checkLambdaRules, type StackFixes, stackFixes } from "./lambda-rules.ts";
import { checkSweep } from "./lambda-sweep.ts";
import { DENIED } from "./permissions.ts";
import { PROBING, probeLambda } from "./probe.ts";
import { checkResolvingResources } from "./resolving-rules.ts";
import { checkRouteTopics, messagesTo, type RouteTopic, topicsOf } from "./route-topics.ts";
import { type Access, simulate } from "./simulation.ts";

/** The operator's options for an installation by `deploy lambda`. */
export interface LambdaOptions extends CommonOptions {
  readonly stack: string;
  readonly probe?: true;
}

const configuration = reporter("configuration");
const permissions = reporter("permissions");
const topics = reporter("topics and policies");
const code = reporter("function");

/** Checks the stack of deploy/template.yaml. Without valid credentials of the operator, all other checks are unknown. */
export async function examineLambda(
  cli: Cli,
  options: LambdaOptions,
  say: (text: string) => void,
): Promise<Examination> {
  const aws = await connect(cli, options);
  const fixes = stackFixes(options.stack, regionFlags(options, aws));
  const { deploy } = fixes;
  say("credentials");
  const identified = await identifyOperator(aws);
  if ("check" in identified) {
    const checks = [identified.check, ...unchecked(["configuration", ...NEEDS_OPERATOR, "function"])];
    return { region: aws.region, account: null, checks };
  }
  const { operator } = identified;
  const examined = (checks: readonly Check[]) => ({ region: aws.region, account: operator.account, checks });
  const credentials = checkOperator(operator, []);
  say(`the stack ${options.stack}`);
  const stack = await readStack(aws, options.stack);
  if (stack === null) {
    const message = `${options.stack} does not exist in ${aws.region} (account ${operator.account})`;
    return examined([
      credentials,
      configuration.wrong("stack", message, `Check the region (--region). To deploy the stack: ${deploy}`),
    ]);
  }
  const { FunctionName, FunctionRoleArn, AlertTopicArn, LaunchQueueUrl, LogGroupName } = stack.outputs;
  const head = [credentials, checkStatus(stack, options.stack, fixes), ...checkAlarms(stack, fixes)];
  if (!FunctionName || !FunctionRoleArn || !AlertTopicArn || !LaunchQueueUrl || !LogGroupName) {
    const message = "the stack does not have the outputs of deploy/template.yaml";
    const outputs = configuration.wrong(
      "outputs",
      message,
      `Check that ${options.stack} is the stack of ec2-audit. If it is: ${deploy}`,
    );
    return examined([...head, outputs]);
  }
  say("the function");
  const { config, checks } = await checkFunctionOnLambda(aws, operator, FunctionName, options.stack, fixes);
  say("permissions");
  const role = { account: operator.account, arn: FunctionRoleArn };
  const queueArn = `arn:${partitionOf(aws.region).name}:sqs:${aws.region}:${role.account}:${LaunchQueueUrl.split("/").at(-1)}`;
  const allowed = await checkRole(aws, role, stack, config, queueArn, fixes.drift);
  say("topics, rules and queues");
  const alertRegion = parseTopicArn(AlertTopicArn)?.region ?? aws.region;
  const launchRegion = parseTopicArn(stack.parameters.LaunchTopicArn ?? "")?.region ?? aws.region;
  const topicAws = async () => (launchRegion === aws.region ? aws : connect(cli, { ...options, region: launchRegion }));
  const alertAws = alertRegion === aws.region ? aws : await connect(cli, { ...options, region: alertRegion });
  const routeTopics = routeTopicsOf(stack, config);
  const alertTopic = {
    arn: AlertTopicArn,
    aws: alertAws,
    regionFlags: regionFlags(options, alertAws),
    createFix: deploy,
    subscribeFix: `${deploy} --email you@example.com`,
    messages: messagesTo(AlertTopicArn, routeTopics),
    isOfRoute: false,
  };
  const alert = await checkAlertTopic(alertTopic);
  const routes = await checkRouteTopics(cli, aws, options, routeTopics, AlertTopicArn, role, (keyArn) => {
    const others = stack.parameters.RouteTopicKeyArns ? `${stack.parameters.RouteTopicKeyArns},` : "";
    return `${deploy} --parameter RouteTopicKeyArns=${others}${keyArn}`;
  });
  const key = await checkAlertKey(aws, role, alertTopic, (keyArn) =>
    stack.parameters.AlertTopicArn ? `${deploy} --parameter AlertTopicKeyArn=${keyArn}` : fixes.drift,
  );
  const resources = await topics.attempt("resources of the stack", async () => {
    const found = await resourcesOf(aws, options.stack);
    return [
      ...(await checkLambdaRules(aws, found, LaunchQueueUrl, await topicAws(), fixes)),
      ...(config?.resolvedAlerts ? checkResolvingResources(found, deploy) : []),
      ...(await checkSweep(aws, { stack, resources: found, queueArn, functionRole: role, config }, fixes)),
      ...(await checkQueues(aws, stack, config, FunctionName, fixes)),
    ];
  });
  const all = [...head, ...checks, ...allowed, ...key, ...alert, ...routes, ...resources];
  if (!options.probe) return examined(all);
  say(PROBING);
  const { account } = operator;
  const target = { queueUrl: LaunchQueueUrl, logGroup: LogGroupName, account, config };
  return examined([...all, ...(await probeLambda(cli, aws, target))]);
}

/** Returns the stack's resources. CloudFormation also lists deleted ones, such as those of a rolled-back deployment. */
async function resourcesOf({ cloudformation }: Aws, StackName: string): Promise<readonly StackResource[]> {
  const { StackResources = [] } = await cloudformation.send(new DescribeStackResourcesCommand({ StackName }));
  return StackResources.filter(({ ResourceStatus }) => ResourceStatus !== "DELETE_COMPLETE");
}

function checkStatus({ status }: Stack, name: string, { deploy, regionFlags }: StackFixes): Check {
  if (/^(?:CREATE|UPDATE|IMPORT)_COMPLETE$/.test(status)) return configuration.ok("stack", `${name} is ${status}`);
  if (status === "UPDATE_ROLLBACK_COMPLETE") {
    const message = `${name} is ${status}: the last deployment failed and was rolled back`;
    return configuration.warning("stack", message, `To see the error, deploy again: ${deploy}`);
  }
  if (status.endsWith("_IN_PROGRESS")) {
    return configuration.warning(
      "stack",
      `${name} is ${status}: an operation is in progress`,
      "Check again when it has ended.",
    );
  }
  const message = `${name} is ${status}`;
  return configuration.wrong(
    "stack",
    message,
    `To see the cause: aws cloudformation describe-stack-events --stack-name ${name}${regionFlags}`,
  );
}

/** The alarms report failures of the audit itself. A stack of an older template does not have these parameters. */
function checkAlarms({ parameters }: Stack, { deploy }: StackFixes): readonly Check[] {
  if (parameters.AlarmEmail !== "" || parameters.AlarmTopicArn !== "") return [];
  const message = "no recipients, so a failure of the audit itself is visible only in the console";
  return [configuration.warning("alarms", message, `${deploy} --alarm-email you@example.com`)];
}

interface FunctionChecks {
  readonly config: Config | null;
  readonly checks: readonly Check[];
}

/** Checks the version that the alias points to: its state and its environment. */
async function checkFunctionOnLambda(
  aws: Aws,
  operator: Identity,
  FunctionName: string,
  stack: string,
  { deploy, drift, regionFlags }: StackFixes,
): Promise<FunctionChecks> {
  const name = `${FunctionName}:${ALIAS}`;
  let config: Config | null = null;
  const checks = await code.attempt(name, async () => {
    const command = new GetFunctionConfigurationCommand({ FunctionName, Qualifier: ALIAS });
    const found = await ifExists(aws.lambda.send(command));
    if (found === undefined) return code.wrong(name, "does not exist any more: no launch is audited", drift);
    const state = [
      judgeState(name, found, deploy),
      ...(await checkCanary(aws, FunctionName, `ec2-audit rollback lambda${regionFlags} --stack ${stack}`)),
    ];
    // Lambda returns this instead of the variables when the operator may not use their key.
    // https://docs.aws.amazon.com/lambda/latest/api/API_EnvironmentResponse.html
    const hidden = found.Environment?.Error;
    if (hidden) {
      const message = `${hidden.ErrorCode}: ${hidden.Message}`;
      return [
        ...state,
        configuration.unknown("environment", message, "Ask for permission to call kms:Decrypt on its key."),
      ];
    }
    const reading = readEnvironment(found, aws.region, operator.account);
    if ("config" in reading) config = reading.config;
    const settings =
      "config" in reading
        ? [configuration.ok("environment", "all settings are valid")]
        : reading.problems.map(({ key, problem }) =>
            configuration.wrong(key, problem, `Correct the parameter, then: ${deploy}`),
          );
    return [...state, ...settings];
  });
  return { config, checks };
}

/** Reads the configuration. Lambda adds region and credentials at run time, so they are not among the variables. */
function readEnvironment({ Environment }: FunctionConfiguration, region: string, account: string) {
  const added = { AWS_REGION: region, AWS_ACCESS_KEY_ID: "of-the-role", AWS_SECRET_ACCESS_KEY: "of-the-role" };
  return readConfig(gatherSettings(added, Environment?.Variables ?? {}), account);
}

function judgeState(name: string, found: FunctionConfiguration, deploy: string): Check {
  const { State = "Active", StateReason, LastUpdateStatus = "Successful", Version, Runtime } = found;
  if (State === "Pending") return code.warning(name, "Pending", "Check again in a minute.");
  if (State !== "Active" && State !== "Inactive") {
    return code.wrong(name, `is ${State}${StateReason ? `: ${StateReason}` : ""}`, deploy);
  }
  if (LastUpdateStatus === "Failed") return code.wrong(name, "its last update failed", deploy);
  return code.ok(name, `version ${Version} on ${Runtime}, ${State.toLowerCase()}`);
}

async function checkCanary(aws: Aws, FunctionName: string, rollback: string): Promise<readonly Check[]> {
  const { number, canary } = await readLive(aws, FunctionName);
  if (canary === null) return [];
  const message = `version ${canary.number} gets ${Math.round(canary.weight * 100)} % of the batches, version ${number} the others`;
  return [
    code.warning(
      "deployment",
      message,
      `The deployment completes or rolls back by itself. To roll back now: ${rollback}`,
    ),
  ];
}

/** Returns the EC2 actions that the policy needs. A policy in the code is not in the settings; its actions are a parameter. */
function readActions({ parameters }: Stack, config: Config | null): readonly string[] {
  const { PolicyInCode, ReadActions = "ec2:DescribeTags,ec2:DescribeInstances" } = parameters;
  return config !== null && !PolicyInCode ? launchActions(config.policy) : ReadActions.split(",");
}

/** Returns the topics of the policy's routes. For a policy in the code they are a parameter, which does not tell their format. */
function routeTopicsOf({ parameters }: Stack, config: Config | null): readonly RouteTopic[] {
  if (config !== null && !parameters.PolicyInCode) return topicsOf(config.policy.routes);
  const arns = (parameters.RouteTopicArns ?? "").split(",").filter((arn) => arn !== "");
  return arns.map((arn) => ({ arn, formats: FORMATS }));
}

/** Checks the permissions of the function's role with IAM's simulator. */
async function checkRole(
  aws: Aws,
  role: Identity,
  stack: Stack,
  config: Config | null,
  queue: string,
  drift: string,
): Promise<readonly Check[]> {
  const { AlertTopicArn = "", LogGroupName = "" } = stack.outputs;
  const scope = `${aws.region}:${role.account}`;
  const { name: partition } = partitionOf(aws.region);
  const log = `arn:${partition}:logs:${scope}:log-group:${LogGroupName}:log-stream:any`;
  const topicArns = new Set([AlertTopicArn, ...routeTopicsOf(stack, config).map(({ arn }) => arn)]);
  const required: readonly Access[] = [
    ...readActions(stack, config).map((action) => ({ action, resource: "*" })),
    ...[...topicArns].map((resource) => ({ action: "sns:Publish", resource })),
    ...["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"].map((action) => ({
      action,
      resource: queue,
    })),
    ...["logs:CreateLogStream", "logs:PutLogEvents"].map((action) => ({ action, resource: log })),
    ...(stack.parameters.KmsKeyArn ? [{ action: "kms:Decrypt", resource: stack.parameters.KmsKeyArn }] : []),
  ];
  const name = "function role";
  const simulated = await simulate(aws, role, required);
  if ("absent" in simulated) return [permissions.wrong(name, simulated.absent, drift)];
  if ("unknown" in simulated) return [permissions.unknown(name, simulated.unknown, simulated.fix)];
  const denied = simulated.denied.map(({ action, resource }) =>
    permissions.wrong(`${action} on ${resource}`, DENIED, drift),
  );
  const own = denied.length > 0 ? denied : [permissions.ok(name, "IAM's simulator allows all required actions")];
  const auditRole = config?.auditRoleName ?? null;
  if (auditRole === null) return own;
  const message = `not checked: the function's log shows whether it can assume ${auditRole} there`;
  return [...own, permissions.skipped("other accounts", message)];
}
