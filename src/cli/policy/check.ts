import { actionsFor } from "../../facts/plan.ts";
import { daysLeft, MAX_EXEMPTIONS, sayExemption } from "../../policy/exemptions.ts";
import {
  MAX_BYTES,
  MAX_RULES,
  needsOf,
  type Policy,
  type PolicyReading,
  parsePolicy,
  policyOfTags,
} from "../../policy/policy.ts";
import { MAX_ROUTES, type Route } from "../../policy/routes.ts";
import { type Rule, SEVERITIES } from "../../policy/rule.ts";
import { orList, quoted } from "../../policy/settings.ts";
import { escapeUnseen, parseJson } from "../../util/json.ts";
import { wrap } from "../../util/text.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { launchActions, routeTopics } from "../policy-file.ts";
import { JUDGED } from "./pages.ts";
import { problemLines, readPolicyText } from "./read-policy.ts";
import { type Warning, warningsOf } from "./warnings.ts";

interface CheckOptions extends CommonOptions {
  readonly requiredTags?: string;
  readonly json?: true;
}

/**
 * Runs `ec2-audit policy check`: says what a policy demands, or what is wrong with it. Throws CliError for a usage error and for
 * a file that cannot be read.
 */
export async function checkPolicy(cli: Cli, file: string | undefined, options: CheckOptions): Promise<void> {
  const { requiredTags, json } = options;
  if ((file === undefined) === (requiredTags === undefined))
    throw new CliError("specify either a file or --required-tags", 'Use "-" to read standard input.');
  const [name, text, reading] = await readPolicy(cli, file, requiredTags);
  if ("problems" in reading) {
    cli.terminal.out(json ? asJson({ valid: false, problems: reading.problems }) : problemsText(name, reading, cli));
    cli.finish(1);
    return;
  }
  const now = cli.now();
  const warnings = warningsOf(reading.policy, parseJson(text), now);
  const bytes = Buffer.byteLength(text);
  cli.terminal.out(
    json ? policyJson(reading.policy, warnings, bytes, now) : policyText(name, reading.policy, warnings, bytes, cli),
  );
}

async function readPolicy(
  cli: Cli,
  file = "-",
  short: string | undefined,
): Promise<readonly [name: string, text: string, reading: PolicyReading]> {
  if (short !== undefined) return ["--required-tags", short, policyOfTags(short)];
  const text = await readPolicyText(cli, file);
  return [file === "-" ? "standard input" : file, text, parsePolicy(text)];
}

function problemsText(
  name: string,
  { problems, count }: Extract<PolicyReading, { problems: unknown }>,
  cli: Cli,
): string {
  const { colours, columns } = cli.terminal;
  const all = count === 1 ? "1 problem" : `${count} problems`;
  const first = count > problems.length ? `; the first ${problems.length}:` : "";
  const lines = problemLines(problems).flatMap((line) => wrap(line.split(" "), columns - 2, "    "));
  return [
    `${colours.red("✗")} ${name} is not a valid policy: ${all}${first}`,
    ...lines.map((line) => `  ${line}`),
  ].join("\n");
}

function asJson(document: object): string {
  return JSON.stringify(document, null, 2);
}

function policyJson(policy: Policy, warnings: readonly Warning[], bytes: number, now: number): string {
  const { rules, exemptions, routes } = policy;
  return asJson({
    valid: true,
    rules: rules.map((rule) => {
      const { id, name, severity, mode, when, link } = rule;
      return { id, rule: name, severity, mode, demands: demandsOf(rule), when: when?.say() ?? null, link };
    }),
    exemptions: exemptions.map((exemption) => {
      const { rules: ids, when, reason, until } = exemption;
      return { rules: ids, when: when.say(), reason, until, daysLeft: daysLeft(exemption, now) };
    }),
    routes: routes.map(({ severities, rules: ids, when, topic, format, instead }) => ({
      ...{ severities, rules: ids, when: when?.say() ?? null },
      ...{ topic: topic.arn, format, instead },
    })),
    actions: { launches: launchActions(policy), reports: actionsFor(needsOf(policy)) },
    size: {
      bytes: { is: bytes, limit: MAX_BYTES },
      rules: { is: rules.length, limit: MAX_RULES },
      exemptions: { is: exemptions.length, limit: MAX_EXEMPTIONS },
      routes: { is: routes.length, limit: MAX_ROUTES },
    },
    warnings,
  });
}

