import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { resolve } from "node:path";
import { counted, grouped } from "../../util/figures.ts";
import { parseJson } from "../../util/json.ts";
import { oneLine } from "../../util/text.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import { systemCode } from "../run-program.ts";
import { type LineReading, lineOf } from "./line-schema.ts";
import { type Header, type Line, type PlaceLine, REPORT_SCHEMA, type Sums, type VerdictLine } from "./lines.ts";
import { listedFindings } from "./listed-findings.ts";

/**
 * An open report file. Its texts have spaces in place of control characters and bidirectional marks, even if another program wrote the
 * file, so that a format must escape only its own markup.
 */
export interface Report {
  /** The absolute path of its file. */
  readonly file: string;
  readonly header: Header;
  readonly places: readonly PlaceLine[];
  readonly sums: Sums;
  /**
   * Reads the findings, the exempt and the resolved violations from the file, as often as it is called. Throws CliError for a
   * damaged line.
   */
  verdicts(): AsyncGenerator<VerdictLine, void, undefined>;
}

const ANOTHER = "Specify another report, or make this one again.";
const HINT = "Specify a complete .jsonl file that ec2-audit report --out wrote.";

/** The longest line: the header, whose policy has up to 128 KiB, and the names of 10,000 accounts. In bytes. */
const MAX_LINE = 16 * 1024 * 1024;
const TAIL = 256 * 1024;
const NEWLINE = 0x0a;

/**
 * Opens a report's file (`.jsonl`), relative to the operator's folder, and reads all but its findings, which it can hold a million
 * of. Throws CliError for a file that cannot be read, is not a report, is incomplete, or has another version.
 */
export async function openReport({ folder }: Pick<Cli, "folder">, name: string): Promise<Report> {
  const file = resolve(folder, name);
  const handle = await openFile(file, name);
  try {
    const { header, end: start } = await readHeader(handle, name);
    const { places, sums, start: end } = await readTail(handle, name, start);
    return { file, header, places, sums, verdicts: () => readVerdicts(file, name, start, end) };
  } finally {
    await handle.close();
  }
}

/**
 * Opens the report of an operator's file as `openReport` does. Its `verdicts` also throws CliError at the end if lines are missing, as
 * in a file that someone has filtered.
 */
export async function openGivenReport(cli: Pick<Cli, "folder">, name: string): Promise<Report> {
  const report = await openReport(cli, name);
  const expected = listedFindings(report.sums);
  return {
    ...report,
    verdicts: async function* () {
      let findings = 0;
      for await (const line of report.verdicts()) {
        if (line.type === "finding") findings += 1;
        yield line;
      }
      if (findings === expected) return;
      throw new CliError(
        `${name} is damaged: it has ${counted(findings, "finding")}, and its sums count ${grouped(expected)}`,
        ANOTHER,
      );
    },
  };
}

async function openFile(file: string, name: string): Promise<FileHandle> {
  try {
    const handle = await open(file);
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
  } catch (error) {
    const code = systemCode(error);
    throw new CliError(`${name} ${code === "ENOENT" ? "does not exist" : `cannot be read: ${code}`}`, HINT);
  }
  throw new CliError(`${name} is not a file`, HINT);
}

async function readHeader(
  handle: FileHandle,
  name: string,
): Promise<{ readonly header: Header; readonly end: number }> {
  const { size } = await handle.stat();
  if (size === 0) throw new CliError(`${name} is empty`, HINT);
  for (let length = Math.min(TAIL, size); ; length = Math.min(length * 2, size, MAX_LINE)) {
    const bytes = await read(handle, 0, length);
    const at = bytes.indexOf(NEWLINE);
    if (at === -1 && length < Math.min(size, MAX_LINE)) continue;
    const text = bytes.toString("utf8", 0, at === -1 ? length : at);
    checkVersion(parseJson(text), name);
    const line = readLine(text, name, 1);
    if (line.type !== "report") throw notReport(name);
    return { header: line, end: at === -1 ? size : at + 1 };
  }
}

function checkVersion(value: unknown, name: string): void {
  const schema = typeof value === "object" && value !== null && "schema" in value ? value.schema : undefined;
  if (schema === REPORT_SCHEMA) return;
  const [, version] = (typeof schema === "string" && /^urn:ec2-audit:report:([1-9]\d{0,5})$/.exec(schema)) || [];
  if (version === undefined) throw notReport(name);
  throw new CliError(
    `${name} is a report of version ${version}, and this ec2-audit reads version 1`,
    "Update ec2-audit: npm install --global ec2-audit@latest",
  );
}

function notReport(name: string): CliError {
  return new CliError(`${name} is not a report of ec2-audit`, HINT);
}

