import { createPacer } from "../alerts/pacer.ts";
import { createClients } from "../aws/clients.ts";
import { createOwnAccount, type OwnAccount } from "../aws/own-account.ts";
import type { Config, Problem } from "../config.ts";
import { ec2Facts } from "../facts/facts.ts";
import { createLog, type Log, type Write } from "../log.ts";
import { type Certificates, pinnedCertificate } from "../sns/certificate.ts";
import { createRepetitions, type Once, type Repetitions, repeated } from "../sns/repetitions.ts";
import { createSubscriber, type Subscriber } from "../sns/subscription.ts";
import { pause as pauseByClock, within } from "../util/deadline.ts";
import { runBatch } from "./batch.ts";
import { type Launch, readEvent } from "./events.ts";
import { createLanes, type RunLane } from "./lanes.ts";
import { type Outcome, TOO_LONG } from "./outcome.ts";

/** What the service takes from the world around it. */
export interface World {
  /** The time now, in milliseconds since 1970. */
  readonly now: () => number;
  readonly write: Write;
  /** The name of the Lambda function; undefined elsewhere. */
  readonly functionName?: string | undefined;
  /** The certificates that deliveries name; they are the same for every configuration. */
  readonly certificates: Certificates;
  /** Waits for a number of milliseconds. Default: by the machine's clock. */
  readonly pause?: (milliseconds: number) => Promise<void>;
}

/** An engine that calls us, as far as the audit has to know it. */
export interface Engine {
  readonly name: string;
  /** For how many seconds after the first call it will call again. */
  readonly patienceSeconds: number;
}

/** What an engine brought, out of its wrapping: an EventBridge event as parsed JSON, or why there is none. */
export type Message = { readonly event: unknown } | { readonly malformed: string };

/** Everything that is made of one configuration, and must not outlive it. */
export interface Service {
  readonly config: Config;
  readonly log: Log;
  readonly certificates: Certificates;
  readonly subscriber: Subscriber;
  readonly own: OwnAccount;
  /** Known problems that make launches fail although the configuration is valid. */
  warnings(): readonly Problem[];
  readonly repetitions: Repetitions;
  /**
   * Audits what the events in messages ask for, and answers the outcomes of each message, by the deadline in milliseconds
   * since 1970. The first run subscribes the function meanwhile. `once` keeps a message that the engine repeats from being
   * audited again. Never throws.
   */
  audit(messages: readonly Message[], engine: Engine, deadline: number, once?: Once): Promise<Outcome[][]>;
}

/**
 * How long a lane breathes between two batches of a burst, in milliseconds. EC2 gives an account twenty DescribeTags a
 * second in a region, for all who call there: a burst is to be few calls, whether EC2 answers slowly or quickly.
 * https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
 */
const BREATH_MS = 100;

/**
 * SNS ends an e-mail subscription that gets more than ten messages a second. Messages may arrive a little closer together
 * than they were sent, so the span in milliseconds has a margin.
 * https://docs.aws.amazon.com/general/latest/gr/sns.html#limits_sns
 */
const ALERTS_AT_ONCE = 10;
const ALERTS_SPAN_MS = 1_100;

/** Makes the service for a valid configuration. Nothing is asked of AWS before there is something to audit. */
export function createService(config: Config, world: World): Service {
  const { now, pause = pauseByClock } = world;
  const log = createLog(config.logLevel, world.write, now, world.functionName);
  const clients = createClients(config, now);
  const subscriber = createSubscriber(config, clients, log, now);
  const own = createOwnAccount(config, clients, log, now);
  const { policy, graceSeconds, auditRestarts, alertTopic } = config;
  const paced = createPacer(ALERTS_AT_ONCE, ALERTS_SPAN_MS, now, pause);
  const runLane: RunLane = (account, region, units) => {
    log.note("debug", "a batch begins", { account, region, events: String(units.length) });
    const facts = ec2Facts(clients.ec2(account === own.account() ? null : account, region));
    // Only Lambda has several engines, and a container there serves one call of one engine at a time.
    const patienceSeconds = Math.min(...units.map((unit) => unit.patienceSeconds));
    const sns = clients.sns(alertTopic.region);
    return runBatch(units, {
      policy,
      graceSeconds,
      patienceSeconds,
      auditRestarts,
      now,
      facts,
      alertTopic,
      sns,
      paced,
    });
  };
  const submit = createLanes(runLane, () => pause(BREATH_MS));

  const auditOne = async (message: Message, engine: Engine, deadline: number, once: Once): Promise<Outcome[]> => {
    if ("malformed" in message) return [{ kind: "malformed", reason: message.malformed }];
    const reading = readEvent(message.event, now());
    if (reading.kind !== "launches") return [reading];
    const { launches } = reading;
    const [first] = launches;
    await own.ask(deadline);
    const problem = first && problemWith(first, config, own.account(), engine);
    if (problem) return launches.map((launch) => ({ kind: "misconfigured", launch, problems: [problem] }));
    let answered = false;
    const isAwaited = () => !answered && now() < deadline;
    const { patienceSeconds } = engine;
    const work = once(() => submit({ launches, patienceSeconds, isAwaited }));
    const outcomes = await within(deadline - now(), work, undefined);
    answered = true;
    if (outcomes === null) return [repeated(launches)];
    if (outcomes !== undefined) return outcomes;
    return launches.map((launch) => ({ kind: "failed", launch, reason: TOO_LONG }));
  };

  return {
    config,
    log,
    certificates: config.signingCert ? pinnedCertificate(config.signingCert, now) : world.certificates,
    subscriber,
    own,
    warnings() {
      const isElsewhere = own.known() !== null && config.launchTopics.every(({ account }) => account !== own.known());
      return isElsewhere && config.auditRoleName === null ? [{ key: "AUDIT_ROLE_NAME", problem: ELSEWHERE }] : [];
    },
    repetitions: createRepetitions(),
    async audit(messages, engine, deadline, once = (work) => work()) {
      const subscribing = subscriber.ensure(deadline);
      const outcomes = await Promise.all(messages.map((message) => auditOne(message, engine, deadline, once)));
      await subscribing;
      return outcomes;
    },
  };
}

const ELSEWHERE =
  "is missing, and the function's credentials belong to another account than LAUNCH_TOPIC_ARN: no launch in that account can be audited";

/** What in the configuration does not do for this launch or this engine; null when it all does. */
function problemWith(launch: Launch, config: Config, own: string, engine: Engine): Problem | null {
  if (launch.account !== own && config.auditRoleName === null) {
    const problem = `is missing: the launch is in account ${launch.account}, and the function's own credentials belong to account ${own}; name the role to assume there, or use credentials of that account`;
    return { key: "AUDIT_ROLE_NAME", problem };
  }
  if (config.graceSeconds > engine.patienceSeconds) {
    const problem = `is longer than ${engine.name} calls again, ${engine.patienceSeconds} s: lower it, or put an SQS queue in between`;
    return { key: "GRACE_SECONDS", problem };
  }
  return null;
}
