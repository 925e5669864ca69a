import type { TopLevelSpec } from "vega-lite";
import { SEVERITIES, type Severity } from "../../../policy/rule.ts";
import { type Html, html, trusted } from "./html.ts";
import { COLOURS } from "./parts.ts";

/** A bar of a chart: its label, and a count of each severity. */
export interface Bar {
  readonly label: string;
  /** A second line below the label, such as a year. */
  readonly note?: string;
  readonly severities: Readonly<Record<Severity, number>>;
}

/** The gravest severity is nearest to the axis. */
const ORDER = [...SEVERITIES].reverse();
const COLOUR = {
  field: "severity",
  type: "nominal",
  legend: null,
  scale: { domain: ORDER, range: ORDER.map((name) => COLOURS[name]) },
} as const;
const WIDTH = 344;
const ROW = 38;
const FULL_WIDTH = 1064;
const MAX_STEP = 64;
const HEIGHT = 150;

/** Returns a chart of horizontal bars with their labels above them, as SVG. The description replaces it where it is not seen. */
export async function rowsChart(bars: readonly Bar[], description: string): Promise<Html> {
  const y = { field: "at", type: "ordinal", axis: null, scale: { padding: 0 } } as const;
  const text = { type: "text", baseline: "alphabetic", dy: -1 } as const;
  return render(description, {
    ...specOf(bars),
    width: WIDTH,
    height: { step: ROW },
    layer: [
      {
        mark: { type: "bar", height: 10, yOffset: 10 },
        transform: [{ filter: "datum.count > 0" }],
        encoding: {
          y,
          x: { field: "count", type: "quantitative", axis: null, stack: "zero", scale: { domain: [0, maxOf(bars)] } },
          color: COLOUR,
          order: { field: "order" },
        },
      },
      {
        data: { values: totalsOf(bars, 42) },
        mark: { ...text, align: "left", x: 0 },
        encoding: { y, text: { field: "label" } },
      },
      {
        data: { values: totalsOf(bars, 42) },
        mark: { ...text, align: "right", x: WIDTH, fontWeight: 600 },
        encoding: { y, text: { field: "total", format: "," } },
      },
    ],
  });
}

/** Returns a chart of columns with their totals above them, as SVG. */
export async function columnsChart(bars: readonly Bar[], description: string): Promise<Html> {
  const x = { field: "at", type: "ordinal", axis: null, scale: { padding: 0 } } as const;
  const y = { type: "quantitative" as const, axis: null, scale: { domain: [0, maxOf(bars) * 1.15] } };
  const step = Math.min(MAX_STEP, Math.floor(FULL_WIDTH / bars.length));
  const text = { type: "text", align: "center" } as const;
  const totals = totalsOf(bars, 12);
  return render(description, {
    ...specOf(bars),
    padding: { left: 4, right: 4, top: 2, bottom: 38 },
    width: { step },
    height: HEIGHT,
    layer: [
      {
        mark: { type: "bar", width: step - 14 },
        transform: [{ filter: "datum.count > 0" }],
        encoding: { x, y: { ...y, field: "count", stack: "zero" as const }, color: COLOUR, order: { field: "order" } },
      },
      {
        data: { values: totals },
        mark: { ...text, dy: -7, fontWeight: 600 },
        encoding: { x, y: { ...y, field: "total" }, text: { field: "total", format: "," } },
      },
      { data: { values: totals }, mark: { ...text, y: HEIGHT + 14 }, encoding: { x, text: { field: "label" } } },
      {
        data: { values: totals },
        mark: { ...text, y: HEIGHT + 29, opacity: 0.75 },
        encoding: { x, text: { field: "note" } },
      },
    ],
  });
}

function specOf(bars: readonly Bar[]) {
  return {
    background: "transparent",
    padding: 0,
    autosize: "none",
    data: {
      values: bars.flatMap(({ severities }, at) =>
        ORDER.map((severity, order) => ({ at, order, severity, count: severities[severity] })),
      ),
    },
    config: {
      aria: false,
      mark: { aria: false },
      font: "inherit",
      view: { stroke: null },
      bar: { stroke: "var(--paper, #ffffff)", strokeWidth: 1 },
      text: { color: "currentColor", fontSize: 13, limit: 0 },
    },
  } as const;
}

function totalsOf(bars: readonly Bar[], limit: number) {
  return bars.map(({ label, note = "", severities }, at) => ({
    at,
    label: shortened(label, limit),
    note,
    total: totalOf(severities),
  }));
}

/** Cuts a label in its middle, because names often differ at their end. */
function shortened(label: string, limit: number): string {
  const characters = [...label];
  if (characters.length <= limit) return label;
  const half = Math.floor((limit - 1) / 2);
  return `${characters.slice(0, half).join("")}…${characters.slice(-half).join("")}`;
}

/** Returns the sum over the severities. */
export function totalOf(severities: Bar["severities"]): number {
  return SEVERITIES.reduce((sum, name) => sum + severities[name], 0);
}

function maxOf(bars: readonly Bar[]): number {
  return Math.max(1, ...bars.map(({ severities }) => totalOf(severities)));
}

/** Only the page loads the charting library, which takes a quarter of a second. It escapes the texts of a specification. */
async function render(description: string, spec: TopLevelSpec): Promise<Html> {
  const [{ compile }, { parse, View }] = await Promise.all([import("vega-lite"), import("vega")]);
  const svg = await new View(parse(compile(spec).spec), { renderer: "none" }).toSVG();
  // The description is for the whole chart. A symbol without its own name is an error to a screen reader.
  const body = svg.slice(svg.indexOf(">") + 1).replaceAll(/ role="graphics-\w+" aria-roledescription="[\w ]*"/g, "");
  const [, width = "", height = ""] = /width="(\d+)" height="(\d+)"/.exec(svg) ?? [];
  return html`<svg class="plot" role="img" aria-label="${description}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${trusted(body)}`;
}
