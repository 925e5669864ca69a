import { PublishCommand } from "@aws-sdk/client-sns";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { startCertificateServer } from "../../src/local/aws/certificate-server.ts";
import { type EmbeddedAws, type Fault, type Invoke, startEmbeddedAws } from "../../src/local/aws/index.ts";
import { freePort } from "../../src/local/free-port.ts";
import { isObject } from "../../src/util/json.ts";
import type { Memory } from "./function-process.ts";
import { type Hosted, host, LAMBDA_CONCURRENCY } from "./functions.ts";
import type { Records } from "./ledger.ts";
import { LockstepClock } from "./lockstep-clock.ts";
import { eventCopies, HOME, isQuiet, type Place, type Plan, type PlannedLaunch } from "./plan.ts";
import { randomOf } from "./random.ts";
import { instancesInAlert, instancesInEvent, Recorder } from "./recorder.ts";
import { makeTrouble, type Trouble } from "./trouble.ts";
import { confirm, drain, redrive, sendHome, setUp, subscribe, type World, waitingIn } from "./world.ts";

export type Face = "webtask" | "lambda";

/** What a run came to. */
export interface Run {
  readonly records: Records;
  /** How often each action was called by the function, by `service:Action`. */
  readonly calls: ReadonlyMap<string, number>;
  /** How many of them AWS throttled. */
  readonly throttled: number;
  /** How many outcomes of each kind were logged. */
  readonly outcomes: ReadonlyMap<string, number>;
  readonly kills: number;
  /** How long each call of a Lambda function, or each delivery to a webtask, took on the clock, in ms: what it waits for AWS. */
  readonly waits: readonly number[];
  /** How many bytes of log there are about outcomes of each kind. */
  readonly logged: ReadonlyMap<string, number>;
  /** The memory of the function's largest process from time to time; `when` is said in words. */
  readonly memory: readonly { readonly when: string; readonly memory: Memory }[];
  /** Lines of the function's log that hold a secret, or are not one JSON object. */
  readonly badLines: readonly string[];
  /** What the function must never do: end by itself, throw, let its caller wait in vain. */
  readonly accidents: readonly string[];
}

/** EC2 takes about so long to answer; without it no two deliveries would ever be at hand together. */
const EC2_TAKES: Fault = { service: "ec2", kind: "slow", ms: 60 };

/** Memory is looked at after so many launches. */
const MEMORY_EVERY = 10_000;
const MINUTE = 60_000;

/** What is played on which stage. */
export interface Scene {
  readonly plan: Plan;
  readonly face: Face;
  /** The function's file. */
  readonly file: string;
  /** A function that does not subscribe itself is subscribed by an operator, with the same delivery policy. */
  readonly subscribes: "itself" | "by an operator";
  /** AWS as it is on a bad day: events late and twice. Else each comes once, at once, and EC2 keeps to its limits. */
  readonly stage: "bad day" | "request limits";
}

