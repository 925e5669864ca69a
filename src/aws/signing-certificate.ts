import { type KeyObject, X509Certificate } from "node:crypto";

/** The key of a certificate that SNS signs with, and its validity period in milliseconds since 1970. */
export interface SigningCertificate {
  readonly key: KeyObject;
  readonly validFrom: number;
  readonly validTo: number;
}

/** The minimum size of an RSA key. https://nvlpubs.nist.gov/nistpubs/SpecialPublications/NIST.SP.800-131Ar2.pdf */
const MIN_KEY_BITS = 2048;

/**
 * Reads the first certificate of a PEM, which is the signer's own. Throws for anything but an X.509 certificate with an RSA
 * key, the only kind that SNS signs with, and for an RSA key under 2048 bits.
 */
export function readCertificate(pem: string): SigningCertificate {
  const certificate = new X509Certificate(pem);
  const key = certificate.publicKey;
  if (key.asymmetricKeyType !== "rsa") throw new Error("the certificate's key is not RSA");
  const { modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < MIN_KEY_BITS) throw new Error(`the certificate's key is under ${MIN_KEY_BITS} bits`);
  return { key, validFrom: Date.parse(certificate.validFrom), validTo: Date.parse(certificate.validTo) };
}
