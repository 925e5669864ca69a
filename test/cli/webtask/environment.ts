import type { Ran } from "../run.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { lines, makeProject, type Project } from "./project.ts";

/** The public wt-cli, which is too large and old to be a dependency: the variable `WT_CLI` names an installed `wt`. */
export const wtCli = process.env.WT_CLI;

/** A clone, a logged-in operator, and a cluster. */
export interface Environment {
  readonly cluster: Cluster;
  readonly project: Project;
  /** The operator's environment variables. A test may add to them. */
  readonly env: Record<string, string>;
  deploy(...args: string[]): Promise<Ran>;
  rollback(...args: string[]): Promise<Ran>;
  deployedCode(): string | undefined;
  deployedSecrets(): Readonly<Record<string, string>> | undefined;
  /** The recorded deployments. */
  record(): readonly { readonly file: string; readonly health: string }[];
  close(): Promise<void>;
}

/** Starts the environment with these secrets in .env; the project builds this code. `wt` is the text of the program wt. */
export async function startEnvironment(
  code: string,
  secrets: Readonly<Record<string, string>>,
  wt = SIMULATED_WT,
): Promise<Environment> {
  const cluster = await startCluster();
  const project = makeProject();
  cluster.logIn(project.home);
  project.write(".env", lines(secrets));
  project.builds(code);
  const env: Record<string, string> = { WT_CLI: project.program("wt", wt) };
  const webtask = () => cluster.webtasks.get("ec2-audit");
  return {
    cluster,
    project,
    env,
    deploy: (...args) => project.run(["deploy", "webtask", ...args], { env }),
    rollback: (...args) => project.run(["rollback", "webtask", ...args], { env }),
    deployedCode: () => webtask()?.code,
    deployedSecrets: () => webtask()?.secrets,
    record: () => JSON.parse(project.read(".ec2-audit/webtask/ec2-audit/deployments.json")).deployments,
    async close() {
      project.remove();
      await cluster.close();
    },
  };
}

/** The `wt create` that this project uses, in a tenth of the time of the public wt-cli. */
const SIMULATED_WT = `const { readFileSync } = require("fs");
  const args = process.argv.slice(2), option = (name) => args[args.indexOf(name) + 1];
  const { url, token, container } = JSON.parse(readFileSync(process.env.HOME + "/.webtask", "utf8")).default;
  const lines = readFileSync(option("--secrets-file"), "utf8").trim().split("\\n");
  const secrets = Object.fromEntries(lines.map((line) => [line.split("=", 1)[0], line.slice(line.indexOf("=") + 2, -1)]));
  const body = JSON.stringify({ code: readFileSync(args[1], "utf8"), secrets });
  const headers = { authorization: "Bearer " + token };
  fetch(url + "/api/webtask/" + container + "/" + option("--name"), { method: "PUT", headers, body })
    .then((response) => response.json())
    .then(({ webtask_url }) => console.log(JSON.stringify({ url: webtask_url })));`;

/** The public wt-cli. First writes everything that other users of the machine could see into seen.json. */
export const RECORDED_WT = `const { statSync, writeFileSync } = require("fs"), { dirname } = require("path");
  const args = process.argv.slice(2), file = args[args.indexOf("--secrets-file") + 1];
  const mode = (path) => (statSync(path).mode & 0o777).toString(8);
  writeFileSync("seen.json", JSON.stringify({ args, env: process.env, file, modes: [mode(file), mode(dirname(file))] }));
  process.exit(require("child_process").spawnSync(${JSON.stringify(wtCli)}, args, { stdio: "inherit" }).status);`;

/** The code of a function that responds to every request with this document. */
export function responding(status: number, document: object): string {
  const text = JSON.stringify(JSON.stringify(document));
  return `module.exports = (ctx, req, res) => { res.writeHead(${status}); res.end(${text}); };`;
}
