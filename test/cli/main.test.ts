import { spawnSync } from "node:child_process";
import { existsSync, openSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const COMMAND = join(import.meta.dirname, "../../dist/ec2-audit.mjs");
/** A device of Linux that is always full. */
const FULL = "/dev/full";

describe("the built command", () => {
  it.skipIf(!existsSync(FULL))("exits with 2 and says why when its output cannot be written", () => {
    const { status, stderr } = spawnSync(process.execPath, [COMMAND, "policy", "docs"], {
      stdio: ["ignore", openSync(FULL, "w"), "pipe"],
      encoding: "utf8",
    });
    expect([status, stderr]).toEqual([2, "error: the output cannot be written: ENOSPC\n"]);
  });
});
