import type { AddressInfo } from "node:net";
import { type Authorization, createAuthorization } from "./authorization.ts";
import { callLog, type RecordedCall } from "./calls.ts";
import { type Signer, sharedSigningIdentity } from "./certificate.ts";
import { type Clock, cancellable, systemClock } from "./clock.ts";
import type { AutoScalingLaunch, InProcessEc2 } from "./ec2/in-process.ts";
import { createEc2 } from "./ec2/service.ts";
import { createBus, type EventDocument, parseBusArn, Rules } from "./events/bus.ts";
import { createTargetDelivery, type Organization } from "./events/deliver.ts";
import { createEvents } from "./events/service.ts";
import { type Faults, faultBook } from "./faults.ts";
import { createFrontDoor } from "./http.ts";
import { createIam } from "./iam.ts";
import { type Invoke, type Mapping, mapQueue, type QueueMapping } from "./lambda/mapping.ts";
import { createLimiter } from "./limits/limiter.ts";
import { createSigningKeys } from "./signing-keys.ts";
import { createDelivery, type DeliveryAttempt } from "./sns/delivery.ts";
import { createMailbox, type Mail } from "./sns/mail.ts";
import { createSns } from "./sns/service.ts";
import { SnsStore } from "./sns/store.ts";
import { createSqs } from "./sqs/service.ts";
import { createSts, type Session } from "./sts.ts";

export type { ApiCall, RecordedCall } from "./calls.ts";
export type { Envelope } from "./certificate.ts";
export { type Clock, systemClock, VirtualClock } from "./clock.ts";
export type { AutoScalingLaunch, Launch, Place } from "./ec2/in-process.ts";
export type { EventDocument } from "./events/bus.ts";
export type { Organization } from "./events/deliver.ts";
export type { Fault, Faults } from "./faults.ts";
export type { InvocationContext, Invoke, Mapping, QueueMapping } from "./lambda/mapping.ts";
export type { Params, Value } from "./params.ts";
export type { DeliveryAttempt } from "./sns/delivery.ts";
export type { Mail } from "./sns/mail.ts";

/** How the embedded AWS shall be. */
export interface EmbeddedAwsOptions {
  /** Default: the system's, at its own speed. */
  clock?: Clock;
  /** The account of every caller that has not assumed a role. Default 123456789012. */
  accountId?: string;
  /** On 127.0.0.1. Default: any free one. */
  port?: number;
  /** Also emit 'AWS API Call via CloudTrail' for RunInstances. Default false, as in an account without a trail. */
  cloudTrail?: boolean;
  /**
   * Whether calls meet the request limits that AWS documents for EC2 and STS, in the time of the clock. What is above them is
   * answered as AWS does: RequestLimitExceeded 503 by EC2, Throttling 400 by STS. Default: none.
   */
  requestLimits?: "documented" | "none";
  /**
   * Whether EventBridge publishes to a topic only where the topic's policy lets it, as in AWS, where the policy of a new topic
   * does not. Default: to every topic.
   */
  topicPolicies?: "checked" | "unchecked";
  /**
   * Whether EventBridge and SNS send to a queue, dead-letter queues too, only where the queue's policy lets them, as in AWS,
   * where a new queue has none. Default: to every queue.
   */
  queuePolicies?: "checked" | "unchecked";
  /**
   * The organisation, and the accounts in it. With one, EventBridge sends to the bus of another account only where that bus's
   * policy lets it, as in AWS, where a new bus has none. Default: none, and to every bus.
   */
  organization?: Organization;
  /**
   * How EventBridge delivers an event that a rule matches: the delay of each copy, in ms of the clock; at least one. Default
   * [0]: one, at once. AWS promises no more than at least once, in no order.
   */
  eventCopies?(event: EventDocument): readonly number[];
  /** Told of each call when it has been carried out, or refused, before its answer is sent. */
  onCall?(call: RecordedCall): void;
  /** Told of every attempt of SNS to deliver, as it ends. */
  onDelivery?(attempt: DeliveryAttempt): void;
}

