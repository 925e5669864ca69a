import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import pc from "picocolors";
import { escapeUnseen, isObject, parseJson } from "../../util/json.ts";
import type { DeliveryAttempt, EmbeddedAws } from "../aws/index.ts";
import { type Kept, keepRunning } from "./keep.ts";
import { createScreen, type Line, type Screen } from "./screen.ts";
import { type StageSet, setStage } from "./set.ts";
import { leaveSettingsOut } from "./shell.ts";
import { type Story, stories } from "./stories.ts";

const HELP = `npm start                 play five launches on an embedded AWS, and end
npm start -- --keep       leave it running afterwards, to play with
npm start -- --help       this

What runs is the file that is deployed, dist/audit.js, in the public webtask-runtime. Nothing leaves this machine.`;

/** SNS's waiting runs so many times faster than the wall: its 15 s between two calls are 2 s here. */
const SPEED = 7.5;
/** On the wall. Events tell the time in whole seconds, so that a launch looks up to a second older than it is: the second
 * call is always within this grace, and the third never. */
const GRACE_SECONDS = 4;
/** The stories are over long before. */
const GIVE_UP_SECONDS = 45;

const TONES: Readonly<Record<string, Line["tone"]>> = { compliant: "good", deferred: "wait", violating: "bad" };

/** What the function said last of each instance. */
type Decisions = Map<string, string>;

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { keep: { type: "boolean" }, help: { type: "boolean", short: "h" } } });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  leaveSettingsOut(process.env);
  const screen = createScreen((text) => process.stdout.write(text), Date.now, process.stdout.columns ?? Infinity);
  const decisions: Decisions = new Map();
  screen.title("EC2 audit on an embedded AWS");
  screen.text(
    `EC2 → EventBridge → SNS → dist/audit.js in webtask-runtime → SNS. The clock runs\n` +
      `faster here: SNS calls again after ${15 / SPEED} s instead of 15 s, and the grace is ${GRACE_SECONDS} s\n` +
      `instead of 45 s.\n`,
  );
  const seen = { mails: 0 };
  let kept: Kept | undefined;
  const stage = await setStage(SPEED, GRACE_SECONDS, {
    onDelivery: (attempt) => showDelivery(screen, attempt, decisions),
    onLog(line) {
      kept?.log(line);
      showLog(screen, line);
    },
  });
  if (values.keep) kept = keepRunning(screen, stage);
  const mails = setInterval(() => showMails(screen, stage.aws, seen), 50);
  try {
    await subscribe(screen, stage);
    const told = await play(screen, stage);
    const good = await curtain(screen, told, decisions);
    showCalls(screen, stage.aws);
    if (kept === undefined) screen.text(NEXT);
    else await kept.untilEnded();
    return good ? 0 : 1;
  } finally {
    clearInterval(mails);
    await stage.close();
    kept?.close();
  }
}

const NEXT = `
What next:
  npm start -- --keep    leaves this running: launch instances of your own, try
                         another policy, use the operator's commands
  npm cit                runs the tests
  README.md              configuration, and how to deploy to webtask and Lambda
`;

/** The function's first run subscribes it; asking for its health is a run. */
async function subscribe(screen: Screen, { functionUrl }: StageSet): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    const response = await fetch(functionUrl);
    const health: unknown = await response.json();
    if (isObject(health) && health.subscribed === "confirmed") {
      screen.line({ actor: "function", result: "subscribed", why: "its first run subscribed it", tone: "good" });
      return;
    }
    await wait(100);
  }
  throw new Error("the function was not subscribed within five seconds");
}

/** A story, and the instances it came to be about. */
interface Told {
  readonly story: Story;
  readonly ids: readonly string[];
}

