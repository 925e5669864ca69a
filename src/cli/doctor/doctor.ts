import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { checkUrl } from "../setup/options.ts";
import { verdictOf } from "./check.ts";
import { examineLambda } from "./lambda.ts";
import { checksText, countsOf } from "./show.ts";
import { checkTrace } from "./trace.ts";
import { examineWebtask, type WebtaskOptions } from "./webtask.ts";

interface DoctorOptions extends WebtaskOptions {
  readonly stack?: string;
  readonly json?: true;
}

/** Runs `ec2-audit doctor` and prints the checks. Throws CliError for options that cannot be combined. */
export async function doctor(cli: Cli, options: DoctorOptions): Promise<void> {
  const { terminal } = cli;
  if (options.stack !== undefined && (options.url !== undefined || options.account !== undefined)) {
    throw new CliError("--url and --account cannot be combined with --stack");
  }
  if (options.trace !== undefined && !options.probe) {
    throw new CliError("--trace requires --probe", "--trace names the log file that contains the probe's line.");
  }
  checkTrace(cli, options);
  if (options.url !== undefined) checkUrl(options.url, Boolean(cli.env.AWS_ENDPOINT_URL));
  const { stack } = options;
  const { region, account, checks } = await terminal.busy("Checking the installation", (say) =>
    stack === undefined ? examineWebtask(cli, options, say) : examineLambda(cli, { ...options, stack }, say),
  );
  const verdict = verdictOf(checks);
  const document = { region, account, verdict, counts: countsOf(checks), checks };
  terminal.out(options.json ? JSON.stringify(document, null, 2) : checksText(checks, terminal.colours));
  cli.finish(verdict === "ok" ? 0 : 1);
}
