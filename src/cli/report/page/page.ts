import type { Report } from "../read-lines.ts";

/** Yields the HTML page of a report. */
export async function* renderPage({ header }: Report): AsyncGenerator<string> {
  yield `<!doctype html><title>${header.tool.replaceAll(/[^\w. -]/g, "")}</title>`;
}
