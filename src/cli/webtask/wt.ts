import { existsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { isObject, parseJson } from "../../util/json.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { inPrivateFolder } from "../private-folder.ts";
import { type Ended, findProgram, runProgram, systemCode, withoutSecrets } from "../run-program.ts";
import type { Bundle } from "./bundle.ts";
import type { Secrets } from "./secrets.ts";

/** The webtask to create, and the profile to use. */
export interface Target {
  readonly name: string;
  /** The profile of wt-cli; undefined for its default profile. */
  readonly wtProfile: string | undefined;
}

/** More than a slow cluster takes. With an expired log-in, wt waits for a browser. */
const CREATE_MS = 2 * 60_000;

/** Returns the program to run: WT_CLI, or wt from the PATH. */
export function wtProgram(cli: Cli): string {
  return cli.env.WT_CLI || "wt";
}

/** Checks, before slower work begins, that the program exists. Throws CliError when it does not. */
export function requireWt(cli: Cli): void {
  const program = wtProgram(cli);
  const exists = program.includes("/") ? existsSync(resolve(cli.folder, program)) : findProgram(program, cli.env);
  if (!exists) throw notStarted(cli, "ENOENT");
}

/** Returns the arguments of `wt create`. They contain no secret, because every user of the machine can read a command line. */
export function createArguments({ name, wtProfile }: Target, bundleFile: string, secretsFile: string): string[] {
  const profile = wtProfile === undefined ? [] : ["--profile", wtProfile];
  const files = [bundleFile, "--name", name, "--secrets-file", secretsFile];
  return ["create", ...files, "--ignore-package-json", "--output", "json", ...profile];
}

/**
 * Creates or replaces the webtask, and returns its URL. Passes the bundle and the secrets to wt-cli as files in a private
 * folder, and removes the folder afterwards. Throws CliError when wt-cli does not exist, is not logged in, or fails.
 */
export async function createWebtask(cli: Cli, target: Target, bundle: Bundle, secrets: Secrets): Promise<string> {
  const program = wtProgram(cli);
  const ended = await inPrivateFolder(async (folder, interrupted) => {
    const bundleFile = join(folder, "audit.js");
    const secretsFile = join(folder, "secrets.env");
    writeFileSync(bundleFile, bundle.code, { mode: 0o600 });
    writeFileSync(secretsFile, secrets.fileText, { mode: 0o600, flag: "wx" });
    const args = createArguments(target, bundleFile, secretsFile);
    // Without NO_UPDATE_NOTIFIER, wt-cli looks for a newer version on the network.
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

/** wt-cli may print other lines before the JSON, for example that it has renewed its log-in. */
function urlIn(stdout: string): string | null {
  const start = stdout.search(/^\{/m);
  if (start < 0) return null;
  const document = parseJson(stdout.slice(start));
  const url = isObject(document) ? document.url : null;
  return typeof url === "string" && /^https?:\/\//.test(url) && URL.canParse(url) ? url : null;
}

function notStarted(cli: Cli, code: string | undefined): CliError {
  const program = wtProgram(cli);
  if (code !== "ENOENT") return new CliError(`${program} cannot be started: ${code ?? "an unknown error"}`, INSTALL);
  return cli.env.WT_CLI
    ? new CliError(`WT_CLI names ${program}, which does not exist`, CORRECT)
    : new CliError("wt-cli is not installed: wt is not on the PATH", INSTALL);
}

const INSTALL = `Run npm install -g wt-cli, then wt init. For a wt that is not on the PATH, set WT_CLI.`;
const CORRECT = "Correct WT_CLI, or unset it to use wt from the PATH.";
const LOG_IN =
  "Log in with wt init (with --wt-profile NAME: wt init --profile NAME). wt profile ls prints the profiles.";

/**
 * The failures of wt-cli 11 by exit code (https://github.com/auth0/wt-cli/blob/master/bin/wt), or by output where the code is
 * a general one.
 */
const KNOWN: readonly {
  readonly exit?: number;
  readonly output?: RegExp;
  readonly message: string;
  readonly hint: string;
}[] = [
  { exit: 3, message: "wt-cli is not logged in to a webtask cluster", hint: LOG_IN },
  { exit: 5, message: "wt-cli does not have that profile", hint: LOG_IN },
  {
    output: /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|socket hang up/,
    message: "the webtask cluster could not be reached",
    hint: "wt profile ls prints its URL. Check the network; wt-cli uses the proxy in http_proxy, if it is set.",
  },
  {
    output:
      /Error creating webtask|Unauthorized|Forbidden|not authorized|\b40[13]\b|(?:jwt|token) (?:is )?(?:expired|invalid)|Invalid token/i,
    message: "the webtask cluster refused wt-cli's log-in",
    hint: `The log-in may have expired, or may not be for this container. ${LOG_IN}`,
  },
  {
    output:
      /primordials|process\.binding|Cannot find module|^SyntaxError|ERR_(?:REQUIRE|UNSUPPORTED|PACKAGE|DLOPEN|OSSL)/m,
    message: "Node cannot load wt-cli",
    hint: "Install it again: npm install -g wt-cli@11. It works on Node 20, 22 and 24.",
  },
];

function explainWt({ code, endedBy, stdout, stderr }: Ended, secrets: readonly string[]): CliError {
  const output = secrets
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)])
    .filter((secret) => secret.length >= 8)
    // Longest first: replacing a shorter secret inside a longer one would leave the rest of the longer one.
    .sort((one, other) => other.length - one.length)
    .reduce((text, secret) => text.replaceAll(secret, "***"), `${stderr}\n${stdout}`);
  const lines = output
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^\s+at /.test(line) && !/github\.com/.test(line));
  const shown = [...new Set(lines)]
    .slice(0, 10)
    .map((line) => `\n  ${line}`)
    .join("");
  if (endedBy === "timeout")
    return new CliError(`wt create did not end within ${CREATE_MS / 60_000} minutes${shown}`, LOG_IN);
  if (endedBy !== null)
    return new CliError(`wt create was ended (${endedBy})${shown}`, "It may or may not have deployed: deploy again.");
  if (code === 0)
    return new CliError(`wt create did not print the webtask's URL${shown}`, "Is this the public wt-cli, version 11?");
  const known = KNOWN.find(({ exit, output }) => exit === code || output?.test(lines.join("\n")));
  if (known) return new CliError(`${known.message}, and nothing was deployed${shown}`, known.hint);
  return new CliError(
    `wt create failed (exit code ${code}), and nothing was deployed${shown}`,
    "wt profile ls prints the cluster.",
  );
}
