import { existsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { isObject, parseJson } from "../../util/json.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { inPrivateFolder } from "../private-folder.ts";
import { type Ended, findProgram, runProgram, systemCode, withoutSecrets } from "../run-program.ts";
import type { Bundle } from "./bundle.ts";
import type { Secrets } from "./secrets.ts";

/** The webtask that is created, and by whose account. */
export interface Target {
  readonly name: string;
  /** The profile of wt-cli; its only or default one when it is not named. */
  readonly wtProfile: string | undefined;
}

/** Longer than a slow cluster takes; a log-in that is over makes wt wait for a browser. */
const CREATE_MS = 2 * 60_000;

/** The program: WT_CLI says where it is, when it is not on the PATH. */
export function wtProgram(cli: Cli): string {
  return cli.env.WT_CLI || "wt";
}

/**
 * Looks for the program, before what takes time is done for it.
 * @throws CliError when it is not there
 */
export function requireWt(cli: Cli): void {
  const program = wtProgram(cli);
  const isThere = program.includes("/") ? existsSync(resolve(cli.folder, program)) : findProgram(program, cli.env);
  if (!isThere) throw notStarted(cli, "ENOENT");
}

/** The arguments of `wt create`. No secret is among them: a command line can be read by everybody on the machine. */
export function createArguments({ name, wtProfile }: Target, bundleFile: string, secretsFile: string): string[] {
  const profile = wtProfile === undefined ? [] : ["--profile", wtProfile];
  const files = [bundleFile, "--name", name, "--secrets-file", secretsFile];
  return ["create", ...files, "--ignore-package-json", "--output", "json", ...profile];
}

/**
 * Creates or replaces the webtask, and answers its URL. The bundle and the secrets are given to wt-cli as files of a private
 * folder, which is gone afterwards.
 * @throws CliError that says what to do, when wt-cli is not there, is not logged in, or fails
 */
export async function createWebtask(cli: Cli, target: Target, bundle: Bundle, secrets: Secrets): Promise<string> {
  const program = wtProgram(cli);
  const ended = await inPrivateFolder(async (folder, interrupted) => {
    const bundleFile = join(folder, "audit.js");
    const secretsFile = join(folder, "secrets.env");
    writeFileSync(bundleFile, bundle.code, { mode: 0o600 });
    writeFileSync(secretsFile, secrets.fileText, { mode: 0o600, flag: "wx" });
    const args = createArguments(target, bundleFile, secretsFile);
    // It would look for a newer version of itself on the network.
    const env = { ...withoutSecrets(cli.env), NO_UPDATE_NOTIFIER: "1", NODE_NO_WARNINGS: "1" };
    try {
      return await runProgram(program, args, { folder: cli.folder, env, timeoutMs: CREATE_MS, interrupted });
    } catch (error) {
      throw notStarted(cli, systemCode(error));
    }
  });
  const url = ended.code === 0 ? urlIn(ended.stdout) : null;
  if (url !== null) return url;
  throw explainWt(ended, Object.values(secrets.values));
}

/** wt-cli may have said more before its answer, such as that it has renewed its log-in. */
function urlIn(stdout: string): string | null {
  const start = stdout.search(/^\{/m);
  if (start < 0) return null;
  const answer = parseJson(stdout.slice(start));
  const url = isObject(answer) ? answer.url : null;
  return typeof url === "string" && /^https?:\/\//.test(url) && URL.canParse(url) ? url : null;
}

function notStarted(cli: Cli, code: string | undefined): CliError {
  const program = wtProgram(cli);
  if (code !== "ENOENT") return new CliError(`${program} cannot be started: ${code ?? "an unknown error"}`, INSTALL);
  return cli.env.WT_CLI
    ? new CliError(`WT_CLI names ${program}, which is not there`, CORRECT)
    : new CliError("wt-cli is not installed: there is no wt on the PATH", INSTALL);
}

const INSTALL = `npm install -g wt-cli, then wt init. WT_CLI can name a wt that is not on the PATH.`;
const CORRECT = "Correct WT_CLI, or unset it to use the wt on the PATH.";
const LOG_IN =
  "Log in with wt init (with --wt-profile NAME: wt init --profile NAME). wt profile ls shows the profiles there are.";

/** What wt-cli says, and what it means to somebody at a terminal. Its exit codes: 3 no profile, 5 no such profile, 8 refused. */
const KNOWN: readonly { readonly when: RegExp; readonly message: string; readonly hint: string }[] = [
  { when: /No webtask profiles found/i, message: "wt-cli is not logged in to a webtask cluster", hint: LOG_IN },
  { when: /Profile `[^`]*` not found/i, message: "wt-cli has no such profile", hint: LOG_IN },
  {
    when: /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|socket hang up/,
    message: "the webtask cluster could not be reached",
    hint: "wt profile ls shows its URL. Is there a network? wt-cli goes through the proxy of http_proxy, if it is set.",
  },
  {
    when: /Error creating webtask|Unauthorized|Forbidden|not authorized|\b40[13]\b|(?:jwt|token) (?:is )?(?:expired|invalid)|Invalid token/i,
    message: "the webtask cluster does not take the log-in of wt-cli",
    hint: `The log-in may be over, or not be for this container. ${LOG_IN}`,
  },
  {
    when: /primordials|process\.binding|Cannot find module|^SyntaxError|ERR_(?:REQUIRE|UNSUPPORTED|PACKAGE|DLOPEN|OSSL)/m,
    message: "wt-cli cannot be loaded by its Node",
    hint: "Install it anew: npm install -g wt-cli@11. It was tried on Node 20, 22 and 24.",
  },
];

function explainWt({ code, endedBy, stdout, stderr }: Ended, secrets: readonly string[]): CliError {
  const said = secrets
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)])
    .filter((secret) => secret.length >= 8)
    // The longest first: what is left of a long one, when a short one in it is gone, would stay.
    .sort((one, other) => other.length - one.length)
    .reduce((text, secret) => text.replaceAll(secret, "***"), `${stderr}\n${stdout}`);
  const lines = said
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^\s+at /.test(line) && !/github\.com/.test(line));
  const told = [...new Set(lines)]
    .slice(0, 10)
    .map((line) => `\n  ${line}`)
    .join("");
  if (endedBy === "timeout")
    return new CliError(`wt create did not end within ${CREATE_MS / 60_000} minutes${told}`, LOG_IN);
  if (endedBy !== null)
    return new CliError(
      `wt create was ended (${endedBy})${told}`,
      "Whether it had deployed is not known: deploy again.",
    );
  if (code === 0)
    return new CliError(`wt create did not say the webtask's URL${told}`, "Is this the public wt-cli, version 11?");
  const known = KNOWN.find(({ when }) => when.test(lines.join("\n")));
  if (known) return new CliError(`${known.message}, and nothing was deployed${told}`, known.hint);
  return new CliError(
    `wt create failed (exit code ${code}), and nothing was deployed${told}`,
    "wt profile ls shows where to.",
  );
}
