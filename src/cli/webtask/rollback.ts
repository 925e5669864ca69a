import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { readWebtaskConfig } from "./config.ts";
import { askElsewhere, complaint } from "./health.ts";
import {
  type Deployment,
  deploymentBefore,
  findDeployment,
  type History,
  nameOf,
  readBundle,
  readHistory,
} from "./history.ts";
import { release } from "./release.ts";
import { gatherSecrets } from "./secrets.ts";
import { requireWt } from "./wt.ts";

interface Options {
  readonly to?: string;
  readonly list?: boolean;
  readonly yes?: boolean;
  readonly config?: string;
  readonly secretsFile?: string;
  readonly wtProfile?: string;
  readonly json?: boolean;
}

/** `ec2-audit rollback webtask`. */
export async function rollbackWebtask(cli: Cli, options: Options): Promise<void> {
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
