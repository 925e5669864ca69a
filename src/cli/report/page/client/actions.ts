import { make } from "./dom.ts";

/** The time for which a file can be downloaded. */
const DOWNLOAD_MS = 60_000;

/** Downloads a text file. */
export function download(file: string, type: string, parts: Iterable<string>): void {
  const url = URL.createObjectURL(new Blob([...parts], { type }));
  make("a", { href: url, download: file }).click();
  setTimeout(() => URL.revokeObjectURL(url), DOWNLOAD_MS);
}

/** Copies text to the clipboard. Returns whether the browser allows it. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Returns an element with text to copy by hand, selected when it receives the focus. */
export function textToCopy(text: string): HTMLElement {
  const area = make("textarea", { readonly: "", rows: "8" });
  area.value = text;
  area.addEventListener("focus", () => area.select());
  return make("label", { class: "by-hand" }, make("span", { class: "label" }, "Commands to copy"), area);
}
