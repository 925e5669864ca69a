import { relative } from "node:path";
import type { Cli } from "../cli.ts";
import { type PolicyFile, readPolicyFile } from "../policy-file.ts";
import { type Bundle, makeBundle } from "./bundle.ts";
import { readWebtaskConfig, type WebtaskConfig } from "./config.ts";
import { readHistory } from "./history.ts";
import { type Release, type ReleasePlan, recover, release } from "./release.ts";
import { gatherSecrets, type Secrets } from "./secrets.ts";
import { createArguments, requireWt, wtProgram } from "./wt.ts";

interface Options {
  readonly config?: string;
  readonly secretsFile?: string;
  readonly wtProfile?: string;
  readonly policy?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Runs `ec2-audit deploy webtask`. Throws CliError when it fails. */
export async function deployWebtask(cli: Cli, options: Options): Promise<void> {
  const config = readWebtaskConfig(cli, options.config);
  const policy = policyFileOf(cli, config, options);
  const secrets = gatherSecrets(cli, config, options.secretsFile, policy);
  const plan: ReleasePlan = { config, secrets, wtProfile: options.wtProfile };
  const history = readHistory(config, options.wtProfile);
  requireWt(cli);
  const bundle = await makeBundle(cli, config, policy?.text ?? null);
  if (options.dryRun) {
    showDryRun(cli, plan, bundle, options);
    return cli.finish(0);
  }
  const released = await release(cli, plan, bundle, history, null);
  if (released.health.state !== "good") {
    const recovery = await recover(cli, plan, released);
    if (options.json) cli.terminal.out(json(released, recovery.release, bundle, secrets));
    throw recovery.error;
  }
  warnOfOtherUrl(cli, secrets, released.deployment.url);
  for (const warning of released.health.warnings) warn(cli, `the function reports: ${warning}`);
  if (options.json) cli.terminal.out(json(released, null, bundle, secrets));
  else showRelease(cli, plan, released, options);
  return cli.finish(0);
}

/** Returns the policy file of --policy, else that of wt.config.json; null without one. */
function policyFileOf(cli: Cli, config: WebtaskConfig, { policy }: Options): PolicyFile | null {
  if (policy !== undefined) return { file: policy, text: readPolicyFile(cli, policy) };
  return config.policy === null ? null : { file: config.policy, text: readPolicyFile(config, config.policy) };
}

function showDryRun(
  cli: Cli,
  { config, secrets, wtProfile }: ReleasePlan,
  { code, sha256, version, commit }: Bundle,
  options: Options,
) {
  const { name, main } = config;
  const wtCommand = [wtProgram(cli), ...createArguments({ name, wtProfile }, "<file>", "<secrets file>")];
  const file = relative(cli.folder, main);
  if (options.json) {
    const facts = { dryRun: true, name, file, bytes: code.length, sha256, version, commit };
    cli.terminal.out(JSON.stringify({ ...facts, secrets: secrets.from, command: wtCommand }, null, 2));
    return;
  }
  cli.terminal.out(`Would deploy ${name}, version ${version}${commit === null ? "" : `, commit ${commit}`}. Nothing was uploaded.
  file     ${file}, ${code.length} bytes, sha256 ${sha256}
${secretLines(secrets)}
  command  ${wtCommand.join(" ")}
           on copies of both files in a private folder, which is then removed`);
}

function secretLines({ from }: Secrets): string {
  const width = Math.max(...Object.keys(from).map((key) => key.length));
  return Object.entries(from)
    .map(([key, source], index) => `  ${index === 0 ? "secrets" : "       "}  ${key.padEnd(width)}  from ${source}`)
    .join("\n");
}

function warnOfOtherUrl(cli: Cli, { values, from }: Secrets, url: string): void {
  const { FUNCTION_URL } = values;
  if (FUNCTION_URL === undefined || withoutSlash(FUNCTION_URL) === withoutSlash(url)) return;
  warn(
    cli,
    `FUNCTION_URL (${from.FUNCTION_URL}) is not the URL that wt-cli printed: the function subscribes an address that is not its own`,
  );
}

function warn({ terminal }: Cli, text: string): void {
  terminal.err(`${terminal.colours.yellow("warning:")} ${text}`);
}

function showRelease(cli: Cli, { config }: ReleasePlan, { deployment, health }: Release, options: Options): void {
  const { url, number, sha256, version } = deployment;
  const { green, bold } = cli.terminal.colours;
  const subscribed = health.state === "good" ? health.subscribed : null;
  const next = subscribed === "confirmed" ? [] : [`ec2-audit setup --url ${url}`];
  cli.terminal.out(`${green("Deployed")} ${config.name}, version ${version} (${sha256.slice(0, 8)}), as deployment ${number}.
The function responds, and its configuration is valid.
  ${bold(url)}
Next:
${[...next, "ec2-audit doctor"].map((line) => `  ${line}`).join("\n")}
To roll back:
  ec2-audit rollback webtask${sameWebtask(options)}`);
}

/** The options that name the same webtask and secrets again. */
function sameWebtask({ config, secretsFile, wtProfile }: Options): string {
  const given = [
    ["--config", config],
    ["--secrets-file", secretsFile],
    ["--wt-profile", wtProfile],
  ] as const;
  return given.map(([option, value]) => (value === undefined ? "" : ` ${option} ${value}`)).join("");
}

function withoutSlash(url: string): string {
  return url.replace(/\/$/, "");
}

function json(made: Release, rollback: Release | null, bundle: Bundle, secrets: Secrets): string {
  const { number, url, sha256, version, commit } = made.deployment;
  const now = rollback ?? made;
  return JSON.stringify(
    {
      deployment: number,
      url,
      bytes: bundle.code.length,
      sha256,
      version,
      commit,
      secrets: secrets.from,
      health: made.health,
      deployedNow: {
        deployment: now.deployment.number,
        sha256: now.deployment.sha256,
        putBack: now.deployment.putBack,
        health: now.health,
      },
    },
    null,
    2,
  );
}
