import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import type { Cli } from "../../src/cli/cli.ts";
import { createProgram } from "../../src/cli/program.ts";
import { runCommand } from "./run.ts";

const nobody: Cli = {
  env: {},
  folder: "/",
  now: Date.now,
  pause: async () => {},
  finish: () => {},
  terminal: {
    out: () => {},
    err: () => {},
    colours: (await import("picocolors")).default.createColors(false),
    busy: (_what, work) => work(() => {}),
    confirm: async () => false,
  },
};

/** Every command that does something, by its words. */
function leaves(command: Command, words: readonly string[] = []): readonly [string, Command][] {
  if (command.commands.length === 0) return [[words.join(" "), command]];
  return command.commands.flatMap((each) => leaves(each, [...words, each.name()]));
}

const commands = leaves(createProgram(nobody));

describe("The command line", () => {
  it("has a command for each thing that an operator does, and one to undo it", () => {
    expect(commands.map(([words]) => words)).toEqual([
      "setup",
      "deploy webtask",
      "deploy lambda",
      "rollback webtask",
      "rollback lambda",
      "doctor",
      "check",
      "teardown",
    ]);
  });

  it.each(commands)("%s --help teaches: what it does, each option, and an example", async (words, command) => {
    const { code, out, err } = await runCommand([...words.split(" "), "--help"]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain(`Usage: ec2-audit ${words}`);
    expect(command.description().length).toBeGreaterThan(20);
    for (const { long, description } of command.options) {
      expect({ long, described: description.length > 5 }).toEqual({ long, described: true });
    }
    expect(out).toContain("--region <name>");
    expect(out).toContain(`$ ec2-audit ${words}`);
  });

  it.each(commands)("%s refuses an option that it does not have, and names the nearest that it has", async (words) => {
    const { code, err } = await runCommand([...words.split(" "), "--hepl"]);
    expect([code, err]).toEqual([2, expect.stringContaining("error: unknown option '--hepl'\n(Did you mean --help?)")]);
  });

  it("refuses a command that it does not have, and names the nearest", async () => {
    const { code, err } = await runCommand(["setpu"]);
    expect([code, err]).toEqual([2, "error: unknown command 'setpu'\n(Did you mean setup?)"]);
  });

  it("without a command says what there is, on the standard error", async () => {
    const { code, out, err } = await runCommand([]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain("Usage: ec2-audit [options] [command]");
  });

  it("--help shows the way from nothing to audited launches", async () => {
    const { code, out } = await runCommand(["--help"]);
    expect(code).toBe(0);
    expect(out).toContain("$ ec2-audit deploy webtask");
    expect(out).toContain("Exit codes: 0 done, 1 what was asked about is not so, 2 used wrongly or failed.");
  });

  it("--version is the package's", async () => {
    expect(await runCommand(["--version"])).toMatchObject({ code: 0, out: manifest.version });
  });
});
