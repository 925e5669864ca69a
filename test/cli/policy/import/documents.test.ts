import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { judge, readDocuments } from "../../../../src/cli/policy/documents.ts";
import { importDocument } from "../../../../src/cli/policy/import/recognise.ts";
import { parsePolicy } from "../../../../src/policy/policy.ts";
import { CASES, type Instance, VOLUMES } from "./cases.ts";

/**
 * Tests the import of the documents in documents/: each comes from the documentation of its tool, or from one of its issues. The
 * policy is compared with one that a person wrote from the words, and judges instances as the words say.
 */

const FOLDER = join(import.meta.dirname, "documents");
const NOW = Date.parse("2026-11-28T12:00:00Z");

function importFile(document: string) {
  return importDocument(document, readFileSync(join(FOLDER, document), "utf8"));
}

/** Returns whether an instance violates the policy. */
function violates(policy: object, instance: Instance): boolean {
  const reading = parsePolicy(JSON.stringify(policy));
  const documents = readDocuments([{ name: "aws.json", value: { Instances: [instance], Volumes: VOLUMES } }]);
  if ("problems" in reading || "problems" in documents) throw new Error(JSON.stringify([reading, documents]));
  const place = { account: "123456789012", region: "us-east-1" };
  const kinds = [...judge(reading.policy, documents.documents, place, NOW)].flatMap(({ verdicts }) =>
    verdicts.map(({ kind }) => kind),
  );
  expect(kinds).not.toContain("not-judged");
  return kinds.includes("violation");
}

describe("The import of a document", () => {
  it.each(CASES)("gives the policy that a person would write from $document", ({ document, rules, ...said }) => {
    const imported = importFile(document);
    expect(imported.rules).toEqual(rules);
    expect(imported.notImported.map(({ path }) => path)).toEqual(said.notImported ?? []);
    expect(imported.notes.map(({ path }) => path)).toEqual(said.notes ?? []);
  });

  it.each(CASES.filter(({ rules }) => rules.length > 0))(
    "gives a policy that judges instances as $document does",
    ({ document, good = [], bad = [] }) => {
      const policy = { version: 1, rules: importFile(document).rules };
      expect(parsePolicy(JSON.stringify(policy))).toHaveProperty("policy");
      expect(good.map((instance) => violates(policy, instance))).toEqual(good.map(() => false));
      expect(bad.map((instance) => violates(policy, instance))).toEqual(bad.map(() => true));
    },
  );

  it("is tested for each document", () => {
    expect(CASES.map(({ document }) => document).sort()).toEqual(readdirSync(FOLDER).sort());
  });
});
