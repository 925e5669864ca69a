import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { systemCode } from "../run-program.ts";
import type { Bundle } from "./bundle.ts";
import type { WebtaskConfig } from "./config.ts";
import { askElsewhere, checkHealth, complaint, type Health } from "./health.ts";
import {
  addDeployment,
  type Deployment,
  deploymentBefore,
  type History,
  nameOf,
  noteHealth,
  readBundle,
} from "./history.ts";
import type { Secrets } from "./secrets.ts";
import { createWebtask } from "./wt.ts";

/** Everything that a deployment needs beside its file. */
export interface Plan {
  readonly config: WebtaskConfig;
  readonly wtProfile: string | undefined;
  readonly secrets: Secrets;
}

/** What is deployed now, and how it is. */
export interface Release {
  readonly deployment: Deployment;
  readonly health: Health;
  readonly history: History;
}

/**
 * Uploads a file with the secrets, keeps it, and looks how it is. Takes the number of the deployment that it puts back, or
 * null for a new one.
 * @throws CliError when nothing could be uploaded; a release that is not well is an answer
 */
export async function release(
  cli: Cli,
  plan: Plan,
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
  const { history, deployment } = keep(before, bundle, made);
  const health = await cli.terminal.busy("Asking it for its health", () => checkHealth(cli, url, bundle));
  return { deployment, health, history: noteHealth(history, health.state) };
}

/** By now it is deployed: that nothing of it can be kept must not look as if it were not. */
function keep(...[before, bundle, made]: Parameters<typeof addDeployment>): ReturnType<typeof addDeployment> {
  try {
    return addDeployment(before, bundle, made);
  } catch (error) {
    throw new CliError(
      `${made.url} is deployed, but could not be kept for a rollback in ${before.folder}: ${systemCode(error) ?? String(error)}`,
      "Make the folder writable, and deploy again. ec2-audit doctor looks how the function is.",
    );
  }
}

/** What came of a deployment that is not known to be well. */
export interface Recovery {
  /** What was put back, when something was. */
  readonly release: Release | null;
  /** What is wrong, what runs now, and what to do. */
  readonly error: CliError;
}

/** Puts the last deployment that was well back in place of one that is not, where that can help. Never throws. */
export async function recover(cli: Cli, plan: Plan, failed: Release): Promise<Recovery> {
  const { deployment, health, history } = failed;
  const { name } = plan.config;
  const wrong = `${nameOf(deployment)} of ${name} ${complaint(health)}`;
  const stay = (hint: string): Recovery => ({
    release: null,
    error: new CliError(`${wrong}\nIt is what is deployed now.`, hint),
  });
  if (health.state === "unknown") return stay(`${askElsewhere(deployment.url)}\nNothing was put back.`);
  if (health.state === "misconfigured") {
    return stay(`Older code would get the same secrets, so none was put back. Put the keys right, and deploy again;
or, if it is the code that reads them wrongly: ec2-audit rollback webtask.`);
  }
  const sameCode = history.deployments.find((each) => each.sha256 === deployment.sha256 && each.health === "good");
  if (sameCode) {
    return stay(`The same file was well as ${nameOf(sameCode)}, so nothing was put back: look at the secrets, at the cluster
(wt logs), and at the network between it and here.`);
  }
  const last = deploymentBefore(history);
  if (last === undefined) {
    return stay(`There is nothing to put back: no deployment before it was well. To remove it: wt rm ${name}`);
  }
  try {
    cli.terminal.err(`It is not well. Putting back ${nameOf(last)}, with the secrets as they are now.`);
    const put = await release(cli, plan, readBundle(history, last), history, last.putBack ?? last.number);
    const now = complaint(put.health);
    return now === null
      ? {
          release: put,
          error: new CliError(
            `${wrong}\n${nameOf(last)} was put back, and is well.`,
            "wt logs shows why. Mend it, and deploy again.",
          ),
        }
      : {
          release: put,
          error: new CliError(`${wrong}\n${nameOf(last)} was put back, and ${now}`, UNWELL),
        };
  } catch (error) {
    const why = error instanceof CliError ? error.message : String(error);
    return {
      release: null,
      error: new CliError(
        `${wrong}\nIt is still what is deployed, for ${nameOf(last)} could not be put back: ${why}`,
        UNWELL,
      ),
    };
  }
}

const UNWELL =
  "Look at the secrets, at the cluster (wt logs), and at the network; ec2-audit rollback webtask --list shows older ones.";
