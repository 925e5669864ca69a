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
    confirm: async () => false,
  },
};

/** Every command that does something, by its words. */
function leaves(command: Command, words: readonly string[] = []): readonly [string, Command][] {
  if (command.commands.length === 0) return [[words.join(" "), command]];
  return command.commands.flatMap((each) => leaves(each, [...words, each.name()]));
}

const program = createProgram(nobody);
const commands = leaves(program).filter(([words]) => words !== "help");
/** All that has a help of its own. */
const helps = ["", ...program.commands.map((each) => each.name()), ...commands.map(([words]) => words)];
const split = (words: string) => words.split(" ").filter((word) => word);

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
    expect([code, err]).toEqual([
      2,
      `error: unknown option '--hepl'\n(Did you mean --help?)\nec2-audit ${words} --help shows what there is.`,
    ]);
  });

  it("refuses a command that it does not have, and names the nearest", async () => {
    const { code, err } = await runCommand(["setpu"]);
    const told = "error: unknown command 'setpu'\n(Did you mean setup?)\nec2-audit --help shows what there is.";
    expect([code, err]).toEqual([2, told]);
  });

  it.each([...new Set(helps)])(
    "help %s is the same as with --help, and no line of it is over 80 columns",
    async (words) => {
      const asked = await runCommand([...split(words), "--help"]);
      expect(asked).toMatchObject({ code: 0, err: "" });
      expect(await runCommand(["help", ...split(words)])).toEqual(asked);
      expect(asked.out.split("\n").filter((line) => line.length > 80)).toEqual([]);
    },
  );

  it.each([
    ["help setpu", "setpu", "setup", ""],
    ["setpu --help", "setpu", "setup", ""],
    ["help deploy webtsk", "webtsk", "webtask", " deploy"],
    ["deploy webtsk --help", "webtsk", "webtask", " deploy"],
    ["help deploy webtsk now", "webtsk", "webtask", " deploy"],
  ])("%s is refused, and the nearest named", async (words, wrong, nearest, of) => {
    const { code, out, err } = await runCommand(split(words));
    expect([code, out]).toEqual([2, ""]);
    const there = `ec2-audit${of} --help shows what there is.`;
    expect(err).toBe(`error: unknown command '${wrong}'\n(Did you mean ${nearest}?)\n${there}`);
  });

  it("says where to look after anything that the parser refuses", async () => {
    for (const words of ["check --nope", "doctor me", "frobnicate"]) {
      const { code, err } = await runCommand(split(words));
      expect([code, err]).toEqual([2, expect.stringMatching(/^error: .*\nec2-audit .*--help shows what there is\.$/)]);
    }
  });

  it.each(["deploy webtask", "rollback webtask"])(
    "%s --help says which options it does not use, and its exit codes",
    async (words) => {
      const { out } = await runCommand([...split(words), "--help"]);
      expect(out).toContain("--profile and --region are not used here.");
      expect(out).toContain("\nExit codes: 0 ");
      expect(out).not.toContain("-y,");
    },
  );

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

describe("The help on a narrow terminal", () => {
  it.each([...new Set(helps)])(
    "of %s breaks every line over 60 columns that has a space, and loses no word",
    async (words) => {
      const args = [...split(words), "--help"];
      const { out } = await runCommand(args, { columns: 60 });
      expect(out.split("\n").filter((line) => line.length > 60 && line.trim().includes(" "))).toEqual([]);
      const plain = (text: string) => text.split(/\s+/).join(" ");
      expect(plain(out)).toBe(plain((await runCommand(args)).out));
    },
  );

  it("keeps examples and their remarks on separate lines", async () => {
    const { out } = await runCommand(["--help"], { columns: 60 });
    expect(out).toContain("\n  $ ec2-audit deploy webtask");
    const { out: setup } = await runCommand(["setup", "--help"], { columns: 60 });
    expect(setup).toContain("\n  $ ec2-audit setup --dry-run\n      what would be done?\n");
  });
});

describe("A failure with --json", () => {
  const folder = "/";

  it("is one document on the standard output, and a sentence on the standard error", async () => {
    const { code, out, err } = await runCommand(["check", "web-1", "--json"], { folder });
    expect(code).toBe(2);
    const error = { message: 'not an instance id: "web-1"', hint: expect.stringContaining("An id is i-") };
    expect(JSON.parse(out)).toEqual({ error });
    expect(err).toContain('error: not an instance id: "web-1"');
  });

  it("is a document too where the command line is wrong", async () => {
    const { code, out } = await runCommand(["doctor", "--json", "--frobnicate"], { folder });
    expect([code, JSON.parse(out)]).toEqual([2, { error: { message: "unknown option '--frobnicate'", hint: null } }]);
  });

  it("adds no second document to one that was printed", async () => {
    const create = () =>
      new Command("ec2-audit").option("--json").action(() => {
        throw new CliError("printed before");
      });
    const printing = (cli: Cli) => create().hook("preAction", () => cli.terminal.out('{"deployment": 1}'));
    const { code, out } = await runCommand(["--json"], { create: printing });
    expect([code, JSON.parse(out)]).toEqual([2, { deployment: 1 }]);
  });
});
