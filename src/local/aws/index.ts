import type { AddressInfo } from "node:net";
import { type Authorization, createAuthorization } from "./authorization.ts";
import { callLog, type RecordedCall } from "./calls.ts";
import { type Signer, sharedSigningIdentity } from "./certificate.ts";
import { type Clock, cancellable, systemClock } from "./clock.ts";
import type { AutoScalingLaunch, InProcessEc2 } from "./ec2/in-process.ts";
import { createEc2 } from "./ec2/service.ts";
import { createBus, type EventDocument, parseBusArn, Rules } from "./events/bus.ts";
import { createTargetDelivery } from "./events/deliver.ts";
import { createEvents } from "./events/service.ts";
import { type Faults, faultBook } from "./faults.ts";
import { createFrontDoor } from "./http.ts";
import { createIam } from "./iam.ts";
import { type Invoke, type Mapping, mapQueue, type QueueMapping } from "./lambda/mapping.ts";
import { createLimiter } from "./limits/limiter.ts";
import { createOrganizations, type Organization } from "./organizations.ts";
import { createRegions } from "./regions.ts";
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
export type { GeneratedInstance } from "./ec2/generated.ts";
export type { AutoScalingLaunch, Generate, Launch, Place } from "./ec2/in-process.ts";
export type { Image, InstanceOptions } from "./ec2/model.ts";
export type { EventDocument } from "./events/bus.ts";
export type { Fault, Faults } from "./faults.ts";
export type { InvocationContext, Invoke, Mapping, QueueMapping } from "./lambda/mapping.ts";
export type { AccountDetails, Organization } from "./organizations.ts";
export type { Params, Value } from "./params.ts";
export type { DeliveryAttempt } from "./sns/delivery.ts";
export type { Mail } from "./sns/mail.ts";

/** The options of the embedded AWS. */
export interface EmbeddedAwsOptions {
  /** Default: the system's clock, in real time. */
  clock?: Clock;
  /** The account of every caller that has not assumed a role. Default 123456789012. */
  accountId?: string;
  /** On 127.0.0.1. Default: any free port. */
  port?: number;
  /** Also emit 'AWS API Call via CloudTrail' for RunInstances. Default false, as in an account without a trail. */
  cloudTrail?: boolean;
  /**
   * Whether the request limits apply that AWS documents for EC2 and STS, in the time of the clock. Calls above them get AWS's
   * errors: RequestLimitExceeded 503 from EC2, Throttling 400 from STS. Default: none.
   */
  requestLimits?: "documented" | "none";
  /**
   * Whether EventBridge needs the permission of a topic's policy to publish, as in AWS, where a new topic does not give it.
   * Default: no.
   */
  topicPolicies?: "checked" | "unchecked";
  /**
   * Whether EventBridge and SNS need the permission of a queue's policy to send, also to a dead-letter queue, as in AWS, where
   * a new queue has no policy. Default: no.
   */
  queuePolicies?: "checked" | "unchecked";
  /**
   * The organisation and its accounts. Organizations lists them. With an organisation, EventBridge needs the permission of a bus's policy to send from another
   * account, as in AWS, where a new bus has no policy. Default: none, and no permission is needed.
   */
  organization?: Organization;
  /**
   * Returns the delays of the copies of an event that EventBridge delivers, at least one, in ms of the clock. Default [0]: one
   * copy, at once. AWS delivers at least once, in any order.
   */
  eventCopies?(event: EventDocument): readonly number[];
  /** Called after each call, before its response is sent. */
  onCall?(call: RecordedCall): void;
  /** Called when a delivery attempt of SNS ends. */
  onDelivery?(attempt: DeliveryAttempt): void;
}

/** A running embedded AWS. */
export interface EmbeddedAws extends InProcessEc2, Pick<Signer, "sign">, Pick<Authorization, "deny"> {
  /** `http://127.0.0.1:PORT`, for AWS_ENDPOINT_URL. */
  readonly endpoint: string;
  readonly accountId: string;
  /** The current signing certificate of SNS, as PEM. */
  readonly signingCert: string;
  /** Returns the URL of that certificate in a region. */
  signingCertUrl(region: string): string;
  /** The last calls (at least 10,000), oldest first. */
  readonly calls: RecordedCall[];
  /** How often each action was called, by `service:Action`. */
  readonly callCounts: ReadonlyMap<string, number>;
  /** The last 10,000 e-mails of SNS, confirmations and notifications, oldest first. */
  readonly mails: readonly Mail[];
  readonly faults: Faults;
  /** How many calls were above the request limits, by `service:Action`. */
  readonly throttled: ReadonlyMap<string, number>;
  /** SNS signs with a new key from now on. Its certificate has a new URL; the old ones keep theirs. */
  rotateSigningCertificate(): Promise<void>;
  /** Returns the current or a former signing certificate (PEM) by its URL or path; undefined for another. */
  certificateAt(pathOrUrl: string): string | undefined;
  /**
   * Calls a function with the messages of a queue, as Lambda's event source mapping does.
   * @throws RangeError for a mapping that AWS refuses, Error if the queue does not exist
   */
  mapQueue(mapping: QueueMapping, invoke: Invoke): Mapping;
  /** Resolves when no delivery attempt is pending. Attempts that wait for their retry do not count. */
  idle(): Promise<void>;
  /** `launch` by an Auto Scaling group. */
  launchAutoScaling(args: AutoScalingLaunch): string[];
  /** Enables a region that needs an opt-in. Default: for the account of the embedded AWS. @throws RangeError for another region */
  enableRegion(region: string, account?: string): void;
  /** Disables a region that needs an opt-in; none is enabled at first. Otherwise as `enableRegion`. */
  disableRegion(region: string, account?: string): void;
  /** Stops all timers and deliveries. */
  close(): Promise<void>;
}

/**
 * Starts an embedded AWS on loopback: EC2, SNS, SQS, EventBridge, STS, Organizations and IAM's simulator behind one HTTP port,
 * with the calls that this project makes. It keeps everything in memory, and checks no signatures, and only the policies that the options
 * name.
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
  const regions = createRegions();
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
  const { service: ec2, ...inProcess } = createEc2(clock, emit, options.cloudTrail ?? false, accountId, regions);
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
      organizations: createOrganizations(clock, options.organization),
    },
    log,
    nextFault: faults.next,
    withinLimits: (call) => !limited || limiter.allows(call),
    refusal: (call, caller) => regions.refusal(call) ?? authorization.refusal(call, caller),
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
    enableRegion: (region, account = accountId) => regions.enable(region, account),
    disableRegion: (region, account = accountId) => regions.disable(region, account),
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
