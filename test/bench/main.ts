import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import pc from "picocolors";
import { createSigningIdentity } from "../../src/local/aws/certificate.ts";
import { bundle } from "./bundle.ts";
import { ALERT_TOPIC, instanceId, queueEvent, REGION, signedDelivery } from "./deliveries.ts";
import { type Loading, measureLoading } from "./loading.ts";
import { type Child, start } from "./processes.ts";
import { print, type Row, ratioRow } from "./table.ts";
import { measureWorstCases, type WorstCase } from "./worst-case.ts";

/** Many short rounds, all subjects in turn in each: what else the machine does falls on all of them alike. */
const ROUNDS = 40;
const DELIVERIES = 50;
/** Until the compiler is done with the functions; a warm container is what is measured. */
const WARM_UP = 1_500;
const BURST = 10_000;

const folder = mkdtempSync(join(tmpdir(), "ec2-audit-bench-"));
const ours = resolve("dist/audit.js");

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

function post(port: number, body: string): Promise<number> {
  return new Promise((done, fail) => {
    const headers = { "Content-Type": "text/plain; charset=UTF-8", "Content-Length": Buffer.byteLength(body) };
    const sent = request({ agent, port, host: "127.0.0.1", method: "POST", headers }, (response) => {
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

/** What one turn of something costs in CPU, in microseconds per launch. */
type Subject = () => Promise<number>;

/** One delivery after another to a webtask, each of another message. Takes what signs the next one. */
function deliveriesTo(host: Child, sign: () => string): Subject {
  return async () => {
    const deliveries = Array.from({ length: DELIVERIES }, sign);
    await host.ask("cpu");
    for (const delivery of deliveries) {
      const status = await post(host.port, delivery);
      if (status !== 200) throw new Error(`a delivery was answered ${status}`);
    }
    const { microseconds } = await host.ask("cpu");
    return Number(microseconds) / DELIVERIES;
  };
}

/** A queue's batches of ten launches to a Lambda handler, one in ten violating. */
function batchesTo(host: Child): Subject {
  const batches = Array.from({ length: DELIVERIES }, (_, batch) =>
    queueEvent(Array.from({ length: 10 }, (_, index) => instanceId(batch * 10 + index, index === 0))),
  );
  return async () => {
    const { microseconds } = await host.ask(batches);
    return Number(microseconds) / (DELIVERIES * 10);
  };
}

type Rounds = Readonly<Record<string, readonly number[]>>;

async function measure(subjects: Readonly<Record<string, Subject>>): Promise<Rounds> {
  const rounds: Record<string, number[]> = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  const list = Object.entries(subjects);
  for (const [, turn] of list) for (let warm = 0; warm < WARM_UP; warm += DELIVERIES) await turn();
  for (let round = 0; round < ROUNDS; round++) {
    // Each round begins with another subject, so that none always comes after the same one.
    for (let index = 0; index < list.length; index++) {
      const [name, turn] = list[(round + index) % list.length] ?? [];
      if (name !== undefined && turn !== undefined) rounds[name]?.push(await turn());
    }
  }
  return rounds;
}

/** Figures of each round, made from those of the same round. */
function perRound(rounds: Rounds, figure: (of: (name: string) => number) => number): number[] {
  return Array.from({ length: ROUNDS }, (_, round) => figure((name) => rounds[name]?.[round] ?? Number.NaN));
}

/** The EC2 calls for a burst of launches, one in ten violating, through the Lambda handler in batches of a queue. */
async function countBurst(host: Child, aws: Child, batchSize: number, violating: (index: number) => boolean) {
  await aws.ask("calls");
  const events: unknown[] = [];
  for (let from = 0; from < BURST; from += batchSize) {
    const indexes = Array.from({ length: batchSize }, (_, offset) => from + offset);
    events.push(queueEvent(indexes.map((index) => instanceId(index, violating(index)))));
  }
  await host.ask(events);
  return ec2Calls(await aws.ask("calls"));
}

/** The same burst as HTTPS deliveries to one webtask, 50 at a time. */
async function countWebtaskBurst(host: Child, aws: Child, deliveries: readonly string[]) {
  // The host has closed the connections that were idle while the deliveries were signed.
  agent.destroy();
  await aws.ask("calls");
  const rest = deliveries.values();
  const work = async () => {
    for (const delivery of rest) await post(host.port, delivery);
  };
  await Promise.all(Array.from({ length: 50 }, work));
  return ec2Calls(await aws.ask("calls"));
}

function ec2Calls({ calls }: Record<string, unknown>): number {
  const { DescribeTags = 0, DescribeInstances = 0 } = calls as Record<string, number>;
  return DescribeTags + DescribeInstances;
}

function countRow(what: string, calls: number, limit: number | null): Row {
  const target = limit === null ? "" : `≤ ${limit.toLocaleString("en")}`;
  const met = limit === null ? null : calls <= limit;
  return {
    what,
    ours: calls.toLocaleString("en"),
    baseline: `${BURST.toLocaleString("en")} one per launch`,
    ratio: calls / BURST,
    target,
    met,
  };
}

/**
 * Loading compared with bare Node, and the time to the first answer, with all work put off until then, compared with the
 * plain one's.
 */
function loadingRows({ version, limit, times }: Loading): Row[] {
  const bare = { baselines: times.bare, of: "bare node", unit: "ms" };
  const first = { values: times.oursFirst, baselines: times.plainFirst, of: "plain SDK v3", unit: "ms" };
  return [
    ratioRow(`loading the file, Node ${version}`, { values: times.ours, ...bare }, limit),
    ratioRow("  for comparison: plain SDK v3", { values: times.plain, ...bare }, null),
    ratioRow("  from the start to the first launch audited", first, null),
  ];
}

/** What the worst body of each kind costs, beside a delivery of the usual size, which is the first. */
function worstRows([usual, ...worst]: readonly WorstCase[]): Row[] {
  return worst.map(({ what, status, milliseconds }) => ({
    what: `${what}: answered ${status}`,
    ours: `${milliseconds.toFixed(1)} ms`,
    baseline: `${usual?.milliseconds.toFixed(1)} ms ${usual?.what}`,
    ratio: milliseconds / (usual?.milliseconds ?? Number.NaN),
    target: "",
    met: null,
  }));
}

async function main(): Promise<void> {
  const asJson = process.argv.includes("--json");
  note(`Node ${process.version}; medians of one run, which takes two or three minutes`);
  const empty = join(folder, "empty.cjs");
  writeFileSync(empty, "");
  const [noop, plain, hand] = [
    await bundle("noop", folder),
    await bundle("plain-sdk", folder),
    await bundle("by-hand", folder),
  ];

  const aws = await start("canned-aws", []);
  const identity = await createSigningIdentity(Date.now());
  const secrets = {
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
    AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    AWS_ENDPOINT_URL: `http://127.0.0.1:${aws.port}`,
    ALERT_TOPIC_ARN: ALERT_TOPIC,
    SNS_SIGNING_CERT: identity.certificate,
  };
  note("loading ...");
  const { BENCH_NODE24 } = process.env;
  if (BENCH_NODE24 === undefined) note("skipped: loading on Node 24 as well; BENCH_NODE24 says where its binary is");
  const launch = [JSON.stringify(secrets), signedDelivery(identity, instanceId(0, false))];
  const nodes = [process.execPath, ...(BENCH_NODE24 === undefined ? [] : [BENCH_NODE24])];
  const loadings = nodes.map((node) => measureLoading(node, { bare: empty, ours, plain }, launch));

  const hosts: Record<string, Child> = {};
  for (const [name, file] of Object.entries({ noop, hand, plain, ours })) {
    hosts[name] = await start("webtask-host", [file, JSON.stringify(secrets)]);
  }
  let launched = 0;
  const signed = (violating: boolean) => () => signedDelivery(identity, instanceId(launched++, violating));
  const lambda = await start("lambda-host", [ours], secrets);
  note("launches, one at a time and in batches ...");
  const subjects: Record<string, Subject> = { batched: batchesTo(lambda) };
  for (const [name, host] of Object.entries(hosts)) {
    subjects[`${name} compliant`] = deliveriesTo(host, signed(false));
    subjects[`${name} violating`] = deliveriesTo(host, signed(true));
  }
  const rounds = await measure(subjects);

  note(`a burst of ${BURST.toLocaleString("en")} ...`);
  const autoScaling = await countBurst(lambda, aws, 10, (index) => index % 1000 < 100);
  const spread = await countBurst(lambda, aws, 10, (index) => index % 10 === 0);
  const windowed = await countBurst(lambda, aws, 100, (index) => index % 10 === 0);
  const burst = Array.from({ length: BURST }, (_, index) =>
    signedDelivery(identity, instanceId(index, index % 10 === 0)),
  );
  const webtask = hosts.ours ? await countWebtaskBurst(hosts.ours, aws, burst) : Number.NaN;

  note("the worst bodies ...");
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
    ratioRow("CPU per compliant launch, above a no-op", beside("ours", "compliant"), 1),
    ratioRow("  the floor: the call signed by hand", beside("hand", "compliant"), null),
    ratioRow("CPU per violating launch, above a no-op", beside("ours", "violating"), 1.4),
    ratioRow("  the floor: two calls signed by hand", beside("hand", "violating"), null),
    ratioRow(
      "CPU per launch, SQS batches of 10, 1 in 10 violating",
      { values: rounds.batched ?? [], baselines: mixed, of: "plain SDK v3", unit: "µs" },
      0.27,
    ),
    countRow("EC2 calls, 10,000 launches in SQS batches of 10, 1 in 10 violating by the hundred", autoScaling, 1100),
    countRow("  the same, violating ones spread evenly", spread, null),
    countRow("  the same, spread evenly, in batches of 100 (the template's queue)", windowed, 1100),
    countRow("  the same, spread evenly, to one webtask, 50 deliveries at a time", webtask, null),
    ...worstRows(worst),
  ];
  if (asJson) console.log(JSON.stringify({ node: process.version, rows }, null, 2));
  else print(rows);
  for (const child of [aws, lambda, ...Object.values(hosts)]) child.stop();
  rmSync(folder, { recursive: true });
  process.exitCode = rows.some((row) => row.met === false) ? 1 : 0;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(2);
});
