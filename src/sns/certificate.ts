import type { KeyObject } from "node:crypto";
import { partitionOf } from "../aws/regions.ts";
import { readCertificate, type SigningCertificate } from "../aws/signing-certificate.ts";

/** Fetches the body of an https URL as text. Throws if the request fails. */
export type FetchText = (url: string) => Promise<string>;

/** A key to verify with, or the reason why there is none. A retry can help: the cause may be the network or the clock. */
export type KeyReading =
  | { readonly kind: "key"; readonly key: KeyObject }
  | { readonly kind: "failed"; readonly reason: string };

/** SNS replaces its certificates about once a year, and each region has its own. */
const MAX_CACHED = 32;

/** Anyone who knows a topic's ARN can name certificates that do not exist, so few are requested at a time. */
const MAX_FETCHING = 8;

/** The other fetches wait in the order of their requests, so a genuine delivery is verified despite forged ones, if these do not
 * arrive faster than fetches end. */
const MAX_WAITING = 1_000;

/** A fetch that has waited longer than this, in milliseconds, is dropped: its delivery has too little time left. */
const MAX_WAIT_MS = 10_000;

/**
 * Returns whether a URL is that of an SNS signing certificate in the region: exactly
 * `https://sns.<region>.<domain of the partition>/SimpleNotificationService-<32 hex>.pem`. A looser pattern accepts
 * `sns.s3-us-west-2.amazonaws.com`, which is a bucket that anyone can create.
 */
export function isCertificateUrl(url: string, region: string): boolean {
  const prefix = `https://sns.${region}.${partitionOf(region).dnsSuffix}/SimpleNotificationService-`;
  return url.startsWith(prefix) && /^[0-9a-f]{32}\.pem$/.test(url.slice(prefix.length));
}

/** Provides the keys of certificates. Takes a URL that `isCertificateUrl` accepts. */
export interface Certificates {
  keyOf(url: string): Promise<KeyReading>;
}

/**
 * Creates a cache of the certificates that deliveries name. Concurrent requests share one fetch. Certificates are cached if
 * they are valid at the time; failures are not cached. The validity period is checked each time, because a cached certificate
 * can expire. `now` is in milliseconds since 1970.
 */
export function fetchedCertificates(fetchText: FetchText, now: () => number): Certificates {
  const cached = new Map<string, SigningCertificate>();
  const pending = new Map<string, Promise<SigningCertificate>>();
  const limited = createLimiter(now);

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
    const fetch = limited(() => fetchAndKeep(url));
    pending.set(url, fetch);
    const done = () => pending.delete(url);
    fetch.then(done, done);
    return fetch;
  };

  return {
    async keyOf(url) {
      const kept = cached.get(url);
      if (kept) {
        // The last entry of the map is the most recently used.
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

/** A waiting fetch. */
interface Waiting {
  readonly dropAt: number;
  readonly resolve: (mayStart: boolean) => void;
}

/**
 * Creates a limiter that runs up to `MAX_FETCHING` fetches at a time. Rejects with the error of the fetch, and if too
 * many fetches wait or the fetch has waited too long.
 */
function createLimiter(now: () => number): <T>(fetch: () => Promise<T>) => Promise<T> {
  const waiting: Waiting[] = [];
  let running = 0;

  const acquire = async (): Promise<boolean> => {
    if (running < MAX_FETCHING) {
      running += 1;
      return true;
    }
    if (waiting.length >= MAX_WAITING) return false;
    return new Promise((resolve) => {
      waiting.push({ dropAt: now() + MAX_WAIT_MS, resolve });
    });
  };
  const release = (): void => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const mayStart = now() <= next.dropAt;
      next.resolve(mayStart);
      if (mayStart) return;
    }
    running -= 1;
  };
  return async (fetch) => {
    if (!(await acquire())) throw new Error("too many certificates are being fetched");
    try {
      return await fetch();
    } finally {
      release();
    }
  };
}

const NOT_FETCHED: KeyReading = { kind: "failed", reason: "the signing certificate could not be fetched" };

/** Returns certificates that always provide the configured one, whichever certificate a delivery names. */
export function pinnedCertificate(certificate: SigningCertificate, now: () => number): Certificates {
  return { keyOf: async () => keyIfValid(certificate, now()) };
}

function keyIfValid({ key, validFrom, validTo }: SigningCertificate, now: number): KeyReading {
  if (now >= validFrom && now <= validTo) return { kind: "key", key };
  return { kind: "failed", reason: "the signing certificate is not valid by the function's clock" };
}
