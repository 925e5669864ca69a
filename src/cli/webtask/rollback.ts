import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { readWebtaskConfig } from "./config.ts";
import { complaint, unreachableHint } from "./health.ts";
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

/** Runs `ec2-audit rollback webtask`. Throws CliError when it fails. */
export async function rollbackWebtask(cli: Cli, options: Options): Promise<void> {
  const config = readWebtaskConfig(cli, options.config);
  const history = readHistory(config, options.wtProfile);
  if (options.list) {
    cli.terminal.out(options.json ? JSON.stringify(history.deployments, null, 2) : table(history));
    return cli.finish(0);
  }
  const wanted = options.to === undefined ? deploymentBefore(history) : findDeployment(history, options.to);
  if (wanted === undefined)
    throw new CliError(`no earlier deployment of ${config.name} was healthy and has different code`, LIST);
  const bundle = readBundle(history, wanted);
  const secrets = gatherSecrets(cli, config, options.secretsFile);
  requireWt(cli);

  const now = history.deployments.at(-1);
  const from = now === undefined ? "" : ` from ${nameOf(now)}`;
  const unhealthy = wanted.health === "good" ? "" : ` Its health was ${wanted.health}.`;
  const question = `Roll back ${config.name}${from} to ${nameOf(wanted)}, with the current secrets?${unhealthy}`;
  if (!options.yes && !(await cli.terminal.confirm(question))) {
    cli.terminal.err("Nothing was changed.");
    return cli.finish(1);
  }

  const plan = { config, secrets, wtProfile: options.wtProfile };
  const { deployment, health } = await release(cli, plan, bundle, history, wanted.putBack ?? wanted.number);
  const { number, url, sha256, version, putBack } = deployment;
  if (options.json)
    cli.terminal.out(JSON.stringify({ deployment: number, putBack, url, sha256, version, health }, null, 2));
  const problem = complaint(health);
  const hint = health.state === "unknown" ? unreachableHint(url) : LIST;
  if (problem !== null) throw new CliError(`rolled back to ${nameOf(wanted)}, which ${problem}`, hint);
  if (!options.json) {
    cli.terminal.out(`Rolled back to ${nameOf(wanted)}, as deployment ${number}.
The function responds, and its configuration is valid.
  ${url}`);
  }
  return cli.finish(0);
}

const LIST = "ec2-audit rollback webtask --list prints the recorded deployments; --to chooses one.";

function table({ deployments }: History): string {
  if (deployments.length === 0) return "No deployment from this folder is recorded.";
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

function note({ putBack }: Deployment, isCurrent: boolean): string {
  return [putBack === null ? "" : `restores ${putBack}`, isCurrent ? "current" : ""].filter((part) => part).join(", ");
}
