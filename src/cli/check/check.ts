import { connect } from "../aws.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { type PolicyOptions, policyFor } from "../policy-options.ts";
import { auditNow, type Checked, type CheckedInstance, everyOne, named } from "./audit-now.ts";
import { readIds } from "./instance-ids.ts";

interface CheckOptions extends CommonOptions, PolicyOptions {
  readonly all?: true;
  readonly quiet?: true;
  readonly json?: true;
}

/** Runs `ec2-audit check`: audits instances now, and prints the alert. Throws CliError for a usage error. */
export async function check(cli: Cli, words: readonly string[], options: CheckOptions): Promise<void> {
  if (options.all && words.length > 0)
    throw new CliError("--all takes no instance ids", "Specify instance ids or --all, not both.");
  if (!options.all && words.length === 0) {
    throw new CliError("no instance ids", 'Specify instance ids, "-" for standard input, or --all.');
  }
  const ids = options.all ? null : await readIds(words, process.stdin);
  const aws = await connect(cli, options);
  const policy = policyFor(cli, aws.region, options);
  const what = ids === null ? "every instance" : instances(ids.length);
  const checked = await cli.terminal.busy(`Auditing ${what} in ${aws.region}`, async (say) => {
    const { account } = await aws.identity();
    const batches = ids === null ? everyOne(aws.ec2) : named(ids, aws.ec2);
    const progress = (audited: number) => say(ids === null ? `${audited} so far` : `${audited} of ${ids.length}`);
    return auditNow(batches, { account, region: aws.region }, policy, cli, progress);
  });
  cli.terminal.out(options.json ? asJson(checked) : asText(checked, aws.region, options, cli));
  cli.finish(checked.instances.some(({ outcome }) => outcome !== "compliant" && outcome !== "ignored") ? 1 : 0);
}

function asJson({ instances, alerts }: Checked): string {
  const documents = alerts.map(({ document }) => document);
  return JSON.stringify({ instances, alerts: documents }, null, 2);
}

function asText(checked: Checked, region: string, { quiet }: CheckOptions, { terminal }: Cli): string {
  const { colours } = terminal;
  const line = (instance: CheckedInstance): string => {
    switch (instance.outcome) {
      case "compliant":
        return `${colours.green("✓")} ${instance.instanceId}  complies with the policy`;
      case "violating":
        return `${colours.red("✗")} ${instance.instanceId}  ${instance.findings.map(({ message }) => message).join("; ")}`;
      case "ignored":
        return `${colours.dim("–")} ${instance.instanceId}  ${instance.reason}`;
      case "not-judged":
      case "unseen":
        return `${colours.red("?")} ${instance.instanceId}  ${instance.reason}`;
    }
  };
  const isShown = ({ outcome }: CheckedInstance) => !quiet || (outcome !== "compliant" && outcome !== "ignored");
  const lines = checked.instances.filter(isShown).map(line);
  const texts = quiet ? [] : checked.alerts.flatMap(({ subject, text }) => ["", colours.bold(subject), "", text]);
  return [...lines, ...texts, ...(lines.length > 0 ? [""] : []), summaryOf(checked.instances, region)].join("\n");
}

/** Counts the instances with each outcome, and the violations of each rule. */
function summaryOf(all: readonly CheckedInstance[], region: string): string {
  const count = (outcome: CheckedInstance["outcome"]) => all.filter((each) => each.outcome === outcome).length;
  const [terminated, unseen, unjudged] = [count("ignored"), count("unseen"), count("not-judged")];
  const counts = [
    `${count("compliant")} compliant`,
    `${count("violating")} violating`,
    ...(unjudged > 0 ? [`${unjudged} not judged`] : []),
    ...(terminated > 0 ? [`${terminated} terminated`] : []),
    ...(unseen > 0 ? [`${unseen} not in ${region} (is it another region? --region)`] : []),
  ];
  const rules = new Map<string, number>();
  for (const { ruleId } of all.flatMap((each) => (each.outcome === "violating" ? each.findings : []))) {
    rules.set(ruleId, (rules.get(ruleId) ?? 0) + 1);
  }
  const violated = [...rules].sort(([, one], [, other]) => other - one).map(([rule, times]) => `${rule} ${times}`);
  const summary = `${instances(all.length)} audited: ${counts.join(", ")}.`;
  return violated.length === 0 ? summary : `${summary}\nViolated: ${violated.join(", ")}.`;
}

function instances(count: number): string {
  return count === 1 ? "1 instance" : `${count} instances`;
}
