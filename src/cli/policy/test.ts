import { isAccountId, isRegion } from "../../aws/regions.ts";
import type { Verdict } from "../../policy/evaluate.ts";
import { daysLeft, type Exemption, sayExemption } from "../../policy/exemptions.ts";
import type { Policy } from "../../policy/policy.ts";
import type { Rule } from "../../policy/rule.ts";
import { escapeUnseen, parseJson } from "../../util/json.ts";
import { jsonErrorIn } from "../../util/json-error.ts";
import { wrap } from "../../util/text.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import type { Colours } from "../terminal.ts";
import { readBytes, readStdin } from "../text-file.ts";
import { type AssumedPlace, type JudgedInstance, judge, type NamedDocument, readDocuments } from "./documents.ts";
import { jsonParts } from "./json-parts.ts";
import { readPolicy } from "./read-policy.ts";

interface TestOptions extends CommonOptions {
  readonly account?: string;
  readonly now?: string;
  readonly quiet?: true;
  readonly json?: true;
}

/**
 * Runs `ec2-audit policy test`: judges the instances of files, and prints the verdict of each rule. Throws CliError for a policy
 * with problems and for files that are not documents of the AWS CLI.
 */
export async function testPolicy(
  cli: Cli,
  policyFile: string,
  files: readonly string[],
  options: TestOptions,
): Promise<void> {
  const assumed = assumedPlace(options);
  const now = timeOf(options, cli);
  if ([policyFile, ...files].filter((file) => file === "-").length > 1)
    throw new CliError("standard input can be read only once", 'Use "-" for one file.');
  const policy = await readPolicy(cli, policyFile);
  const stdin = files.includes("-") ? await readStdin() : null;
  const reading = readDocuments(readFiles(cli, files, stdin));
  if ("problems" in reading) throw new CliError(reading.problems.join("\n"), HINT);
  if (reading.documents.instances.size === 0) throw new CliError("the files contain no instances", HINT);
  const judged = [...judge(policy, reading.documents, assumed, now)];
  cli.terminal.out(options.json ? asJson(judged) : asText(judged, policy, now, options, cli));
  cli.finish(judged.some(({ verdicts }) => verdicts.some(({ kind }) => kind === "violation")) ? 1 : 0);
}

const HINT = "Specify files with what the AWS CLI prints, such as aws ec2 describe-instances > instances.json";

/** Yields the documents of files, a long one in parts. Throws CliError for a file that is not JSON. */
function* readFiles(cli: Cli, files: readonly string[], stdin: Buffer | null): Generator<NamedDocument> {
  for (const file of files) {
    const isStdin = file === "-" && stdin !== null;
    const name = isStdin ? "standard input" : file;
    const bytes = isStdin ? stdin : readBytes(cli, file, HINT);
    for (const text of jsonParts(bytes)) {
      const value = parseJson(text);
      if (value === undefined) {
        const position = text.length < bytes.length ? null : jsonErrorIn(text);
        const where = position ? ` at line ${position.line}, column ${position.column}` : "";
        throw new CliError(`${name} is not JSON${where}`, "The AWS CLI prints JSON with --output json.");
      }
      yield { name, value };
    }
  }
}

function assumedPlace({ account, region }: TestOptions): AssumedPlace {
  if (account !== undefined && !isAccountId(account))
    throw new CliError("--account must be an account id of twelve digits");
  if (region !== undefined && !isRegion(region))
    throw new CliError('--region must be the name of a region, such as "us-east-1"');
  return { account: account ?? null, region: region ?? null };
}

/** Returns the time of the verdicts, in milliseconds since 1970. */
function timeOf({ now }: TestOptions, cli: Cli): number {
  if (now === undefined) return cli.now();
  const time = /^\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:\d{2}))?$/.test(now) ? Date.parse(now) : Number.NaN;
  // Date.parse takes 30 February as 2 March.
  const day = now.slice(0, 10);
  if (Number.isNaN(time) || !new Date(day).toISOString().startsWith(day))
    throw new CliError('--now must be a date such as "2027-03-31" or a time in ISO 8601');
  return time;
}

/** Returns the fact that decided a verdict, in one sentence without a full stop. */
function messageOf(verdict: Verdict): string {
  switch (verdict.kind) {
    case "violation":
      return verdict.violation.message;
    case "exempt":
      return `${verdict.violation.message}; exempt until ${verdict.exemption.until}: ${verdict.exemption.reason}`;
    default:
      return verdict.because;
  }
}

function asJson(judged: readonly JudgedInstance[]): string {
  const instances = judged.map(({ instance: { instanceId }, verdicts }) => ({
    instanceId,
    verdicts: verdicts.map((verdict) => ({
      ruleId: verdict.rule.id,
      verdict: verdict.kind,
      message: messageOf(verdict),
    })),
  }));
  return JSON.stringify(instances, null, 2);
}

function asText(
  judged: readonly JudgedInstance[],
  policy: Policy,
  now: number,
  { quiet }: TestOptions,
  { terminal }: Cli,
): string {
  const { colours, columns } = terminal;
  const isShown = ({ verdicts }: JudgedInstance) =>
    !quiet || verdicts.some(({ kind }) => kind === "violation" || kind === "not-judged");
  const tables = judged.filter(isShown).map((each) => tableOf(each, columns, colours).join("\n"));
  const exemptions = exemptionLines(judged, policy, now, columns, colours);
  return [...tables, ...(exemptions.length > 0 ? [exemptions.join("\n")] : []), summaryOf(judged, policy)].join("\n\n");
}

