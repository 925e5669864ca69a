import { parsePolicy } from "../../../policy/policy.ts";
import type { PolicyProblem } from "../../../policy/settings.ts";
import { type ImportedRule, MAX_ID, type Remarks, type RuleDocument } from "./imported.ts";

/**
 * Returns the rules that make a valid policy together. Lists the others: those with a setting that a policy cannot have, such as a
 * key of 200 characters, and those for which it has no room.
 */
export function acceptedRules(rules: readonly ImportedRule[], remarks: Remarks): readonly RuleDocument[] {
  const all = withUniqueIds(rules);
  if (problemsOf(all).length === 0) return documentsOf(all);
  const valid = all.filter(({ path, what, document }) => {
    const [problem] = problemsOf([{ document }]);
    if (problem !== undefined) remarks.skip(path, what, `a rule cannot have these settings: ${said(problem)}`);
    return problem === undefined;
  });
  const room = roomFor(valid);
  for (const { path, what } of valid.slice(room)) {
    remarks.skip(
      path,
      what,
      "the policy has no room for more rules: import the document in parts, into several policies",
    );
  }
  return documentsOf(valid.slice(0, room));
}

/** Returns how many of the rules, from the first, make a valid policy. */
function roomFor(rules: readonly ImportedRule[]): number {
  let [least, most] = [0, rules.length];
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (problemsOf(rules.slice(0, middle)).length === 0) least = middle;
    else most = middle - 1;
  }
  return least;
}

function problemsOf(rules: readonly Pick<ImportedRule, "document">[]): readonly PolicyProblem[] {
  if (rules.length === 0) return [];
  const reading = parsePolicy(JSON.stringify({ version: 1, rules: documentsOf(rules) }));
  return "problems" in reading ? reading.problems : [];
}

function documentsOf(rules: readonly Pick<ImportedRule, "document">[]): RuleDocument[] {
  return rules.map(({ document }) => document);
}

function said({ path, problem }: PolicyProblem): string {
  return `${path.replace(/^rules\[0\]\.?/, "")} ${problem}`.trim();
}

/** Gives rules with the same id different ones: `web`, `web-2`, `web-3`. Rules without an id take the reader's default. */
function withUniqueIds(rules: readonly ImportedRule[]): ImportedRule[] {
  const used = new Set(rules.flatMap(({ document: { id, rule } }) => (id === undefined ? [rule] : [])));
  return rules.map((imported) => {
    const { id: name } = imported.document;
    if (name === undefined) return imported;
    let id = name;
    for (let count = 2; used.has(id); count += 1) id = `${name.slice(0, MAX_ID - 5)}-${count}`;
    used.add(id);
    return { ...imported, document: { ...imported.document, id } };
  });
}
