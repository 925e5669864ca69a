import { describe, expect, it } from "vitest";
import { runProgram } from "../../src/cli/run-program.ts";

const shell = (script: string, timeoutMs?: number) =>
  runProgram("sh", ["-c", script], { folder: "/", env: process.env, ...(timeoutMs !== undefined && { timeoutMs }) });

describe("A program", () => {
  it("ends at its timeout, even if a child of it still runs and holds its output open", async () => {
    const { code, stdout } = await shell("sleep 60 & echo $!; wait", 1_000);
    const child = Number(stdout);
    expect(child).toBeGreaterThan(0);
    process.kill(child);
    expect(code).toBeNull();
  }, 10_000);

  it("returns its output without colours, even if a colour code arrives in two parts", async () => {
    expect((await shell("printf '\\033[3'; sleep 0.2; printf '1mred\\033[39m'")).stdout).toBe("red");
  });
});
