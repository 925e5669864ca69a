import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { importDocument } from "../../../../src/cli/policy/import/recognise.ts";
import { CASES } from "./cases.ts";

/** Tests the import of the documents in documents/: each comes from the documentation of its tool, or from one of its issues. */

const FOLDER = join(import.meta.dirname, "documents");

describe("The import of a document", () => {
  it.each(CASES)("gives the policy that a person would write from $document", ({ document, rules, ...said }) => {
    const imported = importDocument(document, readFileSync(join(FOLDER, document), "utf8"));
    expect(imported.rules).toEqual(rules);
    expect(imported.notImported.map(({ path }) => path)).toEqual(said.notImported ?? []);
    expect(imported.notes.map(({ path }) => path)).toEqual(said.notes ?? []);
  });

  it("is tested for each document", () => {
    expect(CASES.map(({ document }) => document).sort()).toEqual(readdirSync(FOLDER).sort());
  });
});
