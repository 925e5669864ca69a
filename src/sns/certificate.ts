import { type KeyObject, X509Certificate } from "node:crypto";
import { partitionOf } from "../regions.ts";

/** What a signing certificate is needed for: its key, and its validity period in milliseconds since 1970. */
export interface SigningCertificate {
  readonly key: KeyObject;
  readonly validFrom: number;
  readonly validTo: number;
}

/** Reads a PEM. Throws when it is not an X.509 certificate with an RSA key, the only kind that SNS signs with. */
export function readCertificate(pem: string): SigningCertificate {
  const certificate = new X509Certificate(pem);
  const key = certificate.publicKey;
  if (key.asymmetricKeyType !== "rsa") throw new Error("the certificate's key is not RSA");
  return { key, validFrom: Date.parse(certificate.validFrom), validTo: Date.parse(certificate.validTo) };
}

/** Fetches the body of an https URL as text. Throws when it cannot. */
export type FetchText = (url: string) => Promise<string>;

/** A key to verify with, or why there is none: `rejected` will not change by asking again, `failed` may. */
export type KeyReading =
  | { readonly kind: "key"; readonly key: KeyObject }
  | { readonly kind: "rejected"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string };

/** SNS changes its certificates about once a year, and each region has its own. */
const MAX_CACHED = 32;

/** Who knows a topic's ARN can name certificates that do not exist; we do not ask SNS for many of them at a time. */
const MAX_FETCHING = 8;

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
 * The certificates that deliveries name, each fetched once. Only certificates are kept, never failures; requests at the
 * same time share one fetch. Whether a certificate is valid now is asked each time: it can end while it is kept.
 */
export function fetchedCertificates(fetchText: FetchText, now: () => number): Certificates {
  const cached = new Map<string, SigningCertificate>();
  const fetching = new Map<string, Promise<SigningCertificate>>();

  const fetchAndKeep = async (url: string): Promise<SigningCertificate> => {
    const certificate = readCertificate(await fetchText(url));
    const [oldest] = cached.keys();
    if (cached.size >= MAX_CACHED && oldest !== undefined) cached.delete(oldest);
    cached.set(url, certificate);
    return certificate;
  };
  const startFetch = (url: string): Promise<SigningCertificate> => {
    const fetch = fetchAndKeep(url);
    fetching.set(url, fetch);
    const done = () => fetching.delete(url);
    fetch.then(done, done);
    return fetch;
  };

  return {
    async keyOf(url) {
      const kept = cached.get(url);
      if (kept) return keyIfValid(kept, now());
      if (fetching.size >= MAX_FETCHING && !fetching.has(url)) return NOT_FETCHED;
      try {
        return keyIfValid(await (fetching.get(url) ?? startFetch(url)), now());
      } catch {
        return NOT_FETCHED;
      }
    },
  };
}

const NOT_FETCHED: KeyReading = { kind: "failed", reason: "the signing certificate could not be fetched" };

/** The one certificate of the configuration, whatever certificate a delivery names. */
export function pinnedCertificate(certificate: SigningCertificate, now: () => number): Certificates {
  return { keyOf: async () => keyIfValid(certificate, now()) };
}

function keyIfValid({ key, validFrom, validTo }: SigningCertificate, now: number): KeyReading {
  if (now >= validFrom && now <= validTo) return { kind: "key", key };
  return { kind: "rejected", reason: "the signing certificate is not in its validity period" };
}
