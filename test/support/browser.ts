import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** Debian's Chromium. */
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Whether there is a browser. Says so if there is none. */
export function hasBrowser(): boolean {
  if (existsSync(CHROMIUM)) return true;
  console.log(`skipped: tests of the report's page in a browser; there is no ${CHROMIUM}`);
  return false;
}

/** Starts a browser without a window. The caller closes it. */
export function openBrowser(): Promise<Browser> {
  // Chromium refuses to run as root in its sandbox, as in a container.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: CHROMIUM, args });
}

/** A page that is open in a browser, and what it complained about. */
export interface OpenPage {
  readonly page: Page;
  /** Messages of its console, exceptions, and dialogs. */
  readonly complaints: readonly string[];
}

/** Opens a report's page from the disk, and waits until its script has made the table, if it may run. `fragment` begins with `#`. */
export async function openPage(
  browser: Browser,
  file: string,
  { fragment = "", ...options }: BrowserContextOptions & { readonly fragment?: string } = {},
): Promise<OpenPage> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(pathToFileURL(file).href + fragment);
  if (options.javaScriptEnabled !== false) {
    await page.locator("#tools > *").first().waitFor();
  }
  return { page, complaints };
}

/** Returns the milliseconds from the opening of a report's page until all its findings can be used; null without a browser. */
export async function timeUntilUsable(file: string): Promise<number | null> {
  if (!hasBrowser()) return null;
  const browser = await openBrowser();
  try {
    const { page } = await openPage(browser, file);
    return await page.evaluate<number>("performance.getEntriesByName('usable')[0].startTime");
  } finally {
    await browser.close();
  }
}
