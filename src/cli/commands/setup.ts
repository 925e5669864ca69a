import { Command } from "commander";
import { type Aws, connect } from "../aws.ts";
import { type Cli, CliError } from "../cli.ts";
import { confirmed, unconfirmedText } from "../setup/confirmation.ts";
import { checkFunctionAt } from "../setup/function-url.ts";
import { type Inspected, inspectInstallation } from "../setup/installation.ts";
import { nextSteps } from "../setup/next-steps.ts";
import { oneByOne } from "../setup/one-by-one.ts";
import {
  checkEmail,
  checkNoPassword,
  checkRoleName,
  checkUrl,
  collect,
  type NameOptions,
  placeAt,
  repeatedFlags,
  withNameOptions,
} from "../setup/options.ts";
import { doublings } from "../setup/other-rules.ts";
import { type Plan, shownUrl } from "../setup/plan.ts";
import { planRules } from "../setup/rule-plan.ts";
import { actionFor, installationJson, installationText } from "../setup/show.ts";
import { functionPolicy } from "../setup/statements.ts";
import { isUnconfirmed, subscribeQueue, subscriptionsOf } from "../setup/subscriptions.ts";
import { topicKeyOf } from "../setup/topic-key.ts";
import { readTopic } from "../setup/topics.ts";
import { parseTags } from "../tags.ts";

const HELP = `
Makes what the function needs in AWS, in one region:
  a rule for launches (EventBridge) → the launch topic (SNS) → the function
  → the alert topic (SNS) → people, and a queue (SQS) of what could not be
  delivered.
What is there already is looked at, and put right where it differs; it says
what it changes. Setup can be run again at any time: after an interruption it
goes on, and when nothing has changed it does nothing.

A rule of another name may already send launches, such as one made by hand. If
it is switched on, setup uses it instead of making one: it adds the dead-letter
queue to the rule's target, and does not change what the rule matches. If
setup's own rule exists too, alerts come twice: setup reports this, and you
choose with --adopt-rule or --disable-rule. teardown undoes both.

Examples:
  $ ec2-audit setup --dry-run                  what would be done?
  $ ec2-audit setup --email team@example.com   before the function is deployed
  $ ec2-audit setup --show-policy              the policy of the function's user
  $ ec2-audit setup --url https://wt-0123.run.webtask.io/ec2-audit
                                               when it is: SNS calls it from now

It reads and makes, and needs for that:
  events  DescribeRule, ListTargetsByRule, ListTagsForResource,
          ListRuleNamesByTarget, TestEventPattern, PutRule, TagResource,
          UntagResource, PutTargets, RemoveTargets, EnableRule, DisableRule
  sns     GetTopicAttributes, ListTagsForResource, ListSubscriptionsByTopic,
          GetSubscriptionAttributes, CreateTopic, TagResource,
          SetTopicAttributes, Subscribe, SetSubscriptionAttributes
  sqs     GetQueueUrl, GetQueueAttributes, ListQueueTags, CreateQueue,
          TagQueue, SetQueueAttributes

--tag sets a tag on each topic, queue and rule that setup makes, and corrects it
where it differs. What was there before keeps its own tags.

"ec2-audit teardown" removes again what setup has made. Both know it by the tag
ec2-audit=setup.
Exit codes: 0 done; 1 the function has not confirmed its subscription;
2 used wrongly or failed.`;

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
  readonly tag?: readonly string[];
  readonly json?: true;
}

/** `ec2-audit setup`: makes the topics, the rule, the dead-letter queue and the subscriptions, or puts them right. */
export function setupCommand(cli: Cli): Command {
  const command = new Command("setup")
    .description("make or put right what the function needs in AWS: topics, rule, dead-letter queue, subscriptions")
    .option("--email <address>", "somebody to tell of alerts; may be given several times", collect)
    .option("--url <url>", "the function's URL: subscribe it, and wait until it has confirmed")
    .option("--skip-health-check", "with --url: subscribe it even if it does not answer this machine")
    .option("--tag-changes", "also audit an instance when its tags are changed later")
    .option(
      "--cloudtrail",
      "also go by CloudTrail's RunInstances: what breaks a rule is alerted again, minutes later, with who launched it",
    )
    .option(
      "--tag <key=value>",
      "a tag for the topics, the queue and the rules that setup makes; may be given several times",
      collect,
    )
    .option("--adopt-rule <name>", "use this rule, which already sends launches, instead of setup's own", collect)
    .option("--disable-rule <name>", "switch off this rule, which already sends launches", collect)
    .option("--dry-run", "print what would be done, and change nothing")
    .option("--show-policy", "print the IAM policy that the function's user needs, as JSON, and do nothing else")
    .option("--audit-role <name>", "with --show-policy: the role in other accounts, as in AUDIT_ROLE_NAME")
    .option("--json", "print one JSON document");
  return withNameOptions(command)
    .addHelpText("after", HELP)
    .action(async (_: unknown, given: Command) => {
      await setup(cli, given.optsWithGlobals());
    });
}

/** An address is the same in any case: who is named twice is not to get every alert twice. */
function eachOnce(emails: readonly string[]): readonly string[] {
  const lower = emails.map((each) => each.toLowerCase());
  return emails.filter((_, index) => lower.indexOf(lower[index] ?? "") === index);
}

