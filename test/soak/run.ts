import { startCertificateServer } from "../../src/local/aws/certificate-server.ts";
import { type EmbeddedAws, type Fault, type Invoke, startEmbeddedAws } from "../../src/local/aws/index.ts";
import { freePort } from "../../src/local/free-port.ts";
import { isObject } from "../../src/util/json.ts";
import { type FaultInjection, injectFaults } from "./faults.ts";
import type { Memory } from "./function-process.ts";
import { type FunctionHost, hostFunction, LAMBDA_CONCURRENCY } from "./functions.ts";
import type { Records } from "./ledger.ts";
import { LockstepClock } from "./lockstep-clock.ts";
import { findingsIn, instancesInEvent } from "./messages.ts";
import { type Digest, digestIn, sweepEvent } from "./nights.ts";
import { HOME, type Place } from "./places.ts";
import { randomOf } from "./random.ts";
import { Recorder } from "./recorder.ts";
import { eventCopies, isQuiet, type PlannedLaunch, type Scenario } from "./scenario.ts";
import {
  confirm,
  drain,
  forwardEvents,
  type HostKind,
  redrive,
  type SoakAws,
  send,
  setUpAws,
  subscribe,
  waitingIn,
} from "./soak-aws.ts";

/** The figures of a run. */
export interface Run {
  readonly records: Records;
  /** The number of the function's calls by `service:Action`. */
  readonly calls: ReadonlyMap<string, number>;
  /** The number of calls that AWS throttled. */
  readonly throttled: number;
  /** The number of logged outcomes by kind. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** See `Recorder`. */
  readonly settlings: Recorder["settlings"];
  readonly kills: number;
  /** The virtual time of each invocation, or delivery to the webtask, in ms: its wait for AWS. */
  readonly waits: readonly number[];
  /** The bytes of log by outcome. */
  readonly logged: ReadonlyMap<string, number>;
  /** The memory of the function's largest process at several times, each named in words. */
  readonly memory: readonly { readonly when: string; readonly memory: Memory }[];
  readonly badLines: readonly string[];
  /** See `Recorder`. */
  readonly failures: readonly string[];
}

/** EC2's usual response time; without it no two deliveries would overlap. */
const EC2_TAKES: Fault = { service: "ec2", kind: "slow", ms: 60 };

/** Memory is measured after this many launches. */
const MEMORY_EVERY = 10_000;
const MINUTE = 60_000;

/** A scenario, the function, and the conditions of AWS. */
export interface Trial {
  readonly scenario: Scenario;
  readonly host: HostKind;
  /** The function's file. */
  readonly file: string;
  /** An operator subscribes a function that does not subscribe itself, with the same delivery policy. */
  readonly subscribes: "itself" | "by an operator";
  /** `faults`: the scenario's, with late and duplicate events. `request limits`: every event once and at once, EC2 with its limits. */
  readonly conditions: "faults" | "request limits";
}

