import { once } from "node:events";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, unwatchFile, watchFile, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { secretsFileText } from "../../cli/webtask/secrets-file.ts";
import { isObject } from "../../util/json.ts";
import type { Screen } from "./screen.ts";
import { CREDENTIALS, FILE, type StageSet } from "./set.ts";

/** How often the files are looked at, in milliseconds. */
const LOOK_MS = 300;

/**
 * What a user of the demo can change and read: the function's settings and its log, in a folder that is removed at the end.
 */
export interface Kept {
  /** Adds a line to the log. */
  log(line: string): void;
  /** Says what can be done; ends with Ctrl-C. */
  untilEnded(): Promise<void>;
  /** Removes the files. */
  close(): void;
}

/** Writes the files, and starts the function again whenever its settings or its file are saved. */
export function keepRunning(screen: Screen, stage: StageSet): Kept {
  const folder = mkdtempSync(join(tmpdir(), "ec2-audit-"));
  const [settings, log] = [join(folder, "settings.env"), join(folder, "function.log")];
  // For the AWS CLI too, of which older versions read no AWS_REGION.
  const forShells = { AWS_DEFAULT_REGION: CREDENTIALS.AWS_REGION, AWS_PAGER: "" };
  writeFileSync(settings, secretsFileText({ ...stage.secrets, ...forShells }));
  writeFileSync(log, "");
  let starting = Promise.resolve();
  const again = () => {
    starting = starting.then(() => startAgain(screen, stage, readFileSync(settings, "utf8")));
  };
  return {
    log: (line) => appendFileSync(log, `${line}\n`),
    async untilEnded() {
      for (const file of [settings, FILE]) watchFile(file, { interval: LOOK_MS }, again);
      screen.title("It keeps running; end it with Ctrl-C.");
      screen.text(helpOf(stage, settings, log));
      await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
      for (const file of [settings, FILE]) unwatchFile(file);
      await starting;
    },
    close: () => rmSync(folder, { recursive: true }),
  };
}

/** Starts the function with the settings in their file, and shows its health. */
async function startAgain(screen: Screen, { restart, functionUrl }: StageSet, text: string): Promise<void> {
  try {
    await restart(Object.fromEntries(Object.entries(parseEnv(text)).map(([key, value]) => [key, value ?? ""])));
    const health: unknown = await (await fetch(functionUrl)).json();
    const valid = isObject(health) && health.configured === true;
    const why = valid ? "its configuration is valid" : "its configuration is not valid: see its log";
    screen.line({ actor: "function", result: "started", why, tone: valid ? "good" : "bad" });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    screen.line({ actor: "function", result: "error", why, tone: "bad" });
  }
}

function helpOf({ aws, functionUrl, alertQueueUrl, secrets }: StageSet, settings: string, log: string): string {
  return `
Its settings, and its log:
  ${settings}
  ${log}
Save the settings with another REQUIRED_TAGS or AUDIT_POLICY, or build another
function (npm run build): the function starts again with them.

In another terminal, in this folder, first:
  set -a; . ${settings}; set +a

Launch something:
  aws ec2 run-instances --image-id ami-0abcdef1234567890 --count 1
  aws ec2 run-instances --image-id ami-0abcdef1234567890 --count 3 \\
      --tag-specifications \\
      'ResourceType=instance,Tags=[{Key=Name,Value=a},{Key=service,Value=b}]'
  aws ec2 create-tags --resources i-... --tags Key=service,Value=shop

Read the alerts as a program does, and see who is subscribed:
  aws sqs receive-message --endpoint-url ${aws.endpoint} \\
      --queue-url ${alertQueueUrl}
  aws sns list-subscriptions-by-topic --topic-arn \\
      ${secrets.ALERT_TOPIC_ARN}

Use the operator's commands:
  npm run -s cli -- check --all --quiet
  npm run -s cli -- check --all --required-tags name,owner
  npm run -s cli -- doctor --probe --trace \\
      ${log}
  npm run -s cli -- setup --dry-run
  npm run -s cli -- setup --url ${functionUrl}

Ask the function itself:
  curl ${functionUrl}
  curl -X POST ${functionUrl} -d 'not a delivery of SNS'

The embedded AWS is at ${aws.endpoint}, and its account is ${aws.accountId}.`;
}
