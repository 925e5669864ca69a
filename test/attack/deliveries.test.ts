/**
 * Forged, replayed, re-targeted and malformed deliveries against the deployed file. Every case is refused with the status
 * of the design's table, costs no call to AWS and at most the fetch of a certificate that SNS keeps, and is answered by
 * nothing that tells of the configuration: word for word the same as by another house.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KEYS } from "../../src/config.ts";
import { stateChange } from "../support/events.ts";
import type { HttpResponse } from "../support/hosts.ts";
import { notification, signed } from "../support/sns.ts";
import * as around from "./corpus/around.ts";
import * as bodies from "./corpus/bodies.ts";
import { type AttackCase, type AttackClass, basesOf, certificateUrl, genuine, type Target } from "./corpus/case.ts";
import * as signatures from "./corpus/signatures.ts";
import { type House, houseOf, type Keys, makeKeys } from "./house.ts";
import { openStage, type Stage } from "./stage.ts";

const REGIONS = ["eu-central-1", "ap-southeast-2"] as const;
/** The least number of cases that the class is worth something with. */
const CLASSES: readonly {
  readonly name: string;
  readonly cases: AttackClass;
  readonly least: number;
  readonly asksForCertificates?: true;
}[] = [
  { name: "not signed, or by nobody", cases: signatures.unsigned, least: 300 },
  { name: "signed with another key", cases: signatures.otherKeys, least: 32 },
  { name: "signed over other fields than SNS signs", cases: signatures.wrongFieldsSigned, least: 90 },
  { name: "a signed field changed", cases: signatures.fieldsChanged, least: 1_000 },
  { name: "a signed field removed", cases: signatures.fieldsRemoved, least: 100 },
  { name: "a field of another type", cases: signatures.fieldsRetyped, least: 900 },
  { name: "a signed field given twice", cases: signatures.fieldsDuplicated, least: 140 },
  { name: "another signature version", cases: around.versions, least: 160 },
  { name: "a certificate from elsewhere", cases: around.certificateUrls, least: 800 },
  { name: "the same signed text, cut otherwise", cases: around.canonicalisation, least: 150 },
  { name: "keys of a prototype", cases: around.prototypes, least: 250 },
  { name: "signed by SNS for another topic", cases: around.otherTopics, least: 450 },
  { name: "replayed, or ahead of time", cases: around.otherTimes, least: 350 },
  { name: "headers that disagree", cases: around.headers, least: 100 },
  { name: "raw delivery", cases: around.rawDeliveries, least: 25 },
  { name: "malformed JSON", cases: bodies.malformedJson, least: 270 },
  { name: "nesting and many parts", cases: bodies.nesting, least: 50 },
  { name: "too large", cases: bodies.tooLarge, least: 90 },
  { name: "other methods", cases: bodies.methods, least: 70 },
  { name: "other content types", cases: bodies.contentTypes, least: 130 },
  { name: "certificates that are none", cases: bodies.certificates, least: 60, asksForCertificates: true },
];

const NOT_VERIFIED = "the delivery could not be verified";

let stage: Stage;
let keys: Keys;
let house: House;
let otherHouse: House;
let target: Target;

beforeAll(async () => {
  const now = Date.now();
  keys = await makeKeys(now);
  stage = await openStage(keys, REGIONS, ["tag-of-zebra", "tag-of-yak"]);
  house = houseOf("zebra", REGIONS[0], "444455556666", stage.endpoint);
  otherHouse = houseOf("yak", REGIONS[1], "777788889999", stage.endpoint);
  target = { house, keys, now };
});
afterAll(() => stage.close());

/** What is wrong with an answer to a case; null for nothing. */
function faultOf({ status, says }: AttackCase, answer: HttpResponse): string | null {
  if (answer.status !== status) return `answered ${answer.status}, not ${status}: ${answer.body}`;
  const told = JSON.stringify(answer.headers) + answer.body;
  const tells = [...house.values, ...otherHouse.values, ...KEYS].filter((value) => told.includes(value));
  if (tells.length > 0) return `tells ${tells.join()}`;
  const { reason } = JSON.parse(answer.body);
  if (says !== undefined) return says.test(reason) ? null : `says ${reason}`;
  return status === 403 && reason !== NOT_VERIFIED ? `says ${reason}` : null;
}

describe.each(["webtask", "function URL"])("the deployed file, as a %s, refuses what is", (name) => {
  const faceOf = () => {
    const face = stage.faces.find((candidate) => candidate.face === name);
    if (face === undefined) throw new Error(`there is no ${name}`);
    return face;
  };

  it.each(CLASSES)("$name", { timeout: 180_000 }, async ({ cases, least, asksForCertificates }) => {
    const face = faceOf();
    const before = {
      aws: stage.awsCalls.length,
      certificates: stage.certificatesRequested.length,
      requests: stage.requests.length,
    };
    const faults: string[] = [];
    let count = 0;
    for (const attack of cases(target)) {
      count += 1;
      const answer = await face.send(attack, house);
      const fault = faultOf(attack, answer);
      if (fault !== null) faults.push(`${attack.name} (${attack.because}): ${fault}`);
      // Where our topic is named, a certificate that cannot be had is the one thing that another house does not look for.
      // What is told is the same code for both faces: the quicker one stands for both.
      if (attack.status === 503 || name === "webtask") continue;
      const other = await face.send(attack, otherHouse);
      if (JSON.stringify(other) !== JSON.stringify(answer))
        faults.push(`${attack.name}: answered otherwise by another house: ${other.body}`);
    }
    expect(faults).toEqual([]);
    expect(count).toBeGreaterThanOrEqual(least);
    expect(stage.awsCalls.slice(before.aws)).toEqual([]);
    const fetched = stage.certificatesRequested.slice(before.certificates);
    expect(stage.requests.length - before.requests).toBe(fetched.length);
    const allowed = asksForCertificates
      ? /^https:\/\/sns\.eu-central-1\.amazonaws\.com\/SimpleNotificationService-0{31}\d\.pem$/
      : certificateUrl(house.region);
    expect(fetched.filter((url) => !(typeof allowed === "string" ? url === allowed : allowed.test(url)))).toEqual([]);
    if (!asksForCertificates) expect(fetched.length).toBeLessThanOrEqual(1);
  });

  it("and accepts, of the same making, what SNS has signed for its topic", async () => {
    const face = faceOf();
    for (const base of basesOf(target)) {
      const envelope = genuine(base, target);
      const answer = await face.send({ headers: {}, body: JSON.stringify(envelope) }, house);
      expect(answer.status, `${base.kind}: ${answer.body}`).toBe(200);
    }
    stage.awsCalls.length = 0;
    const event = stateChange({
      region: house.region,
      account: "444455556666",
      time: new Date(target.now - 7_200_000).toISOString(),
    });
    const fields = {
      TopicArn: house.launchTopic,
      SigningCertURL: certificateUrl(house.region),
      Timestamp: new Date(target.now).toISOString(),
    };
    const launch = signed(notification(event, fields), { signer: keys.sns });
    expect((await face.send({ headers: {}, body: JSON.stringify(launch) }, house)).status).toBe(200);
    expect(stage.awsCalls).toEqual(expect.arrayContaining(["DescribeTags", "DescribeInstances", "Publish"]));
  });
});