async function play(screen: Screen, { ec2, aws }: StageSet): Promise<readonly Told[]> {
  return Promise.all(
    stories(ec2, aws).map(async (story) => {
      await wait(story.begins * 1000);
      const ids = await story.launch();
      for (const instance of ids) {
        screen.line({ actor: "you", instance, result: "launched", why: story.name, tone: "plain" });
      }
      if (story.later) {
        await wait(story.later.after * 1000);
        await story.later.happen(ids);
        for (const instance of ids) {
          screen.line({ actor: "you", instance, result: "changed", why: story.later.says, tone: "plain" });
        }
      }
      return { story, ids };
    }),
  );
}

/** Waits until every instance is decided, and says how each story came out. Answers whether all did as expected. */
async function curtain(screen: Screen, told: readonly Told[], decisions: Decisions): Promise<boolean> {
  const ids = told.flatMap((each) => each.ids);
  const decided = (id: string) => ["compliant", "violating", "ignored"].includes(decisions.get(id) ?? "");
  for (let waited = 0; waited < GIVE_UP_SECONDS * 10 && !ids.every(decided); waited++) await wait(100);
  await wait(200);
  screen.title("How it came out");
  let good = true;
  for (const { story, ids: own } of told) {
    const ended = [...new Set(own.map((id) => decisions.get(id) ?? "no answer"))].join(", ");
    const asExpected = ended === story.expected;
    good &&= asExpected;
    const mark = asExpected ? pc.green("✓") : pc.red(`✗ expected ${story.expected}`);
    const many = own.length > 1 ? ` (${own.length} instances)` : "";
    screen.text(`  ${ended.padEnd(11)} ${story.name}${many} ${mark}`);
  }
  return good;
}

/** What it cost: the calls that the function made, of which one can do for many launches. */
function showCalls(screen: Screen, { callCounts }: EmbeddedAws): void {
  const actions = ["ec2:DescribeTags", "ec2:DescribeInstances", "sns:Publish"];
  const counts = actions.map((action) => `${action.split(":")[1]} ${callCounts.get(action) ?? 0}`);
  screen.text(`\nCalls that the function made: ${counts.join(", ")}.`);
}

function showDelivery(screen: Screen, attempt: DeliveryAttempt, decisions: Decisions): void {
  if (attempt.protocol !== "http") return;
  const answer = parse(attempt.answer);
  const outcome = String(answer.outcome ?? attempt.error ?? "no answer");
  const instance = instanceOf(attempt);
  if (instance !== undefined) decisions.set(instance, outcome);
  const again =
    attempt.retryDelayMs === undefined ? "" : `; SNS calls again in ${attempt.retryDelayMs / 1000 / SPEED} s`;
  screen.line({
    actor: "function",
    ...(instance !== undefined && { instance }),
    result: `${attempt.status ?? ""} ${outcome}`,
    why: `${attempt.attempt === 1 ? "" : `call ${attempt.attempt}: `}${answer.reason ?? ""}${again}`,
    tone: TONES[outcome] ?? "plain",
  });
}

function instanceOf(attempt: DeliveryAttempt): string | undefined {
  const { detail } = parse(String(parse(attempt.body).Message ?? ""));
  const id = isObject(detail) ? detail["instance-id"] : undefined;
  return typeof id === "string" ? id : undefined;
}

/** Shows the mails since the last call. Anyone can publish to the topic, so their text is escaped. */
function showMails(screen: Screen, aws: EmbeddedAws, seen: { mails: number }): void {
  const mails = aws.mails.slice(seen.mails);
  seen.mails = aws.mails.length;
  for (const { type, subject, body } of mails) {
    if (type !== "Notification") continue;
    screen.message(escapeUnseen(subject), body.split("\n").map(escapeUnseen).join("\n"));
  }
}

/** The outcomes are shown with SNS's deliveries; of the function's log, only what went wrong is shown. */
function showLog(screen: Screen, line: string): void {
  const entry = parse(line);
  if (entry.level === "error") {
    screen.line({ actor: "function", result: "error", why: String(entry.message), tone: "bad" });
  }
}

function parse(text: string): Readonly<Record<string, unknown>> {
  const value = parseJson(text);
  return isObject(value) ? value : {};
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  },
);
