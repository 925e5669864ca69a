import { DescribeStackResourcesCommand, type StackResource } from "@aws-sdk/client-cloudformation";
import { type FunctionConfiguration, GetFunctionConfigurationCommand } from "@aws-sdk/client-lambda";
import { partitionOf } from "../../aws/regions.ts";
import { parseTopicArn } from "../../aws/topic-arn.ts";
import { type Config, gatherSettings, readConfig } from "../../config.ts";
import { type Aws, connect, type Identity } from "../aws.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { regionFlags } from "../flags.ts";
import { ifExists } from "../if-exists.ts";
import { readStack, type Stack } from "../lambda/stack.ts";
import { ALIAS, readLive } from "../lambda/versions.ts";
import { checkAlertKey } from "./alert-key.ts";
import { type Check, type Examination, reporter } from "./check.ts";
import { askOperator, NEEDS_OPERATOR, unasked } from "./credentials.ts";
import { checkAlertTopic } from "./installation.ts";
import { checkQueues } from "./lambda-queues.ts";
import { checkLambdaRules, type StackRemedies, stackRemedies } from "./lambda-rules.ts";
import { PROBING, probeLambda } from "./probe.ts";
import { type Asked, simulate } from "./simulation.ts";

/** What the operator asks of the doctor, of an installation by `deploy lambda`. */
export interface LambdaOptions extends CommonOptions {
  readonly stack: string;
  readonly probe?: true;
}

const configuration = reporter("configuration");
const credentials = reporter("credentials");
const permissions = reporter("permissions");
const topics = reporter("topics and policies");
const code = reporter("function");

/** Examines the stack of deploy/template.yaml. Without the operator's credentials nothing can be asked. */
export async function examineLambda(
  cli: Cli,
  options: LambdaOptions,
  say: (text: string) => void,
): Promise<Examination> {
  const aws = await connect(cli, options);
  const remedies = stackRemedies(options.stack, regionFlags(options, aws));
  const { deploy } = remedies;
  say("credentials");
  const asked = await askOperator(aws);
  if ("check" in asked) {
    const checks = [asked.check, ...unasked(["configuration", ...NEEDS_OPERATOR, "function"])];
    return { region: aws.region, account: null, checks };
  }
  const { operator } = asked;
  const examined = (checks: readonly Check[]) => ({ region: aws.region, account: operator.account, checks });
  const who = credentials.ok("yours", `${operator.arn}, of account ${operator.account}`);
  say(`the stack ${options.stack}`);
  const stack = await readStack(aws, options.stack);
  if (stack === null) {
    const told = `there is no stack ${options.stack} in ${aws.region} (${operator.account})`;
    return examined([who, configuration.wrong("stack", told, `${deploy}, or is the region right (--region)?`)]);
  }
  const { FunctionName, FunctionRoleArn, AlertTopicArn, LaunchQueueUrl, LogGroupName } = stack.outputs;
  const head = [who, checkStatus(stack, options.stack, remedies), ...checkAlarms(stack, remedies)];
  if (!FunctionName || !FunctionRoleArn || !AlertTopicArn || !LaunchQueueUrl || !LogGroupName) {
    const told = "the stack has not the outputs of deploy/template.yaml";
    const outputs = configuration.wrong("outputs", told, `Is ${options.stack} the stack of ec2-audit? Else: ${deploy}`);
    return examined([...head, outputs]);
  }
  say("the function");
  const { config, checks } = await checkFunctionOnLambda(aws, operator, FunctionName, options.stack, remedies);
  say("permissions");
  const role = { account: operator.account, arn: FunctionRoleArn };
  const allowed = await checkRole(aws, role, stack, config, remedies.drift);
  say("topics, rules and queues");
  const alertRegion = parseTopicArn(AlertTopicArn)?.region ?? aws.region;
  const launchRegion = parseTopicArn(stack.parameters.LaunchTopicArn ?? "")?.region ?? aws.region;
  const topicAws = async () => (launchRegion === aws.region ? aws : connect(cli, { ...options, region: launchRegion }));
  const alertAws = alertRegion === aws.region ? aws : await connect(cli, { ...options, region: alertRegion });
  const alert = await checkAlertTopic({
    arn: AlertTopicArn,
    aws: alertAws,
    at: regionFlags(options, alertAws),
    make: deploy,
    tell: deploy,
  });
  const key = await checkAlertKey(aws, role, { arn: AlertTopicArn, aws: alertAws }, (keyArn) =>
    stack.parameters.AlertTopicArn ? `${deploy} --parameter AlertTopicKeyArn=${keyArn}` : remedies.drift,
  );
  const resources = await topics.attempt("resources of the stack", async () => {
    const found = await resourcesOf(aws, options.stack);
    return [
      ...(await checkLambdaRules(aws, found, LaunchQueueUrl, await topicAws(), remedies)),
      ...(await checkQueues(aws, stack, config, FunctionName, remedies)),
    ];
  });
  const all = [...head, ...checks, ...allowed, ...key, ...alert, ...resources];
  if (!options.probe) return examined(all);
  say(PROBING);
  const { account } = operator;
  const place = { queueUrl: LaunchQueueUrl, logGroup: LogGroupName, account, config };
  return examined([...all, ...(await probeLambda(cli, aws, place))]);
}

