import { type Aws, connect } from "../aws.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { checkEmail, distinctEmails } from "../email.ts";
import { flagsFrom, type NameOptions } from "../flags.ts";
import { shownUrl } from "../shown-url.ts";
import { parseTags } from "../tags.ts";
import { confirmed, unconfirmedText } from "./confirmation.ts";
import { checkFunctionAt } from "./function-url.ts";
import { type Inspected, inspectInstallation } from "./installation.ts";
import { nextSteps } from "./next-steps.ts";
import { oneByOne } from "./one-by-one.ts";
import { checkNoPassword, checkRoleName, checkUrl, findInstallation } from "./options.ts";
import { doublings } from "./other-rules.ts";
import type { SetupPlan } from "./plan.ts";
import { planRules } from "./rule-plan.ts";
import { actionFor, installationJson, installationText } from "./show.ts";
import { functionPolicy, type PublishedTopic } from "./statements.ts";
import { isUnconfirmed, subscribeQueue, subscriptionsOf } from "./subscriptions.ts";
import { topicKeyOf } from "./topic-key.ts";
import { readTopic } from "./topics.ts";

interface SetupOptions extends NameOptions {
  readonly email?: readonly string[];
  readonly url?: string;
  readonly skipHealthCheck?: true;
  readonly cloudtrail?: true;
  readonly adoptRule?: readonly string[];
  readonly disableRule?: readonly string[];
  readonly tagChanges?: true;
  readonly dryRun?: true;
  readonly showPolicy?: true;
  readonly auditRole?: string;
  readonly policy?: string;
  readonly sweep?: true;
  readonly tag?: readonly string[];
  readonly json?: true;
}

/** Runs `ec2-audit setup`. Throws CliError for invalid options, and what AWS throws. */
export async function setup(cli: Cli, options: SetupOptions): Promise<void> {
  const { terminal } = cli;
  const emails = (options.email ?? []).map(checkEmail);
  const url = options.url === undefined ? null : checkUrl(options.url, Boolean(cli.env.AWS_ENDPOINT_URL));
  if (url !== null) checkNoPassword(url);
  else if (options.skipHealthCheck) throw new CliError("--skip-health-check requires --url");
  if (options.auditRole !== undefined) {
    if (!options.showPolicy) {
      throw new CliError(
        "--audit-role requires --show-policy",
        "It adds sts:AssumeRole on that role to the printed policy. It changes nothing in AWS.",
      );
    }
    checkRoleName(options.auditRole);
  }
  if (options.policy !== undefined && !options.showPolicy) {
    throw new CliError("--policy requires --show-policy", "It selects the EC2 actions in the printed policy.");
  }
  if (options.sweep && !options.showPolicy) {
    throw new CliError(
      "--sweep requires --show-policy",
      "It adds the permissions of a sweep to the printed policy. docs/operations.md shows how to schedule a sweep.",
    );
  }
  const tags = parseTags(options.tag);
  if (emails.length > 0 && options.alertTopic?.endsWith(".fifo")) {
    throw new CliError(
      "a FIFO topic sends no e-mail",
      "It delivers only to SQS queues. Omit --email, or name a standard topic.",
    );
  }
  const aws = await connect(cli, options);
  const checking = `Checking the resources in ${aws.region}`;
  if (options.showPolicy) {
    // Loaded only here, because they load the EC2 client.
    const [{ functionActions, routeTopics }, { policyFor }] = [
      await import("../policy-file.ts"),
      await import("../policy-options.ts"),
    ];
    const policy = policyFor(cli, aws.region, options);
    const { installation, topics } = await terminal.busy(checking, async () => {
      const found = await findInstallation(aws, options);
      const own = options.sweep ? [found.alertTopicArn, found.launchTopicArn] : [found.alertTopicArn];
      const arns = [...new Set([...own, ...routeTopics(policy)])];
      return { installation: found, topics: await publishedTopics(cli, aws, options, arns) };
    });
    const { auditRole, sweep = false } = options;
    const printed = functionPolicy(installation, functionActions(policy, sweep), auditRole, topics, sweep);
    terminal.out(JSON.stringify(printed, null, 2));
    return;
  }
  const { plan, all } = await terminal.busy(checking, async () => {
    const installation = await findInstallation(aws, options);
    const rules = {
      cloudTrail: options.cloudtrail ?? false,
      tagChanges: options.tagChanges ?? false,
      adopt: options.adoptRule ?? [],
      disable: options.disableRule ?? [],
    };
    const planned: SetupPlan = {
      ...installation,
      ...(await planRules(aws, installation, rules)),
      emails: distinctEmails(emails),
      url,
      tags,
    };
    return { plan: planned, all: await inspectInstallation(aws, planned) };
  });
  const dryRun = options.dryRun ?? false;
  if (url !== null && !options.skipHealthCheck && all.some(isToBeConfirmed)) {
    const warnings = await terminal.busy(`Checking the health of ${shownUrl(url)}`, () => checkFunctionAt(url));
    for (const warning of warnings) {
      terminal.err(`${terminal.colours.yellow("warning:")} the function reports: ${warning}`);
    }
  }
  const isConfirmed = dryRun ? null : await carryOut(cli, aws, plan, all);
  if (options.json) {
    const { region, account, launchTopicArn, alertTopicArn, deadLetterQueueArn } = plan;
    const where = { region, account, credentials: aws.credentials, launchTopicArn, alertTopicArn, deadLetterQueueArn };
    const { otherRules } = plan;
    const resources = installationJson(all);
    terminal.out(JSON.stringify({ ...where, dryRun, confirmed: isConfirmed, resources, otherRules }, null, 2));
  } else {
    await report(cli, aws, plan, all, options, isConfirmed);
  }
  cli.finish(isConfirmed === false ? 1 : 0);
}

