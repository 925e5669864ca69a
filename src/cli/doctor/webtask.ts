import type { TopicArn } from "../../topic-arn.ts";
import { connect } from "../aws.ts";
import { type Cli, CliError } from "../cli.ts";
import { type NameOptions, repeatedFlags } from "../setup/options.ts";
import { namesOf, type Place, placeOf } from "../setup/plan.ts";
import { planRules } from "../setup/rules.ts";
import { type Check, reporter } from "./check.ts";
import { type Configured, checkConfiguration, topicsIn } from "./configuration.ts";
import { checkFunction, checkOperator } from "./credentials.ts";
import { gatherFunctionSettings, type SettingsOptions } from "./function-settings.ts";
import { checkHealth } from "./health.ts";
import { checkInstallation } from "./installation.ts";
import { checkPermissions } from "./permissions.ts";
import { probeWebtask } from "./probe.ts";
import { checkSubscription } from "./subscription.ts";
import type { TraceOptions } from "./trace.ts";

/** What the operator asks of the doctor, of an installation by `setup` and `deploy webtask`. */
export interface WebtaskOptions extends NameOptions, SettingsOptions, TraceOptions {
  readonly url?: string;
  readonly account?: readonly string[];
  readonly probe?: true;
}

const configuration = reporter("configuration");
const permissions = reporter("permissions");
const topics = reporter("topics and policies");

/**
 * Examines the function on webtask and what is around it. Throws what AWS throws to the question who the operator is:
 * without that nothing else can be asked.
 */
export async function examineWebtask(
  cli: Cli,
  options: WebtaskOptions,
  say: (text: string) => void,
): Promise<readonly Check[]> {
  const found = gatherFunctionSettings(cli, options);
  const configured = checkConfiguration(found);
  const { config } = configured;
  const named = topicsIn(found);
  const launch =
    config?.launchTopics.find(({ name }) => name === options.launchTopic) ?? config?.launchTopics[0] ?? named.launch[0];
  const alert = config?.alertTopic ?? named.alert ?? null;
  const region = options.region ?? launch?.region ?? alert?.region ?? found.settings.AWS_REGION;
  const aws = await connect(cli, { ...options, ...(region && { region }) });
  say("credentials");
  const operator = await aws.identity();
  const ownTopics = [...(alert ? [alert] : []), ...(launch ? [launch] : [])];
  const own = await checkFunction(found.settings, aws.region, operator, alert?.account ?? null);
  const credentials = [checkOperator(operator, ownTopics), own.check];

  say("permissions");
  const allowed =
    config && own.identity
      ? await checkPermissions(aws, { config, identity: own.identity, members: options.account ?? [], now: cli.now })
      : [permissions.skipped("the function's", config ? "its keys do not work" : "the configuration is not whole")];

  const names = namesOf({ ...options, ...namesIn(options, launch?.name, alert?.name) });
  const place = placeOf(aws.region, operator.account, names);
  const head = [...configured.checks, ...checkTopics(configured, place, options), ...credentials, ...allowed];
  const flags = repeatedFlags(options);
  const url = options.url ?? config?.functionUrl ?? null;
  if (ownTopics.some(({ account }) => account !== operator.account)) {
    const told = "the topics are of another account than your credentials";
    const healths = url === null ? [] : await checkHealth(url);
    return [...head, topics.unknown("all", told, "Name a profile of that account with --profile."), ...healths];
  }

  say("topics, rules and subscriptions");
  const alertArn = alert && options.alertTopic === undefined ? alert.arn : place.alertTopicArn;
  const alertAws =
    alert && alert.region !== aws.region ? await connect(cli, { ...options, region: alert.region }) : aws;
  const rules = await planRules(aws, place, { cloudTrail: false, tagChanges: false }).catch(() => [
    { kind: "state changes" as const, asked: true },
  ]);
  const plan = { ...place, rules, emails: [], url };
  const parts = await checkInstallation(aws, plan, { arn: alertArn, aws: alertAws }, flags);
  const { urls, checks } = await checkSubscription(aws, plan, url, config?.graceSeconds ?? null, flags);
  say("the function");
  const healths = (await Promise.all(urls.map((each) => checkHealth(each)))).flat();
  const all = [...head, ...parts, ...checks, ...healths];
  if (!options.probe) return all;
  say("the probe");
  return [...all, ...(await probeWebtask(cli, aws, plan, config, options))];
}

/** The topics' names where the operator gives none: those that the settings name. */
function namesIn(options: NameOptions, launchTopic: string | undefined, alertTopic: string | undefined): NameOptions {
  return {
    ...(options.launchTopic === undefined && launchTopic && { launchTopic }),
    ...(options.alertTopic === undefined && alertTopic && { alertTopic }),
  };
}

/** Whether the function goes by the topics that the operator names. */
function checkTopics({ config }: Configured, place: Place, options: NameOptions): readonly Check[] {
  if (config === null) return [];
  const { launchTopics, alertTopic } = config;
  const checks: Check[] = [];
  const isHere = ({ name, region }: TopicArn) => name === place.names.launchTopic && region === place.region;
  if (!launchTopics.some(isHere)) {
    const told = `is ${launchTopics.map(({ arn }) => arn).join(", ")}: launches of ${place.launchTopicArn} are refused`;
    checks.push(configuration.wrong("LAUNCH_TOPIC_ARN", told, `LAUNCH_TOPIC_ARN=${place.launchTopicArn}`));
  }
  if (options.alertTopic !== undefined && alertTopic.name !== options.alertTopic) {
    const told = `is ${alertTopic.arn}, and not ${options.alertTopic}`;
    checks.push(configuration.wrong("ALERT_TOPIC_ARN", told, `ALERT_TOPIC_ARN=${place.alertTopicArn}`));
  }
  for (const { arn, name, region } of launchTopics.filter((topic) => !isHere(topic))) {
    const mend = `to examine it too: ec2-audit doctor --launch-topic ${name} --region ${region}`;
    checks.push(configuration.skipped("LAUNCH_TOPIC_ARN", `also names ${arn}; ${mend}`));
  }
  return checks;
}

/** Whether an account id is one. @throws CliError */
export function checkAccount(account: string): string {
  if (/^\d{12}$/.test(account)) return account;
  throw new CliError(`"${account}" is not the id of an account`, "It has twelve digits.");
}
