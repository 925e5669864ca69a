import { Command } from "commander";
import { type Cli, CliError } from "../cli.ts";
import { readWebtaskConfig } from "../webtask/config.ts";
import { askElsewhere, complaint } from "../webtask/health.ts";
import {
  type Deployment,
  deploymentBefore,
  findDeployment,
  type History,
  nameOf,
  readBundle,
  readHistory,
} from "../webtask/history.ts";
import { release } from "../webtask/release.ts";
import { gatherSecrets } from "../webtask/secrets.ts";
import { requireWt } from "../webtask/wt.ts";

interface Options {
  readonly to?: string;
  readonly list?: boolean;
  readonly yes?: boolean;
  readonly config?: string;
  readonly secretsFile?: string;
  readonly wtProfile?: string;
  readonly json?: boolean;
}

const HELP = `
The code goes back, and the secrets do not: they are never kept, and the older
code gets those of now. Only deployments that were made from this folder are
known, for each --wt-profile its own; their files are in .ec2-audit.
--wt-profile names wt-cli's profile; --profile and --region are not used here.

Examples:
  $ ec2-audit rollback webtask --list
  $ ec2-audit rollback webtask             to the last that was well before
  $ ec2-audit rollback webtask --to 3      to deployment 3, or by its sha256

Exit codes: 0 put back and well, 1 you said no, 2 used wrongly, failed, or the
function is not known to be well.`;

/** `ec2-audit rollback webtask`. */
export function rollbackWebtaskCommand(cli: Cli): Command {
  return new Command("webtask")
    .description("put an older deployment of the function back on webtask, and look how it is")
    .option("--to <deployment>", "its number, or the beginning of its sha256 (default: the last that was well)")
    .option("--list", "show the deployments that are kept, and change nothing")
    .option("--yes", "do not ask")
    .option("--config <file>", "what is deployed (default: wt.config.json)")
    .option("--secrets-file <file>", "a file of KEY=value lines, before all other sources of secrets")
    .option("--wt-profile <name>", "profile of wt-cli (default: its only one, or the one named default)")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action((options: Options) => rollback(cli, options));
}

async function rollback(cli: Cli, options: Options): Promise<void> {
  const config = readWebtaskConfig(cli, options.config);
  const history = readHistory(config, options.wtProfile);
  if (options.list) {
    cli.terminal.out(options.json ? JSON.stringify(history.deployments, null, 2) : table(history));
    return cli.finish(0);
  }
  const wanted = options.to === undefined ? deploymentBefore(history) : findDeployment(history, options.to);
  if (wanted === undefined)
    throw new CliError(`there is no older deployment of ${config.name} that was well and is other code`, LIST);
  const bundle = readBundle(history, wanted);
  const secrets = gatherSecrets(cli, config, options.secretsFile);
  for (const warning of secrets.warnings) cli.terminal.err(`${cli.terminal.colours.yellow("warning:")} ${warning}`);
  requireWt(cli);

  const now = history.deployments.at(-1);
  const instead = now === undefined ? "" : ` in place of ${nameOf(now)}`;
  const unwell = wanted.health === "good" ? "" : ` Its health was ${wanted.health}.`;
  const question = `Put ${nameOf(wanted)} of ${config.name} back${instead}, with the secrets as they are now?${unwell}`;
  if (!options.yes && !(await cli.terminal.confirm(question))) {
    cli.terminal.err("Nothing was changed.");
    return cli.finish(1);
  }

  const plan = { config, secrets, wtProfile: options.wtProfile };
  const { deployment, health } = await release(cli, plan, bundle, history, wanted.putBack ?? wanted.number);
  const { number, url, sha256, version, putBack } = deployment;
  if (options.json)
    cli.terminal.out(JSON.stringify({ deployment: number, putBack, url, sha256, version, health }, null, 2));
  const wrong = complaint(health);
  const hint = health.state === "unknown" ? askElsewhere(url) : LIST;
  if (wrong !== null) throw new CliError(`${nameOf(wanted)} was put back, and ${wrong}`, hint);
  if (!options.json) {
    cli.terminal.out(`${nameOf(wanted)} is back, as deployment ${number}.
It answers, and its configuration is valid.
  ${url}`);
  }
  return cli.finish(0);
}

const LIST = "ec2-audit rollback webtask --list shows the deployments that are kept; --to chooses one.";

function table({ deployments }: History): string {
  if (deployments.length === 0) return "No deployment was made from this folder.";
  const rows = deployments.map((each) => [
    String(each.number),
    each.time.slice(0, 19).replace("T", " "),
    each.sha256.slice(0, 8),
    each.version,
    each.commit ?? "-",
    each.health,
    note(each, each === deployments.at(-1)),
  ]);
  const all = [["", "time (UTC)", "sha256", "version", "commit", "health", ""], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function note({ putBack }: Deployment, isNow: boolean): string {
  return [putBack === null ? "" : `put back ${putBack}`, isNow ? "deployed now" : ""].filter((part) => part).join(", ");
}
