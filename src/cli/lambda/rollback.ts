import { type Aws, connect } from "../aws.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { regionFlags } from "../flags.ts";
import { onInterruption } from "../interruption.ts";
import { NAMES } from "../names.ts";
import { readStack, type Stack, waitFor } from "./stack.ts";
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

/** `ec2-audit rollback lambda`. */
export async function rollbackLambda(cli: Cli, options: Options): Promise<void> {
  const aws = await connect(cli, options);
  const { stack, name, versions, live } = await cli.terminal.busy("Looking at the versions", () => look(aws, options));
  if (options.list) {
    showVersions(cli, name, versions, live, options);
    return cli.finish(0);
  }
  if (stack?.status.endsWith("_IN_PROGRESS")) {
    throw new CliError(
      `a deployment is under way (${stack.status}), and would move the alias forward again`,
      waitFor(stack.status, options.stack, regionFlags(options, aws)),
    );
  }
  const target = chooseTarget(versions, live, options.to);
  const { account } = await aws.identity();
  cli.terminal.err(`Function ${name} in account ${account}, region ${aws.region}, with ${aws.credentials}
  live now  ${describe(versions, live.number)}${canaryText(live)}
  put back  ${describe(versions, target.number)}`);
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
  if (!options.yes && !(await cli.terminal.confirm(`Have ${name} run version ${target.number} from now on?`))) {
    cli.terminal.err("Nothing was changed.");
    return cli.finish(1);
  }
  await onInterruption(
    () =>
      cli.terminal.err(
        `The alias may have moved already. To check: ec2-audit rollback lambda${whichOf(options)} --list`,
      ),
    () => moveLive(aws, name, target.number, live.revision),
  );
  if (options.json) cli.terminal.out(JSON.stringify(result, null, 2));
  else showMoved(cli, name, target, live, options);
  return cli.finish(0);
}

interface Found {
  /** Null for a function that is named itself. */
  readonly stack: Stack | null;
  readonly name: string;
  readonly versions: readonly Version[];
  readonly live: Live;
}

async function look(aws: Aws, options: Options): Promise<Found> {
  const stack = options.function === undefined ? await readStack(aws, options.stack) : null;
  if (options.function === undefined && stack === null) {
    throw new CliError(
      `there is no stack ${options.stack} in ${aws.region}`,
      "Name it with --stack, or the function with --function.",
    );
  }
  const name = options.function ?? stack?.outputs.FunctionName ?? options.stack;
  const versions = await listVersions(aws, name);
  if (versions === undefined) {
    throw new CliError(
      `there is no function ${name} in this account and region`,
      "Name it with --function or --stack.",
    );
  }
  return { stack, name, versions, live: await readLive(aws, name) };
}

function chooseTarget(versions: readonly Version[], live: Live, to: string | undefined): Version {
  if (to === undefined) {
    // A canary that was left behind is called off by staying with the version that has most of the calls.
    const before = live.canary ? live.number : live.number - 1;
    const target = versions.find(({ number }) => number <= before);
    if (target) return target;
    throw new CliError(
      `version ${live.number} is the oldest there is, so that there is none to put back`,
      "ec2-audit rollback lambda --list shows them all.",
    );
  }
  const target = versions.find(({ number }) => String(number) === to);
  if (target === undefined) {
    throw new CliError(
      `there is no version ${to}`,
      `There are these: ${versions.map(({ number }) => number).join(", ")}. --list says when each was made.`,
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
  cli.terminal.out(
    [`Versions of ${name}, the newest first. One whose deployment failed may be among them.`, ...lines].join("\n"),
  );
}

function describe(versions: readonly Version[], number: number): string {
  const version = versions.find((each) => each.number === number);
  if (version === undefined) return `version ${number}`;
  return `version ${number}, made ${version.made}${version.description ? ` (${version.description.slice(0, 30)})` : ""}`;
}

function canaryText({ canary }: Live): string {
  return canary === null
    ? ""
    : `\n            with version ${canary.number} for ${Math.round(canary.weight * 100)} of a hundred calls`;
}

function showMoved(cli: Cli, name: string, target: Version, live: Live, options: Options): void {
  const { green } = cli.terminal.colours;
  cli.terminal.out(`${green("Put back")} version ${target.number} of ${name}: it has every call from now on.
CloudFormation still takes version ${live.number} for the live one. Deploy a mended version, and it takes over.
Should that deployment be refused because of the alias, go forward first:
  ec2-audit rollback lambda${whichOf(options)} --to ${live.number}`);
}

function whichOf({ stack, function: name }: Options): string {
  if (name !== undefined) return ` --function ${name}`;
  return stack === NAMES.stack ? "" : ` --stack ${stack}`;
}
