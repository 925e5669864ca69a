import { isRegion } from "../../aws/regions.ts";
import type { TopicArn } from "../../aws/topic-arn.ts";
import { connect } from "../aws.ts";
import type { Cli } from "../cli.ts";
import { flagsFrom, type NameOptions, regionFlags } from "../flags.ts";
import { gatherFunctionSettings, type SettingsOptions } from "../function-settings.ts";
import { NAMES } from "../names.ts";
import type { FunctionSettings } from "../settings.ts";
import { type Installation, type InstallationNames, installationOf, namesOf } from "../setup/plan.ts";
import { planRules, type RulePlan } from "../setup/rule-plan.ts";
import { checkAlertKey } from "./alert-key.ts";
import { checkAlertTopic } from "./alert-topic.ts";
import { type Check, type Examination, INVALID_CONFIGURATION, reporter } from "./check.ts";
import { type Configured, checkConfiguration, topicsIn } from "./configuration.ts";
import { checkFunction, checkOperator, identifyOperator, NEEDS_OPERATOR, unchecked } from "./credentials.ts";
import { checkHealth } from "./health.ts";
import { checkInstallation } from "./installation.ts";
import { ALLOW, checkPermissions } from "./permissions.ts";
import { PROBING, probeWebtask } from "./probe.ts";
import { checkResolvingRules } from "./resolving-rules.ts";
import { checkRouteTopics, messagesTo, topicsOf } from "./route-topics.ts";
import { checkSubscription } from "./subscription.ts";
import type { TraceOptions } from "./trace.ts";

/** The operator's options for an installation by `setup` and `deploy webtask`. */
export interface WebtaskOptions extends NameOptions, SettingsOptions, TraceOptions {
  readonly url?: string;
  readonly account?: readonly string[];
  readonly probe?: true;
}

const configuration = reporter("configuration");
const permissions = reporter("permissions");
const topics = reporter("topics and policies");
const rules = reporter("rules and targets");

/**
 * Checks the function on webtask and its resources in AWS. Without valid credentials of the operator, it checks only what
 * needs no AWS.
 */
export async function examineWebtask(
  cli: Cli,
  options: WebtaskOptions,
  say: (text: string) => void,
): Promise<Examination> {
  const found = gatherFunctionSettings(cli, options);
  const configured = checkConfiguration(found);
  const { config } = configured;
  const named = topicsIn(found);
  const launch =
    config?.launchTopics.find(({ name }) => name === options.launchTopic) ?? config?.launchTopics[0] ?? named.launch[0];
  const alert = config?.alertTopic ?? named.alert ?? null;
  const region = options.region ?? launch?.region ?? alert?.region ?? regionIn(found);
  const aws = await connect(cli, { ...options, ...(region && { region }) });
  say("credentials");
  const identified = await identifyOperator(aws);
  const names = namesOf({ ...options, ...namesIn(options, launch?.name, alert?.name) });
  const flags = flagsOf(options, aws.region, names);
  const url = options.url ?? config?.functionUrl ?? null;
  if ("check" in identified) {
    const healths = url === null ? unchecked(["function"]) : await checkHealth(url, flags);
    const checks = [...configured.checks, identified.check, ...unchecked(NEEDS_OPERATOR), ...healths];
    return { region: aws.region, account: null, checks };
  }
  const { operator } = identified;
  const examined = (checks: readonly Check[]) => ({ region: aws.region, account: operator.account, checks });
  const ownTopics = [...(alert ? [alert] : []), ...(launch ? [launch] : [])];
  const own = await checkFunction(found.settings, aws.region, operator, {
    launchAccounts: [...new Set((config?.launchTopics ?? named.launch).map(({ account }) => account))],
    alertAccount: alert?.account ?? null,
    assumesRole: found.settings.AUDIT_ROLE_NAME !== undefined,
  });
  const credentials = [checkOperator(operator, ownTopics), own.check];

  say("permissions");
  const allowed =
    config && own.identity
      ? await checkPermissions(aws, { config, identity: own.identity, members: options.account ?? [], now: cli.now })
      : [
          permissions.skipped(
            "function permissions",
            config ? "the function's credentials do not work" : INVALID_CONFIGURATION,
          ),
        ];

  const installation = installationOf(aws.region, operator.account, names);
  const head = [...configured.checks, ...checkTopics(configured, installation, options), ...credentials, ...allowed];
  if (ownTopics.some(({ account }) => account !== operator.account)) {
    const message = "the topics belong to another account than your credentials";
    const healths = url === null ? [] : await checkHealth(url, flags);
    const others = topics.unknown("all", message, "Name a profile of that account with --profile.");
    return examined([...head, others, ...healths]);
  }

  say("topics, rules and subscriptions");
  const alertArn = alert && options.alertTopic === undefined ? alert.arn : installation.alertTopicArn;
  const alertAws =
    alert && alert.region !== aws.region ? await connect(cli, { ...options, region: alert.region }) : aws;
  let planned: RulePlan = { rules: [{ kind: "state changes", requested: true }], otherRules: [] };
  const unplanned = await rules.attempt("rules of other names", async () => {
    planned = await planRules(aws, installation, { cloudTrail: false, tagChanges: false, adopt: [], disable: [] });
    return [];
  });
  const plan = { ...installation, ...planned, emails: [], url, tags: {} };
  const commandFlags = { flags, regionFlags: regionFlags(options, aws) };
  const setup = `ec2-audit setup${flagsOf(options, alertAws.region, names)}`;
  const routeTopics = topicsOf(config?.policy.routes ?? []);
  const alertTopic = {
    arn: alertArn,
    aws: alertAws,
    regionFlags: regionFlags(options, alertAws),
    createFix: alertArn === alert?.arn ? `Check the name in ALERT_TOPIC_ARN. To create the topic: ${setup}` : setup,
    subscribeFix: `${setup} --email you@example.com`,
    messages: messagesTo(alertArn, routeTopics),
    isOfRoute: false,
  };
  const key = own.identity ? await checkAlertKey(aws, own.identity, alertTopic, () => ALLOW) : [];
  const parts = await checkInstallation(aws, plan, commandFlags);
  const resolving = config?.resolvedAlerts && unplanned.length === 0 ? await checkResolvingRules(aws, plan, flags) : [];
  const recipients = await checkAlertTopic(alertTopic);
  const routes = await checkRouteTopics(cli, aws, options, routeTopics, alertArn, own.identity, () => ALLOW);
  const { urls, checks } = await checkSubscription(aws, plan, url, config?.graceSeconds ?? null, commandFlags);
  say("the function");
  const healths = (await Promise.all(urls.map((each) => checkHealth(each, flags)))).flat();
  const all = [...head, ...key, ...unplanned, ...parts, ...resolving, ...recipients, ...routes, ...checks, ...healths];
  if (!options.probe) return examined(all);
  say(PROBING);
  return examined([...all, ...(await probeWebtask(cli, aws, plan, config, options))]);
}

