import type { AddressInfo } from "node:net";
import { parseArn } from "./arns.ts";
import { callLog, type RecordedCall } from "./calls.ts";
import { type Envelope, sharedSigningIdentity } from "./certificate.ts";
import { type Clock, cancellable, systemClock } from "./clock.ts";
import { type AutoScalingLaunch, createEc2 } from "./ec2/service.ts";
import { createBus, Rules, type Target } from "./events/bus.ts";
import { createEvents } from "./events/service.ts";
import { type Faults, faultBook } from "./faults.ts";
import { createFrontDoor } from "./http.ts";
import { createDelivery, type DeliveryAttempt } from "./sns/delivery.ts";
import { createSns } from "./sns/service.ts";
import { SnsStore } from "./sns/store.ts";
import { createSqs } from "./sqs/service.ts";
import { createSts, type Session } from "./sts.ts";

export type { RecordedCall } from "./calls.ts";
export type { Envelope } from "./certificate.ts";
export { type Clock, systemClock, VirtualClock } from "./clock.ts";
export type { AutoScalingLaunch } from "./ec2/service.ts";
export type { Fault, Faults } from "./faults.ts";
export type { Params, Value } from "./params.ts";
export type { DeliveryAttempt } from "./sns/delivery.ts";

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
  /** Told of every attempt of SNS to deliver, as it ends. */
  onDelivery?(attempt: DeliveryAttempt): void;
}

/** A running embedded AWS. */
export interface EmbeddedAws {
  /** `http://127.0.0.1:PORT`: what goes into AWS_ENDPOINT_URL. */
  readonly endpoint: string;
  readonly accountId: string;
  /** PEM of the X.509 certificate that SNS deliveries are signed with. */
  readonly signingCert: string;
  /** Where SNS would serve that certificate in `region`. */
  signingCertUrl(region: string): string;
  /** The last calls (10,000 at least), oldest first. */
  readonly calls: RecordedCall[];
  /** How often each action was called in all, by `service:Action`. */
  readonly callCounts: ReadonlyMap<string, number>;
  readonly faults: Faults;
  /** Signs an SNS envelope as SNS would: adds SignatureVersion (keeps its own), Signature and SigningCertURL (of the region of its TopicArn). */
  sign<T extends Envelope>(envelope: T): T & { SignatureVersion: string; Signature: string; SigningCertURL: string };
  /** Resolves when no delivery attempt is under way. Attempts that wait for their time do not count. */
  idle(): Promise<void>;
  /** Launches instances as an Auto Scaling group does; gives their ids. Events: their states, and 'EC2 Instance Launch Successful' for each. */
  launchAutoScaling(args: AutoScalingLaunch): string[];
  /** Stops everything: no timer fires and no delivery is made afterwards. */
  close(): Promise<void>;
}

/**
 * Starts an embedded AWS on loopback: EC2, SNS, SQS, EventBridge and STS behind one HTTP port, as far as this project calls
 * them. It keeps everything in memory, checks no signatures and no policies, and lives until it is closed.
 * @throws Error of node:net when the port is taken
 */
export async function startEmbeddedAws(options: EmbeddedAwsOptions = {}): Promise<EmbeddedAws> {
  const clock = cancellable(options.clock ?? systemClock());
  const accountId = options.accountId ?? "123456789012";
  const identity = await sharedSigningIdentity();
  const log = callLog();
  const faults = faultBook();
  const sessions = new Map<string, Session>();
  const rules = new Rules();
  let endpoint = "";

  const sqs = createSqs(clock, () => endpoint);
  const delivery = createDelivery(clock, sqs.send, (attempt) => options.onDelivery?.(attempt));
  const store = new SnsStore();
  const sns = createSns({ clock, store, identity, endpoint: () => endpoint, delivery, sendToQueue: sqs.send });
  const emit = createBus(
    rules,
    () => clock.now(),
    (target, body) => sendToTarget(target, body),
  );
  const ec2 = createEc2(clock, emit, options.cloudTrail ?? false);

  function sendToTarget(target: Target, body: string): void {
    if (parseArn(target.arn)?.service === "sns") sns.publishText(target.arn, body);
    else sqs.send(target.arn, { body, groupId: target.messageGroupId, sender: "events.amazonaws.com" });
  }

  const server = createFrontDoor({
    clock,
    accountId,
    sessions,
    services: {
      ec2: ec2.service,
      sns: sns.service,
      sqs: sqs.service,
      events: createEvents(rules, emit),
      sts: createSts(clock, sessions),
    },
    log,
    nextFault: faults.next,
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    endpoint,
    accountId,
    signingCert: identity.certificate,
    signingCertUrl: identity.certificateUrl,
    calls: log.calls,
    callCounts: log.counts,
    faults: { add: faults.add, clear: faults.clear },
    sign: identity.sign,
    idle: delivery.idle,
    launchAutoScaling: (args) => ec2.launchAutoScaling(accountId, args),
    close: async () => {
      clock.cancelAll();
      delivery.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
