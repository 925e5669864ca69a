import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readCertificate } from "../../src/aws/signing-certificate.ts";
import { fetchedCertificates, isCertificateUrl, pinnedCertificate } from "../../src/sns/certificate.ts";
import { clockAt } from "../support/launches.ts";
import { CERTIFICATE_URL, makeSigner, OTHER_SIGNER, SNS_SIGNER } from "../support/sns.ts";

const HEX = "f3ecfb7224c7233fe7bb5f59f96de52f";
const FILE = `SimpleNotificationService-${HEX}.pem`;

const OUT_OF_PERIOD = {
  kind: "failed",
  reason: "the signing certificate is not valid by the function's clock",
};
const A_KEY = expect.objectContaining({ kind: "key" });

describe("a certificate's URL", () => {
  it.each([
    ["us-east-1", `https://sns.us-east-1.amazonaws.com/${FILE}`],
    ["ap-southeast-2", `https://sns.ap-southeast-2.amazonaws.com/${FILE}`],
    ["us-gov-west-1", `https://sns.us-gov-west-1.amazonaws.com/${FILE}`],
    ["cn-north-1", `https://sns.cn-north-1.amazonaws.com.cn/${FILE}`],
    ["eusc-de-east-1", `https://sns.eusc-de-east-1.amazonaws.eu/${FILE}`],
  ])("is accepted at SNS's endpoint in %s", (region, url) => {
    expect(isCertificateUrl(url, region)).toBe(true);
  });

  it.each([
    ["a bucket that anyone can create", `https://sns.s3-us-west-2.amazonaws.com/${FILE}`],
    ["a bucket of the region", `https://sns.s3.us-east-1.amazonaws.com/${FILE}`],
    ["another host", `https://example.com/${FILE}`],
    ["a host that begins like SNS's", `https://sns.us-east-1.amazonaws.com.example.com/${FILE}`],
    ["a host that ends like SNS's", `https://evilsns.us-east-1.amazonaws.com/${FILE}`],
    ["another service", `https://sqs.us-east-1.amazonaws.com/${FILE}`],
    ["another region", `https://sns.us-east-2.amazonaws.com/${FILE}`],
    ["the other partition", `https://sns.us-east-1.amazonaws.com.cn/${FILE}`],
    ["http", `http://sns.us-east-1.amazonaws.com/${FILE}`],
    ["no protocol", `//sns.us-east-1.amazonaws.com/${FILE}`],
    ["a protocol in capitals", `HTTPS://sns.us-east-1.amazonaws.com/${FILE}`],
    ["a host in capitals", `https://SNS.us-east-1.amazonaws.com/${FILE}`],
    ["the default port", `https://sns.us-east-1.amazonaws.com:443/${FILE}`],
    ["another port", `https://sns.us-east-1.amazonaws.com:8443/${FILE}`],
    ["credentials", `https://user:password@sns.us-east-1.amazonaws.com/${FILE}`],
    ["SNS's host as credentials", `https://sns.us-east-1.amazonaws.com@example.com/${FILE}`],
    ["a query", `https://sns.us-east-1.amazonaws.com/${FILE}?x=1`],
    ["an empty query", `https://sns.us-east-1.amazonaws.com/${FILE}?`],
    ["a fragment", `https://sns.us-east-1.amazonaws.com/${FILE}#x`],
    ["a trailing dot of the host", `https://sns.us-east-1.amazonaws.com./${FILE}`],
    ["a trailing dot of the file", `https://sns.us-east-1.amazonaws.com/${FILE}.`],
    ["a line break at the end", `https://sns.us-east-1.amazonaws.com/${FILE}\n`],
    ["a blank before it", ` https://sns.us-east-1.amazonaws.com/${FILE}`],
    ["backslashes", `https:\\\\sns.us-east-1.amazonaws.com\\${FILE}`],
    ["a folder", `https://sns.us-east-1.amazonaws.com/folder/${FILE}`],
    ["a way out of a folder", `https://sns.us-east-1.amazonaws.com/../${FILE}`],
    ["another file", `https://sns.us-east-1.amazonaws.com/Other-${HEX}.pem`],
    ["another kind of file", `https://sns.us-east-1.amazonaws.com/SimpleNotificationService-${HEX}.crt`],
    ["31 digits", `https://sns.us-east-1.amazonaws.com/SimpleNotificationService-${HEX.slice(1)}.pem`],
    ["33 digits", `https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0${HEX}.pem`],
    ["digits in capitals", `https://sns.us-east-1.amazonaws.com/SimpleNotificationService-${HEX.toUpperCase()}.pem`],
    ["digits that are escaped", `https://sns.us-east-1.amazonaws.com/SimpleNotificationService-%66${HEX.slice(1)}.pem`],
    ["an action of SNS", "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription"],
    ["nothing", ""],
  ])("is rejected with %s", (_, url) => {
    expect(isCertificateUrl(url, "us-east-1")).toBe(false);
  });

  it("is rejected after any change of one character, except of a digit to another digit", () => {
    const [host, digits] = [CERTIFICATE_URL.slice(0, -HEX.length - 4), HEX.length];
    const change = fc.constantFrom("insert", "delete", "replace");
    const character = fc.oneof(
      fc.constantFrom("/", "@", ":", "?", "#", ".", "%", "\\", " ", "\n", "\0", "a", "A", "0", "-", "\u3002"),
      fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
    );
    fc.assert(
      fc.property(change, fc.nat(CERTIFICATE_URL.length), character, (how, at, put) => {
        const after = how === "insert" ? at : at + 1;
        const url = CERTIFICATE_URL.slice(0, at) + (how === "delete" ? "" : put) + CERTIFICATE_URL.slice(after);
        const kept = url.length === CERTIFICATE_URL.length && url.startsWith(host) && url.endsWith(".pem");
        const middle = url.slice(host.length, host.length + digits);
        const exact = kept && [...middle].every((digit) => "0123456789abcdef".includes(digit));
        expect(isCertificateUrl(url, "us-east-1")).toBe(exact);
      }),
      { numRuns: 2_000 },
    );
  });

  it("is not any other URL", () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), (url) => {
        expect(isCertificateUrl(url, "us-east-1")).toBe(false);
      }),
    );
  });
});

