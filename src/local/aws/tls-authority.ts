import { generate } from "selfsigned";

/** A certificate (PEM) and its private key (PEM). */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

/** A private certificate authority. */
export interface TlsAuthority {
  /** Its certificate (PEM), which a client must trust. */
  readonly ca: string;
  /** Returns the certificate for a host, the same one each time. */
  identityOf(host: string): Promise<TlsIdentity>;
}

const FIVE_YEARS_MS = 5 * 365 * 86_400_000;

/** Returns a new authority. All its certificates are valid from five years before `now` (ms epoch) to five years after. */
export async function createTlsAuthority(now: number): Promise<TlsAuthority> {
  const common = {
    keyType: "ec",
    algorithm: "sha256",
    notBeforeDate: new Date(now - FIVE_YEARS_MS),
    notAfterDate: new Date(now + FIVE_YEARS_MS),
  } as const;
  const own = await generate([{ name: "commonName", value: "Embedded AWS" }], {
    ...common,
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, critical: true },
    ],
  });
  const issued = new Map<string, Promise<TlsIdentity>>();

  async function issue(host: string): Promise<TlsIdentity> {
    const pair = await generate([{ name: "commonName", value: host }], {
      ...common,
      ca: { key: own.private, cert: own.cert },
      extensions: [
        { name: "basicConstraints", cA: false },
        { name: "subjectAltName", altNames: [{ type: 2, value: host }] },
      ],
    });
    return { cert: pair.cert, key: pair.private };
  }

  return {
    ca: own.cert,
    identityOf: (host) => {
      const present = issued.get(host) ?? issue(host);
      issued.set(host, present);
      return present;
    },
  };
}
