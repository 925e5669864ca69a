import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import pc from "picocolors";
import { launchActions } from "../../cli/policy-file.ts";
import { escapeUnseen, isObject, parseJson } from "../../util/json.ts";
import { wrap } from "../../util/text.ts";
import type { DeliveryAttempt, EmbeddedAws } from "../aws/index.ts";
import { removeSettings } from "./environment.ts";
import { keepRunning, type RunningDemo } from "./keep-running.ts";
import { createOutput, type Line, type Output } from "./output.ts";
import { demoPolicy } from "./policy.ts";
import { writeReport } from "./report.ts";
import { type Scenario, scenarios } from "./scenarios.ts";
import { type Demo, startDemo } from "./setup.ts";

const HELP = `npm start                 run seven scenarios on an embedded AWS, write a report, then exit
npm start -- --keep       keep the demo running afterwards, to try it
npm start -- --help       print this help

The demo runs the deployed file, dist/audit.js, in the public webtask-runtime. Nothing leaves this machine.`;

/** How many times faster than real time SNS's delays pass: 15 s between two calls take 2 s. */
const SPEED = 7.5;
/** In real time. Events state the time in whole seconds, so a launch seems up to a second older than it is: the second call
 * is always within this grace, and the third never. */
const GRACE_SECONDS = 4;
/** The scenarios end long before. */
const MAX_WAIT_SECONDS = 45;

const TONES: Readonly<Record<string, Line["tone"]>> = { compliant: "good", deferred: "wait", violating: "bad" };

/** The last outcome of each instance. */
type Outcomes = Map<string, string>;

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { keep: { type: "boolean" }, help: { type: "boolean", short: "h" } } });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  removeSettings(process.env);
  const output = createOutput((text) => process.stdout.write(text), Date.now, process.stdout.columns ?? Infinity);
  const outcomes: Outcomes = new Map();
  output.title("EC2 audit on an embedded AWS");
  output.text(
    `EC2 → EventBridge → SNS → dist/audit.js in webtask-runtime → SNS. The demo runs\n` +
      `faster: SNS calls again after ${15 / SPEED} s instead of 15 s, and the grace is ${GRACE_SECONDS} s instead\n` +
      `of 45 s.\n`,
  );
  printPolicy(output);
  const printed = { mails: 0 };
  let kept: RunningDemo | undefined;
  const demo = await startDemo(SPEED, GRACE_SECONDS, {
    onDelivery: (attempt) => printDelivery(output, attempt, outcomes),
    onLog(line) {
      kept?.log(line);
      printLog(output, line);
    },
  });
  if (values.keep) kept = keepRunning(output, demo);
  const mails = setInterval(() => printMails(output, demo.aws, printed), 50);
  try {
    await subscribe(output, demo);
    const launched = await run(output, demo);
    const good = await printResults(output, launched, outcomes);
    printCalls(output, demo.aws);
    const { result, page } = await writeReport(demo.aws.endpoint);
    output.text(`\nThe report of what runs now (ec2-audit report): ${result}.\n  ${page}`);
    if (kept === undefined) output.text(NEXT);
    else await kept.untilEnded();
    return good ? 0 : 1;
  } finally {
    clearInterval(mails);
    await demo.close();
    kept?.close();
  }
}

const NEXT = `
What next:
  npm start -- --keep    keep the demo running: launch your own instances, try
                         another policy, run the operator's commands
  npm cit                run the tests
  README.md              how to configure and deploy the function
`;

/** Reads the function's health: its first run subscribes it. */
async function subscribe(output: Output, { functionUrl }: Demo): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    const response = await fetch(functionUrl);
    const health: unknown = await response.json();
    if (isObject(health) && health.subscribed === "confirmed") {
      output.line({ actor: "function", result: "subscribed", why: "by its first run", tone: "good" });
      return;
    }
    await wait(100);
  }
  throw new Error("the function was not subscribed within five seconds");
}

/** A scenario, and the instances that it launched. */
interface Launched {
  readonly scenario: Scenario;
  readonly ids: readonly string[];
}

async function run(output: Output, demo: Demo): Promise<readonly Launched[]> {
  return Promise.all(
    scenarios(demo).map(async (scenario) => {
      await wait(scenario.startsAfter * 1000);
      const ids = await scenario.launch();
      for (const instance of ids) {
        output.line({ actor: "you", instance, result: "launched", why: scenario.name, tone: "plain" });
      }
      if (scenario.change) {
        await wait(scenario.change.after * 1000);
        await scenario.change.apply(ids);
        for (const instance of ids) {
          output.line({ actor: "you", instance, result: "changed", why: scenario.change.name, tone: "plain" });
        }
      }
      return { scenario, ids };
    }),
  );
}

