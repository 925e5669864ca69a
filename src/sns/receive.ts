import type { Engine, Service } from "../launches/dispatch.ts";
import type { Outcome } from "../launches/outcome.ts";
import { isCertificateUrl } from "./certificate.ts";
import { type Delivery, unwrapMessage } from "./envelope.ts";
import { type Once, repeated } from "./repetitions.ts";
import { isKnownVersion, isSignedBy } from "./signature.ts";

/** SNS over HTTPS calls again for an hour at most, under the delivery policy that we subscribe with. */
const SNS_HTTPS: Engine = { name: "SNS", patienceSeconds: 3_600 };

/** SNS retries for an hour, so an older message is a replay; the sender's clock may be a little ahead of ours. */
const MAX_AGE_MS = 2 * 60 * 60_000;
const MAX_SENT_AHEAD_MS = 15 * 60_000;

/**
 * Verifies a delivery, then acts on it, unless it was settled before: audits the event of a notification, or confirms a
 * subscription. Answers the outcome for each launch in it, or one for the delivery as a whole, by the deadline in
 * milliseconds since 1970. Nothing is asked of AWS for a delivery that is not verified, but its certificate.
 */
export async function receive(
  delivery: Delivery,
  service: Service,
  now: () => number,
  deadline: number,
): Promise<Outcome[]> {
  const { envelope } = delivery;
  const topic = service.config.launchTopics.find(({ arn }) => arn === envelope.TopicArn);
  if (topic === undefined) return [unverified("the topic is not one of LAUNCH_TOPIC_ARN")];
  const refusal = await refuse(delivery, topic.region, service, now());
  if (refusal !== null) return [refusal];
  service.log.note("debug", "the delivery is verified", { topic: topic.arn, messageId: envelope.MessageId });

  const once: Once = (work) => service.repetitions.once(`${topic.arn} ${envelope.MessageId}`, work);
  switch (envelope.Type) {
    case "SubscriptionConfirmation":
      return (await once(async () => [await service.subscriber.confirm(envelope, topic)])) ?? [repeated()];
    case "UnsubscribeConfirmation": {
      const ended = async (): Promise<Outcome[]> => {
        service.subscriber.ended(topic);
        return [{ kind: "ignored", reason: "the subscription has ended" }];
      };
      return (await once(ended)) ?? [repeated()];
    }
    case "Notification": {
      service.subscriber.seen(topic);
      const [outcomes = []] = await service.audit([unwrapMessage(envelope.Message)], SNS_HTTPS, deadline, once);
      return outcomes;
    }
  }
}

/**
 * Why the delivery cannot be trusted; null when it can. The cheap checks come first. It is rejected where the delivery is
 * wrong, and failed, so that SNS retries it, where the cause may be ours: our clock, or a certificate that we cannot get.
 */
async function refuse(
  { headers, envelope }: Delivery,
  region: string,
  service: Service,
  now: number,
): Promise<Outcome | null> {
  if (!agrees(headers["x-amz-sns-message-type"], envelope.Type)) {
    return unverified("the header x-amz-sns-message-type is not the envelope's Type");
  }
  if (!agrees(headers["x-amz-sns-topic-arn"], envelope.TopicArn)) {
    return unverified("the header x-amz-sns-topic-arn is not the envelope's TopicArn");
  }
  // The log names the message by this header.
  if (!agrees(headers["x-amz-sns-message-id"], envelope.MessageId)) {
    return unverified("the header x-amz-sns-message-id is not the envelope's MessageId");
  }
  const sentAt = Date.parse(envelope.Timestamp);
  if (sentAt < now - MAX_AGE_MS) return unverified("the message is older than two hours");
  if (!isKnownVersion(envelope.SignatureVersion)) return unverified("the SignatureVersion is not 1 or 2");
  if (!isCertificateUrl(envelope.SigningCertURL, region)) {
    return unverified("the SigningCertURL is not where SNS keeps its certificates");
  }
  const reading = await service.certificates.keyOf(envelope.SigningCertURL);
  if (reading.kind !== "key") return reading;
  if (!isSignedBy(envelope, reading.key)) return unverified("the signature is not SNS's");
  if (sentAt <= now + MAX_SENT_AHEAD_MS) return null;
  return { kind: "failed", reason: "the message is more than fifteen minutes ahead of our clock" };
}

/** SNS sends both headers; a caller that sends none is judged by the signature alone. */
function agrees(header: string | undefined, value: string): boolean {
  return header === undefined || header === value;
}

function unverified(reason: string): Outcome {
  return { kind: "rejected", refusal: "unverified", reason };
}
