import { createPacer } from "./alerts/pacer.ts";
import type { AlertTarget } from "./alerts/publish.ts";
import { createSent, type Open, type Sent } from "./alerts/sent.ts";
import { createClients } from "./aws/clients.ts";
import { createOwnAccount, type OwnAccount } from "./aws/own-account.ts";
import { createSend } from "./aws/send.ts";
import type { TopicArn } from "./aws/topic-arn.ts";
import { type Config, gatherSettings, KEYS, type Problem, readConfig, type Settings } from "./config.ts";
import { ec2Facts } from "./facts/facts.ts";
import { runBatch } from "./launches/batch.ts";
import { createDispatch, type Dispatch } from "./launches/dispatch.ts";
import { createLanes, type RunLane } from "./launches/lanes.ts";
import { isUnsettled, type Outcome, reasonOfProblems } from "./launches/outcome.ts";
import { createLog, type Log, type Write } from "./log.ts";
import { forLaunches } from "./policy/policy.ts";
import { type Certificates, pinnedCertificate } from "./sns/certificate.ts";
import { createRunOnce, type RunOnce } from "./sns/duplicates.ts";
import type { Delivery } from "./sns/envelope.ts";
import { type Handled, type Notified, receive } from "./sns/receive.ts";
import { createSubscriber, type Subscriber } from "./sns/subscription.ts";
import { createSweeps } from "./sweeps.ts";
import { pause as pauseByClock } from "./util/deadline.ts";

/** The environment that the function runs in. */
export interface Host {
  /** The time now, in milliseconds since 1970. */
  readonly now: () => number;
  readonly write: Write;
  /** The certificates that deliveries name. They do not depend on the configuration. */
  readonly certificates: Certificates;
  /** Waits for a number of milliseconds. Default: by the machine's clock. */
  readonly pause?: (milliseconds: number) => Promise<void>;
}

/** Everything that is made of one configuration. */
export interface Service {
  readonly config: Config;
  readonly log: Log;
  readonly subscriber: Subscriber;
  readonly own: OwnAccount;
  /** Returns known problems that make launches fail although the configuration is valid. */
  warnings(): readonly Problem[];
  /** Verifies an SNS delivery. Returns the message of a notification, and handles any other delivery. */
  receive(delivery: Delivery): Promise<Handled | Notified>;
  /** Keeps duplicates of a notification from being audited again. */
  readonly once: RunOnce<Outcome[]>;
  /** Audits the launches in messages. The first call also subscribes the function. */
  readonly audit: Dispatch;
}

/** A service, or the problems of the configuration. */
export type Opening = { readonly service: Service } | { readonly problems: readonly Problem[] };

/** The function, independent of its host. */
export interface App {
  /**
   * Returns the service for the current configuration. Takes the webtask's secrets, which Lambda does not have, and the
   * function's own account, which only Lambda reports. A warm container keeps its service until a value changes.
   */
  open(secrets: Readonly<Record<string, unknown>>, ownAccount?: string | null): Opening;
  /** The log to use while there is no valid configuration. */
  readonly log: Log;
  /** Logs the problems of the configuration, at most once a minute, because anyone can request the health document. */
  noteProblems(problems: readonly Problem[]): void;
  readonly now: () => number;
}

/** In milliseconds. */
const NOTE_AGAIN_MS = 60_000;

/**
 * The pause between two batches of a burst in one account and region, in milliseconds. EC2 allows an account twenty
 * DescribeTags calls a second in a region, for all its callers, so a burst must take few calls however fast EC2 responds.
 * https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
 */
const BATCH_PAUSE_MS = 100;

/**
 * SNS ends an e-mail subscription that gets more than ten messages a second. The span, in milliseconds, has a margin because
 * messages may arrive closer together than they were sent.
 * https://docs.aws.amazon.com/general/latest/gr/sns.html#limits_sns
 */
const ALERTS_AT_ONCE = 10;
const ALERTS_SPAN_MS = 1_100;

const OTHER_ACCOUNT =
  "is missing, and the function's credentials belong to another account than LAUNCH_TOPIC_ARN: no launch in that account can be audited";

