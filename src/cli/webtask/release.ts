import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { systemCode } from "../run-program.ts";
import type { Bundle } from "./bundle.ts";
import type { WebtaskConfig } from "./config.ts";
import { complaint, type Health, readHealth, unreachableHint } from "./health.ts";
import {
  addDeployment,
  type Deployment,
  deploymentBefore,
  type History,
  nameOf,
  readBundle,
  recordHealth,
} from "./history.ts";
import type { Secrets } from "./secrets.ts";
import { createWebtask } from "./wt.ts";

/** The inputs of a deployment beside its file. */
export interface ReleasePlan {
  readonly config: WebtaskConfig;
  readonly wtProfile: string | undefined;
  readonly secrets: Secrets;
}

/** The current deployment and its health. */
export interface Release {
  readonly deployment: Deployment;
  readonly health: Health;
  readonly history: History;
}

/**
 * Uploads a file with the secrets, records it, and checks its health, which need not be good. Takes the number of the
 * deployment that it restores, or null for a new one. Throws CliError when the upload fails.
 */
export async function release(
  cli: Cli,
  plan: ReleasePlan,
  bundle: Bundle,
  before: History,
  putBack: number | null,
): Promise<Release> {
  const { config, wtProfile, secrets } = plan;
  const { name } = config;
  const url = await cli.terminal.busy(`Uploading ${name} with wt-cli`, () =>
    createWebtask(cli, { name, wtProfile }, bundle, secrets),
  );
  const made = { at: cli.now(), url, secrets: Object.keys(secrets.values), putBack };
  const { history, deployment } = record(before, bundle, made);
  const health = await cli.terminal.busy("Checking its health", () => readHealth(cli, url, bundle));
  return { deployment, health, history: recordHealth(history, health.state) };
}

/** The function is deployed already, so an error here must not look like a failed deployment. */
function record(...[before, bundle, made]: Parameters<typeof addDeployment>): ReturnType<typeof addDeployment> {
  try {
    return addDeployment(before, bundle, made);
  } catch (error) {
    throw new CliError(
      `${made.url} is deployed, but could not be recorded for a rollback in ${before.folder}: ${systemCode(error) ?? String(error)}`,
      "Make the folder writable, then deploy again. ec2-audit doctor checks the function.",
    );
  }
}

/** The result of recovering from a deployment whose health is not good. */
export interface Recovery {
  /** The rollback; null without one. */
  readonly release: Release | null;
  /** The problem, the deployment that runs now, and the fix. */
  readonly error: CliError;
}

/** Rolls back to `deploymentBefore`, where that can help. Never throws. */
export async function recover(cli: Cli, plan: ReleasePlan, failed: Release): Promise<Recovery> {
  const { deployment, health, history } = failed;
  const { name } = plan.config;
  const problem = `${nameOf(deployment)} of ${name} ${complaint(health)}`;
  const stay = (hint: string): Recovery => ({
    release: null,
    error: new CliError(`${problem}\nIt is still deployed.`, hint),
  });
  if (health.state === "unknown") return stay(`${unreachableHint(deployment.url)}\nThere was no rollback.`);
  if (health.state === "misconfigured") {
    return stay(`There was no rollback, because earlier code would get the same secrets. Correct the settings, then deploy again.
If instead the code is wrong: ec2-audit rollback webtask`);
  }
  const sameCode = history.deployments.find((each) => each.sha256 === deployment.sha256 && each.health === "good");
  if (sameCode) {
    return stay(`The same file was healthy as ${nameOf(sameCode)}, so there was no rollback.
Check the secrets, the cluster (wt logs), and the network to it.`);
  }
  const last = deploymentBefore(history);
  if (last === undefined) {
    return stay(`There was no rollback, because no earlier deployment was healthy. To remove this one: wt rm ${name}`);
  }
  try {
    cli.terminal.err(`The function is unhealthy. Rolling back to ${nameOf(last)}, with the current secrets.`);
    const rollback = await release(cli, plan, readBundle(history, last), history, last.putBack ?? last.number);
    const now = complaint(rollback.health);
    return now === null
      ? {
          release: rollback,
          error: new CliError(
            `${problem}\nRolled back to ${nameOf(last)}, which is healthy.`,
            "wt logs shows the cause. Fix it, then deploy again.",
          ),
        }
      : {
          release: rollback,
          error: new CliError(`${problem}\nRolled back to ${nameOf(last)}, which ${now}`, UNHEALTHY),
        };
  } catch (error) {
    const reason = error instanceof CliError ? error.message : String(error);
    return {
      release: null,
      error: new CliError(
        `${problem}\nIt is still deployed, because the rollback to ${nameOf(last)} failed: ${reason}`,
        UNHEALTHY,
      ),
    };
  }
}

const UNHEALTHY =
  "Check the secrets, the cluster (wt logs), and the network. ec2-audit rollback webtask --list prints the earlier deployments.";