/** Returns AWS_REGION from the settings if it is valid; the check of the configuration reports an invalid one. */
function regionIn({ settings }: FunctionSettings): string | undefined {
  const { AWS_REGION } = settings;
  return AWS_REGION !== undefined && isRegion(AWS_REGION) ? AWS_REGION : undefined;
}

/** Returns the options with which another command finds this installation; starts with a space. */
function flagsOf({ profile }: NameOptions, region: string, names: InstallationNames): string {
  const defaults: Readonly<Partial<Record<string, string>>> = NAMES;
  const changed = Object.fromEntries(Object.entries(names).filter(([key, name]) => name !== defaults[key]));
  return flagsFrom({ ...(profile !== undefined && { profile }), region, ...changed });
}

/** Returns the topics' names in the settings, for those that the operator does not name. */
function namesIn(options: NameOptions, launchTopic: string | undefined, alertTopic: string | undefined): NameOptions {
  return {
    ...(options.launchTopic === undefined && launchTopic && { launchTopic }),
    ...(options.alertTopic === undefined && alertTopic && { alertTopic }),
  };
}

/** Checks whether the function's settings have the topics that the operator names. */
function checkTopics({ config }: Configured, installation: Installation, options: NameOptions): readonly Check[] {
  if (config === null) return [];
  const { launchTopics, alertTopic } = config;
  const checks: Check[] = [];
  const isChecked = ({ name, region }: TopicArn) =>
    name === installation.names.launchTopic && region === installation.region;
  if (!launchTopics.some(isChecked)) {
    const message = `is ${launchTopics.map(({ arn }) => arn).join(", ")}: the function rejects launches from ${installation.launchTopicArn}`;
    checks.push(configuration.wrong("LAUNCH_TOPIC_ARN", message, `LAUNCH_TOPIC_ARN=${installation.launchTopicArn}`));
  }
  if (options.alertTopic !== undefined && alertTopic.name !== options.alertTopic) {
    const message = `is ${alertTopic.arn}, not ${options.alertTopic}`;
    checks.push(configuration.wrong("ALERT_TOPIC_ARN", message, `ALERT_TOPIC_ARN=${installation.alertTopicArn}`));
  }
  for (const { arn, name, region } of launchTopics.filter((topic) => !isChecked(topic))) {
    const fix = `to check it too: ec2-audit doctor --launch-topic ${name} --region ${region}`;
    checks.push(configuration.skipped("LAUNCH_TOPIC_ARN", `also names ${arn}; ${fix}`));
  }
  return checks;
}
