import { X509Certificate } from "node:crypto";
import { generate } from "selfsigned";
import { describe, expect, it } from "vitest";
import { readCertificate } from "../../src/aws/signing-certificate.ts";
import { makeSigner, OTHER_SIGNER, SNS_SIGNER } from "../support/sns.ts";

describe("a certificate", () => {
  it("is read with its key and its validity period", () => {
    const { key, validFrom, validTo } = readCertificate(SNS_SIGNER.certificate);
    expect(key.export({ type: "spki", format: "pem" })).toBe(
      new X509Certificate(SNS_SIGNER.certificate).publicKey.export({ type: "spki", format: "pem" }),
    );
    expect(new Date(validFrom).toISOString()).toBe("2021-01-01T00:00:00.000Z");
    expect(new Date(validTo).toISOString()).toBe("2022-01-01T00:00:00.000Z");
  });

  it("is refused when its key is not RSA", async () => {
    const { certificate } = await makeSigner({ keyType: "ec" });
    expect(() => readCertificate(certificate)).toThrow("not RSA");
  });

  it.each([
    [1024, "refused"],
    [2047, "refused"],
    [2048, "read"],
    [3072, "read"],
  ])("with an RSA key of %i bits is %s", async (keySize, what) => {
    const { cert } = await generate([{ name: "commonName", value: "sns.amazonaws.com" }], {
      keySize,
      algorithm: "sha256",
    });
    if (what === "read") expect(readCertificate(cert).key.asymmetricKeyDetails?.modulusLength).toBe(keySize);
    else expect(() => readCertificate(cert)).toThrow("under 2048 bits");
  });

  it("is the first of a chain: the signer's own, and not an issuer's", () => {
    const { key } = readCertificate(`${SNS_SIGNER.certificate}\n${OTHER_SIGNER.certificate}`);
    expect(key.equals(new X509Certificate(SNS_SIGNER.certificate).publicKey)).toBe(true);
  });

  it.each([
    ["nothing", ""],
    ["a web page", "<html><body>Not found</body></html>"],
    ["a private key", SNS_SIGNER.privateKey],
    ["half a certificate", SNS_SIGNER.certificate.slice(0, SNS_SIGNER.certificate.length / 2)],
  ])("is not %s", (_, pem) => {
    expect(() => readCertificate(pem)).toThrow();
  });
});
