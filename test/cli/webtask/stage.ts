import type { Ran } from "../run.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { lines, makeProject, type Project } from "./project.ts";

/**
 * The public wt-cli is large and old, so it is no dependency of this project: `WT_CLI` says where its `wt` is, when it is
 * installed elsewhere.
 */
export const wtCli = process.env.WT_CLI;

/** The name of a suite that needs wt-cli. */
export function withWtCli(name: string): string {
  return wtCli === undefined
    ? `${name} (skipped: WT_CLI does not say where the public wt-cli is)`
    : `${name}, with the public wt-cli`;
}

/** A clone, an operator who is logged in, and the cluster. */
export interface Stage {
  readonly cluster: Cluster;
  readonly project: Project;
  /** The operator's environment, which a test may add to. */
  readonly env: Record<string, string>;
  deploy(...args: string[]): Promise<Ran>;
  rollback(...args: string[]): Promise<Ran>;
  deployedCode(): string | undefined;
  deployedSecrets(): Readonly<Record<string, string>> | undefined;
  /** What is kept of the deployments. */
  record(): readonly { readonly file: string; readonly health: string }[];
  close(): Promise<void>;
}

/** Sets the stage, with these secrets in .env; the project builds this code. */
export async function setStage(code: string, secrets: Readonly<Record<string, string>>): Promise<Stage> {
  const cluster = await startCluster();
  const project = makeProject();
  cluster.logIn(project.home);
  project.write(".env", lines(secrets));
  project.builds(code);
  const env: Record<string, string> = { WT_CLI: project.program("wt", RECORDER) };
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

/** Takes down what everybody on the machine could see, in seen.json, and goes on with the real one. */
const RECORDER = `const { statSync, writeFileSync } = require("fs"), { dirname } = require("path");
  const args = process.argv.slice(2), file = args[args.indexOf("--secrets-file") + 1];
  const mode = (path) => (statSync(path).mode & 0o777).toString(8);
  writeFileSync("seen.json", JSON.stringify({ args, env: process.env, file, modes: [mode(file), mode(dirname(file))] }));
  process.exit(require("child_process").spawnSync(${JSON.stringify(wtCli)}, args, { stdio: "inherit" }).status);`;

/** The code of a function that answers every request with this document. */
export function answering(status: number, document: object): string {
  const text = JSON.stringify(JSON.stringify(document));
  return `module.exports = (ctx, req, res) => { res.writeHead(${status}); res.end(${text}); };`;
}
