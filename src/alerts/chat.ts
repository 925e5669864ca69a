import { partitionOf } from "../aws/regions.ts";
import { groupBy } from "../util/group-by.ts";
import { cut } from "../util/text.ts";
import type { Alert } from "./alert.ts";
import { chatCode, chatLink, chatText } from "./chat-text.ts";
import { type Finding, isResolved, type Resolved } from "./finding.ts";
import { instancePage, instancesPage } from "./instance-names.ts";
import { launcher, namesOf } from "./text.ts";

/**
 * Amazon Q Developer's page states no limits. Slack's are the smallest of the chat applications: a text has at most 3,000
 * characters. https://docs.slack.dev/reference/block-kit/blocks/section-block
 */
const MAX_DESCRIPTION = 3_000;
const MAX_PROBLEMS = 5;
const MAX_MESSAGE = 300;
const MAX_COMMAND = 1_200;
const MAX_INSTANCES = 10;
const MAX_KEYWORDS = 10;
const MAX_RESOURCES = 20;

/**
 * Returns an alert as a custom notification of Amazon Q Developer in chat applications, which shows it in Slack or Microsoft Teams.
 * Notifications about the same most severe finding form a thread.
 * https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
 */
export function chatMessage({ id, subject, findings, document }: Alert): string {
  const { account, region, severity, status } = document;
  const ids = [...new Set(findings.map(({ instance }) => instance.instanceId))];
  const [first] = findings;
  const title = chatText(subject.replace(/^\[([A-Z]+)\]/, "$1"));
  const prefix = `arn:${partitionOf(region).name}:ec2:${region}:${account}:instance/`;
  const links = [...new Set(findings.flatMap(({ link }) => link ?? []))].slice(0, 3);
  const console = ids.length === 1 ? `${instancePage(region)}${ids[0]}` : instancesPage(region);
  return JSON.stringify({
    version: "1.0",
    source: "custom",
    id,
    content: {
      textType: "client-markdown",
      title,
      description: descriptionOf(findings, ids),
      nextSteps: [...links.map((link) => `See ${chatLink(link)}`), `Console: ${chatLink(console)}`],
      keywords: [severity, ...new Set(findings.map(({ ruleId }) => chatText(ruleId)))].slice(0, MAX_KEYWORDS),
    },
    metadata: {
      threadId: first?.dedupKey ?? id,
      summary: title,
      eventType: "ec2-audit",
      relatedResources: ids.slice(0, MAX_RESOURCES).map((instanceId) => `${prefix}${instanceId}`),
      additionalContext: { account, region, severity, status, alertId: id },
    },
  });
}

/** Returns what to do about the first problem, the problems, each with its command, then the instances and their launchers; complete lines only. */
function descriptionOf(findings: readonly (Finding | Resolved)[], ids: readonly string[]): string {
  const problems = [...groupBy(findings, keyOf).values()];
  const more = problems.length - MAX_PROBLEMS;
  const launchers = [...new Set(findings.flatMap(({ launchedBy }) => launchedBy ?? []))].slice(0, 3);
  const parts = [
    ...problems.slice(0, 1).flatMap(actionLine),
    ...problems.slice(0, MAX_PROBLEMS).flatMap(problemLines),
    ...(more > 0 ? [`${more} more ${more === 1 ? "problem" : "problems"}.`] : []),
    `${ids.length === 1 ? "Instance" : `${ids.length} instances:`} ${briefly(ids, MAX_INSTANCES)}`,
    ...(launchers.length > 0
      ? [`Launched by ${launchers.map((each) => chatText(cut(launcher(each), 200))).join(", ")}`]
      : []),
  ];
  const lines: string[] = [];
  let length = 0;
  for (const part of parts) {
    length += part.length + 1;
    if (length <= MAX_DESCRIPTION) lines.push(part);
    else length -= part.length + 1;
  }
  return lines.join("\n");
}

/** Returns the key of findings that differ only in their instance. */
function keyOf(finding: Finding | Resolved): string {
  const { ruleId, severity, region } = finding;
  if (isResolved(finding)) return JSON.stringify([ruleId, severity, finding.because]);
  return JSON.stringify([ruleId, severity, finding.violation.message, finding.violation.remedy([], region)]);
}

function actionLine(same: readonly (Finding | Resolved)[]): string[] {
  const [finding] = same;
  if (finding === undefined || isResolved(finding)) return [];
  const affected = namesOf(same.map(({ instance }) => instance));
  return [`${chatText(cut(finding.violation.action(affected), MAX_MESSAGE))}.`];
}

function problemLines(same: readonly (Finding | Resolved)[]): string[] {
  const [finding] = same;
  if (finding === undefined) return [];
  const { severity, ruleId, region } = finding;
  const ids = [...new Set(same.map(({ instance }) => instance.instanceId))];
  const on = ids.length === 1 ? "" : ` (${ids.length} instances)`;
  if (isResolved(finding)) {
    return [`*RESOLVED* ${chatText(ruleId)}${on}: ${chatText(cut(finding.because, MAX_MESSAGE))}.`];
  }
  const { violation } = finding;
  const command = chatCode(violation.remedy(ids, region).join("\n"));
  const fix = command !== null && command.length <= MAX_COMMAND ? command : "The alert in other formats has the fix.";
  return [
    `*${severity.toUpperCase()}* ${chatText(ruleId)}${on}: ${chatText(cut(violation.message, MAX_MESSAGE))}.`,
    fix,
  ];
}

function briefly(words: readonly string[], most: number): string {
  const more = words.length - most;
  return `${words.slice(0, most).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
