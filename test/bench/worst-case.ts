import { type HttpRequest, handleHttp, MAX_BODY_BYTES } from "../../src/adapters/http.ts";
import { createApp } from "../../src/app.ts";
import { createSigningIdentity, type SigningIdentity } from "../../src/local/aws/certificate.ts";
import { fetchedCertificates } from "../../src/sns/certificate.ts";
import { TOO_LARGE } from "../../src/sns/envelope.ts";
import { FOUR_SECRETS } from "../support/config.ts";
import { REGION } from "../support/events.ts";
import { LAUNCH_TOPIC } from "../support/sns.ts";
import { median } from "./processes.ts";

/** The time from the request with the worst body of a kind to the response, in milliseconds. */
export interface WorstCase {
  readonly what: string;
  readonly bytes: number;
  /** The expected status: another one is an error of the benchmark. */
  readonly status: number;
  readonly milliseconds: number;
}

const ROUNDS = 41;
const WARM_UP = 10;
const KIB = 1024;

interface Body {
  readonly what: string;
  readonly body: string;
  readonly status: number;
}

/**
 * Measures the worst request bodies and a delivery of the usual size, in this process, with real keys and no call to AWS.
 * Each round measures every kind; the figures are medians. Throws Error when a response has another status than expected.
 */
export async function measureWorstCases(): Promise<WorstCase[]> {
  const now = Date.now();
  const identity = await createSigningIdentity(now);
  const app = createApp(FOUR_SECRETS, {
    now: Date.now,
    write: () => {},
    certificates: fetchedCertificates(async () => identity.certificate, Date.now),
  });
  const bodies = bodiesOf(identity, await otherIdentity(identity));
  const times = new Map<string, number[]>(bodies.map(({ what }) => [what, []]));
  for (let round = -WARM_UP; round < ROUNDS; round += 1) {
    for (const { what, body, status } of bodies) {
      const bytes = Buffer.from(body);
      // As the webtask does: the measurement begins with the bytes.
      const request: HttpRequest = {
        method: "POST",
        headers: {},
        body: async () => (bytes.length > MAX_BODY_BYTES ? TOO_LARGE : bytes.toString("utf8")),
      };
      const startedAt = performance.now();
      const response = await handleHttp(app, request, {}, Date.now() + 12_000);
      if (round >= 0) times.get(what)?.push(performance.now() - startedAt);
      if (response.status !== status)
        throw new Error(`${what}: status ${response.status}, not ${status}: ${response.body}`);
    }
  }
  return bodies.map(({ what, body, status }) => {
    return { what, bytes: Buffer.byteLength(body), status, milliseconds: median(times.get(what) ?? []) };
  });
}

/** An identity with another key that names the URL of the genuine certificate. */
async function otherIdentity(identity: SigningIdentity): Promise<SigningIdentity> {
  const other = await createSigningIdentity(Date.now());
  return {
    ...other,
    sign: (envelope) => ({ ...other.sign(envelope), SigningCertURL: identity.certificateUrl(REGION) }),
  };
}

function bodiesOf(identity: SigningIdentity, other: SigningIdentity): Body[] {
  const envelope = (Message: string) => ({
    Type: "Notification",
    MessageId: "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
    TopicArn: LAUNCH_TOPIC,
    Message,
    Timestamp: new Date().toISOString(),
    SignatureVersion: "2",
  });
  const signed = (message: string) => JSON.stringify(identity.sign(envelope(message)));
  const forged = (message: string) => JSON.stringify(other.sign(envelope(message)));
  /** An event of this size that the function ignores, so that it calls no AWS API. */
  const event = (bytes: number, fill = "x") => {
    const empty = JSON.stringify({ "detail-type": "EBS Volume Notification", padding: "" });
    return empty.replace(/""\}$/, `"${fill.repeat((bytes - empty.length) / fill.length)}"}`);
  };
  const full = event(256 * KIB);
  const quotes = event(256 * KIB, '\\"');
  const escaped = forged(event(42 * KIB)).replaceAll("x", "\\u0078");
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  const keys = Array.from({ length: 16_000 }, (_, index) => `"k${index}":0`).join();
  return [
    { what: "a delivery of 2 kB", body: signed(event(KIB)), status: 200 },
    { what: "256 KiB, signed", body: signed(full), status: 200 },
    { what: "256 KiB, forged", body: forged(full), status: 403 },
    { what: "256 KiB of quotes, signed", body: signed(quotes), status: 200 },
    { what: "256 KiB of quotes, forged", body: forged(quotes), status: 403 },
    { what: "256 KiB, every character escaped to six, forged", body: escaped, status: 403 },
    { what: "300 kB of letters", body: "x".repeat(300_000), status: 413 },
    { what: "300 kB of brackets", body: nested(150_000), status: 413 },
    { what: "the deepest nesting that is parsed", body: nested(16 * KIB), status: 400 },
    { what: "256 KiB of nesting", body: nested(128 * KIB), status: 400 },
    { what: "16,000 different keys", body: `{${keys}}`, status: 400 },
    { what: "2 MB", body: " ".repeat(2_000_000), status: 413 },
  ];
}