/** What CloudFormation has deleted, such as by rolling back, stays on its list. */
async function resourcesOf({ cloudformation }: Aws, StackName: string): Promise<readonly StackResource[]> {
  const { StackResources = [] } = await cloudformation.send(new DescribeStackResourcesCommand({ StackName }));
  return StackResources.filter(({ ResourceStatus }) => ResourceStatus !== "DELETE_COMPLETE");
}

function checkStatus({ status }: Stack, name: string, { deploy, at }: StackRemedies): Check {
  if (/^(?:CREATE|UPDATE|IMPORT)_COMPLETE$/.test(status)) return configuration.ok("stack", `${name} is ${status}`);
  if (status === "UPDATE_ROLLBACK_COMPLETE") {
    const told = `${name} is ${status}: the last deployment failed, and the one before is in force`;
    return configuration.warning("stack", told, `${deploy} shows what fails.`);
  }
  if (status.endsWith("_IN_PROGRESS")) {
    return configuration.warning(
      "stack",
      `${name} is ${status}: it is being changed just now`,
      "Ask again when that is done.",
    );
  }
  const told = `${name} is ${status}`;
  return configuration.wrong("stack", told, `aws cloudformation describe-stack-events --stack-name ${name}${at}`);
}

/** The alarms report that the audit itself fails. A stack of an older template has no such parameters. */
function checkAlarms({ parameters }: Stack, { deploy }: StackRemedies): readonly Check[] {
  if (parameters.AlarmEmail !== "" || parameters.AlarmTopicArn !== "") return [];
  const told = "notify no one: when the audit itself fails, only the console shows it";
  return [configuration.warning("alarms", told, `${deploy} --alarm-email you@example.com`)];
}

interface Examined {
  readonly config: Config | null;
  readonly checks: readonly Check[];
}

/** The version that the alias calls: whether it can run, and takes its environment. */
async function checkFunctionOnLambda(
  aws: Aws,
  operator: Identity,
  FunctionName: string,
  stack: string,
  { deploy, drift, at }: StackRemedies,
): Promise<Examined> {
  const name = `${FunctionName}:${ALIAS}`;
  let config: Config | null = null;
  const checks = await code.attempt(name, async () => {
    const asked = new GetFunctionConfigurationCommand({ FunctionName, Qualifier: ALIAS });
    const found = await ifExists(aws.lambda.send(asked));
    if (found === undefined) return code.wrong(name, "is not there any more: no launch is audited", drift);
    const state = [
      judgeState(name, found, deploy),
      ...(await checkCanary(aws, FunctionName, `ec2-audit rollback lambda${at} --stack ${stack}`)),
    ];
    // Whoever may not use the key that it is encrypted with is shown this in place of the variables.
    // https://docs.aws.amazon.com/lambda/latest/api/API_EnvironmentResponse.html
    const hidden = found.Environment?.Error;
    if (hidden) {
      const told = `${hidden.ErrorCode}: ${hidden.Message}`;
      return [...state, configuration.unknown("environment", told, "Have kms:Decrypt allowed to you, on its key.")];
    }
    const reading = readEnvironment(found, aws.region, operator.account);
    if ("config" in reading) config = reading.config;
    const settings =
      "config" in reading
        ? [configuration.ok("environment", "all keys are valid")]
        : reading.problems.map(({ key, problem }) =>
            configuration.wrong(key, problem, `Put the parameter right, and: ${deploy}`),
          );
    return [...state, ...settings];
  });
  return { config, checks };
}

