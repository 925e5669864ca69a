import { createSigningIdentity, type Signer, type SigningIdentity } from "./certificate.ts";

/** The keys SNS has signed with: it signs with the last, and the certificates of the others stay where they are. */
export interface SigningKeys extends Signer {
  readonly current: SigningIdentity;
  /** Signs with a new key from now on, whose certificate is under a new URL and valid around `now` (ms epoch). */
  rotate(now: number): Promise<void>;
  /** The certificate (PEM) under a URL of SNS in any region, or under the path of one; undefined where there is none. */
  certificateAt(pathOrUrl: string): string | undefined;
}

/** Where SNS serves certificates: under the same path in every region. */
const HOST = /^https:\/\/sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?(?=\/)/;

/** Keys of which the first is `first`. */
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
