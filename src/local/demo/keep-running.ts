import { once } from "node:events";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, unwatchFile, watchFile, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { secretsFileText } from "../../cli/webtask/secrets-file.ts";
import { isObject } from "../../util/json.ts";
import type { Output } from "./output.ts";
import { CREDENTIALS, type Demo, FILE } from "./setup.ts";

/** How often the files are checked for changes, in milliseconds. */
const CHECK_MS = 300;

/** The files of a demo that keeps running: the function's settings and its log, in a folder that is removed at the end. */
export interface RunningDemo {
  /** Adds a line to the log. */
  log(line: string): void;
  /** Prints what to try, and resolves on Ctrl-C. */
  untilEnded(): Promise<void>;
  /** Removes the files. */
  close(): void;
}

/** Writes the files, and restarts the function whenever its settings or the deployed file change. */
export function keepRunning(output: Output, demo: Demo): RunningDemo {
  const folder = mkdtempSync(join(tmpdir(), "ec2-audit-"));
  const [settings, log] = [join(folder, "settings.env"), join(folder, "function.log")];
  // For the AWS CLI: older versions do not read AWS_REGION.
  const forShells = { AWS_DEFAULT_REGION: CREDENTIALS.AWS_REGION, AWS_PAGER: "" };
  writeFileSync(settings, secretsFileText({ ...demo.secrets, ...forShells }));
  writeFileSync(log, "");
  let starting = Promise.resolve();
  const onChange = () => {
    starting = starting.then(() => restartWith(output, demo, readFileSync(settings, "utf8")));
  };
  return {
    log: (line) => appendFileSync(log, `${line}\n`),
    async untilEnded() {
      for (const file of [settings, FILE]) watchFile(file, { interval: CHECK_MS }, onChange);
      output.title("The demo keeps running; press Ctrl-C to end it.");
      output.text(helpOf(demo, settings, log));
      await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
      for (const file of [settings, FILE]) unwatchFile(file);
      await starting;
    },
    close: () => rmSync(folder, { recursive: true }),
  };
}

/** Restarts the function with the settings of the file, and prints its health. */
async function restartWith(output: Output, { restart, functionUrl }: Demo, text: string): Promise<void> {
  try {
    await restart(Object.fromEntries(Object.entries(parseEnv(text)).map(([key, value]) => [key, value ?? ""])));
    const health: unknown = await (await fetch(functionUrl)).json();
    const valid = isObject(health) && health.configured === true;
    const why = valid ? "its configuration is valid" : "its configuration is not valid: see its log";
    output.line({ actor: "function", result: "started", why, tone: valid ? "good" : "bad" });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    output.line({ actor: "function", result: "error", why, tone: "bad" });
  }
}

function helpOf({ aws, functionUrl, alertQueueUrl, secrets }: Demo, settings: string, log: string): string {
  return `
Its settings and its log:
  ${settings}
  ${log}
Change AUDIT_POLICY or another setting, or rebuild the function (npm run build):
the function restarts.

Run this first in another terminal, in this folder:
  set -a; . ${settings}; set +a

Launch instances:
  aws ec2 run-instances --image-id ami-0abcdef1234567890 --count 1
  aws ec2 run-instances --image-id ami-0abcdef1234567890 --count 3 \\
      --tag-specifications \\
      'ResourceType=instance,Tags=[{Key=Name,Value=a},{Key=service,Value=b}]'
  aws ec2 create-tags --resources i-... --tags Key=service,Value=shop

Read the alerts from a queue, and list the subscriptions:
  aws sqs receive-message --endpoint-url ${aws.endpoint} \\
      --queue-url ${alertQueueUrl}
  aws sns list-subscriptions-by-topic --topic-arn \\
      ${secrets.ALERT_TOPIC_ARN}

Run the operator's commands:
  npm run -s cli -- check --all --quiet
  npm run -s cli -- check --all --required-tags name,owner
  npm run -s cli -- doctor --probe --trace \\
      ${log}
  npm run -s cli -- setup --dry-run
  npm run -s cli -- setup --url ${functionUrl}

Call the function:
  curl ${functionUrl}
  curl -X POST ${functionUrl} -d 'not an SNS delivery'

The embedded AWS is at ${aws.endpoint}, with the account ${aws.accountId}.`;
}
