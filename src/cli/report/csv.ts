import { stringify } from "csv-stringify/sync";
import { guardFormulas } from "./formulas.ts";
import type { Header, VerdictLine } from "./lines.ts";
import type { Report } from "./read-lines.ts";
import { tagOf } from "./tag.ts";

/** The columns. One that shows a field of the lines has its name. */
const COLUMNS: Readonly<Record<string, (line: VerdictLine, header: Header) => string | null>> = {
  severity: ({ severity }) => severity,
  status: (line) => (line.type === "finding" ? line.status : line.type),
  account: ({ account }) => account,
  accountName: ({ account }, { accounts }) => accounts[account] ?? null,
  region: ({ region }) => region,
  instanceId: ({ instanceId }) => instanceId,
  name: ({ name }) => name,
  ruleId: ({ ruleId }) => ruleId,
  rule: ({ rule }) => rule,
  message: ({ message }) => message,
  remedy: ({ remedy }) => remedy.join("\n"),
  owner: ({ tags }, { ownerTag }) => tagOf(tags, ownerTag),
  service: ({ tags }, { serviceTag }) => tagOf(tags, serviceTag),
  launchedBy: ({ launchedBy }) => launchedBy,
  launchTime: ({ launchTime }) => launchTime,
  firstLaunchTime: ({ firstLaunchTime }) => firstLaunchTime ?? null,
  firstSeen: (line) => (line.type === "exempt" ? null : line.firstSeen),
  resolution: (line) => (line.type === "resolved" ? line.resolution : null),
  reason: (line, { exemptions }) => (line.type === "exempt" ? (exemptions[line.exemption]?.reason ?? null) : null),
  until: (line, { exemptions }) => (line.type === "exempt" ? (exemptions[line.exemption]?.until ?? null) : null),
  state: ({ state }) => state,
  instanceType: ({ instanceType }) => instanceType,
  imageId: ({ imageId }) => imageId,
  keyName: ({ keyName }) => keyName,
  instanceProfile: ({ instanceProfile }) => instanceProfile,
  availabilityZone: ({ availabilityZone }) => availabilityZone,
  vpcId: ({ vpcId }) => vpcId,
  subnetId: ({ subnetId }) => subnetId,
  privateIp: ({ privateIp }) => privateIp,
  publicIp: ({ publicIp }) => publicIp,
  link: ({ link }) => link,
  id: ({ id }) => id,
  dedupKey: ({ dedupKey }) => dedupKey,
  tags: ({ tags }) => JSON.stringify(tags),
};

/** Excel reads a file without this mark in the system's old code page. */
const BYTE_ORDER_MARK = "\uFEFF";
const BATCH = 200;

/**
 * Yields a report as a table: UTF-8, comma-separated, with CRLF, as RFC 4180 describes it. No cell is a formula. Throws CliError for
 * a damaged line.
 */
export async function* renderCsv({ header, verdicts }: Report): AsyncGenerator<string> {
  const columns = Object.entries(COLUMNS);
  yield BYTE_ORDER_MARK + csvOf([columns.map(([name]) => name)]);
  let rows: (string | null)[][] = [];
  for await (const line of verdicts()) {
    rows.push(columns.map(([, cellOf]) => cellOf(line, header)));
    if (rows.length < BATCH) continue;
    yield csvOf(rows);
    rows = [];
  }
  if (rows.length > 0) yield csvOf(rows);
}

function csvOf(rows: readonly (readonly (string | null)[])[]): string {
  return stringify([...rows], {
    record_delimiter: "windows",
    // By itself, it quotes a cell for the line breaks that end a row, and a remedy has others.
    quoted_match: /[\r\n]/,
    cast: { string: guardFormulas },
  });
}