/** Waits for the outcome of every instance, and prints that of each scenario. Returns whether all are as expected. */
async function printResults(output: Output, launched: readonly Launched[], outcomes: Outcomes): Promise<boolean> {
  const ids = launched.flatMap((each) => each.ids);
  const decided = (id: string) => ["compliant", "violating", "ignored"].includes(outcomes.get(id) ?? "");
  for (let waited = 0; waited < MAX_WAIT_SECONDS * 10 && !ids.every(decided); waited++) await wait(100);
  await wait(200);
  output.title("Results");
  let good = true;
  for (const { scenario, ids: own } of launched) {
    const ended = [...new Set(own.map((id) => outcomes.get(id) ?? "no response"))].join(", ");
    const asExpected = ended === scenario.expected;
    good &&= asExpected;
    const mark = asExpected ? pc.green("✓") : pc.red(`✗ expected ${scenario.expected}`);
    const many = own.length > 1 ? ` (${own.length} instances)` : "";
    output.text(`  ${ended.padEnd(11)} ${scenario.name}${many} ${mark}`);
  }
  return good;
}

/** Prints what each rule of the policy demands. */
function printPolicy(output: Output): void {
  const { rules, exemptions } = demoPolicy();
  const lines = rules.map(({ id, mode, demands }) => {
    const watched = mode === "report" ? ` ${pc.dim("(report mode: no alert)")}` : "";
    return `  ${id.padEnd(17)}${demands()}${watched}`;
  });
  const exempt = exemptions.map(
    ({ rules: ids, when, until }) => `  exempt           ${ids.join(", ")} if ${when.say()}, until ${until}`,
  );
  output.text(["The policy:", ...lines, ...exempt, ""].join("\n"));
}

/** Prints how many calls the function made. One call can serve many launches. */
function printCalls(output: Output, { callCounts }: EmbeddedAws): void {
  const actions = [...launchActions(demoPolicy()), "sns:Publish"];
  const counts = actions.map((action) => `${action.split(":")[1]} ${callCounts.get(action) ?? 0}`);
  const lines = wrap(`Calls by the function: ${counts.join(", ")}.`.split(" "), 80, "  ");
  output.text(`\n${lines.join("\n")}`);
}

function printDelivery(output: Output, attempt: DeliveryAttempt, outcomes: Outcomes): void {
  if (attempt.protocol !== "http") return;
  const response = parse(attempt.responseBody);
  const outcome = String(response.outcome ?? attempt.error ?? "no response");
  const instance = instanceOf(attempt);
  if (instance !== undefined) outcomes.set(instance, outcome);
  const again =
    attempt.retryDelayMs === undefined ? "" : `; SNS calls again in ${attempt.retryDelayMs / 1000 / SPEED} s`;
  output.line({
    actor: "function",
    ...(instance !== undefined && { instance }),
    result: `${attempt.status ?? ""} ${outcome}`,
    why: `${attempt.attempt === 1 ? "" : `call ${attempt.attempt}: `}${response.reason ?? ""}${again}`,
    tone: TONES[outcome] ?? "plain",
  });
}

function instanceOf(attempt: DeliveryAttempt): string | undefined {
  const { detail } = parse(String(parse(attempt.body).Message ?? ""));
  const id = isObject(detail) ? detail["instance-id"] : undefined;
  return typeof id === "string" ? id : undefined;
}

/** Prints the e-mails since the last call. Anyone can publish to the topic, so their text is escaped. */
function printMails(output: Output, aws: EmbeddedAws, printed: { mails: number }): void {
  const mails = aws.mails.slice(printed.mails);
  printed.mails = aws.mails.length;
  for (const { type, subject, body } of mails) {
    if (type !== "Notification") continue;
    output.message(escapeUnseen(subject), body.split("\n").map(escapeUnseen).join("\n"));
  }
}

/** Prints the errors of the function's log. The outcomes are printed with SNS's deliveries. */
function printLog(output: Output, line: string): void {
  const entry = parse(line);
  if (entry.level === "error") {
    output.line({ actor: "function", result: "error", why: String(entry.message), tone: "bad" });
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
