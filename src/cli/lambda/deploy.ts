import { type Aws, connect } from "../aws.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { flagsFrom, regionFlags } from "../flags.ts";
import { NAMES } from "../names.ts";
import { packageFolder } from "../package-folder.ts";
import { readPolicyFile } from "../policy-file.ts";
import { parseTags } from "../tags.ts";
import { makeArtefact, readTemplate } from "./artefact.ts";
import type { PlannedChange } from "./change-set.ts";
import { type DeployRequest, type DeployResult, deploy } from "./deployment.ts";
import {
  checkParameters,
  type Parameters,
  PERMISSIONS,
  parseParameters,
  sweepsWith,
  withPermissions,
  withPolicyFile,
  withRelease,
} from "./parameters.ts";
import { checkStack, readStack } from "./stack.ts";
import { problemWith, readParameters, type TemplateParameter } from "./template.ts";
import { listVersions } from "./versions.ts";

interface Options extends CommonOptions {
  readonly stack: string;
  readonly parameter?: readonly string[];
  readonly email?: string;
  readonly alarmEmail?: string;
  readonly tag?: readonly string[];
  readonly bucket?: string;
  readonly policy?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** The stack's name is also the function's, which has at most 64 characters.
 * https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html */
const STACK_NAME = /^[A-Za-z][A-Za-z0-9-]{0,63}$/;

/** Runs `ec2-audit deploy lambda`. Takes the folder of the package to deploy. Throws CliError, and what AWS throws. */
export async function deployLambda(cli: Cli, options: Options, folder = packageFolder()): Promise<void> {
  const name = options.stack;
  if (!STACK_NAME.test(name)) {
    throw new CliError(
      "--stack is not a valid name",
      "It must begin with a letter and have 1 to 64 letters, digits and hyphens.",
    );
  }
  const template = readTemplate(folder);
  const declared = readParameters(template);
  const policy =
    options.policy === undefined ? null : { file: options.policy, text: readPolicyFile(cli, options.policy) };
  const words = { ...parseParameters(options.parameter ?? [], declared), ...addresses(options, declared) };
  const tags = parseTags(options.tag);
  const aws = await connect(cli, options);
  const { account, before, versions } = await cli.terminal.busy(`Reading the stack ${name}`, async () => {
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
      "No change set of this stack was executed yet. CloudFormation deletes the existing ones at the first deployment.",
    );
  }
  const kept = Object.fromEntries(
    Object.entries(before?.parameters ?? {}).filter(
      ([parameter]) => !PERMISSIONS.includes(parameter) && declared.some((each) => each.name === parameter),
    ),
  );
  const policyGiven = withPolicyFile(words, kept, policy);
  const inForce = { ...kept, ...policyGiven };
  const policyInForce = checkParameters(inForce, declared, aws.region, policy);
  const given = withPermissions(policyGiven, policyInForce, sweepsWith(inForce, declared));
  const artefact = await makeArtefact(cli, folder, policy?.text ?? null);
  const descriptions = versions.map(({ description }) => description);
  const parameters = { ...kept, ...withRelease(given, kept, artefact, descriptions) };
  const request: DeployRequest = {
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
  const result = await deploy(cli, aws, request);
  if (request.dryRun) showPlan(cli, aws, request, result, options);
  else await showDeployed(cli, aws, request, result, options);
  cli.finish(0);
}

/** Returns the parameters that --email and --alarm-email set. Throws CliError for a value that is not an address. */
function addresses(options: Options, declared: readonly TemplateParameter[]): Parameters {
  const flags = [
    ["--email", "AlertEmail", options.email],
    ["--alarm-email", "AlarmEmail", options.alarmEmail],
  ] as const;
  const parameters: Record<string, string> = {};
  for (const [flag, name, address] of flags) {
    if (address === undefined) continue;
    const parameter = declared.find((each) => each.name === name);
    const problem = parameter && problemWith(parameter, address);
    if (problem !== undefined)
      throw new CliError(`${flag} ${problem}`, "For several recipients, give the address of a mailing list.");
    parameters[name] = address;
  }
  return parameters;
}

function showPlan(cli: Cli, aws: Aws, request: DeployRequest, result: DeployResult, { json }: Options): void {
  const { stack, account, before, parameters } = request;
  const changes = result.kind === "planned" ? result.changes : [];
  const bucketToMake = result.kind === "no-bucket" ? result.bucket : null;
  if (json) {
    const { region, credentials } = aws;
    const document = { dryRun: true, stack, account, region, credentials, parameters, changes, bucketToMake };
    cli.terminal.out(JSON.stringify(document, null, 2));
  } else if (bucketToMake !== null) {
    cli.terminal.out(`Would create the bucket ${bucketToMake}, upload the function, and ${before ? "update" : "create"} the stack ${stack}:
${parameterLines(parameters)}
When the bucket exists, or with --bucket, --dry-run prints each change. Nothing was changed.`);
  } else if (changes.length === 0) {
    cli.terminal.out(`The stack ${stack} would not change.`);
  } else {
    cli.terminal.out(`Changes to the stack ${stack}:\n${table(changes)}\nNothing was changed.`);
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

async function showDeployed(
  cli: Cli,
  aws: Aws,
  request: DeployRequest,
  result: DeployResult,
  options: Options,
): Promise<void> {
  const { stack: name, account, before, parameters } = request;
  const after = await readStack(aws, name);
  const outputs = after?.outputs ?? {};
  const changed = result.kind === "done";
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
  const heading = changed ? `${green("Deployed")} the stack ${name}.` : `The stack ${name} is up to date.`;
  cli.terminal.out([heading, ...lines].join("\n"));
  if (parameters.Deployment === "AllAtOnce") {
    cli.terminal.err(
      `${yellow("note:")} new versions take all calls at once, whatever the state of the alarms. For canary deployments: --parameter Deployment=Canary10Percent5Minutes`,
    );
  }
  for (const [parameter, messages] of [
    ["AlertEmail", "alerts"],
    ["AlarmEmail", "alarms"],
  ] as const) {
    const address = parameters[parameter];
    if (address && address !== before?.parameters[parameter])
      cli.terminal.err(`${address} must confirm by e-mail before it gets ${messages}.`);
  }
  cli.terminal.out(nextSteps(cli, request, options));
}

function nextSteps(cli: Cli, { stack, parameters }: DeployRequest, options: Options): string {
  const { bold } = cli.terminal.colours;
  const { profile, region } = options;
  const given = flagsFrom({ ...(profile && { profile }), ...(region && { region }) });
  const flags = `${given}${stack === NAMES.stack ? "" : ` --stack ${stack}`}`;
  const alarms =
    parameters.AlarmEmail || parameters.AlarmTopicArn
      ? []
      : [`  ec2-audit deploy lambda${flags} --alarm-email you@example.com`, "    The alarms have no recipient yet."];
  return [
    `Next:\n  ${bold(`ec2-audit doctor${given} --stack ${stack}`)}`,
    ...alarms,
    `To roll back:\n  ec2-audit rollback lambda${flags}`,
  ].join("\n");
}
