import { Command } from "commander";
import { describe, expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import type { Cli } from "../../src/cli/cli.ts";
import { CliError } from "../../src/cli/cli-error.ts";
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
    columns: 80,
    busy: (_what, work) => work(() => {}),
    live: (_text, work) => work(),
    confirm: async () => false,
  },
};

/** Returns the commands without subcommands, by their words. */
function leaves(command: Command, words: readonly string[] = []): readonly [string, Command][] {
  if (command.commands.length === 0) return [[words.join(" "), command]];
  return command.commands.flatMap((each) => leaves(each, [...words, each.name()]));
}

const program = createProgram(nobody);
const commands = leaves(program).filter(([words]) => words !== "help");
/** Everything with a --help. */
const helps = [...new Set(["", ...program.commands.map((each) => each.name()), ...commands.map(([words]) => words)])];
const split = (words: string) => words.split(" ").filter((word) => word);

describe("The command line", () => {
  it("has a command for each task of an operator, and one to undo it", () => {
    expect(commands.map(([words]) => words)).toEqual([
      "setup",
      "deploy webtask",
      "deploy lambda",
      "rollback webtask",
      "rollback lambda",
      "doctor",
      "check",
      "report",
      "policy check",
      "policy test",
      "policy import",
      "policy docs",
      "teardown",
    ]);
  });

  it.each(commands)("documents %s: its purpose, each option, an example and the exit codes", async (words, command) => {
    const { code, out, err } = await runCommand([...split(words), "--help"]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain(`Usage: ec2-audit ${words}`);
    expect(command.description().length).toBeGreaterThan(20);
    for (const { long, description } of command.options) {
      expect({ long, described: description.length > 5 }).toEqual({ long, described: true });
    }
    expect(out).toContain("--region <name>");
    expect(out).toContain(`$ ec2-audit ${words}`);
    expect(out).toContain("\nExit codes: 0 ");
  });

  it.each(helps)("prints the same for help %s as for --help, in at most 80 columns", async (words) => {
    const result = await runCommand([...split(words), "--help"]);
    expect(result).toMatchObject({ code: 0, err: "" });
    expect(await runCommand(["help", ...split(words)])).toEqual(result);
    expect(result.out.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  it.each(helps)("wraps the help of %s for a narrower terminal, and keeps every word", async (words) => {
    const args = [...split(words), "--help"];
    const { out } = await runCommand(args, { columns: 60 });
    expect(out.split("\n").filter((line) => line.length > 60 && line.trim().includes(" "))).toEqual([]);
    const plain = (text: string) => text.split(/\s+/).join(" ");
    expect(plain(out)).toBe(plain((await runCommand(args)).out));
  });

  it.each([
    ["setpu", "command 'setpu'", "setup"],
    ["help setpu", "command 'setpu'", "setup"],
    ["setpu --help", "command 'setpu'", "setup"],
    ["help deploy webtsk", "command 'webtsk'", "webtask"],
    ["deploy webtsk --help", "command 'webtsk'", "webtask"],
    ["help deploy webtsk now", "command 'webtsk'", "webtask"],
    ["check --hepl", "option '--hepl'", "--help"],
    ["deploy lambda --hepl", "option '--hepl'", "--help"],
  ])("suggests the nearest name for %s", async (words, unknown, nearest) => {
    expect(await runCommand(split(words))).toMatchObject({
      code: 2,
      out: "",
      err: `error: unknown ${unknown}\n(Did you mean ${nearest}?)\nAdd --help for usage.`,
    });
  });

  it.each(["check --nope", "doctor me", "frobnicate"])("points to --help after the usage error %s", async (words) => {
    const { code, err } = await runCommand(split(words));
    expect([code, err]).toEqual([2, expect.stringMatching(/^error: .*\nAdd --help for usage\.$/)]);
  });

  it("prints its usage on standard error without a command", async () => {
    const { code, out, err } = await runCommand([]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain("Usage: ec2-audit [options] [command]");
  });

  it("prints the package's version", async () => {
    expect(await runCommand(["--version"])).toMatchObject({ code: 0, out: manifest.version });
  });
});

describe("A failure with --json", () => {
  const folder = "/";

  it("prints one document on standard output, and the error on standard error", async () => {
    const { code, out, err } = await runCommand(["check", "web-1", "--json"], { folder });
    expect(code).toBe(2);
    const error = { message: 'not an instance id: "web-1"', hint: expect.stringContaining("An id is i-") };
    expect(JSON.parse(out)).toEqual({ error });
    expect(err).toContain('error: not an instance id: "web-1"');
  });

  it("prints a document for a usage error too", async () => {
    const { code, out } = await runCommand(["doctor", "--json", "--frobnicate"], { folder });
    expect([code, JSON.parse(out)]).toEqual([
      2,
      { error: { message: "error: unknown option '--frobnicate'", hint: null } },
    ]);
  });

  it("prints no second document", async () => {
    const create = () =>
      new Command("ec2-audit").option("--json").action(() => {
        throw new CliError("printed before");
      });
    const printing = (cli: Cli) => create().hook("preAction", () => cli.terminal.out('{"deployment": 1}'));
    const { code, out } = await runCommand(["--json"], { create: printing });
    expect([code, JSON.parse(out)]).toEqual([2, { deployment: 1 }]);
  });
});