/** Reads the sums and the places, from the last line backwards. `start` is the offset of the first of them, in bytes. */
async function readTail(handle: FileHandle, name: string, first: number): Promise<Tail> {
  const { size } = await handle.stat();
  for (let length = Math.min(TAIL, size - first); ; length = Math.min(length * 4, size - first)) {
    const offset = size - length;
    const tail = parseTail(await read(handle, offset, length), offset === first);
    if (tail === "longer") continue;
    if (tail.problem === undefined) return { ...tail, start: offset + tail.start };
    const number = await lineAt(handle, offset + tail.start);
    throw tail.problem === null ? incomplete(name, number) : damaged(name, number, tail.problem);
  }
}

interface Tail {
  readonly places: readonly PlaceLine[];
  readonly sums: Sums;
  readonly start: number;
}

/**
 * Returns the sums and places at the end of the bytes; `longer` if there may be places before the bytes; or the start of a line that
 * is damaged, with the problem, or null if the sums are not there.
 */
function parseTail(
  bytes: Buffer,
  isWhole: boolean,
): "longer" | (Tail & { readonly problem?: undefined }) | { readonly problem: string | null; readonly start: number } {
  const places: PlaceLine[] = [];
  let sums: Sums | undefined;
  // The file may end without a line break, for instance after an editor has saved it.
  let end = bytes.at(-1) === NEWLINE ? bytes.length - 1 : bytes.length;
  while (end > 0) {
    const start = bytes.lastIndexOf(NEWLINE, end - 1) + 1;
    if (start === 0 && !isWhole) return "longer";
    const text = bytes.toString("utf8", start, end);
    if (sums === undefined && parseJson(text) === undefined) return { problem: null, start };
    const reading = parseLine(text);
    if ("problem" in reading) return { problem: reading.problem, start };
    const { line } = reading;
    if (sums === undefined) {
      if (line.type !== "sums") return { problem: null, start };
      sums = line;
    } else if (line.type === "place") places.push(line);
    else return { places: places.reverse(), sums, start: end + 1 };
    end = start - 1;
  }
  return sums === undefined ? { problem: null, start: 0 } : { places: places.reverse(), sums, start: 0 };
}

function incomplete(name: string, number: number): CliError {
  return new CliError(
    `${name} is incomplete: line ${number}, the last one, is not the sums of a report`,
    "The report was ended while it was written. Specify a complete report, or make this one again.",
  );
}

/** Returns the number of the line at an offset. */
async function lineAt(handle: FileHandle, offset: number): Promise<number> {
  let number = 1;
  for (let at = 0; at < offset; at += TAIL) {
    for (const byte of await read(handle, at, Math.min(TAIL, offset - at))) if (byte === NEWLINE) number += 1;
  }
  return number;
}

async function read(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset);
  return buffer.subarray(0, bytesRead);
}

async function* readVerdicts(file: string, name: string, start: number, end: number): AsyncGenerator<VerdictLine> {
  // The header is line 1.
  let number = 1;
  for await (const text of textLines(file, name, start, end)) {
    number += 1;
    const line = readLine(text, name, number);
    if (line.type !== "finding" && line.type !== "exempt" && line.type !== "resolved")
      throw damaged(name, number, "it is in the wrong place");
    yield line;
  }
}

/** Yields the lines between two offsets in bytes. `readline` also ends lines at characters that JSON strings may contain. */
async function* textLines(file: string, name: string, start: number, end: number): AsyncGenerator<string> {
  if (start >= end) return;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(file, { start, end: end - 1, highWaterMark: TAIL })) {
    const bytes: Buffer = Buffer.concat([rest, chunk]);
    const at = bytes.lastIndexOf(NEWLINE);
    rest = bytes.subarray(at + 1);
    if (rest.length > MAX_LINE) throw notReport(name);
    if (at !== -1) yield* bytes.toString("utf8", 0, at).split("\n");
  }
  if (rest.length > 0) yield rest.toString("utf8");
}

function readLine(text: string, name: string, number: number): Line {
  const reading = parseLine(text);
  if ("problem" in reading) throw damaged(name, number, reading.problem);
  return reading.line;
}

function parseLine(text: string): LineReading {
  const value = parseJson(cleanJson(text));
  return value === undefined ? { problem: "it is not JSON" } : lineOf(value);
}

function damaged(name: string, number: number, problem: string): CliError {
  return new CliError(`line ${number} of ${name} is damaged: ${problem}`, ANOTHER);
}

/** Returns JSON of one line whose texts, the keys of objects too, are as `oneLine` returns them. */
function cleanJson(json: string): string {
  if (!/[^ -~]|\\[^"\\]/.test(json)) return json;
  return oneLine(json).replaceAll(/\\(?:u([\dA-Fa-f]{4})|[^u])/g, (escaped: string, hex?: string) => {
    if (hex === undefined) return /["\\/]/.test(escaped.slice(1)) ? escaped : " ";
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return oneLine(character) === character ? escaped : " ";
  });
}