/** Runs a trial to its end. Calls `onProgress` with the part that is done, from 0 to 1. */
export async function runTrial(trial: Trial, onProgress: (part: number) => void): Promise<Run> {
  const { scenario, host, file, conditions } = trial;
  const clock = new LockstepClock(Math.floor(Date.now() / 1000) * 1000);
  const random = randomOf(scenario.seed + 1);
  const extent = conditions === "faults" ? "everything" : "launches";
  const recorder = new Recorder(() => clock.now(), {
    hasRoutes: extent === "everything",
    containers: host === "webtask" ? 1 : LAMBDA_CONCURRENCY,
  });
  let injection: FaultInjection | null = null;
  let confirmation = "{}";
  const calls = new Map<string, number>();
  const waits: number[] = [];
  const logged = new Map<string, number>();

  const aws = await startEmbeddedAws({
    clock,
    requestLimits: conditions === "request limits" ? "documented" : "none",
    eventCopies(event) {
      if (conditions !== "faults") return [0];
      const delays = eventCopies(random);
      recorder.event(instancesInEvent(JSON.stringify(event)), delays);
      return delays;
    },
    onDelivery(attempt) {
      recorder.delivery(attempt);
      if (attempt.type === "Notification" && attempt.protocol !== "sqs") waits.push(clock.now() - attempt.at);
      if (attempt.type === "SubscriptionConfirmation") confirmation = attempt.body;
    },
    onCall(call) {
      clock.noteActivity();
      if (injection === null || call.accessKeyId === "operator") return;
      const name = `${call.service}:${call.action}`;
      calls.set(name, (calls.get(name) ?? 0) + 1);
      injection.onCall(call);
    },
  });
  const certificates = await startCertificateServer(aws);
  const soakAws = await setUpAws(aws, host, extent);
  await forwardEvents(aws, placesAway(scenario), clock, extent);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const secrets = { ...soakAws.settings, ...(host === "webtask" && { FUNCTION_URL: url }) };
  const functionHost = await hostFunction({ file, host, port, secrets, certificates }, clock, {
    log(line) {
      const [, outcome = "none"] = /"outcome":"(\w+)"/.exec(line) ?? [];
      logged.set(outcome, (logged.get(outcome) ?? 0) + Buffer.byteLength(line) + 1);
      recorder.log(line);
    },
    failure: (what) => recorder.failures.push(what),
  });
  if (host === "lambda") {
    const invoke: FunctionHost["invoke"] = async (event, context) => {
      const since = clock.now();
      return functionHost.invoke(event, context).finally(() => waits.push(clock.now() - since));
    };
    mapQueue(aws, soakAws, recorder.invoking(invoke));
  } else if (trial.subscribes === "itself") {
    await awaitSubscription(clock, url);
    await redrive(soakAws);
  } else {
    await subscribe(soakAws, url);
    await clock.advanceTo(clock.now() + MINUTE);
    await confirm(soakAws, confirmation);
  }

  const start = clock.now();
  if (conditions === "request limits") aws.faults.add(EC2_TAKES);
  injection = injectFaults(scenario, { aws, certificates, functionHost, clock, recorder, random });
  const memory: { when: string; memory: Memory }[] = [];
  const lookAtMemory = async (when: string) => {
    const all = [...(await functionHost.memory())].sort((a, b) => b.rss - a.rss);
    for (const largest of all.slice(0, 1)) memory.push({ when, memory: largest });
  };
  schedule(clock, scenario.launches, (planned) => {
    for (const id of launch(aws, clock, planned)) recorder.launch(id, planned, (at) => isQuiet(scenario, at - start));
    // When the function is down, its memory is measured after the next launch.
    const next = (memory.length + 1) * MEMORY_EVERY;
    if (recorder.launched >= next) clock.hold(lookAtMemory(`after ${next.toLocaleString("en")} launches`));
  });
  for (const at of scenario.garbageAt) clock.after(at, () => clock.hold(send(soakAws, host, "is this thing on?")));
  const nights = scenario.nights.map(({ at, copies, quiet }) => {
    const event = sweepEvent(start + at);
    for (const delay of copies) clock.after(at + delay, () => clock.hold(send(soakAws, host, event)));
    return { scheduledAt: start + at, copies: copies.length, quiet };
  });

  for (let done = 0; done < scenario.endsAt; done += MINUTE) {
    await clock.advanceTo(start + done + MINUTE);
    onProgress((done + MINUTE) / scenario.endsAt);
  }
  await lookAtMemory("at the end");
  const left = await waitingIn(soakAws.sqs, soakAws.launchQueue.url);
  if (left > 0) recorder.failures.push(`the queue still holds ${left} messages`);
  const alerts: Records["alerts"][number][] = [];
  const digests: Digest[] = [];
  for (const { topic, url: queue } of soakAws.alertQueues) {
    for (const { Body = "", Attributes } of await drain(soakAws.sqs, queue)) {
      const at = Number(Attributes?.SentTimestamp);
      const digest = digestIn(Body, at);
      if (digest !== null) digests.push(digest);
      else alerts.push({ at, topic, findings: findingsIn(Body) });
    }
  }
  const deadLetters = await drain(soakAws.sqs, soakAws.deadLetterQueue);
  functionHost.stop();
  await certificates.close();
  await aws.close();
  return {
    calls,
    throttled: [...aws.throttled.values()].reduce((sum, count) => sum + count, 0),
    outcomes: recorder.outcomes,
    settlings: recorder.settlings,
    kills: recorder.kills,
    failures: recorder.failures,
    waits,
    logged,
    memory,
    badLines: recorder.badLines,
    records: {
      expected: recorder.expected(),
      alerts,
      deadLetters: deadLetters.map(({ Body = "", MessageId = "" }) => recorder.deadLetter(Body, MessageId)),
      garbage: scenario.garbageAt.length,
      causes: recorder.causes,
      outcomesById: recorder.outcomesById,
      resolves: extent === "everything",
      nights,
      digests,
      faultsOfSweeps: recorder.faultsOfSweeps,
    },
  };
}

/** Returns the places with launches, except HOME. */
function placesAway(scenario: Scenario): Place[] {
  const places = new Map(scenario.launches.map(({ place }) => [`${place.account}/${place.region}`, place]));
  places.delete(`${HOME.account}/${HOME.region}`);
  return [...places.values()];
}

/** Launches as planned, and schedules the lifecycle of the instances. Returns their ids. */
function launch(aws: EmbeddedAws, clock: LockstepClock, { place, count, group, lifecycle }: PlannedLaunch): string[] {
  const ids = aws.launch({ ...place, count, tags: lifecycle.tags, ...(group !== null && { group }) });
  for (const { after, tags } of lifecycle.changes) {
    clock.after(after, () => (tags === null ? aws.terminate(ids, place) : aws.tag(ids, tags, place)));
  }
  return ids;
}

/** Schedules each launch when the previous one has run: not all fifty thousand at once. */
function schedule(
  clock: LockstepClock,
  launches: readonly PlannedLaunch[],
  run: (launch: PlannedLaunch) => void,
): void {
  const start = clock.now();
  const next = (index: number): void => {
    const planned = launches[index];
    if (planned === undefined) return;
    clock.after(start + planned.at - clock.now(), () => {
      run(planned);
      next(index + 1);
    });
  };
  next(0);
}

/** Requests the function's health until its first run has subscribed it. Throws Error when it does not subscribe itself. */
async function awaitSubscription(clock: LockstepClock, url: string): Promise<void> {
  for (let tries = 0; tries < 10; tries++) {
    const asked = fetch(url).then((response) => response.json());
    clock.busy(asked);
    await clock.advanceTo(clock.now() + 1_000);
    const health: unknown = await asked;
    if (isObject(health) && health.subscribed === "confirmed") return;
  }
  throw new Error("the function did not subscribe itself");
}

function mapQueue(aws: EmbeddedAws, { launchQueue }: SoakAws, invoke: Invoke): void {
  const mapping = {
    queueArn: launchQueue.arn,
    batchSize: 100,
    maximumBatchingWindowSeconds: 5,
    maximumConcurrency: LAMBDA_CONCURRENCY,
    timeoutSeconds: 30,
  };
  aws.mapQueue(mapping, invoke);
}