/** Plays a scene to its end; `onProgress` is told the part that is done, from 0 to 1. */
export async function play(scene: Scene, onProgress: (part: number) => void): Promise<Run> {
  const { plan, face, file, stage } = scene;
  const clock = new LockstepClock(Math.floor(Date.now() / 1000) * 1000);
  const random = randomOf(plan.seed + 1);
  const recorder = new Recorder(() => clock.now());
  let trouble: Trouble | null = null;
  let confirmation = "{}";
  const calls = new Map<string, number>();
  const waits: number[] = [];
  const logged = new Map<string, number>();

  const aws = await startEmbeddedAws({
    clock,
    requestLimits: stage === "request limits" ? "documented" : "none",
    eventCopies(event) {
      if (stage !== "bad day") return [0];
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
      clock.stir();
      if (trouble === null || call.accessKeyId === "operator") return;
      const name = `${call.service}:${call.action}`;
      calls.set(name, (calls.get(name) ?? 0) + 1);
      trouble.onCall(call);
    },
  });
  const certificates = await startCertificateServer(aws);
  const world = await setUp(aws, face);
  await sendHome(aws, placesAway(plan), clock);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const secrets = { ...world.settings, ...(face === "webtask" && { FUNCTION_URL: url }) };
  const hosted = await host({ file, face, port, secrets, certificates }, clock, {
    log(line) {
      const [, outcome = "none"] = /"outcome":"(\w+)"/.exec(line) ?? [];
      logged.set(outcome, (logged.get(outcome) ?? 0) + Buffer.byteLength(line) + 1);
      recorder.log(line);
    },
    accident: (what) => recorder.accidents.push(what),
  });
  if (face === "lambda") {
    const invoke: Hosted["invoke"] = async (event, context) => {
      const since = clock.now();
      return hosted.invoke(event, context).finally(() => waits.push(clock.now() - since));
    };
    mapQueue(aws, world, recorder.invoking(invoke));
  } else if (scene.subscribes === "itself") {
    await awaitSubscription(clock, url);
    await redrive(world);
  } else {
    await subscribe(world, url);
    await clock.advanceTo(clock.now() + MINUTE);
    await confirm(world, confirmation);
  }

  const start = clock.now();
  if (stage === "request limits") aws.faults.add(EC2_TAKES);
  trouble = makeTrouble(plan, { aws, certificates, hosted, clock, recorder, random });
  const memory: { when: string; memory: Memory }[] = [];
  const lookAtMemory = async (when: string) => {
    const all = [...(await hosted.memory())].sort((a, b) => b.rss - a.rss);
    for (const largest of all.slice(0, 1)) memory.push({ when, memory: largest });
  };
  inTurn(clock, plan.launches, (planned) => {
    for (const id of launch(aws, clock, planned)) recorder.launch(id, planned, isQuiet(plan, planned.at));
    // A function that is down just then is looked at after the next launch.
    const next = (memory.length + 1) * MEMORY_EVERY;
    if (recorder.launched >= next) clock.hold(lookAtMemory(`after ${next.toLocaleString("en")} launches`));
  });
  for (const at of plan.garbageAt) clock.after(at, () => clock.hold(putGarbage(world, face)));

  for (let done = 0; done < plan.endsAt; done += MINUTE) {
    await clock.advanceTo(start + done + MINUTE);
    onProgress((done + MINUTE) / plan.endsAt);
  }
  await lookAtMemory("at the end");
  const left = await waitingIn(world.sqs, world.launchQueue.url);
  if (left > 0) recorder.accidents.push(`${left} messages are left in the queue`);
  const alerts = await drain(world.sqs, world.alertQueue);
  const letters = await drain(world.sqs, world.deadLetterQueue);
  hosted.stop();
  await certificates.close();
  await aws.close();
  return {
    calls,
    throttled: [...aws.throttled.values()].reduce((sum, count) => sum + count, 0),
    outcomes: recorder.outcomes,
    kills: recorder.kills,
    accidents: recorder.accidents,
    waits,
    logged,
    memory,
    badLines: recorder.badLines,
    records: {
      expected: recorder.expected(),
      alerts: alerts.map(({ Body = "", Attributes }) => ({
        at: Number(Attributes?.SentTimestamp),
        instanceIds: instancesInAlert(Body),
      })),
      deadLetters: letters.map(({ Body = "", MessageId = "" }) => recorder.letter(Body, MessageId)),
      garbage: plan.garbageAt.length,
      causes: recorder.causes,
      verdicts: recorder.verdicts,
    },
  };
}

/** The places other than ours in which something is launched. */
function placesAway(plan: Plan): Place[] {
  const places = new Map(plan.launches.map(({ place }) => [`${place.account}/${place.region}`, place]));
  places.delete(`${HOME.account}/${HOME.region}`);
  return [...places.values()];
}

/** Launches as planned, and has become of the instances what is planned. Answers their ids. */
function launch(aws: EmbeddedAws, clock: LockstepClock, { place, count, group, story }: PlannedLaunch): string[] {
  const tags = { Name: "web", ...(story.kind === "tagged" && { service: "shop" }) };
  const ids = aws.launch({ ...place, count, tags, ...(group !== null && { group }) });
  if ("after" in story) {
    const terminates = story.kind.startsWith("terminated");
    clock.after(story.after, () => {
      if (terminates) aws.terminate(ids, place);
      else aws.tag(ids, { service: "shop" }, place);
    });
  }
  return ids;
}

/** Puts one after the other on the clock, each when its turn has come: not all of fifty thousand at once. */
function inTurn(clock: LockstepClock, launches: readonly PlannedLaunch[], run: (launch: PlannedLaunch) => void): void {
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

/** The function's first run subscribes it; asking for its health is a run. Throws when that does not come about. */
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

function mapQueue(aws: EmbeddedAws, { launchQueue }: World, invoke: Invoke): void {
  const mapping = {
    queueArn: launchQueue.arn,
    batchSize: 100,
    maximumBatchingWindowSeconds: 5,
    maximumConcurrency: LAMBDA_CONCURRENCY,
    timeoutSeconds: 30,
  };
  aws.mapQueue(mapping, invoke);
}

/** Somebody puts in what is no event of AWS. */
async function putGarbage({ sns, sqs, launchTopic, launchQueue }: World, face: Face): Promise<void> {
  const text = "is this thing on?";
  if (face === "webtask") await sns.send(new PublishCommand({ TopicArn: launchTopic, Message: text }));
  else await sqs.send(new SendMessageCommand({ QueueUrl: launchQueue.url, MessageBody: text }));
}