/** A running embedded AWS. */
export interface EmbeddedAws extends InProcessEc2, Pick<Signer, "sign">, Pick<Authorization, "deny"> {
  /** `http://127.0.0.1:PORT`: what goes into AWS_ENDPOINT_URL. */
  readonly endpoint: string;
  readonly accountId: string;
  /** PEM of the X.509 certificate that SNS deliveries are signed with now. */
  readonly signingCert: string;
  /** Where SNS would serve that certificate in `region`. */
  signingCertUrl(region: string): string;
  /** The last calls (10,000 at least), oldest first. */
  readonly calls: RecordedCall[];
  /** How often each action was called in all, by `service:Action`. */
  readonly callCounts: ReadonlyMap<string, number>;
  /** The mails that SNS would have sent (the last 10,000), oldest first: confirmations and notifications. */
  readonly mails: readonly Mail[];
  readonly faults: Faults;
  /** How many calls were above the request limits, by `service:Action`. */
  readonly throttled: ReadonlyMap<string, number>;
  /** SNS signs with a new key from now on, whose certificate has a new URL. The old certificates stay where they are. */
  rotateSigningCertificate(): Promise<void>;
  /** The signing certificate (PEM), present or past, under a URL of SNS or under the path of one; undefined where there is none. */
  certificateAt(pathOrUrl: string): string | undefined;
  /**
   * Calls a function with what comes into a queue, as Lambda's event source mapping does.
   * @throws RangeError for a mapping that AWS refuses, Error where there is no such queue
   */
  mapQueue(mapping: QueueMapping, invoke: Invoke): Mapping;
  /** Resolves when no delivery attempt is under way. Attempts that wait for their time do not count. */
  idle(): Promise<void>;
  /** `launch` by an Auto Scaling group. */
  launchAutoScaling(args: AutoScalingLaunch): string[];
  /** Stops everything: no timer fires and no delivery is made afterwards. */
  close(): Promise<void>;
}

/**
 * Starts an embedded AWS on loopback: EC2, SNS, SQS, EventBridge, STS and IAM's simulator behind one HTTP port, as far as this
 * project calls them. It keeps everything in memory, checks no signatures, no policies but those that the options name, and
 * lives until it is closed.
 * @throws Error of node:net when the port is taken
 */
export async function startEmbeddedAws(options: EmbeddedAwsOptions = {}): Promise<EmbeddedAws> {
  const clock = cancellable(options.clock ?? systemClock());
  const accountId = options.accountId ?? "123456789012";
  const keys = createSigningKeys(await sharedSigningIdentity());
  const log = callLog((call) => options.onCall?.(call));
  const limiter = createLimiter(clock);
  const limited = options.requestLimits === "documented";
  const faults = faultBook();
  const authorization = createAuthorization();
  const sessions = new Map<string, Session>();
  const rules = new Rules();
  const busPolicies = new Map<string, string>();
  let endpoint = "";

  const sqs = createSqs(clock, () => endpoint, options.queuePolicies ?? "unchecked");
  const delivery = createDelivery(clock, sqs.send, (attempt) => options.onDelivery?.(attempt));
  const store = new SnsStore();
  const mailbox = createMailbox();
  const sns = createSns({
    clock,
    store,
    signer: keys,
    endpoint: () => endpoint,
    delivery,
    sendToQueue: sqs.send,
    mailbox,
  });
  const emit = createBus({
    rules,
    clock,
    ...createTargetDelivery({
      topic: (topicArn) => store.topics.get(topicArn),
      publish: sns.publishText,
      sqs,
      topicPolicies: options.topicPolicies ?? "unchecked",
      hasBus: (busArn) => {
        const bus = parseBusArn(busArn);
        return bus !== undefined && rules.has(bus);
      },
      busPolicy: (busArn) => busPolicies.get(busArn),
      organization: options.organization,
    }),
    copies: (event) => options.eventCopies?.(event) ?? [0],
  });
  const { service: ec2, ...inProcess } = createEc2(clock, emit, options.cloudTrail ?? false, accountId);
  const mappings: Mapping[] = [];

  const server = createFrontDoor({
    clock,
    accountId,
    sessions,
    services: {
      ec2,
      sns: sns.service,
      sqs: sqs.service,
      events: createEvents(rules, busPolicies, emit),
      sts: createSts(clock, sessions),
      iam: createIam(authorization),
    },
    log,
    nextFault: faults.next,
    withinLimits: (call) => !limited || limiter.allows(call),
    refusal: authorization.refusal,
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    endpoint,
    accountId,
    get signingCert() {
      return keys.current.certificate;
    },
    signingCertUrl: (region) => keys.current.certificateUrl(region),
    rotateSigningCertificate: () => keys.rotate(clock.now()),
    certificateAt: keys.certificateAt,
    sign: keys.sign,
    calls: log.calls,
    callCounts: log.counts,
    throttled: limiter.throttled,
    mails: mailbox.mails,
    faults: { add: faults.add, clear: faults.clear },
    deny: authorization.deny,
    idle: delivery.idle,
    ...inProcess,
    launchAutoScaling: inProcess.launch,
    mapQueue: (mapping, invoke) => {
      const mapped = mapQueue(clock, sqs, mapping, invoke);
      mappings.push(mapped);
      return mapped;
    },
    close: async () => {
      clock.cancelAll();
      for (const mapping of mappings) mapping.close();
      delivery.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