/** Certificates with the test's own fetch, and the fetched URLs. */
function certificatesOver(fetchText: (url: string) => Promise<string>, clock = clockAt(Date.parse("2021-11-11"))) {
  const fetched: string[] = [];
  const certificates = fetchedCertificates((url) => {
    fetched.push(url);
    return fetchText(url);
  }, clock.now);
  return { certificates, fetched, clock };
}

function urlOf(number: number): string {
  return `https://sns.us-east-1.amazonaws.com/SimpleNotificationService-${number.toString(16).padStart(32, "0")}.pem`;
}

describe("fetched certificates", () => {
  it("are fetched once for each URL", async () => {
    const { certificates, fetched } = certificatesOver(async () => SNS_SIGNER.certificate);
    for (const url of [urlOf(1), urlOf(2), urlOf(1), urlOf(2), urlOf(1)]) {
      expect((await certificates.keyOf(url)).kind).toBe("key");
    }
    expect(fetched).toEqual([urlOf(1), urlOf(2)]);
  });

  it("are fetched once for concurrent requests", async () => {
    let arrive = (_pem: string) => {};
    const pem = new Promise<string>((resolve) => {
      arrive = resolve;
    });
    const { certificates, fetched } = certificatesOver(() => pem);
    const readings = Promise.all(Array.from({ length: 20 }, () => certificates.keyOf(CERTIFICATE_URL)));
    arrive(SNS_SIGNER.certificate);
    expect((await readings).map(({ kind }) => kind)).toEqual(Array(20).fill("key"));
    expect(fetched).toHaveLength(1);
  });

  it.each([
    ["does not arrive", () => Promise.reject(new Error("connect ECONNREFUSED"))],
    ["is a web page", async () => "<html>Not found</html>"],
    ["is empty", async () => ""],
  ])("fail if the response %s, and are fetched again for the next request", async (_, fails) => {
    let fetches = 0;
    const { certificates } = certificatesOver(() => {
      fetches += 1;
      return fetches === 1 ? fails() : Promise.resolve(SNS_SIGNER.certificate);
    });
    const together = await Promise.all([certificates.keyOf(CERTIFICATE_URL), certificates.keyOf(CERTIFICATE_URL)]);
    expect(together.map(({ kind }) => kind)).toEqual(["failed", "failed"]);
    expect((await certificates.keyOf(CERTIFICATE_URL)).kind).toBe("key");
    expect(fetches).toBe(2);
  });

  it("fail if the fetch throws synchronously", async () => {
    let fetches = 0;
    const { certificates } = certificatesOver(() => {
      fetches += 1;
      if (fetches === 1) throw new Error("no sockets left");
      return Promise.resolve(SNS_SIGNER.certificate);
    });
    expect((await certificates.keyOf(CERTIFICATE_URL)).kind).toBe("failed");
    expect((await certificates.keyOf(CERTIFICATE_URL)).kind).toBe("key");
  });

  it("are evicted in the order of their use: of a hundred, the last is cached, and the first are not", async () => {
    const { certificates, fetched } = certificatesOver(async () => SNS_SIGNER.certificate);
    for (let number = 1; number <= 100; number += 1) await certificates.keyOf(urlOf(number));
    await certificates.keyOf(urlOf(100));
    expect(fetched).toHaveLength(100);
    for (let number = 1; number <= 60; number += 1) await certificates.keyOf(urlOf(number));
    expect(fetched).toHaveLength(160);
  });

  it.each([
    ["2020-12-31T23:59:59.999Z", OUT_OF_PERIOD],
    ["2021-01-01T00:00:00.000Z", A_KEY],
    ["2022-01-01T00:00:00.000Z", A_KEY],
    ["2022-01-01T00:00:01.000Z", OUT_OF_PERIOD],
  ])("are valid only in their validity period: at %s, the result is %j", async (time, reading) => {
    const { certificates } = certificatesOver(async () => SNS_SIGNER.certificate, clockAt(Date.parse(time)));
    expect(await certificates.keyOf(CERTIFICATE_URL)).toEqual(reading);
  });

  it("are checked for expiry while they are cached", async () => {
    const { certificates, clock } = certificatesOver(async () => SNS_SIGNER.certificate);
    expect((await certificates.keyOf(CERTIFICATE_URL)).kind).toBe("key");
    clock.set(Date.parse("2022-01-02"));
    expect(await certificates.keyOf(CERTIFICATE_URL)).toEqual(OUT_OF_PERIOD);
  });
});

