import { Command, CommanderError } from "commander";
import { description, name, version } from "../../package.json";
import type { Cli } from "./cli.ts";
import { checkCommand } from "./commands/check.ts";
import { deployLambdaCommand } from "./commands/deploy-lambda.ts";
import { deployWebtaskCommand } from "./commands/deploy-webtask.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { rollbackLambdaCommand } from "./commands/rollback-lambda.ts";
import { rollbackWebtaskCommand } from "./commands/rollback-webtask.ts";
import { setupCommand } from "./commands/setup.ts";
import { teardownCommand } from "./commands/teardown.ts";
import { explain } from "./explain.ts";
import { fitHelp, MIN_COLUMNS } from "./help-width.ts";
import { nearest } from "./nearest.ts";
import type { Terminal } from "./terminal.ts";

const EXAMPLES = `
From nothing to audited launches, on webtask:
  $ ec2-audit setup --email team@example.com     topics, rule, dead-letter queue
  $ ec2-audit deploy webtask                     the function and its secrets
  $ ec2-audit setup --url https://…/ec2-audit    SNS calls the function from now
  $ ec2-audit doctor                             is everything as it should be?

The same on AWS Lambda, all in one template:
  $ ec2-audit deploy lambda --email team@example.com
  $ ec2-audit doctor --stack ec2-audit

Credentials and region are found as the AWS CLI finds them.
Exit codes: 0 done, 1 what was asked about is not so, 2 used wrongly or failed.`;

/** The whole command line. */
export function createProgram(cli: Cli): Command {
  const program = new Command(name)
    .description(`${description}.`)
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print what a command does, and how")
    .helpCommand(false)
    .option("--profile <name>", "AWS profile of the operator, as in the AWS CLI")
    .option("--region <name>", "AWS region, such as us-east-1")
    .configureHelp({ showGlobalOptions: true, minWidthToWrap: MIN_COLUMNS })
    .addHelpText("after", EXAMPLES);
  const deploy = new Command("deploy")
    .helpCommand(false)
    .description("build the function, and put it where it is to run");
  deploy.addCommand(deployWebtaskCommand(cli)).addCommand(deployLambdaCommand(cli));
  const rollback = new Command("rollback")
    .helpCommand(false)
    .description("put an earlier deployment of the function back");
  rollback.addCommand(rollbackWebtaskCommand(cli)).addCommand(rollbackLambdaCommand(cli));
  const commands = [setupCommand(cli), deploy, rollback, doctorCommand(cli), checkCommand(cli), teardownCommand(cli)];
  for (const command of commands) program.addCommand(command);
  program
    .command("help [command...]")
    .description("print the help of a command, such as deploy webtask")
    .action((words: readonly string[]) => commandOf(program, words).help());
  return program;
}

/** The command of these words; the parser's own error when there is none. */
function commandOf(program: Command, words: readonly string[]): Command {
  return words.reduce((command, word) => {
    refuseUnknown(command, word);
    return command.commands.find((each) => each.name() === word) ?? command;
  }, program);
}

function refuseUnknown(command: Command, word: string): void {
  const names = command.commands.map((each) => each.name());
  if (names.includes(word)) return;
  const meant = nearest(word, names);
  command.error(`error: unknown command '${word}'${meant === undefined ? "" : `\n(Did you mean ${meant}?)`}`);
}

/**
 * Runs the command line with these arguments, without the program's name, and answers its exit code. Never throws. A test may
 * make a command line of its own.
 */
export async function runCli(
  args: readonly string[],
  world: Omit<Cli, "finish">,
  create: (cli: Cli) => Command = createProgram,
): Promise<0 | 1 | 2> {
  let result: 0 | 1 = 0;
  let answered = false;
  const out = (text: string) => {
    answered = true;
    world.terminal.out(text);
  };
  const terminal: Terminal = { ...world.terminal, out };
  const cli: Cli = {
    ...world,
    terminal,
    finish: (code) => {
      result = code;
    },
  };
  const program = create(cli);
  const quiet = {
    writeOut: (text: string) => terminal.out(fitHelp(text.trimEnd(), terminal.columns)),
    writeErr: (text: string) => terminal.err(fitHelp(text.trimEnd(), terminal.columns)),
    getOutHelpWidth: () => terminal.columns,
    getErrHelpWidth: () => terminal.columns,
  };
  program.exitOverride().configureOutput(quiet);
  inherit(program);
  // A script that asked for JSON gets a document even when the command fails before it can print its own.
  const fail = (message: string, hint: string | null): 2 => {
    if (args.includes("--json") && !answered) terminal.out(JSON.stringify({ error: { message, hint } }, null, 2));
    return 2;
  };
  try {
    await program.parseAsync([...args], { from: "user" });
    return result;
  } catch (error) {
    if (error instanceof CommanderError) {
      // The parser has already said on the standard error what is wrong.
      return error.exitCode === 0 ? 0 : fail(error.message.replace(/^error: /, ""), null);
    }
    const { message, hint } = explain(error);
    const { red } = terminal.colours;
    terminal.err(`${red("error:")} ${message}${hint ? `\n${hint.replaceAll(/^/gm, "  ")}` : ""}`);
    return fail(message, hint ?? null);
  }
}

/**
 * The parser hands a command's settings down to those that it makes itself, and not to those that are added. It prints the
 * help of the command above for a word that it does not know, when --help follows.
 */
function inherit(command: Command, words = command.name()): void {
  command.showHelpAfterError(`${words} --help shows what there is.`);
  command.addHelpText("before", () => {
    const [word] = command.args;
    if (command.commands.length > 0 && word !== undefined && !word.startsWith("-")) refuseUnknown(command, word);
    return "";
  });
  for (const each of command.commands) inherit(each.copyInheritedSettings(command), `${words} ${each.name()}`);
}
