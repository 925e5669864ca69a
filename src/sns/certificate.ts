import { type KeyObject, X509Certificate } from "node:crypto";
import { partitionOf } from "../aws/regions.ts";

/** What a signing certificate is needed for: its key, and its validity period in milliseconds since 1970. */
export interface SigningCertificate {
  readonly key: KeyObject;
  readonly validFrom: number;
  readonly validTo: number;
}

/** The least bits of an RSA key whose signatures are to be believed.
 * https://nvlpubs.nist.gov/nistpubs/SpecialPublications/NIST.SP.800-131Ar2.pdf */
const MIN_KEY_BITS = 2048;

/**
 * Reads a PEM; of several certificates in it the first, which is the signer's own. Throws when it is not an X.509
 * certificate with an RSA key, the only kind that SNS signs with, and for an RSA key under 2048 bits.
 */
export function readCertificate(pem: string): SigningCertificate {
  const certificate = new X509Certificate(pem);
  const key = certificate.publicKey;
  if (key.asymmetricKeyType !== "rsa") throw new Error("the certificate's key is not RSA");
  const { modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < MIN_KEY_BITS) throw new Error(`the certificate's key is under ${MIN_KEY_BITS} bits`);
  return { key, validFrom: Date.parse(certificate.validFrom), validTo: Date.parse(certificate.validTo) };
}

/** Fetches the body of an https URL as text. Throws when it cannot. */
export type FetchText = (url: string) => Promise<string>;

/** A key to verify with, or why there is none. The cause may be the network or our clock, so a retry can help. */
export type KeyReading =
  | { readonly kind: "key"; readonly key: KeyObject }
  | { readonly kind: "failed"; readonly reason: string };

/** SNS changes its certificates about once a year, and each region has its own. */
const MAX_CACHED = 32;

/** Who knows a topic's ARN can name certificates that do not exist; we do not ask SNS for many of them at a time. */
const MAX_FETCHING = 8;

/** The others wait for their turn, in the order in which they came: a genuine delivery gets its turn among forged ones, as
 * long as these come no faster than eight fetches at a time settle. */
const MAX_WAITING = 1_000;

/** A certificate that has waited so long, in milliseconds, is not fetched: what asked for it would have too little
 * time left. */
const MAX_WAIT_MS = 10_000;

/**
 * Whether this is where SNS keeps its signing certificates for topics of the region: exactly
 * `https://sns.<region>.amazonaws.com[.cn]/SimpleNotificationService-<32 hex>.pem`. A looser pattern lets
 * `sns.s3-us-west-2.amazonaws.com` pass, which is a bucket that anybody can have.
 */
export function isCertificateUrl(url: string, region: string): boolean {
  const prefix = `https://sns.${region}.${partitionOf(region).dnsSuffix}/SimpleNotificationService-`;
  return url.startsWith(prefix) && /^[0-9a-f]{32}\.pem$/.test(url.slice(prefix.length));
}

/** Finds the key of the certificate behind a URL that `isCertificateUrl` accepted. */
export interface Certificates {
  keyOf(url: string): Promise<KeyReading>;
}

/**
 * The certificates that deliveries name, each fetched once. Only certificates that are valid now are kept, never failures;
 * requests at the same time share one fetch. Whether a certificate is valid now is asked each time: it can end while it is
 * kept. Takes the time now in milliseconds since 1970.
 */
export function fetchedCertificates(fetchText: FetchText, now: () => number): Certificates {
  const cached = new Map<string, SigningCertificate>();
  const pending = new Map<string, Promise<SigningCertificate>>();
  const inTurn = createTurns(now);

  const fetchAndKeep = async (url: string): Promise<SigningCertificate> => {
    const certificate = readCertificate(await fetchText(url));
    if (keyIfValid(certificate, now()).kind === "key") {
      const [leastUsed] = cached.keys();
      if (cached.size >= MAX_CACHED && leastUsed !== undefined) cached.delete(leastUsed);
      cached.set(url, certificate);
    }
    return certificate;
  };
  const startFetch = (url: string): Promise<SigningCertificate> => {
    const fetch = inTurn(() => fetchAndKeep(url));
    pending.set(url, fetch);
    const done = () => pending.delete(url);
    fetch.then(done, done);
    return fetch;
  };

  return {
    async keyOf(url) {
      const kept = cached.get(url);
      if (kept) {
        // The last in the map is the last that was used.
        cached.delete(url);
        cached.set(url, kept);
        return keyIfValid(kept, now());
      }
      try {
        return keyIfValid(await (pending.get(url) ?? startFetch(url)), now());
      } catch {
        return NOT_FETCHED;
      }
    },
  };
}

/** A certificate that waits to be fetched. */
interface Waiting {
  readonly giveUpAt: number;
  readonly answer: (hasTurn: boolean) => void;
}

/**
 * Runs `MAX_FETCHING` fetches at a time, the others in their turn. Rejects as a fetch does, and for one that has no place
 * to wait or has waited too long.
 */
function createTurns(now: () => number): <T>(fetch: () => Promise<T>) => Promise<T> {
  const waiting: Waiting[] = [];
  let running = 0;

  const takeTurn = async (): Promise<boolean> => {
    if (running < MAX_FETCHING) {
      running += 1;
      return true;
    }
    if (waiting.length >= MAX_WAITING) return false;
    return new Promise((answer) => {
      waiting.push({ giveUpAt: now() + MAX_WAIT_MS, answer });
    });
  };
  const passOn = (): void => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const hasTurn = now() <= next.giveUpAt;
      next.answer(hasTurn);
      if (hasTurn) return;
    }
    running -= 1;
  };
  return async (fetch) => {
    if (!(await takeTurn())) throw new Error("too many certificates are being fetched");
    try {
      return await fetch();
    } finally {
      passOn();
    }
  };
}

const NOT_FETCHED: KeyReading = { kind: "failed", reason: "the signing certificate could not be fetched" };

/** The one certificate of the configuration, whatever certificate a delivery names. */
export function pinnedCertificate(certificate: SigningCertificate, now: () => number): Certificates {
  return { keyOf: async () => keyIfValid(certificate, now()) };
}

function keyIfValid({ key, validFrom, validTo }: SigningCertificate, now: number): KeyReading {
  if (now >= validFrom && now <= validTo) return { kind: "key", key };
  return { kind: "failed", reason: "the signing certificate is not in its validity period by our clock" };
}
