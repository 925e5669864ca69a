import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import pc from "picocolors";
import { createSigningIdentity } from "../../src/local/aws/certificate.ts";
import { type CannedAws, startCannedAws } from "../support/canned-aws.ts";
import { FOUR_SECRETS } from "../support/config.ts";
import { bundle } from "./bundle.ts";
import { instanceId, queueEvent, signedDelivery } from "./deliveries.ts";
import { countOperations } from "./every-rule.ts";
import { type Loading, measureLoading } from "./loading.ts";
import { type Child, startLambda, startWebtask } from "./processes.ts";
import { print, type Row, ratioRow } from "./table.ts";
import { measureWorstCases, type WorstCase } from "./worst-case.ts";

/** Many short rounds, each with every subject, so that other load on the machine affects all of them alike. */
const ROUNDS = 40;
const DELIVERIES = 50;
/** Launches until the compiler has optimised the function: a warm container is measured. */
const WARM_UP = 1_500;
const BURST = 10_000;

const folder = mkdtempSync(join(tmpdir(), "ec2-audit-bench-"));
const ours = resolve("dist/audit.js");

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

function post(url: string, body: string): Promise<number> {
  return new Promise((done, fail) => {
    const headers = { "Content-Type": "text/plain; charset=UTF-8", "Content-Length": Buffer.byteLength(body) };
    const sent = request(url, { agent, method: "POST", headers }, (response) => {
      response.resume();
      response.on("end", () => done(response.statusCode ?? 0));
    });
    sent.on("error", fail);
    sent.end(body);
  });
}

function note(text: string): void {
  process.stderr.write(pc.dim(`${text}\n`));
}

/** Runs one turn of a subject; returns its CPU time per launch, in microseconds. */
type Subject = () => Promise<number>;

/** Deliveries to a webtask, one after the other. Takes the function that signs the next one. */
function deliveriesTo(host: Child, sign: () => string): Subject {
  return async () => {
    const deliveries = Array.from({ length: DELIVERIES }, sign);
    // The host closes connections that are idle during the other turns.
    agent.destroy();
    await host.cpu();
    for (const delivery of deliveries) {
      const status = await post(host.url, delivery);
      if (status !== 200) throw new Error(`the webtask responded ${status}`);
    }
    return (await host.cpu()) / DELIVERIES;
  };
}

/** SQS batches of ten launches to the Lambda handler, one in ten violating. */
function batchesTo(host: Child): Subject {
  const batches = Array.from({ length: DELIVERIES }, (_, batch) =>
    queueEvent(Array.from({ length: 10 }, (_, index) => instanceId(batch * 10 + index, index === 0))),
  );
  return async () => (await host.cpu(batches)) / (DELIVERIES * 10);
}

type Rounds = Readonly<Record<string, readonly number[]>>;

async function measure(subjects: Readonly<Record<string, Subject>>): Promise<Rounds> {
  const rounds: Record<string, number[]> = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  const list = Object.entries(subjects);
  for (const [, turn] of list) for (let warm = 0; warm < WARM_UP; warm += DELIVERIES) await turn();
  for (let round = 0; round < ROUNDS; round++) {
    // Each round begins with another subject, so that no subject always follows the same one.
    for (let index = 0; index < list.length; index++) {
      const [name, turn] = list[(round + index) % list.length] ?? [];
      if (name !== undefined && turn !== undefined) rounds[name]?.push(await turn());
    }
  }
  return rounds;
}

/** Derives a figure of each round from that round's figures. */
function perRound(rounds: Rounds, figure: (of: (name: string) => number) => number): number[] {
  return Array.from({ length: ROUNDS }, (_, round) => figure((name) => rounds[name]?.[round] ?? Number.NaN));
}

/** Counts the EC2 calls for a burst of launches, one in ten violating, that the Lambda handler gets in SQS batches. */
async function countBurst(host: Child, aws: CannedAws, batchSize: number, violating: (index: number) => boolean) {
  aws.calls.length = 0;
  const events: unknown[] = [];
  for (let from = 0; from < BURST; from += batchSize) {
    const indexes = Array.from({ length: batchSize }, (_, offset) => from + offset);
    events.push(queueEvent(indexes.map((index) => instanceId(index, violating(index)))));
  }
  await host.cpu(events);
  return ec2Calls(aws);
}

