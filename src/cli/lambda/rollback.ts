import { type Aws, connect } from "../aws.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { regionFlags } from "../flags.ts";
import { onInterruption } from "../interruption.ts";
import { NAMES } from "../names.ts";
import { readStack, type Stack, waitHint } from "./stack.ts";
import { ALIAS, type Live, listVersions, moveLive, readLive, type Version } from "./versions.ts";

interface Options extends CommonOptions {
  readonly stack: string;
  readonly function?: string;
  readonly to?: string;
  readonly list?: boolean;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Runs `ec2-audit rollback lambda`. Throws CliError, and what AWS throws. */
export async function rollbackLambda(cli: Cli, options: Options): Promise<void> {
  const aws = await connect(cli, options);
  const { stack, name, versions, live } = await cli.terminal.busy("Reading the versions", () =>
    readCurrent(aws, options),
  );
  if (options.list) {
    showVersions(cli, name, versions, live, options);
    return cli.finish(0);
  }
  if (stack?.status.endsWith("_IN_PROGRESS")) {
    throw new CliError(
      `a deployment is in progress (${stack.status}), and would move the alias forward again`,
      waitHint(stack.status, options.stack, regionFlags(options, aws)),
    );
  }
  const target = chooseTarget(versions, live, options.to);
  const { account } = await aws.identity();
  cli.terminal.err(`Function ${name} in account ${account}, region ${aws.region}, with ${aws.credentials}
  live now   ${describe(versions, live.number)}${canaryText(live)}
  roll back  ${describe(versions, target.number)}`);
  const { region, credentials } = aws;
  const result = {
    account,
    region,
    credentials,
    function: name,
    from: live.number,
    to: target.number,
    made: target.made,
  };
  if (options.dryRun) {
    cli.terminal.out(options.json ? JSON.stringify({ dryRun: true, ...result }, null, 2) : "Nothing was changed.");
    return cli.finish(0);
  }
  if (!options.yes && !(await cli.terminal.confirm(`Roll back ${name} to version ${target.number}?`))) {
    cli.terminal.err("Nothing was changed.");
    return cli.finish(1);
  }
  await onInterruption(
    () =>
      cli.terminal.err(
        `The alias may have moved already. To check: ec2-audit rollback lambda${sameFunction(options)} --list`,
      ),
    () => moveLive(aws, name, target.number, live.revision),
  );
  if (options.json) cli.terminal.out(JSON.stringify(result, null, 2));
  else showMoved(cli, name, target, live, options);
  return cli.finish(0);
}

interface Current {
  /** Null with --function. */
  readonly stack: Stack | null;
  readonly name: string;
  readonly versions: readonly Version[];
  readonly live: Live;
}

async function readCurrent(aws: Aws, options: Options): Promise<Current> {
  const stack = options.function === undefined ? await readStack(aws, options.stack) : null;
  if (options.function === undefined && stack === null) {
    throw new CliError(
      `the stack ${options.stack} does not exist in ${aws.region}`,
      "Name the stack with --stack, or the function with --function.",
    );
  }
  const name = options.function ?? stack?.outputs.FunctionName ?? options.stack;
  const versions = await listVersions(aws, name);
  if (versions === undefined) {
    throw new CliError(
      `the function ${name} does not exist in this account and region`,
      "Name the function with --function or --stack.",
    );
  }
  return { stack, name, versions, live: await readLive(aws, name) };
}

function chooseTarget(versions: readonly Version[], live: Live, to: string | undefined): Version {
  if (to === undefined) {
    // During a canary, rolling back means that the version with most of the calls gets all of them.
    const before = live.canary ? live.number : live.number - 1;
    const target = versions.find(({ number }) => number <= before);
    if (target) return target;
    throw new CliError(
      `version ${live.number} is the oldest version, so there is none to roll back to`,
      "ec2-audit rollback lambda --list prints all versions.",
    );
  }
  const target = versions.find(({ number }) => String(number) === to);
  if (target === undefined) {
    throw new CliError(
      `version ${to} does not exist`,
      `The versions are ${versions.map(({ number }) => number).join(", ")}. --list prints when each was created.`,
    );
  }
  if (target.number === live.number && live.canary === null) throw new CliError(`version ${to} is live already`);
  return target;
}

function showVersions(cli: Cli, name: string, versions: readonly Version[], live: Live, { json }: Options): void {
  if (json) {
    cli.terminal.out(JSON.stringify({ function: name, live: live.number, canary: live.canary, versions }, null, 2));
    return;
  }
  const lines = versions.map(({ number }) => {
    const mark = number === live.number ? `  ${ALIAS}` : "";
    return `  ${describe(versions, number)}${mark}`;
  });
  cli.terminal.out([`Versions of ${name}, newest first, failed deployments included:`, ...lines].join("\n"));
}

function describe(versions: readonly Version[], number: number): string {
  const version = versions.find((each) => each.number === number);
  if (version === undefined) return `version ${number}`;
  return `version ${number}, created ${version.made}${version.description ? ` (${version.description.slice(0, 30)})` : ""}`;
}

function canaryText({ canary }: Live): string {
  return canary === null
    ? ""
    : `\n             version ${canary.number} gets ${Math.round(canary.weight * 100)} % of the calls`;
}

function showMoved(cli: Cli, name: string, target: Version, live: Live, options: Options): void {
  const { green } = cli.terminal.colours;
  cli.terminal.out(`${green("Rolled back")} ${name} to version ${target.number}, which now gets every call.
For CloudFormation, version ${live.number} is still live. When you deploy a fixed version, it takes over.
If CloudFormation refuses that deployment because of the alias, undo the rollback first:
  ec2-audit rollback lambda${sameFunction(options)} --to ${live.number}`);
}

/** The options that name the same function again. */
function sameFunction({ stack, function: name }: Options): string {
  if (name !== undefined) return ` --function ${name}`;
  return stack === NAMES.stack ? "" : ` --stack ${stack}`;
}
