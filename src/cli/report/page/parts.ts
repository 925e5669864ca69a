import type { Severity } from "../../../policy/rule.ts";
import { type Html, html, type Value } from "./html.ts";

/** The colours, as custom properties of the style sheet. The values are those of the light theme, for pages without it. */
export const COLOURS = {
  critical: "var(--critical, #8f1231)",
  high: "var(--high, #c8500c)",
  medium: "var(--medium, #b07d00)",
  low: "var(--low, #75808d)",
  good: "var(--good, #1d7a50)",
  unknown: "var(--unknown, #a6adb6)",
  accent: "var(--accent, #2b50c8)",
  ground: "var(--ground, #e6e8eb)",
} as const;
export type Colour = keyof typeof COLOURS;

/** Returns a severity: its word, which the style sheet gives a mark. */
export function severity(name: Severity): Html {
  return html`<span class="sev ${name}">${name}</span>`;
}

/** A part of a bar, with its share of the bar's length, from 0 to 1. */
export interface Part {
  readonly share: number;
  readonly colour: Colour;
}

/** Returns a bar of parts beside each other. A number must stand beside it, or `label` must tell what it shows. */
export function bar(parts: readonly Part[], height: number, label: string | null = null): Html {
  let x = 0;
  const rects = parts
    .filter(({ share }) => share > 0)
    .map(({ share, colour }) => {
      const width = Math.max(share * 100, 0.4);
      const rect = html`<rect x="${x.toFixed(2)}%" width="${width.toFixed(2)}%" height="${height}" fill="${COLOURS[colour]}"/>`;
      x += width;
      return rect;
    });
  const role = label === null ? html`aria-hidden="true"` : html`role="img" aria-label="${label}"`;
  return html`<svg class="bar" ${role} width="100%" height="${height}"><rect width="100%" height="${height}" fill="${COLOURS.ground}"/>${rects}</svg>`;
}

/** Returns a small square in a colour, for a legend. */
export function swatch(colour: Colour): Html {
  return html`<svg class="swatch" aria-hidden="true" width="10" height="10"><rect width="10" height="10" rx="2" fill="${COLOURS[colour]}"/></svg>`;
}

/** Returns a cell for a number. */
export function number(value: Value): Html {
  return html`<td class="n">${value}</td>`;
}
