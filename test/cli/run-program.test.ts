import { describe, expect, it } from "vitest";
import { runProgram } from "../../src/cli/run-program.ts";

const shell = (script: string, timeoutMs?: number) =>
  runProgram("sh", ["-c", script], { folder: "/", env: process.env, ...(timeoutMs !== undefined && { timeoutMs }) });

describe("A program that is run", () => {
  it("is over when its time is, also when one that it has started goes on and holds its output open", async () => {
    const { code, stdout } = await shell("sleep 60 & echo $!; wait", 1_000);
    const goingOn = Number(stdout);
    expect(goingOn).toBeGreaterThan(0);
    process.kill(goingOn);
    expect(code).toBeNull();
  }, 10_000);

  it("is heard without colours, also when one comes in two parts", async () => {
    expect((await shell("printf '\\033[3'; sleep 0.2; printf '1mred\\033[39m'")).stdout).toBe("red");
  });
});