function policyText(
  name: string,
  policy: Policy,
  warnings: readonly Warning[],
  bytes: number,
  { terminal: { colours, columns }, now }: Pick<Cli, "terminal" | "now">,
): string {
  const { rules, exemptions, routes } = policy;
  const wrapped = (text: string, indent = "  ") =>
    wrap(escapeUnseen(text).split(" "), columns - indent.length).map((line) => `${indent}${line}`);
  const ruleText = (rule: Rule) => {
    const { id, name: kind, severity, mode, when, link, settles } = rule;
    return [
      `${colours.bold(id)}${id === kind ? "" : ` (${kind})`}  ${severity}`,
      ...wrapped(demandsOf(rule)),
      ...(when === null ? [] : wrapped(`Applies when ${when.say()}.`)),
      ...wrapped(mode === "report" ? "Reports only: it alerts nobody." : JUDGED[settles]),
      ...(link === null ? [] : [`  ${link}`]),
    ].join("\n");
  };
  const exemptionText = exemptions.flatMap((exemption) => {
    const days = daysLeft(exemption, now());
    const left = days <= 0 ? "ended" : days === 1 ? "last day" : `${days} days left`;
    const [first = "", ...more] = wrapped(`${capitalised(sayExemption(exemption))} (${left})`, "    ");
    return [`  – ${first.trimStart()}`, ...more];
  });
  const routeText = routes.flatMap((route) => {
    const [first = "", ...more] = wrapped(`${capitalised(sayRoute(route))} ${whereTo(route)}.`, "    ");
    return [`  – ${first.trimStart()}`, ...more];
  });
  const warningText = warnings.flatMap(({ path, warning }) => {
    const [first = "", ...more] = wrapped(`${path} ${warning}.`, "    ");
    return [`  ${colours.yellow("!")} ${first.trimStart()}`, ...more];
  });
  const launch = launchActions(policy);
  const topics = routeTopics(policy);
  const report = actionsFor(needsOf(policy)).filter((action) => !launch.includes(action));
  return [
    `${colours.green("✓")} ${name} is a valid policy.`,
    ...rules.map(ruleText),
    ...(exemptions.length > 0 ? [[colours.bold("Exemptions"), ...exemptionText].join("\n")] : []),
    ...(routes.length > 0 ? [[colours.bold("Routes"), ...routeText].join("\n")] : []),
    ...(warnings.length > 0 ? [[colours.bold("Warnings"), ...warningText].join("\n")] : []),
    [
      ...wrapped(`Permissions: ${launch.join(", ")}.`, ""),
      ...(topics.length > 0 ? wrapped(`The routes also need sns:Publish on ${topics.join(", ")}.`, "") : []),
      ...(report.length > 0 ? wrapped(`Reports also need ${report.join(", ")}.`, "") : []),
      `Size: ${bytes} of ${MAX_BYTES} bytes, ${rules.length} of ${MAX_RULES} rules, ${exemptions.length} of ${MAX_EXEMPTIONS} exemptions${routes.length > 0 ? `, ${routes.length} of ${MAX_ROUTES} routes` : ""}.`,
    ].join("\n"),
  ].join("\n\n");
}

/** Returns the findings of a route in words: `high and critical findings of "a" when the tag "team" is "web"`. */
function sayRoute({ severities: levels, rules, when }: Route): string {
  const named = rules === null || rules.includes("*") ? null : rules.map(quoted);
  return [
    levels === null || levels.length === SEVERITIES.length ? "all findings" : `${orList(levels, "and")} findings`,
    named === null ? "" : `of ${orList(named, "and")}`,
    when === null ? "" : `when ${when.say()}`,
  ]
    .filter(Boolean)
    .join(" ");
}

/** Returns where the findings of a route go, to follow them. */
function whereTo({ topic, format, instead }: Route): string {
  const as = format === "chat" ? " as chat notifications" : "";
  return instead ? `go to ${topic.arn}${as}, not to the default topic` : `also go to ${topic.arn}${as}`;
}

/** Returns what a rule demands, as a sentence. */
function demandsOf(rule: Rule): string {
  const demands = rule.demands();
  if (demands === "") return "It demands nothing.";
  return `${demands.startsWith("must ") ? `An instance ${demands}` : capitalised(demands)}.`;
}

function capitalised(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
