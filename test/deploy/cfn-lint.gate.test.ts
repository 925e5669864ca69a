import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { findProgram } from "../../src/cli/run-program.ts";
import { MEMBER, TEMPLATE } from "./template.ts";

const linter = findProgram("cfn-lint", process.env);
const suite = linter === null ? "cfn-lint (skipped: it is not on the PATH)" : "cfn-lint";
describe.skipIf(linter === null)(suite, { timeout: 60_000 }, () => {
  it("reports nothing", () => {
    const args = ["--include-checks", "I3042", "--", TEMPLATE, MEMBER];
    const { stdout, status } = spawnSync(linter ?? "", args, { encoding: "utf8" });
    expect([stdout, status]).toEqual(["", 0]);
  });
});
