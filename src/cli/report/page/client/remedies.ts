import { PLACEHOLDERS } from "../packed.ts";
import type { Findings } from "./findings.ts";

/** The maximum number of resources in a command. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html */
const MAX_RESOURCES = 1_000;

/**
 * Returns the remedies of findings as a shell script, by account and region. A command that takes a list of instances is written
 * once for all of them. Everything that is not a command of the AWS CLI is a comment: pasted into a shell, it does nothing.
 */
export function commandsFor(findings: Findings, rows: Iterable<number>): string {
  const places = new Map<string, Map<string, Set<string>>>();
  for (const row of rows) {
    const [account, region] = [findings.text("account", row), findings.text("region", row)];
    const name = findings.accountName(account);
    const place = `Account ${account}${name === account ? "" : ` (${name})`}, region ${region}`;
    const remedies = places.get(place) ?? new Map<string, Set<string>>();
    places.set(place, remedies);
    const remedy = String(findings.value("remedy", row) ?? "").replaceAll(PLACEHOLDERS.region, region);
    const ids = remedies.get(remedy) ?? new Set();
    remedies.set(remedy, ids.add(findings.text("instanceId", row)));
  }
  const parts = [...places].map(([place, remedies]) => {
    const commands = [...remedies].flatMap(([remedy, ids]) => forInstances(remedy, [...ids]));
    return [`# ${place}`, ...new Set(commands.map(withComments))].join("\n");
  });
  return `${parts.join("\n\n")}\n`;
}

/** Returns a remedy for instances: one for up to a thousand of them if it takes lists, else one for each of them. */
function forInstances(remedy: string, ids: readonly string[]): string[] {
  const { instanceId } = PLACEHOLDERS;
  const before = remedy.split(instanceId).slice(0, -1);
  if (before.length === 0) return [remedy];
  if (!before.every((text) => /(?:--resources |Values=)$/.test(text))) {
    return ids.map((id) => remedy.replaceAll(instanceId, id));
  }
  const starts = Array.from({ length: Math.ceil(ids.length / MAX_RESOURCES) }, (_, index) => index * MAX_RESOURCES);
  return starts.map((start) => {
    const some = ids.slice(start, start + MAX_RESOURCES);
    return remedy
      .replaceAll(`Values=${instanceId}`, () => `Values=${some.join(",")}`)
      .replaceAll(instanceId, () => some.join(" "));
  });
}

/** Makes every line a comment that is neither the start of a command of the AWS CLI nor a further, indented line of one. */
function withComments(remedy: string): string {
  let isCommand = false;
  const lines = remedy.split("\n").map((line) => {
    isCommand = /^aws [a-z0-9-]+ [a-z0-9-]+ (?:--|\\$)/.test(line) || (isCommand && line.startsWith("  "));
    return isCommand ? line : `# ${line}`;
  });
  return lines.join("\n");
}
