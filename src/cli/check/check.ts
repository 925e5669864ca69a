import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { partitionOf } from "../../aws/regions.ts";
import { KEYS, type Key, readConfig, type Settings } from "../../config.ts";
import type { Policy } from "../../policy/policy.ts";
import { type Aws, connect } from "../aws.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { gatherFunctionSettings } from "../function-settings.ts";
import { systemCode } from "../run-program.ts";
import { auditNow, type Checked, type CheckedInstance, everyOne, named } from "./audit-now.ts";
import { readIds } from "./instance-ids.ts";

interface CheckOptions extends CommonOptions {
  readonly requiredTags?: string;
  readonly policy?: string;
  readonly config?: string;
  readonly secretsFile?: string;
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
  const policy = await policyFor(cli, aws, options);
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

/** Returns the policy of the options, else that of the function. Throws CliError with all problems of the policy. */
async function policyFor(cli: Cli, aws: Aws, options: CheckOptions): Promise<Policy> {
  const { settings, nameOf } = policySettings(cli, options);
  // The policy is read as the function reads it. The other settings are not used.
  const reading = readConfig({
    ...settings,
    AWS_REGION: aws.region,
    AWS_ACCESS_KEY_ID: "unused",
    AWS_SECRET_ACCESS_KEY: "unused",
    ALERT_TOPIC_ARN: `arn:${partitionOf(aws.region).name}:sns:${aws.region}:000000000000:unused`,
  });
  if ("config" in reading) return reading.config.policy;
  const problems = reading.problems.map(({ key, problem }) => `${nameOf(key)} ${problem}`);
  throw new CliError(
    problems.join("\n"),
    "docs/configuration.md describes both forms: a list of tag keys, and a policy as JSON (--policy FILE).",
  );
}

/** The settings of the policy. */
interface PolicySettings {
  readonly settings: Settings;
  /** Returns how the operator gave a setting. */
  nameOf(key: Key): string;
}

function policySettings(cli: Cli, options: CheckOptions): PolicySettings {
  const { requiredTags, policy } = options;
  if (policy !== undefined) {
    return { settings: { AUDIT_POLICY: readPolicyFile(cli, policy) }, nameOf: () => policy };
  }
  if (requiredTags !== undefined) {
    return { settings: { REQUIRED_TAGS: requiredTags }, nameOf: () => "--required-tags" };
  }
  const { settings, from } = gatherFunctionSettings(cli, options);
  const ofPolicy = KEYS.filter((key) => key === "REQUIRED_TAGS" || key === "AUDIT_POLICY");
  const own: Settings = Object.fromEntries(ofPolicy.flatMap((key) => (settings[key] ? [[key, settings[key]]] : [])));
  return { settings: own, nameOf: (key) => `${key} (from ${from[key]})` };
}

function readPolicyFile(cli: Cli, file: string): string {
  const path = resolve(cli.folder, file);
  try {
    // Editors on Windows write a byte order mark, which is not JSON.
    return readFileSync(path, "utf8").replace(/^\uFEFF/, "");
  } catch (error) {
    const code = systemCode(error);
    const problem =
      code === "ENOENT" ? "does not exist" : code === "EISDIR" ? "is a folder" : `cannot be read: ${code}`;
    throw new CliError(`${file} ${problem}`, "Specify a file that contains a policy as JSON.");
  }
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