/** Counts the EC2 calls for the same burst as HTTPS deliveries to one webtask, 50 at a time. */
async function countWebtaskBurst(host: Child, aws: CannedAws, deliveries: readonly string[]) {
  agent.destroy();
  aws.calls.length = 0;
  const rest = deliveries.values();
  const work = async () => {
    for (const delivery of rest) await post(host.url, delivery);
  };
  await Promise.all(Array.from({ length: 50 }, work));
  return ec2Calls(aws);
}

function ec2Calls({ calls }: CannedAws): number {
  return calls.filter(({ action }) => action.startsWith("Describe")).length;
}

function countRow(what: string, calls: number, limit: number | null): Row {
  const target = limit === null ? "" : `≤ ${limit.toLocaleString("en")}`;
  const met = limit === null ? null : calls <= limit;
  return {
    what,
    ours: calls.toLocaleString("en"),
    baseline: `${BURST.toLocaleString("en")} with one per launch`,
    ratio: calls / BURST,
    target,
    met,
  };
}

/** Loading compared with bare Node, and the time from the start to the first response compared with plain SDK v3. */
function loadingRows({ version, limit, times }: Loading): Row[] {
  const bare = { baselines: times.bare, of: "bare node", unit: "ms" };
  const first = { values: times.oursFirst, baselines: times.plainFirst, of: "plain SDK v3", unit: "ms" };
  return [
    ratioRow(`time to load the file, Node ${version}`, { values: times.ours, ...bare }, limit),
    ratioRow("  for comparison: plain SDK v3", { values: times.plain, ...bare }, null),
    ratioRow("  time from start to the first audited launch", first, null),
    ratioRow("ec2-audit --help", { values: times.help, ...bare }, 2),
    ratioRow("ec2-audit with a usage error", { values: times.usageError, ...bare }, 2),
  ];
}

/** The worst request bodies compared with the first, a delivery of the usual size. */
function worstRows([usual, ...worst]: readonly WorstCase[]): Row[] {
  return worst.map(({ what, status, milliseconds }) => ({
    what: `${what}: status ${status}`,
    ours: `${milliseconds.toFixed(1)} ms`,
    baseline: `${usual?.milliseconds.toFixed(1)} ms ${usual?.what}`,
    ratio: milliseconds / (usual?.milliseconds ?? Number.NaN),
    target: "",
    met: null,
  }));
}

