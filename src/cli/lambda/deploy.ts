import { type Aws, connect } from "../aws.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { flagsFrom, regionFlags } from "../flags.ts";
import { NAMES } from "../names.ts";
import { packageFolder } from "../package-folder.ts";
import { parseTags } from "../tags.ts";
import { makeArtefact, readTemplate } from "./artefact.ts";
import type { PlannedChange } from "./change-set.ts";
import { type Deployed, deploy, type Order } from "./deployment.ts";
import { checkParameters, type Parameters, parseParameters, withRelease } from "./parameters.ts";
import { checkStack, readStack } from "./stack.ts";
import { parameterNames, problemWith, readParameters } from "./template.ts";
import { listVersions } from "./versions.ts";

interface Options extends CommonOptions {
  readonly stack: string;
  readonly parameter?: readonly string[];
  readonly email?: string;
  readonly alarmEmail?: string;
  readonly tag?: readonly string[];
  readonly bucket?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** A function's name has 64 characters at most, and it is the stack's.
 * https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html */
const STACK_NAME = /^[A-Za-z][A-Za-z0-9-]{0,63}$/;

/** `ec2-audit deploy lambda`. Takes the folder of the package to deploy. */
export async function deployLambda(cli: Cli, options: Options, folder = packageFolder()): Promise<void> {
  const name = options.stack;
  if (!STACK_NAME.test(name)) {
    throw new CliError(
      "--stack is not a name",
      "It begins with a letter, and has 1 to 64 letters, digits and hyphens.",
    );
  }
  const template = readTemplate(folder);
  const given = { ...parseParameters(options.parameter ?? [], template), ...addresses(options, template) };
  const tags = parseTags(options.tag);
  const aws = await connect(cli, options);
  const { account, before, versions } = await cli.terminal.busy(`Looking at the stack ${name}`, async () => {
    const identity = await aws.identity();
    const stack = await readStack(aws, name);
    const found = stack === null ? [] : ((await listVersions(aws, name)) ?? []);
    return { account: identity.account, before: stack, versions: found };
  });
  cli.terminal.err(`Stack ${name} in account ${account}, region ${aws.region}, with ${aws.credentials}`);
  const flags = regionFlags(options, aws);
  checkStack(name, before, flags);
  if (before?.status === "REVIEW_IN_PROGRESS") {
    cli.terminal.err(
      "No change set of this stack has been executed yet. CloudFormation deletes the existing ones when the stack is deployed.",
    );
  }
  const declared = parameterNames(template);
  const kept = Object.fromEntries(
    Object.entries(before?.parameters ?? {}).filter(([parameter]) => declared.includes(parameter)),
  );
  checkParameters({ ...kept, ...given }, template);
  const artefact = await makeArtefact(cli, folder);
  const descriptions = versions.map(({ description }) => description);
  const parameters = { ...kept, ...withRelease(given, kept, artefact, descriptions) };
  const order: Order = {
    stack: name,
    account,
    before,
    artefact,
    parameters,
    tags,
    flags,
    bucket: options.bucket ?? null,
    dryRun: options.dryRun === true,
  };
  const deployed = await deploy(cli, aws, order);
  if (order.dryRun) showPlan(cli, aws, order, deployed, options);
  else await showDeployed(cli, aws, order, deployed, options);
  cli.finish(0);
}

/** The parameters that --email and --alarm-email set. @throws CliError for a value that is not an address */
function addresses(options: Options, template: string): Parameters {
  const flags = [
    ["--email", "AlertEmail", options.email],
    ["--alarm-email", "AlarmEmail", options.alarmEmail],
  ] as const;
  const parameters: Record<string, string> = {};
  for (const [flag, name, address] of flags) {
    if (address === undefined) continue;
    const parameter = readParameters(template).find((each) => each.name === name);
    const problem = parameter && problemWith(parameter, address);
    if (problem !== undefined)
      throw new CliError(`${flag} ${problem}`, "For several people, give the address of a list.");
    parameters[name] = address;
  }
  return parameters;
}

function showPlan(cli: Cli, aws: Aws, order: Order, deployed: Deployed, { json }: Options): void {
  const { stack, account, before, parameters } = order;
  const changes = deployed.kind === "planned" ? deployed.changes : [];
  const bucketToMake = deployed.kind === "no-bucket" ? deployed.bucket : null;
  if (json) {
    const { region, credentials } = aws;
    const document = { dryRun: true, stack, account, region, credentials, parameters, changes, bucketToMake };
    cli.terminal.out(JSON.stringify(document, null, 2));
  } else if (bucketToMake !== null) {
    cli.terminal.out(`Would make the bucket ${bucketToMake}, upload the function, and ${before ? "update" : "create"} the stack ${stack}:
${parameterLines(parameters)}
With the bucket there (or with --bucket), --dry-run prints each change. Nothing was changed.`);
  } else if (changes.length === 0) {
    cli.terminal.out(`Nothing would change in the stack ${stack}.`);
  } else {
    cli.terminal.out(`Would change in the stack ${stack}:\n${table(changes)}\nNothing was changed.`);
  }
}

function table(changes: readonly PlannedChange[]): string {
  const rows = [
    ["Action", "Resource", "Type", "Replacement"],
    ...changes.map(({ action, resource, type, replacement }) => [action, resource, type, replacement]),
  ];
  const widthOf = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const widths = [0, 1, 2, 3].map(widthOf);
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
  return rows.map((row) => `  ${line(row)}`.trimEnd()).join("\n");
}

function parameterLines(parameters: Parameters): string {
  return Object.entries(parameters)
    .map(([name, value]) => `  ${name}=${value}`)
    .join("\n");
}

async function showDeployed(cli: Cli, aws: Aws, order: Order, deployed: Deployed, options: Options): Promise<void> {
  const { stack: name, account, before, parameters } = order;
  const after = await readStack(aws, name);
  const outputs = after?.outputs ?? {};
  const changed = deployed.kind === "done";
  if (options.json) {
    const { region, credentials } = aws;
    const where = { stack: name, account, region, credentials };
    const document = { ...where, changed, status: after?.status, parameters, outputs };
    cli.terminal.out(JSON.stringify(document, null, 2));
    return;
  }
  const { green, yellow } = cli.terminal.colours;
  const width = Math.max(0, ...Object.keys(outputs).map((key) => key.length));
  const lines = Object.entries(outputs).map(([key, value]) => `  ${key.padEnd(width)}  ${value}`);
  const heading = changed ? `${green("Deployed")} the stack ${name}.` : `The stack ${name} is as it should be.`;
  cli.terminal.out([heading, ...lines].join("\n"));
  if (parameters.Deployment === "AllAtOnce") {
    cli.terminal.err(
      `${yellow("note:")} versions take over at once, whatever the alarms say. Back again: --parameter Deployment=Canary10Percent5Minutes`,
    );
  }
  for (const [parameter, what] of [
    ["AlertEmail", "alert"],
    ["AlarmEmail", "alarm"],
  ] as const) {
    const address = parameters[parameter];
    if (address && address !== before?.parameters[parameter])
      cli.terminal.err(`${address} must confirm by e-mail before it gets any ${what}.`);
  }
  cli.terminal.out(nextSteps(cli, order, options));
}

function nextSteps(cli: Cli, { stack, parameters }: Order, options: Options): string {
  const { bold } = cli.terminal.colours;
  const { profile, region } = options;
  const place = flagsFrom({ ...(profile && { profile }), ...(region && { region }) });
  const flags = `${place}${stack === NAMES.stack ? "" : ` --stack ${stack}`}`;
  const alarms =
    parameters.AlarmEmail || parameters.AlarmTopicArn
      ? []
      : [`  ec2-audit deploy lambda${flags} --alarm-email you@example.com`, "    No one gets the alarms yet."];
  return [
    `Next:\n  ${bold(`ec2-audit doctor${place} --stack ${stack}`)}`,
    ...alarms,
    `Back again:\n  ec2-audit rollback lambda${flags}`,
  ].join("\n");
}