/** The region and the credentials are Lambda's to give: they are not in what it shows. */
function readEnvironment({ Environment }: FunctionConfiguration, region: string, account: string) {
  const lambdas = { AWS_REGION: region, AWS_ACCESS_KEY_ID: "of-the-role", AWS_SECRET_ACCESS_KEY: "of-the-role" };
  return readConfig(gatherSettings(lambdas, Environment?.Variables ?? {}), account);
}

function judgeState(name: string, found: FunctionConfiguration, deploy: string): Check {
  const { State = "Active", StateReason, LastUpdateStatus = "Successful", Version, Runtime } = found;
  if (State === "Pending") return code.warning(name, "is being made ready", "Ask again in a minute.");
  if (State !== "Active" && State !== "Inactive") {
    return code.wrong(name, `is ${State}${StateReason ? `: ${StateReason}` : ""}`, deploy);
  }
  if (LastUpdateStatus === "Failed") return code.wrong(name, "its last update failed", deploy);
  return code.ok(name, `version ${Version} on ${Runtime}, ${State.toLowerCase()}`);
}

async function checkCanary(aws: Aws, FunctionName: string, rollback: string): Promise<readonly Check[]> {
  const { number, canary } = await readLive(aws, FunctionName);
  if (canary === null) return [];
  const told = `version ${canary.number} gets ${Math.round(canary.weight * 100)} % of the batches, and ${number} the others`;
  return [code.warning("deployment", told, `It ends by itself. If not: ${rollback}`)];
}

/** Whether the function's role may do what it has to, as IAM simulates it. */
async function checkRole(
  aws: Aws,
  role: Identity,
  stack: Stack,
  config: Config | null,
  drift: string,
): Promise<readonly Check[]> {
  const { AlertTopicArn = "", LaunchQueueUrl = "", LogGroupName = "" } = stack.outputs;
  const at = `${aws.region}:${role.account}`;
  const { name: partition } = partitionOf(aws.region);
  const queue = `arn:${partition}:sqs:${at}:${LaunchQueueUrl.split("/").at(-1)}`;
  const log = `arn:${partition}:logs:${at}:log-group:${LogGroupName}:log-stream:any`;
  const needs: readonly Asked[] = [
    ...["ec2:DescribeTags", "ec2:DescribeInstances"].map((action) => ({ action, resource: "*" })),
    { action: "sns:Publish", resource: AlertTopicArn },
    ...["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"].map((action) => ({
      action,
      resource: queue,
    })),
    ...["logs:CreateLogStream", "logs:PutLogEvents"].map((action) => ({ action, resource: log })),
    ...(stack.parameters.KmsKeyArn ? [{ action: "kms:Decrypt", resource: stack.parameters.KmsKeyArn }] : []),
  ];
  const name = "the function's role";
  const answer = await simulate(aws, role, needs);
  if ("absent" in answer) return [permissions.wrong(name, answer.absent, drift)];
  if ("unknown" in answer) return [permissions.unknown(name, answer.unknown, answer.mend)];
  const isAllowed = (need: Asked) =>
    answer.allowed.some(({ action, resource }) => action === need.action && resource === need.resource);
  const missing = needs.filter((need) => !isAllowed(need));
  const members =
    config?.auditRoleName == null
      ? []
      : [
          permissions.skipped(
            "other accounts",
            `${config.auditRoleName} is assumed there; the function's log says whether it can be`,
          ),
        ];
  if (missing.length === 0) return [permissions.ok(name, "may do all that it has to, as IAM simulates it"), ...members];
  return [
    ...missing.map(({ action, resource }) => {
      const told = "its policies do not allow it, as IAM simulates them";
      return permissions.wrong(
        `${action} on ${resource}`,
        told,
        "Has somebody changed the role? Deploying again puts it right.",
      );
    }),
    ...members,
  ];
}