async function setup(cli: Cli, options: SetupOptions): Promise<void> {
  const { terminal } = cli;
  const emails = (options.email ?? []).map(checkEmail);
  const url = options.url === undefined ? null : checkUrl(options.url, Boolean(cli.env.AWS_ENDPOINT_URL));
  if (url !== null) checkNoPassword(url);
  else if (options.skipHealthCheck) throw new CliError("--skip-health-check goes with --url");
  if (options.auditRole !== undefined) {
    if (!options.showPolicy) {
      throw new CliError(
        "--audit-role goes with --show-policy",
        "It adds sts:AssumeRole on that role to the policy that is printed, and changes nothing in AWS.",
      );
    }
    checkRoleName(options.auditRole);
  }
  const tags = parseTags(options.tag);
  if (emails.length > 0 && options.alertTopic?.endsWith(".fifo")) {
    throw new CliError(
      "a FIFO topic sends no e-mail",
      "It delivers to SQS queues only. Leave --email out, or name a standard topic.",
    );
  }
  const aws = await connect(cli, options);
  const looking = `Looking at what is there in ${aws.region}`;
  if (options.showPolicy) {
    const { place, key } = await terminal.busy(looking, async () => {
      const found = await placeAt(aws, options);
      const topic = await readTopic(aws, found.alertTopicArn);
      return { place: found, key: topicKeyOf(found.alertTopicArn, topic?.attributes.KmsMasterKeyId) };
    });
    terminal.out(JSON.stringify(functionPolicy(place, options.auditRole, key), null, 2));
    return;
  }
  const { plan, all } = await terminal.busy(looking, async () => {
    const place = await placeAt(aws, options);
    const wish = {
      cloudTrail: options.cloudtrail ?? false,
      tagChanges: options.tagChanges ?? false,
      adopt: options.adoptRule ?? [],
      disable: options.disableRule ?? [],
    };
    const planned: Plan = { ...place, ...(await planRules(aws, place, wish)), emails: eachOnce(emails), url, tags };
    return { plan: planned, all: await inspectInstallation(aws, planned) };
  });
  const dryRun = options.dryRun ?? false;
  if (url !== null && !options.skipHealthCheck && all.some(isToBeConfirmed)) {
    const warnings = await terminal.busy(`Asking ${shownUrl(url)} for its health`, () => checkFunctionAt(url));
    for (const warning of warnings) {
      terminal.err(`${terminal.colours.yellow("warning:")} the function says: ${warning}`);
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
    await tell(cli, aws, plan, all, options, isConfirmed);
  }
  cli.finish(isConfirmed === false ? 1 : 0);
}

function isToBeConfirmed({ resource, found }: Inspected): boolean {
  return resource.kind === "function subscription" && (found.state === "absent" || isUnconfirmed(found));
}

/** Makes and mends, in order; answers whether the function has confirmed its subscription, null when none was asked for. */
async function carryOut(cli: Cli, aws: Aws, plan: Plan, all: readonly Inspected[]): Promise<boolean | null> {
  const work = all.filter((each) => ["make", "mend"].includes(actionFor(each)));
  if (work.length > 0) {
    await cli.terminal.busy(
      `Setting up EC2 audit in ${plan.region} (${plan.account}), with ${aws.credentials}`,
      async (say) => {
        await oneByOne(work, async ({ resource, found }) => {
          say(`${resource.kind} ${resource.name}`);
          await resource.put(found);
        });
      },
    );
  }
  const subscription = all.find(({ resource }) => resource.kind === "function subscription");
  if (subscription === undefined) return null;
  if (subscription.found.state === "right") return true;
  const { resource } = subscription;
  return cli.terminal.busy(`Waiting for ${resource.name} to confirm`, () => confirmed(cli, aws, plan, resource));
}

async function tell(
  cli: Cli,
  aws: Aws,
  plan: Plan,
  all: readonly Inspected[],
  options: SetupOptions,
  isConfirmed: boolean | null,
): Promise<void> {
  const { out, colours } = cli.terminal;
  const dryRun = options.dryRun ?? false;
  out(`EC2 audit in ${plan.region}, account ${plan.account}:\n${installationText(all, dryRun, colours)}`);
  const idle = all.every((each) => ["nothing", "leave"].includes(actionFor(each)));
  if (idle) out("\nThere is nothing to change.");
  for (const { name, message, mend } of doublings(plan, repeatedFlags(options))) {
    out(`\n${colours.yellow("!")} rule ${name}: ${message}.\n${mend.map((line) => `  ${line}`).join("\n")}`);
  }
  if (dryRun) {
    if (!idle) out("\nNothing has been changed: this was a dry run.");
    return;
  }
  if (isConfirmed === false) {
    out(`\n${colours.red("✗")} ${unconfirmedText(plan, plan.url ?? "", repeatedFlags(options))}`);
    return;
  }
  if (isConfirmed) out(`\n${colours.green("✓")} The function has confirmed: SNS calls it at every launch.`);
  if (plan.emails.length === 0 && (await subscriptionsOf(aws, plan.alertTopicArn)).length === 0) {
    out(`\n${colours.yellow("!")} Nobody is told of alerts yet: ${howToListen(plan, options)}`);
  }
  out(`\n${nextSteps(plan, options, isConfirmed ? [] : await subscriptionsOf(aws, plan.launchTopicArn))}`);
}

function howToListen({ names, region, alertTopicArn }: Plan, options: SetupOptions): string {
  return names.alertTopic.endsWith(".fifo")
    ? subscribeQueue(alertTopicArn, ` --region ${region}`)
    : `ec2-audit setup${repeatedFlags(options)} --email you@example.com`;
}
