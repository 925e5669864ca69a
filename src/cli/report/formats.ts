import type { Report } from "./read-lines.ts";

/**
 * Makes a file of a format from a report, as parts of its content. A renderer reads nothing but the report, not even the clock, so
 * that the same report gives the same bytes. It holds no more than it must: the consumer asks for the next part when the last one
 * is written. The parts are joined before they are written, so they may be small.
 */
export type Renderer = (report: Report) => AsyncIterable<string | Uint8Array>;

/**
 * The formats, by the ending of a file's name. An ending comes before one that it ends with. Each is loaded when it is asked for.
 */
const FORMATS: readonly { readonly ending: string; readonly load: () => Promise<Renderer> }[] = [
  { ending: ".ocsf.jsonl", load: async () => (await import("./ocsf.ts")).renderOcsf },
  { ending: ".jsonl", load: async () => (await import("./jsonl.ts")).renderJsonl },
  { ending: ".html", load: async () => (await import("./page/page.ts")).renderPage },
  { ending: ".csv", load: async () => (await import("./csv.ts")).renderCsv },
  { ending: ".md", load: async () => (await import("./markdown.ts")).renderMarkdown },
];

/** A format, or why a name has none: one sentence without a full stop. */
export type FormatReading =
  | { readonly ending: string; readonly load: () => Promise<Renderer> }
  | { readonly problem: string };

/** Returns the format that the ending of a file's name stands for. */
export function formatOf(file: string): FormatReading {
  const name = file.toLowerCase();
  const format = FORMATS.find(({ ending }) => name.endsWith(ending));
  const endings = FORMATS.map(({ ending }) => ending);
  return (
    format ?? { problem: `the name of ${file} must end with ${endings.slice(0, -1).join(", ")} or ${endings.at(-1)}` }
  );
}

const PART = 64 * 1024;

/**
 * Yields the content of a report's file in parts of about 64 KiB, to be written with `pipeline`. Throws CliError for a damaged
 * line of the report.
 */
export async function* contentOf(
  report: Report,
  format: Extract<FormatReading, { ending: string }>,
): AsyncGenerator<string | Uint8Array> {
  const render = await format.load();
  let text = "";
  for await (const part of render(report)) {
    if (typeof part === "string" && text.length + part.length < PART) {
      text += part;
      continue;
    }
    if (text !== "") yield text;
    text = "";
    yield part;
  }
  if (text !== "") yield text;
}