/** Creates the app. Takes the environment variables and the host. */
export function createApp(env: NodeJS.ProcessEnv, host: Host): App {
  // https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
  const functionName = env.AWS_LAMBDA_FUNCTION_NAME;
  const { now } = host;
  const log = createLog("info", host.write, now, functionName);
  const memory = createMemory();
  let last: { settings: Settings; account: string | null; opening: Opening } | null = null;
  let noteAgainAt = Number.NEGATIVE_INFINITY;
  return {
    log,
    now,
    noteProblems(problems) {
      if (now() < noteAgainAt) return;
      noteAgainAt = now() + NOTE_AGAIN_MS;
      log.note("error", `the configuration is not valid: ${reasonOfProblems(problems)}`);
    },
    open(secrets, account = null) {
      const settings = gatherSettings(secrets, env);
      if (last && last.account === account && KEYS.every((key) => last?.settings[key] === settings[key])) {
        return last.opening;
      }
      const reading = readConfig(settings, account);
      const opening =
        "config" in reading ? { service: createService(reading.config, host, memory, functionName) } : reading;
      last = { settings, account, opening };
      return opening;
    },
  };
}

/** What a container has published. It outlives a configuration: a new access key must not repeat an alert that is retried. */
export interface Memory {
  /** What was published for deliveries that are repeated. */
  readonly sent: Sent;
  readonly open: Open;
}

/** Creates an empty memory. */
export function createMemory(): Memory {
  return { sent: createSent(), open: createSent() };
}

/**
 * Creates the service of a configuration, without a call to AWS. Takes the memory of the container, and the name of the Lambda
 * function, if it is one.
 */
export function createService(config: Config, host: Host, memory: Memory, functionName?: string): Service {
  const { now, pause = pauseByClock } = host;
  const { alertTopic, launchTopics, auditRoleName } = config;
  const log = createLog(config.logLevel, host.write, now, functionName);
  const clients = createClients(config, now);
  const policy = forLaunches(config.policy);
  const subscriber = createSubscriber(config.functionUrl, launchTopics, clients, log.note, now);
  const own = createOwnAccount(config.account, alertTopic.account, clients, log.note, now);

  /** The targets by topic. There are few: the alert topic, and those of the routes. */
  const targets = new Map<string, AlertTarget>();
  const targetOf = (topic: TopicArn): AlertTarget => {
    const known = targets.get(topic.arn);
    if (known !== undefined) return known;
    const paced = createPacer(ALERTS_AT_ONCE, ALERTS_SPAN_MS, now, pause);
    const target = { alertTopic: topic, sns: clients.sns(topic.region), paced };
    targets.set(topic.arn, target);
    return target;
  };
  const { sent } = memory;
  const open = config.resolvedAlerts ? memory.open : null;
  const runLane: RunLane = (account, region, units) => {
    log.note("debug", "a batch starts", { account, region, events: String(units.length) });
    const facts = ec2Facts(clients.ec2(account === own.account() ? null : account, region));
    // Only Lambda has several engines, and a Lambda container processes one call of one engine at a time.
    const retryWindowSeconds = Math.min(...units.map((unit) => unit.retryWindowSeconds));
    const { graceSeconds, auditRestarts } = config;
    return runBatch(units, {
      policy,
      graceSeconds,
      retryWindowSeconds,
      auditRestarts,
      now,
      facts,
      ...targetOf(alertTopic),
      targetOf,
      sent,
      open,
    });
  };
  const submit = createLanes(runLane, () => pause(BATCH_PAUSE_MS));
  const sweep = createSweeps(config, {
    own,
    send: createSend(clients, config.endpoint),
    target: () => targetOf(alertTopic),
    once: createRunOnce((outcome: Outcome) => !isUnsettled(outcome)),
    now,
  });
  const dispatch = createDispatch(config, own, submit, sweep, now);

  const receiver = {
    launchTopics,
    certificates: config.signingCert ? pinnedCertificate(config.signingCert, now) : host.certificates,
    subscriber,
    once: createRunOnce(({ kind }: Handled) => kind !== "failed"),
    note: log.note,
    now,
  };
  return {
    config,
    log,
    subscriber,
    own,
    warnings() {
      const isElsewhere = own.known() !== null && launchTopics.every(({ account }) => account !== own.known());
      return isElsewhere && auditRoleName === null ? [{ key: "AUDIT_ROLE_NAME", problem: OTHER_ACCOUNT }] : [];
    },
    receive: (delivery) => receive(delivery, receiver),
    once: createRunOnce((outcomes: Outcome[]) => !outcomes.some(isUnsettled)),
    async audit(messages, engine, deadline, once) {
      const subscribing = subscriber.ensure(deadline);
      const outcomes = await dispatch(messages, engine, deadline, once);
      await subscribing;
      return outcomes;
    },
  };
}
