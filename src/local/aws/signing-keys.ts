import { createSigningIdentity, type Signer, type SigningIdentity } from "./certificate.ts";

/** SNS's signing keys. It signs with the last; the certificates of the others stay available. */
export interface SigningKeys extends Signer {
  readonly current: SigningIdentity;
  /** Changes to a new key. Its certificate has a new URL, and is valid around `now` (ms epoch). */
  rotate(now: number): Promise<void>;
  /** Returns the certificate (PEM) by its URL in any region, or by its path; undefined if there is none. */
  certificateAt(pathOrUrl: string): string | undefined;
}

/** The path of SNS's certificates, the same in every region. */
const HOST = /^https:\/\/sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?(?=\/)/;

/** Returns signing keys that start with `first`. */
export function createSigningKeys(first: SigningIdentity): SigningKeys {
  let current = first;
  const certificates = new Map([[pathOf(first), first.certificate]]);
  return {
    get current() {
      return current;
    },
    rotate: async (now) => {
      const next = await createSigningIdentity(now);
      certificates.set(pathOf(next), next.certificate);
      current = next;
    },
    certificateAt: (pathOrUrl) => certificates.get(pathOrUrl.replace(HOST, "")),
    sign: (envelope) => current.sign(envelope),
  };
}

function pathOf(identity: SigningIdentity): string {
  return new URL(identity.certificateUrl("us-east-1")).pathname;
}
