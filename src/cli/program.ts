import { Command, CommanderError, Help } from "commander";
import { description, name, version } from "../../package.json";
import { nearest } from "../util/nearest.ts";
import type { Cli } from "./cli.ts";
import { checkCommand } from "./commands/check.ts";
import { deployLambdaCommand } from "./commands/deploy-lambda.ts";
import { deployWebtaskCommand } from "./commands/deploy-webtask.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { policyCommand } from "./commands/policy.ts";
import { reportCommand } from "./commands/report.ts";
import { rollbackLambdaCommand } from "./commands/rollback-lambda.ts";
import { rollbackWebtaskCommand } from "./commands/rollback-webtask.ts";
import { setupCommand } from "./commands/setup.ts";
import { teardownCommand } from "./commands/teardown.ts";
import { explain } from "./explain.ts";
import type { Terminal } from "./terminal.ts";

/** Text in fewer columns is harder to read than lines that the terminal breaks. */
const MIN_COLUMNS = 20;

const EXAMPLES = `
To audit launches on webtask:
  $ ec2-audit setup --email team@example.com     topics, rule, dead-letter queue
  $ ec2-audit deploy webtask                     the function and its secrets
  $ ec2-audit setup --url https://…/ec2-audit    subscribe the function
  $ ec2-audit doctor                             check the installation

To audit launches on AWS Lambda:
  $ ec2-audit deploy lambda --email team@example.com
  $ ec2-audit doctor --stack ec2-audit

To audit everything that runs:
  $ ec2-audit report --out fleet.html            a page of all violations

Credentials and region are the same as for the AWS CLI.

Exit codes: 0 success; 1 a check failed, or a change was not confirmed; 2 usage
error or failure.`;

/** Returns the whole command line. */
export function createProgram(cli: Cli): Command {
  const program = new Command(name)
    .description(`${description}.`)
    .version(version, "-V, --version", "print the version")
    .option("--profile <name>", "AWS profile of the operator, as in the AWS CLI")
    .option("--region <name>", "AWS region, such as us-east-1")
    .helpOption("-h, --help", "print the help of the command")
    // For the commands with subcommands. The command line has its own, below.
    .helpCommand("help [command]", "print the help of a command")
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true, minWidthToWrap: MIN_COLUMNS })
    .addHelpText("after", EXAMPLES);
  const deploy = new Command("deploy")
    .description("build and deploy the function")
    .addCommand(deployWebtaskCommand(cli))
    .addCommand(deployLambdaCommand(cli));
  const rollback = new Command("rollback")
    .description("roll back to an earlier deployment")
    .addCommand(rollbackWebtaskCommand(cli))
    .addCommand(rollbackLambdaCommand(cli));
  const commands = [
    setupCommand(cli),
    deploy,
    rollback,
    doctorCommand(cli),
    checkCommand(cli),
    reportCommand(cli),
    policyCommand(cli),
    teardownCommand(cli),
  ];
  for (const command of commands) program.addCommand(command);
  // Commander's own help command takes one word, and "deploy webtask" is two.
  program
    .command("help [command...]")
    .description("print the help of a command, such as deploy webtask")
    .action(async (words: readonly string[]) => {
      await program.parseAsync([...words, "--help"], { from: "user" });
    });
  return program;
}

/**
 * Runs the command line with arguments, without the program's name. Returns the exit code; never throws. `create` replaces
 * the command line in tests.
 */
export async function runCli(
  args: readonly string[],
  environment: Omit<Cli, "finish">,
  create: (cli: Cli) => Command = createProgram,
): Promise<0 | 1 | 2> {
  let result: 0 | 1 | 2 = 0;
  let hasOutput = false;
  const out = (text: string) => {
    hasOutput = true;
    environment.terminal.out(text);
  };
  const terminal: Terminal = { ...environment.terminal, out };
  const finish = (code: 0 | 1 | 2) => {
    result = code;
  };
  const program = create({ ...environment, terminal, finish });
  program
    .exitOverride()
    .showHelpAfterError("Add --help for usage.")
    .addHelpText("beforeAll", ({ command }) => {
      refuseUnknown(command);
      return "";
    })
    .configureOutput({
      writeOut: (text) => terminal.out(wrapHelp(text.trimEnd(), terminal.columns)),
      writeErr: (text) => terminal.err(wrapHelp(text.trimEnd(), terminal.columns)),
      getOutHelpWidth: () => terminal.columns,
      getErrHelpWidth: () => terminal.columns,
    });
  inheritSettings(program);
  // With --json, a script gets a document even if the command fails before it prints one.
  const fail = (message: string, hint: string | null): 2 => {
    if (args.includes("--json") && !hasOutput) terminal.out(JSON.stringify({ error: { message, hint } }, null, 2));
    return 2;
  };
  try {
    await program.parseAsync([...args], { from: "user" });
    return result;
  } catch (error) {
    // Commander has already printed its error.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : fail(error.message, null);
    const { message, hint } = explain(error);
    terminal.err(`${terminal.colours.red("error:")} ${message}${hint ? `\n${hint.replaceAll(/^/gm, "  ")}` : ""}`);
    return fail(message, hint ?? null);
  }
}

/** Refuses an unknown command before --help, where Commander prints the help of the parent command. */
function refuseUnknown(command: Command): void {
  const [word] = command.args;
  const names = command.commands.map((each) => each.name());
  if (names.length === 0 || word === undefined || word.startsWith("-") || names.includes(word)) return;
  const suggestion = nearest(word, names);
  command.error(`error: unknown command '${word}'${suggestion ? `\n(Did you mean ${suggestion}?)` : ""}`);
}

/** Copies the settings to all subcommands. Commander does so only for commands that it creates itself. */
function inheritSettings(command: Command): void {
  for (const each of command.commands) inheritSettings(each.copyInheritedSettings(command));
}

const help = Object.assign(new Help(), { minWidthToWrap: MIN_COLUMNS });

/** Wraps help text, which is written for 80 columns, for a narrower terminal: Commander wraps only options and commands. */
function wrapHelp(text: string, columns: number): string {
  if (columns >= 80) return text;
  return text
    .replaceAll(/(?<=^\S.*)\n(?=\S)/gm, " ")
    .split("\n")
    .map((line) => {
      if (line.length <= columns) return line;
      const indent = " ".repeat(Math.min(line.search(/\S/), 10));
      const hang = indent && `${indent}    `;
      // A second column, such as the comment on an example, starts its own line.
      const cells = line.trimStart().replaceAll(/ {2,}/g, "\n");
      return indent + help.boxWrap(cells, columns - hang.length).replaceAll("\n", `\n${hang}`);
    })
    .join("\n");
}
