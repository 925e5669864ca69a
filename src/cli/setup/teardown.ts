import { connect } from "../aws.ts";
import type { Cli } from "../cli.ts";
import type { NameOptions } from "../flags.ts";
import { ifExists } from "../if-exists.ts";
import type { Colours } from "../terminal.ts";
import type { Leftover } from "./leftover.ts";
import { oneByOne } from "./one-by-one.ts";
import { findInstallation } from "./options.ts";
import type { Installation } from "./plan.ts";
import { leftovers } from "./removal.ts";

interface TeardownOptions extends NameOptions {
  readonly yes?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

type Removal = Extract<Leftover, { fate: "remove" }>;
type Change = Removal | Extract<Leftover, { fate: "restore" }>;

/** The result of teardown. */
type Ending = "nothing to remove" | "dry run" | "declined" | "removed";

/** Runs `ec2-audit teardown`. Throws CliError, and what AWS throws. */
export async function teardown(cli: Cli, options: TeardownOptions): Promise<void> {
  const { terminal } = cli;
  const aws = await connect(cli, options);
  const { installation, all } = await terminal.busy(`Checking the resources in ${aws.region}`, async () => {
    const there = await findInstallation(aws, options);
    return { installation: there, all: await leftovers(aws, there) };
  });
  const changes = all.filter((each): each is Change => "undo" in each);
  const say = options.json ? terminal.err : terminal.out;
  // The operator must see the list before confirming.
  if (all.length > 0) say(listing(all, installation, aws.credentials, terminal.colours));
  const ending = await carryOut(cli, installation, changes, options);
  if (options.json) terminal.out(JSON.stringify(document(all, installation, aws.credentials, ending), null, 2));
  else if (ending === "nothing to remove") {
    const waiting = all.some(({ fate }) => fate === "wait");
    const where = `${installation.region} (${installation.account})`;
    terminal.out(waiting ? `Nothing can be removed from ${where} yet.` : `setup created nothing in ${where}.`);
  } else terminal.out(ENDINGS[ending] + (ending === "removed" && changes.some(isQueue) ? QUEUE_IS_KEPT : ""));
  cli.finish(ending === "declined" ? 1 : 0);
}

const ENDINGS: Readonly<Record<Exclude<Ending, "nothing to remove">, string>> = {
  "dry run": "\nNothing was removed: this was a dry run.",
  declined: "\nNothing was removed.",
  removed: `\nRemoved. If the function is deployed on webtask, remove it with: wt rm ec2-audit`,
};

const QUEUE_IS_KEPT =
  "\nSQS reserves the name of a deleted queue for a minute. Until then, setup cannot create it again.";

function isQueue({ kind }: Leftover): boolean {
  return kind === "dead-letter queue";
}

async function carryOut(
  cli: Cli,
  installation: Installation,
  changes: readonly Change[],
  options: TeardownOptions,
): Promise<Ending> {
  if (changes.length === 0) return "nothing to remove";
  if (options.dryRun) return "dry run";
  if (!options.yes && !(await cli.terminal.confirm(question(changes)))) return "declined";
  await cli.terminal.busy(`Removing EC2 audit from ${installation.region} (${installation.account})`, async (say) => {
    await oneByOne(changes, async ({ kind, name, undo }) => {
      say(`${kind} ${name}`);
      // SQS still shows a queue for up to a minute after its deletion, and someone else may have removed it.
      await ifExists(undo());
    });
  });
  return "removed";
}

function question(changes: readonly Change[]): string {
  const removals = changes.filter((each): each is Removal => each.fate === "remove");
  if (removals.length === 0) return "Restore the listed resources?";
  const losses = removals.flatMap((each) => each.losses);
  const resources = removals.length === 1 ? "this resource" : `these ${removals.length} resources`;
  const text = `Remove ${resources}${removals.length < changes.length ? " and restore the rest" : ""}?`;
  return losses.length === 0 ? text : `${text} Consequences:\n- ${losses.join("\n- ")}\n`;
}

function listing(
  all: readonly Leftover[],
  { region, account }: Installation,
  credentials: string,
  colours: Colours,
): string {
  const width = Math.max(...all.map(({ kind }) => kind.length));
  const nameWidth = Math.max(...all.map(({ name }) => name.length));
  const lines = all.flatMap((each) => {
    const line = `${each.kind.padEnd(width)}  ${each.name.padEnd(nameWidth)}`;
    if ("why" in each) return [colours.dim(`  = ${line}  kept: ${each.why}`)];
    if (each.fate === "restore") return [colours.yellow(`  ~ ${line}  ${each.what}`)];
    return [colours.red(`  - ${line}`.trimEnd()), ...each.losses.map((loss) => `      ${loss}`)];
  });
  return [`EC2 audit in ${region}, account ${account}, with ${credentials}:`, ...lines].join("\n");
}

function document(
  all: readonly Leftover[],
  { region, account }: Installation,
  credentials: string,
  ending: Ending,
): object {
  const resources = all.map((each) => {
    const { kind, name, arn, fate } = each;
    const details =
      "why" in each ? { why: each.why } : each.fate === "restore" ? { what: each.what } : { losses: each.losses };
    return { kind, name, arn, fate, ...details };
  });
  return { region, account, credentials, ending, resources };
}