async function main(): Promise<void> {
  const asJson = process.argv.includes("--json");
  note(`Node ${process.version}; figures are medians of one run, which takes two to three minutes`);
  const empty = join(folder, "empty.cjs");
  writeFileSync(empty, "");
  const [noop, plain, hand] = [
    await bundle("noop", folder),
    await bundle("plain-sdk", folder),
    await bundle("by-hand", folder),
  ];

  const aws = await startCannedAws();
  const identity = await createSigningIdentity(Date.now());
  const secrets = {
    ...FOUR_SECRETS,
    AWS_ENDPOINT_URL: aws.url,
    SNS_SIGNING_CERT: identity.certificate,
  };
  note("measuring start-up ...");
  const { BENCH_NODE24 } = process.env;
  if (BENCH_NODE24 === undefined) note("skipped: start-up on Node 24; set BENCH_NODE24 to the path of its node");
  const launch = [JSON.stringify(secrets), signedDelivery(identity, instanceId(0, false))];
  const nodes = [process.execPath, ...(BENCH_NODE24 === undefined ? [] : [BENCH_NODE24])];
  const loadings: Loading[] = [];
  for (const node of nodes) loadings.push(await measureLoading(node, { bare: empty, ours, plain }, launch));

  const hosts: Record<string, Child> = {};
  for (const [name, file] of Object.entries({ noop, hand, plain, ours })) {
    hosts[name] = await startWebtask(file, secrets);
  }
  let launched = 0;
  const signed = (violating: boolean) => () => signedDelivery(identity, instanceId(launched++, violating));
  const lambda = await startLambda(ours, secrets);
  note("measuring launches, one at a time and in batches ...");
  const subjects: Record<string, Subject> = { batched: batchesTo(lambda) };
  for (const [name, host] of Object.entries(hosts)) {
    subjects[`${name} compliant`] = deliveriesTo(host, signed(false));
    subjects[`${name} violating`] = deliveriesTo(host, signed(true));
  }
  const rounds = await measure(subjects);

  note(`counting the calls of a burst of ${BURST.toLocaleString("en")} launches ...`);
  const autoScaling = await countBurst(lambda, aws, 10, (index) => index % 1000 < 100);
  const spread = await countBurst(lambda, aws, 10, (index) => index % 10 === 0);
  const windowed = await countBurst(lambda, aws, 100, (index) => index % 10 === 0);
  const burst = Array.from({ length: BURST }, (_, index) =>
    signedDelivery(identity, instanceId(index, index % 10 === 0)),
  );
  const webtask = hosts.ours ? await countWebtaskBurst(hosts.ours, aws, burst) : Number.NaN;

  note("counting the EC2 operations of every rule kind ...");
  const operations = await countOperations();

  note("measuring the worst request bodies ...");
  const worst = await measureWorstCases();

  const { size } = statSync(ours);
  const above = (name: string, kind: string) => perRound(rounds, (of) => of(`${name} ${kind}`) - of(`noop ${kind}`));
  const beside = (name: string, kind: string) => ({
    values: above(name, kind),
    baselines: above("plain", kind),
    of: "plain SDK v3",
    unit: "µs",
  });
  const compliant = above("plain", "compliant");
  const violating = above("plain", "violating");
  const mixed = compliant.map((figure, round) => 0.9 * figure + 0.1 * (violating[round] ?? Number.NaN));
  const kilobytes = size / 1000;
  const rows: Row[] = [
    ...loadings.flatMap(loadingRows),
    {
      what: "dist/audit.js, minified",
      ours: `${kilobytes.toFixed(0)} kB`,
      baseline: `${(statSync(plain).size / 1000).toFixed(0)} kB plain SDK v3`,
      ratio: size / statSync(plain).size,
      target: "≤ 300 kB",
      met: kilobytes <= 300,
    },
    ratioRow("CPU per compliant launch, no-op subtracted", beside("ours", "compliant"), 1),
    ratioRow("  lower bound: one call signed by hand", beside("hand", "compliant"), null),
    ratioRow("CPU per violating launch, no-op subtracted", beside("ours", "violating"), 1.4),
    ratioRow("  lower bound: two calls signed by hand", beside("hand", "violating"), null),
    ratioRow(
      "CPU per launch, SQS batches of 10, 1 in 10 violating",
      { values: rounds.batched ?? [], baselines: mixed, of: "plain SDK v3", unit: "µs" },
      0.27,
    ),
    countRow(
      "EC2 calls, 10,000 launches in SQS batches of 10, violating: 100 in a row of each 1,000",
      autoScaling,
      1100,
    ),
    countRow("  violating: every tenth", spread, null),
    countRow("  violating: every tenth, in batches of 100 (the template's queue)", windowed, 1100),
    countRow("  violating: every tenth, to one webtask, 50 deliveries at a time", webtask, null),
    {
      what: `EC2 operations, ${operations.launches} launches of one account and region, every rule kind in force`,
      ours: String(operations.ours),
      baseline: `${operations.oneByOne.toLocaleString("en")} with one per fact and launch`,
      ratio: operations.ours / operations.oneByOne,
      target: "≤ 5",
      met: operations.ours <= 5,
    },
    ...worstRows(worst),
  ];
  if (asJson) console.log(JSON.stringify({ node: process.version, rows }, null, 2));
  else print(rows);
  for (const child of [lambda, ...Object.values(hosts)]) child.stop();
  agent.destroy();
  await aws.close();
  rmSync(folder, { recursive: true });
  process.exitCode = rows.some((row) => row.met === false) ? 1 : 0;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(2);
});
