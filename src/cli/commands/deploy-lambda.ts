import { Command } from "commander";
import { type Aws, connect } from "../aws.ts";
import { type Cli, CliError, type CommonOptions } from "../cli.ts";
import { makeArtefact, readTemplate, withStage } from "../lambda/artefact.ts";
import { type Deployed, findDeployer, type Order, shownPlaceFlags } from "../lambda/deployer.ts";
import {
  checkParameters,
  isEmail,
  isOurs,
  type Parameters,
  parseParameters,
  withRelease,
} from "../lambda/parameters.ts";
import {
  discardChanges,
  eventsAfter,
  failures,
  newestEvents,
  readChanges,
  readStack,
  type Stack,
  waitFor,
} from "../lambda/stack.ts";
import { listVersions } from "../lambda/versions.ts";
import { NAMES } from "../names.ts";
import { packageFolder } from "../package-folder.ts";

interface Options extends CommonOptions {
  readonly stack: string;
  readonly parameter?: readonly string[];
  readonly email?: string;
  readonly bucket?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const HELP = `
Deploys deploy/template.yaml: alert topic, rules, queues, function, alarms,
dashboard. In a clone the types are checked and the file is built first. It
takes the AWS SAM CLI (sam) or the AWS CLI (aws). A parameter that is not given
keeps the value of the deployment before. A new version gets a tenth of the
launches first, and goes back by itself when an alarm sounds.

--dry-run makes a change set, prints it and removes it; the code is uploaded for
it.

Examples:
  $ ec2-audit deploy lambda --email team@example.com
  $ ec2-audit deploy lambda --parameter RequiredTags=name,owner \\
      --parameter GraceSeconds=120
  $ ec2-audit deploy lambda --parameter Deployment=AllAtOnce
      when an alarm that sounds already is to be ended by it

docs/organisation.md says how to audit all accounts of an organisation.

It calls, and needs for that:
  sts             GetCallerIdentity
  cloudformation  DescribeStacks, DescribeStackEvents
  lambda          ListVersionsByFunction
and with --dry-run cloudformation:DescribeChangeSet, DeleteChangeSet and
DeleteStack (of a stack that was made for the change set alone). sam or aws
uploads to S3 and makes the change set (s3 CreateBucket, GetObject, PutObject;
cloudformation CreateChangeSet, ExecuteChangeSet, GetTemplateSummary), and
CloudFormation makes, with your credentials, all that is in the template.

Exit codes: 0 done, or nothing to do; 2 used wrongly or failed.`;

/** `ec2-audit deploy lambda`. Takes the folder of this package. */
export function deployLambdaCommand(cli: Cli, folder: string = packageFolder()): Command {
  return new Command("lambda")
    .description("deploy the function to AWS Lambda, with all that belongs to it, as one CloudFormation stack")
    .option("--stack <name>", "the stack, and the function", NAMES.stack)
    .option("--parameter <Key=Value>", "a parameter of the template; may be given more than once", collect)
    .option("--email <address>", "who gets the alerts (the parameter AlertEmail)")
    .option("--bucket <name>", "S3 bucket for the code (default: one that is made when it is not there)")
    .option("--dry-run", "print what would change")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action((_: unknown, command: Command) => deploy(cli, folder, command.optsWithGlobals<Options>()));
}

function collect(word: string, before: readonly string[] = []): readonly string[] {
  return [...before, word];
}

/** A function's name has 64 characters at most, and it is the stack's.
 * https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html */
const STACK_NAME = /^[A-Za-z][A-Za-z0-9-]{0,63}$/;

async function deploy(cli: Cli, folder: string, options: Options): Promise<void> {
  const { stack: name, email } = options;
  if (!STACK_NAME.test(name)) {
    throw new CliError(
      "--stack is not a name",
      "It begins with a letter, and has 1 to 64 letters, digits and hyphens.",
    );
  }
  if (email !== undefined && !isEmail(email)) {
    throw new CliError(
      `"${email}" is not an e-mail address`,
      "--email takes one address: that of a list, for several.",
    );
  }
  const aws = await connect(cli, options);
  const deployer = findDeployer(cli, options, aws);
  const { account, before, versions } = await cli.terminal.busy(`Looking at the stack ${name}`, async () => {
    const identity = await aws.identity();
    const stack = await readStack(aws, name);
    const found = stack === null ? [] : ((await listVersions(aws, name)) ?? []);
    return { account: identity.account, before: stack, versions: found };
  });
  cli.terminal.err(`Stack ${name} in account ${account}, region ${aws.region}, with ${deployer.name}`);

  const flags = shownPlaceFlags(options, aws);
  checkStack(name, before, flags);
  const words = [...(options.parameter ?? []), ...(email === undefined ? [] : [`AlertEmail=${email}`])];
  const given = parseParameters(words, readTemplate(folder));
  checkParameters({ ...before?.parameters, ...given });
  const artefact = await makeArtefact(cli, folder);
  const descriptions = versions.map(({ description }) => description);
  const parameters = withRelease(given, before?.parameters ?? {}, artefact, descriptions);

  const order: Order = { stack: name, parameters, bucket: options.bucket ?? null, dryRun: options.dryRun === true };
  const last = (await newestEvents(aws, name))[0]?.EventId;
  const deployed = await cli.terminal.busy(order.dryRun ? "Asking what would change" : "Deploying", (say) =>
    withStage(artefact, (stage) => watched(cli, aws, name, last, deployer.deploy(stage, order), say)),
  );
  if (deployed.kind === "failed") throw await failure(aws, name, last, deployed.told, flags);
  if (order.dryRun) await showPlan(cli, aws, order, deployed, before !== null, options);
  else await showDeployed(cli, aws, order, deployed, options);
  cli.finish(0);
}

/**
 * Refuses a stack that cannot be deployed to now (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html),
 * and one of another template: an update removes all that its own template has not.
 */
function checkStack(name: string, stack: Stack | null, flags: string): void {
  if (stack === null || stack.status === "REVIEW_IN_PROGRESS") return;
  if (stack.status.endsWith("_IN_PROGRESS")) {
    throw new CliError(
      `the stack ${name} is being changed just now (${stack.status})`,
      waitFor(stack.status, name, flags),
    );
  }
  if (!isOurs(stack.parameters)) {
    throw new CliError(
      `the stack ${name} is not of deploy/template.yaml: all that is in it would be removed`,
      "Name another one with --stack.",
    );
  }
  if (wasNeverMade(stack.status)) {
    throw new CliError(
      `the stack ${name} was never made: its first deployment failed (${stack.status})`,
      removeFirst(name, flags),
    );
  }
}

function wasNeverMade(status: string): boolean {
  return /^(?:ROLLBACK_|CREATE_FAILED$)/.test(status);
}

function removeFirst(name: string, flags: string): string {
  return `Remove what is left of it, then deploy again: aws cloudformation delete-stack --stack-name ${name}${flags}`;
}

const LOOK_EVERY_MS = 3_000;

/** Says, while the deployment is at work, what it is at. */
async function watched(
  cli: Cli,
  aws: Aws,
  name: string,
  last: string | undefined,
  work: Promise<Deployed>,
  say: (text: string) => void,
): Promise<Deployed> {
  let ended = false;
  let shown: string | undefined = last;
  const end = work.finally(() => {
    ended = true;
  });
  const look = async () => {
    while (!ended) {
      await Promise.race([end, cli.pause(LOOK_EVERY_MS)]);
      const events = ended ? [] : eventsAfter(await newestEvents(aws, name), shown);
      for (const { LogicalResourceId, ResourceStatus } of [...events].reverse())
        say(`${LogicalResourceId} ${ResourceStatus}`);
      shown = events[0]?.EventId ?? shown;
    }
  };
  // What is at work is not ended by not being seen: the deployment's own result is the one that counts.
  await look().catch(() => undefined);
  return end;
}

async function failure(
  aws: Aws,
  name: string,
  last: string | undefined,
  told: string,
  flags: string,
): Promise<CliError> {
  const events = eventsAfter(await newestEvents(aws, name), last);
  if (events.length === 0) return new CliError(`the deployment of ${name} failed: ${told}`, "Nothing was changed.");
  const failed = failures(events);
  const status = (await readStack(aws, name))?.status ?? "gone";
  return new CliError(
    `the deployment of ${name} failed (${status}):\n${failed.length > 0 ? failed.join("\n") : told}`,
    wasNeverMade(status)
      ? `Mend the first of these. ${removeFirst(name, flags)}`
      : "CloudFormation puts back what was there before. Mend the first of these, then deploy again.",
  );
}

async function showPlan(
  cli: Cli,
  aws: Aws,
  { stack, parameters }: Order,
  deployed: Deployed,
  exists: boolean,
  { json }: Options,
): Promise<void> {
  const changes = deployed.kind === "planned" ? await readChanges(aws, deployed.changeSet) : [];
  if (deployed.kind === "planned") await discardChanges(aws, deployed.changeSet, stack);
  const bucket = deployed.kind === "no-bucket" ? deployed.bucket : null;
  if (json) {
    cli.terminal.out(JSON.stringify({ dryRun: true, stack, parameters, changes, bucketToMake: bucket }, null, 2));
    return;
  }
  if (bucket !== null) {
    cli.terminal.out(`Would make the bucket ${bucket}, upload the function, and ${exists ? "update" : "create"} the stack ${stack}:
${parameterLines(parameters)}
With the bucket there (or with --bucket), --dry-run prints each change. Nothing was changed.`);
  } else if (changes.length === 0) {
    cli.terminal.out(`Nothing would change in the stack ${stack}.`);
  } else {
    cli.terminal.out(`Would change in the stack ${stack}:
${changes.map((line) => `  ${line}`).join("\n")}
Nothing was changed.`);
  }
}

function parameterLines(parameters: Parameters): string {
  return Object.entries(parameters)
    .map(([name, value]) => `  ${name}=${value}`)
    .join("\n");
}

async function showDeployed(cli: Cli, aws: Aws, order: Order, deployed: Deployed, { json }: Options): Promise<void> {
  const { stack: name, parameters } = order;
  const after = await readStack(aws, name);
  const outputs = after?.outputs ?? {};
  const changed = deployed.kind === "done";
  if (json) {
    cli.terminal.out(JSON.stringify({ stack: name, changed, status: after?.status, parameters, outputs }, null, 2));
    return;
  }
  const { green, bold, yellow } = cli.terminal.colours;
  const whichStack = name === NAMES.stack ? "" : ` --stack ${name}`;
  const width = Math.max(0, ...Object.keys(outputs).map((key) => key.length));
  const lines = Object.entries(outputs).map(([key, value]) => `  ${key.padEnd(width)}  ${value}`);
  cli.terminal.out(
    [changed ? `${green("Deployed")} the stack ${name}.` : `The stack ${name} is as it should be.`, ...lines].join(
      "\n",
    ),
  );
  if (after?.parameters.Deployment === "AllAtOnce") {
    cli.terminal.err(
      `${yellow("note:")} versions take over at once, whatever the alarms say. Back again: --parameter Deployment=Canary10Percent5Minutes`,
    );
  }
  if (parameters.AlertEmail)
    cli.terminal.err(`${parameters.AlertEmail} is asked by e-mail to confirm, and gets no alert before.`);
  cli.terminal.out(
    `Next:\n  ${bold(`ec2-audit doctor --stack ${name}`)}\nBack again:\n  ec2-audit rollback lambda${whichStack}`,
  );
}