/** Reads the keys of topics, each in its region. A route's topic of another account has no key here: only its owner can read it. */
function publishedTopics(
  cli: Cli,
  aws: Aws,
  options: SetupOptions,
  arns: readonly string[],
): Promise<readonly PublishedTopic[]> {
  return Promise.all(
    arns.map(async (arn, index) => {
      const [, , , region = aws.region, account] = arn.split(":");
      if (index > 0 && account !== (await aws.identity()).account) return { arn, key: null };
      const there = region === aws.region ? aws : await connect(cli, { ...options, region });
      const topic = await readTopic(there, arn);
      return { arn, key: topicKeyOf(arn, topic?.attributes.KmsMasterKeyId) };
    }),
  );
}

function isToBeConfirmed({ resource, found }: Inspected): boolean {
  return resource.kind === "function subscription" && (found.state === "absent" || isUnconfirmed(found));
}

/** Creates and repairs the resources in order. Returns whether the function has confirmed; null without --url. */
async function carryOut(cli: Cli, aws: Aws, plan: SetupPlan, all: readonly Inspected[]): Promise<boolean | null> {
  const work = all.filter((each) => ["create", "repair"].includes(actionFor(each)));
  if (work.length > 0) {
    await cli.terminal.busy(
      `Setting up EC2 audit in ${plan.region} (${plan.account}), with ${aws.credentials}`,
      async (say) => {
        await oneByOne(work, async ({ resource, found }) => {
          say(`${resource.kind} ${resource.name}`);
          await resource.apply(found);
        });
      },
    );
  }
  const subscription = all.find(({ resource }) => resource.kind === "function subscription");
  if (subscription === undefined) return null;
  if (subscription.found.state === "correct") return true;
  const { resource } = subscription;
  return cli.terminal.busy(`Waiting for ${resource.name} to confirm`, () => confirmed(cli, aws, plan, resource));
}

async function report(
  cli: Cli,
  aws: Aws,
  plan: SetupPlan,
  all: readonly Inspected[],
  options: SetupOptions,
  isConfirmed: boolean | null,
): Promise<void> {
  const { out, colours } = cli.terminal;
  const dryRun = options.dryRun ?? false;
  out(`EC2 audit in ${plan.region}, account ${plan.account}:\n${installationText(all, dryRun, colours)}`);
  const idle = all.every((each) => ["nothing", "leave"].includes(actionFor(each)));
  if (idle) out("\nThere is nothing to change.");
  for (const { name, message, fixes } of doublings(plan, flagsFrom(options))) {
    out(`\n${colours.yellow("!")} rule ${name}: ${message}.\n${fixes.map((line) => `  ${line}`).join("\n")}`);
  }
  if (dryRun) {
    if (!idle) out("\nNothing was changed: this was a dry run.");
    return;
  }
  if (isConfirmed === false) {
    out(`\n${colours.red("✗")} ${unconfirmedText(plan, plan.url ?? "", flagsFrom(options))}`);
    return;
  }
  if (isConfirmed)
    out(`\n${colours.green("✓")} The function has confirmed its subscription. SNS calls it at every launch.`);
  if (plan.emails.length === 0 && (await subscriptionsOf(aws, plan.alertTopicArn)).length === 0) {
    out(`\n${colours.yellow("!")} Alerts have no recipients yet: ${howToSubscribe(plan, options)}`);
  }
  out(`\n${nextSteps(plan, options, isConfirmed ? [] : await subscriptionsOf(aws, plan.launchTopicArn))}`);
}

function howToSubscribe({ names, region, alertTopicArn }: SetupPlan, options: SetupOptions): string {
  return names.alertTopic.endsWith(".fifo")
    ? subscribeQueue(alertTopicArn, ` --region ${region}`)
    : `ec2-audit setup${flagsFrom(options)} --email you@example.com`;
}
