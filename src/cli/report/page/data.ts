import { Readable } from "node:stream";
import { createGzip } from "node:zlib";
import { instancePage } from "../../../alerts/instance-names.ts";
import { isRegion } from "../../../aws/regions.ts";
import { noSeverities, type Severities } from "../../../fleet/groups.ts";
import { SEVERITIES, type Severity } from "../../../policy/rule.ts";
import type { FindingLine, Header, Sums } from "../lines.ts";
import { listedFindings } from "../listed-findings.ts";
import { tagOf } from "../tag.ts";
import { Column } from "./column.ts";
import { COLUMNS, type Name, type Packed, PLACEHOLDERS, type Value } from "./packed.ts";

/** The maximum number of findings in a page. */
export const MAX_FINDINGS = 200_000;

/** The columns by which `byGravity` compares findings of the same severity. */
const ORDER: ReadonlySet<Name> = new Set<Name>(["status", "account", "region", "instanceId", "ruleId"]);

/** The findings of a page, in the order of `byGravity`. They are packed while they arrive, so that memory stays bounded. */
export interface PageData {
  /** Takes a finding. It is left out if the page is full of graver ones. */
  add(finding: FindingLine): void;
  /** Returns the element with the packed findings, which no browser executes. Call it once, after the last finding. */
  element(): Promise<string>;
}

/**
 * Returns the data of a page with at most `max` findings. The sums tell beforehand how many of each severity follow.
 */
export function pageData(header: Header, sums: Sums, max = MAX_FINDINGS): PageData {
  const free = freeRows(sums.totals.severities, sums.since?.unknownSeverities ?? noSeverities(), max);
  const size = Object.values(free).reduce((sum, count) => sum + count, 0);
  const columns = COLUMNS.map((name) => ({ name, column: new Column(size) }));
  const rows: Record<Severity, number[]> = { low: [], medium: [], high: [], critical: [] };
  const consoles = new Map<string, string>();
  let count = 0;
  return {
    add(finding) {
      const { severity, region } = finding;
      if (free[severity] <= 0) return;
      free[severity] -= 1;
      rows[severity].push(count++);
      if (isRegion(region)) consoles.set(region, instancePage(region));
      const values = valuesOf(finding, header);
      for (const { name, column } of columns) column.add(values[name]);
    },
    async element() {
      const chunks: Buffer[] = [];
      for await (const chunk of Readable.from(json()).pipe(createGzip())) chunks.push(chunk);
      const base64 = Buffer.concat(chunks).toString("base64");
      return `<script type="application/gzip+base64" id="data">${base64}</script>`;
    },
  };

  /** Yields the JSON of `Packed`, a column at a time. */
  function* json(): Generator<string> {
    const about: Omit<Packed, "columns"> = {
      findings: listedFindings(sums),
      time: header.time,
      compared: header.since !== null,
      accounts: header.accounts,
      consoles: Object.fromEntries(consoles),
      links: Object.fromEntries(header.rules.flatMap(({ id, link }) => (link && isUrl(link) ? [[id, link]] : []))),
    };
    const order = inOrder();
    yield `${JSON.stringify(about).slice(0, -1)},"columns":`;
    for (const [index, { name, column }] of columns.entries()) {
      yield `${index === 0 ? "{" : ","}"${name}":${column.pack(order)}`;
    }
    yield "}}";
  }

  function inOrder(): Uint32Array {
    const ranks = columns.filter(({ name }) => ORDER.has(name)).map(({ column }) => column.ranks());
    const compare = (a: number, b: number) => {
      for (const rank of ranks) if (rank[a] !== rank[b]) return (rank[a] ?? 0) - (rank[b] ?? 0);
      return 0;
    };
    return Uint32Array.from([...SEVERITIES].reverse().flatMap((severity) => rows[severity].sort(compare)));
  }
}

/** Returns how many findings of each severity the page holds. */
function freeRows(seen: Severities, unknown: Severities, max: number): Record<Severity, number> {
  const free = noSeverities();
  let left = max;
  for (const severity of [...SEVERITIES].reverse()) {
    free[severity] = Math.min(seen[severity] + unknown[severity], left);
    left -= free[severity];
  }
  return free;
}

/** Returns the values of a finding. */
function valuesOf(finding: FindingLine, header: Header): Record<Name, Value> {
  const { severity, status, account, region, ruleId, instanceId, name, tags, launchedBy, instanceType } = finding;
  const withPlaceholders = (text: string) => {
    const byId = /^i-[0-9a-f]+$/.test(instanceId) ? text.replaceAll(instanceId, PLACEHOLDERS.instanceId) : text;
    return isRegion(region) ? byId.replaceAll(region, PLACEHOLDERS.region) : byId;
  };
  return {
    severity,
    status,
    account,
    region,
    instanceId,
    ruleId,
    name,
    message: withPlaceholders(finding.message),
    owner: tagOf(tags, header.ownerTag),
    service: tagOf(tags, header.serviceTag),
    launchedBy,
    instanceType,
    remedy: withPlaceholders(finding.remedy.join("\n")),
    launchTime: minutesBetween(finding.launchTime, header.time),
    firstSeen: minutesBetween(finding.firstSeen, header.time),
  };
}

function isUrl(text: string): boolean {
  return /^https?:\/\//.test(text);
}

/** Returns how many minutes are between two times in ISO 8601; null if one is not a time. */
function minutesBetween(from: string | null, to: string): number | null {
  const minutes = Math.floor(Date.parse(to) / 60_000) - Math.floor(Date.parse(from ?? "") / 60_000);
  return Number.isNaN(minutes) ? null : minutes;
}