/** The width of the column of rule ids: longer ids get a line of their own. */
const MAX_ID = 28;

/** Returns the verdicts on an instance: a line for each rule, with the fact that decided it. */
function tableOf({ instance, verdicts }: JudgedInstance, columns: number, colours: Colours): string[] {
  const name = instance.tags.get("Name");
  const title = `${colours.bold(instance.instanceId)}${name ? `  ${escapeUnseen(name)}` : ""}`;
  const labels = verdicts.map(({ rule }) => (rule.mode === "report" ? `${rule.id} (report)` : rule.id));
  const width = Math.max(0, ...labels.map(({ length }) => length).filter((length) => length <= MAX_ID));
  return [
    title,
    ...verdicts.flatMap((verdict, index) => {
      const label = labels[index] ?? "";
      const text = escapeUnseen(`${noteOf(verdict)}${messageOf(verdict)}`);
      const [first = "", ...more] = wrap(text.split(" "), columns - width - 6);
      const start = `  ${markOf(verdict, colours)} ${label.padEnd(width)}`;
      const indent = " ".repeat(width + 6);
      const lines = label.length > width ? [start, `${indent}${first}`] : [`${start}  ${first}`];
      return [...lines, ...more.map((line) => `${indent}${line}`)];
    }),
  ];
}

/** Returns what precedes the fact that decided a verdict. */
function noteOf({ kind, rule }: Verdict): string {
  switch (kind) {
    case "violation":
      return `[${rule.severity.toUpperCase()}] `;
    case "not-judged":
      return "not judged: ";
    case "out-of-scope":
      return "out of scope: ";
    default:
      return "";
  }
}

function markOf({ kind }: Verdict, colours: Colours): string {
  switch (kind) {
    case "compliant":
      return colours.green("✓");
    case "violation":
      return colours.red("✗");
    case "not-judged":
      return colours.yellow("?");
    case "exempt":
      return colours.yellow("~");
    case "out-of-scope":
      return colours.dim("–");
  }
}

/** Returns a line for each exemption: how many violations it exempted, or that it exempted none. */
function exemptionLines(
  judged: readonly JudgedInstance[],
  { exemptions }: Policy,
  now: number,
  columns: number,
  colours: Colours,
): string[] {
  if (exemptions.length === 0) return [];
  const used = new Map<Exemption, number>();
  for (const verdict of judged.flatMap(({ verdicts }) => verdicts)) {
    if (verdict.kind === "exempt") used.set(verdict.exemption, (used.get(verdict.exemption) ?? 0) + 1);
  }
  const lines = exemptions.flatMap((exemption) => {
    const [count = 0, isOver] = [used.get(exemption), daysLeft(exemption, now) <= 0];
    const use = isOver ? "expired" : count === 0 ? "unused" : `used ${count === 1 ? "once" : `${count} times`}`;
    const words = escapeUnseen(`${use}: ${sayExemption(exemption)}`).split(" ");
    const mark = count > 0 ? colours.yellow("~") : colours.dim("–");
    return wrap(words, columns - 4).map((line, index) => (index === 0 ? `  ${mark} ${line}` : `    ${line}`));
  });
  return [colours.bold("Exemptions"), ...lines];
}

/** Counts the instances, and the violations of each rule and the instances that it could not be judged on. */
function summaryOf(judged: readonly JudgedInstance[], { rules }: Policy): string {
  const counts = { compliant: 0, violating: 0, unjudged: 0, outside: 0 };
  const [violated, unjudged] = [new Map<Rule, number>(), new Map<Rule, number>()];
  for (const { verdicts } of judged) {
    const kinds = new Set(verdicts.map(({ kind }) => kind));
    const isOutside = verdicts.every(({ kind }) => kind === "out-of-scope");
    if (kinds.has("violation")) counts.violating += 1;
    else if (kinds.has("not-judged")) counts.unjudged += 1;
    else counts[isOutside ? "outside" : "compliant"] += 1;
    for (const { kind, rule } of verdicts) {
      const times = kind === "violation" ? violated : kind === "not-judged" ? unjudged : null;
      times?.set(rule, (times.get(rule) ?? 0) + 1);
    }
  }
  const list = (title: string, times: ReadonlyMap<Rule, number>) => {
    const words = rules
      .map((rule) => ({ rule, count: times.get(rule) ?? 0 }))
      .filter(({ count }) => count > 0)
      .sort((one, other) => other.count - one.count)
      .map(({ rule: { id, mode }, count }) => `${id} ${count}${mode === "report" ? " (report)" : ""}`);
    return words.length === 0 ? [] : [`${title}: ${words.join(", ")}.`];
  };
  const words = [
    `${counts.compliant} compliant`,
    `${counts.violating} violating`,
    ...(counts.unjudged > 0 ? [`${counts.unjudged} not judged`] : []),
    ...(counts.outside > 0 ? [`${counts.outside} out of scope`] : []),
  ];
  return [
    `${judged.length === 1 ? "1 instance" : `${judged.length} instances`}: ${words.join(", ")}.`,
    ...list("Violated", violated),
    ...list("Not judged", unjudged),
  ].join("\n");
}