describe("certificates under attack", () => {
  const SNS_KEY = new X509Certificate(SNS_SIGNER.certificate).publicKey;

  /** Certificates whose fetches the test ends, one URL at a time. */
  function heldFetches() {
    const held = new Map<string, { resolve: (pem: string) => void; reject: (error: Error) => void }>();
    const over = certificatesOver((url) => new Promise((resolve, reject) => held.set(url, { resolve, reject })));
    const settle = () => new Promise((resolve) => setImmediate(resolve));
    return {
      ...over,
      settle,
      fail: async (url: string) => {
        held.get(url)?.reject(new Error("status 403"));
        await settle();
      },
      arrive: async (url: string) => {
        held.get(url)?.resolve(SNS_SIGNER.certificate);
        await settle();
      },
    };
  }

  it("are used for their own URL only", async () => {
    const pems = new Map([
      [urlOf(1), SNS_SIGNER.certificate],
      [urlOf(2), OTHER_SIGNER.certificate],
    ]);
    const { certificates } = certificatesOver(async (url) => pems.get(url) ?? "");
    const keyOf = async (number: number) => {
      const reading = await certificates.keyOf(urlOf(number));
      return reading.kind === "key" ? reading.key.equals(SNS_KEY) : reading.kind;
    };
    for (let time = 0; time < 3; time += 1) {
      expect([await keyOf(1), await keyOf(2), await keyOf(3)]).toEqual([true, false, "failed"]);
    }
  });

  it("are not evicted while they are used, however many others are requested", async () => {
    const { certificates, fetched } = certificatesOver(async () => SNS_SIGNER.certificate);
    for (let number = 1; number <= 500; number += 1) {
      await certificates.keyOf(CERTIFICATE_URL);
      await certificates.keyOf(urlOf(number));
    }
    expect(fetched.filter((url) => url === CERTIFICATE_URL)).toHaveLength(1);
  });

  it("are not evicted by certificates that are not valid", async () => {
    const expired = await makeSigner({ from: "2019-01-01", to: "2020-01-01" });
    const { certificates, fetched } = certificatesOver(async (url) =>
      url === CERTIFICATE_URL ? SNS_SIGNER.certificate : expired.certificate,
    );
    await certificates.keyOf(CERTIFICATE_URL);
    for (let number = 1; number <= 40; number += 1) {
      expect(await certificates.keyOf(urlOf(number))).toEqual(OUT_OF_PERIOD);
    }
    await certificates.keyOf(CERTIFICATE_URL);
    expect(fetched.filter((url) => url === CERTIFICATE_URL)).toHaveLength(1);
    await certificates.keyOf(urlOf(1));
    expect(fetched.filter((url) => url === urlOf(1))).toHaveLength(2);
  });

  it("are fetched eight at a time, the others in the order of their requests", async () => {
    const { certificates, fetched, settle, fail } = heldFetches();
    const urls = Array.from({ length: 12 }, (_, index) => urlOf(index));
    const readings = Promise.all(urls.map((url) => certificates.keyOf(url)));
    await settle();
    expect(fetched).toEqual(urls.slice(0, 8));
    await fail(urlOf(3));
    expect(fetched).toEqual(urls.slice(0, 9));
    for (const url of urls) await fail(url);
    expect(fetched).toEqual(urls);
    expect((await readings).map(({ kind }) => kind)).toEqual(Array(12).fill("failed"));
  });

  it("of a genuine delivery are fetched among hundreds that do not exist, and do not wait once cached", async () => {
    const { certificates, fetched, settle, fail, arrive } = heldFetches();
    for (let number = 0; number < 500; number += 1) void certificates.keyOf(urlOf(number));
    const genuine = Promise.all([certificates.keyOf(CERTIFICATE_URL), certificates.keyOf(CERTIFICATE_URL)]);
    for (let number = 500; number < 900; number += 1) void certificates.keyOf(urlOf(number));
    await settle();
    for (let number = 0; number < 493; number += 1) await fail(urlOf(number));
    expect(fetched.at(-1)).toBe(CERTIFICATE_URL);
    await arrive(CERTIFICATE_URL);
    expect((await genuine).map(({ kind }) => kind)).toEqual(["key", "key"]);
    const asked = fetched.length;
    expect((await certificates.keyOf(CERTIFICATE_URL)).kind).toBe("key");
    expect(fetched).toHaveLength(asked);
  });

  it("are not fetched after ten seconds of waiting, because their delivery has too little time left", async () => {
    const { certificates, fetched, settle, fail, clock } = heldFetches();
    for (let number = 0; number < 8; number += 1) void certificates.keyOf(urlOf(number));
    const late = certificates.keyOf(urlOf(100));
    clock.pass(0.001);
    const inTime = certificates.keyOf(urlOf(101));
    await settle();
    clock.pass(10);
    await fail(urlOf(0));
    expect((await late).kind).toBe("failed");
    expect(fetched).not.toContain(urlOf(100));
    expect(fetched.at(-1)).toBe(urlOf(101));
    await fail(urlOf(101));
    expect((await inTime).kind).toBe("failed");
  });

  it("fail at once while a thousand wait, and stay out of memory", async () => {
    const { certificates, fetched, settle, fail, arrive, clock } = heldFetches();
    for (let number = 0; number < 1_008; number += 1) void certificates.keyOf(urlOf(number));
    await settle();
    expect((await certificates.keyOf(CERTIFICATE_URL)).kind).toBe("failed");
    clock.pass(60);
    for (let number = 0; number < 8; number += 1) await fail(urlOf(number));
    expect(fetched).toHaveLength(8);
    for (let number = 0; number < 8; number += 1) void certificates.keyOf(urlOf(number));
    await settle();
    expect(fetched).toHaveLength(16);
    await fail(urlOf(0));
    const genuine = certificates.keyOf(CERTIFICATE_URL);
    await settle();
    await arrive(CERTIFICATE_URL);
    expect((await genuine).kind).toBe("key");
  });

  it("stay out of memory if they do not exist, even ten thousand of them", async () => {
    const { certificates, fetched } = certificatesOver(async (url) => {
      if (url === CERTIFICATE_URL) return SNS_SIGNER.certificate;
      throw new Error("status 403");
    });
    for (let number = 0; number < 10_000; number += 1) {
      expect((await certificates.keyOf(urlOf(number))).kind).toBe("failed");
    }
    expect((await certificates.keyOf(CERTIFICATE_URL)).kind).toBe("key");
    expect((await certificates.keyOf(urlOf(0))).kind).toBe("failed");
    expect(fetched).toHaveLength(10_002);
  });
});

describe("a configured certificate", () => {
  it("is used for every URL while it is valid", async () => {
    const clock = clockAt(Date.parse("2021-11-11"));
    const certificates = pinnedCertificate(readCertificate(SNS_SIGNER.certificate), clock.now);
    expect((await certificates.keyOf(urlOf(1))).kind).toBe("key");
    expect((await certificates.keyOf(urlOf(2))).kind).toBe("key");
    clock.set(Date.parse("2022-01-02"));
    expect(await certificates.keyOf(urlOf(1))).toEqual(OUT_OF_PERIOD);
  });
});
