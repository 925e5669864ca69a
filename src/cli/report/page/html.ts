import { oneLine } from "../../../util/text.ts";

/** Markup. `html` makes it, and `trusted` from text that contains no value of a report. */
export interface Html {
  readonly markup: string;
}

/** A value of a template. Null and false are nothing; a list is its values, one after the other. */
export type Value = Html | string | number | null | false | readonly Value[];

/**
 * Returns markup in which every value that is not markup itself is escaped, so that it is text wherever it stands: in an element,
 * or in an attribute, which must have double quotes. Spaces replace characters that could reorder text.
 */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  return { markup: parts.reduce((markup, part, index) => markup + markupOf(values[index - 1] ?? null) + part) };
}

/** Returns text of this project, or of a library that escapes its values, as markup. */
export function trusted(markup: string): Html {
  return { markup };
}

/** Returns a link, or the text alone without the URL of a web page. Values of a policy can have any scheme, such as `javascript:`. */
export function linkTo(url: string | null, text: Value): Html {
  return url !== null && /^https?:\/\//i.test(url)
    ? html`<a href="${url}" rel="noreferrer">${text}</a>`
    : html`${text}`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function markupOf(value: Value): string {
  if (value === null || value === false) return "";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return oneLine(value).replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
  return "markup" in value ? value.markup : value.map(markupOf).join("");
}
