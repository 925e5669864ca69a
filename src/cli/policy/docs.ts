import { RULE_KINDS } from "../../policy/rules/index.ts";
import { matchers } from "../../policy/settings.ts";
import { quote } from "../../util/json.ts";
import { nearest } from "../../util/nearest.ts";
import { wrap } from "../../util/text.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import type { Terminal } from "../terminal.ts";
import { commonSettings, type KindPage, pageOf, type SettingRow } from "./pages.ts";

/**
 * Runs `ec2-audit policy docs`: prints the page of a rule kind, or the list of rule kinds. Throws CliError for a kind that does
 * not exist.
 */
export function showDocs(cli: Cli, name: string | undefined, { json }: CommonOptions & { readonly json?: true }): void {
  const { terminal } = cli;
  if (name === undefined) {
    const kinds = RULE_KINDS.map(pageOf);
    terminal.out(json ? JSON.stringify({ kinds, common: commonSettings() }, null, 2) : listText(kinds, cli));
    return;
  }
  const names = RULE_KINDS.map((kind) => kind.name);
  const kind = RULE_KINDS.find((each) => each.name === name);
  if (kind === undefined) {
    const meant = nearest(name, names);
    const fix = meant === undefined ? `The rule kinds are ${names.join(", ")}.` : `Did you mean ${meant}?`;
    throw new CliError(`there is no rule kind ${quote(name)}`, fix);
  }
  const page = pageOf(kind);
  terminal.out(json ? JSON.stringify(page, null, 2) : pageText(page, cli));
}

function listText(kinds: readonly KindPage[], cli: Cli): string {
  const { colours, columns } = cli.terminal;
  const width = Math.max(...kinds.map(({ kind }) => kind.length));
  const lines = kinds.flatMap(({ kind, what }) => hang(`  ${kind.padEnd(width)}  `, what, columns));
  return [
    colours.bold("Rule kinds"),
    ...lines,
    "",
    ...settingLines("Settings of every rule", commonSettings(), cli.terminal),
    "",
    "The page of a kind: ec2-audit policy docs KIND",
  ].join("\n");
}

function pageText({ kind, what, why, judged, example, fails, passes, settings }: KindPage, cli: Cli): string {
  const { colours, columns } = cli.terminal;
  return [
    colours.bold(kind),
    ...hang("", what, columns),
    "",
    ...hang("", `${why} ${judged}`, columns),
    "",
    colours.bold("Example"),
    ...example.split("\n").map((line) => `  ${line}`),
    "",
    ...fails.flatMap((each) => hang(`  ${colours.red("✗")} `, each, columns, 4)),
    ...passes.flatMap((each) => hang(`  ${colours.green("✓")} `, each, columns, 4)),
    "",
    ...settingLines("Settings", settings, cli.terminal),
    "",
    ...hang("", "Each rule also has id, severity, mode, when and link: ec2-audit policy docs", columns),
  ].join("\n");
}

function settingLines(title: string, settings: readonly SettingRow[], { colours, columns }: Terminal): string[] {
  const alternatives = settings.filter(({ required }) => required === "one of these").map(({ key }) => key);
  const note = alternatives.length === 0 ? "" : ` (at least one of ${alternatives.join(", ")})`;
  return [
    ...wrap(`${title}${note}`.split(" "), columns, "  ").map((line) => colours.bold(line)),
    ...settings.flatMap(({ key, required, fallback, shape, about }) => {
      const notes = [
        shape === matchers.shape ? "text with * and ?, a /pattern/, or a list of these" : shape,
        required === "yes" ? "required" : "",
        fallback === null ? "" : `default ${fallback}`,
      ].filter(Boolean);
      return [
        ...wrap([`  ${key} `, ...notes.join("; ").split(" ")], columns, "      ").map((line) => line.trimEnd()),
        ...hang("      ", about, columns),
      ];
    }),
  ];
}

/** Wraps a text after a start, under which the other lines hang. */
function hang(start: string, text: string, columns: number, indent = start.length): string[] {
  const [first = "", ...more] = wrap(text.split(" "), columns - indent);
  return [`${start}${first}`, ...more.map((line) => `${" ".repeat(indent)}${line}`)];
}
