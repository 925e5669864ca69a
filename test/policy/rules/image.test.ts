import { describe, expect, it } from "vitest";
import type { Facts } from "../../../src/facts/facts.ts";
import { type Image, readImage } from "../../../src/facts/images.ts";
import { AT } from "../../support/events.ts";
import { factsOf, imageOf, instanceOf } from "../../support/findings.ts";
import { problemsOf, ruleOf } from "../../support/policy.ts";

const judge = (settings: object, changes: Partial<Facts> = {}, now = AT) =>
  ruleOf({ rule: "image", ...settings }).check(factsOf({ image: { value: imageOf() }, ...changes }), now);
const withImage = (settings: object, image: Partial<Image>, now = AT) =>
  judge(settings, { image: { value: imageOf(image) } }, now);
const compliant = expect.objectContaining({ kind: "compliant", because: "the image ami-0abcdef1234567890 is allowed" });
const violation = (clauses: string, ...notAllowed: string[]) => ({
  kind: "violation",
  violation: expect.objectContaining({
    message: `the image ami-0abcdef1234567890 is not allowed${clauses}`,
    details: { notAllowed },
  }),
});
const notJudged = (because: string, late = false) => ({ kind: "not-judged", because, late });
const LATE = { unknown: "EC2 does not show the image", late: true };

describe("image: the facts that it needs", () => {
  it("are only those of the instance for ids", () => {
    expect(ruleOf({ rule: "image", ids: "ami-*" })).toMatchObject({ needs: ["instance"], settles: "at-launch" });
  });

  it.each([
    { owners: "amazon" },
    { names: "al2023-*" },
    { maxAgeDays: 90 },
    { deprecated: false },
    { deregistered: false },
    { public: false },
    { allowedAmis: true },
  ])("are those of the image too for %j", (settings) => {
    expect(ruleOf({ rule: "image", ids: "*", ...settings }).needs).toEqual(["instance", "image"]);
  });

  it("do not include the image for a setting that demands nothing", () => {
    expect(ruleOf({ rule: "image", ids: "*", public: true, allowedAmis: false }).needs).toEqual(["instance"]);
  });
});

describe("image: ids", () => {
  it("compares the id of the image", () => {
    expect(judge({ ids: ["ami-1", "ami-0abc*"] })).toEqual(compliant);
    expect(judge({ ids: ["ami-1", "ami-2"] })).toEqual(violation(': it is not "ami-1" or "ami-2"', "ids"));
  });

  it("does not list ids that are too many for a message", () => {
    const ids = Array.from({ length: 21 }, (_, index) => `ami-${index}`);
    expect(judge({ ids })).toEqual(violation("", "ids"));
  });

  it("is not judged if EC2 does not report the id", () => {
    const instance = instanceOf({ imageId: null });
    expect(judge({ ids: "*" }, { instance })).toEqual(notJudged("EC2 does not report the image's id"));
  });
});

describe("image: owners", () => {
  it.each(["137112412989", "amazon", "ama*", "/\\d{12}/"])("accepts the owner %j", (owners) => {
    expect(judge({ owners })).toEqual(compliant);
  });

  it("accepts self for an image of the instance's account, and no other", () => {
    expect(withImage({ owners: "self" }, { ownerId: "123456789012", ownerAlias: null })).toEqual(compliant);
    expect(judge({ owners: "self" })).toEqual(violation(': its owner is "amazon", not "self"', "owners"));
  });

  it("names the account id of an owner without an alias", () => {
    expect(withImage({ owners: ["self", "amazon"] }, { ownerId: "679593333241", ownerAlias: null })).toEqual(
      violation(': its owner is "679593333241", not "self" or "amazon"', "owners"),
    );
  });

  it("is not judged if EC2 does not report the owner", () => {
    expect(withImage({ owners: "*" }, { ownerId: null, ownerAlias: null })).toEqual(
      notJudged("EC2 does not report the image's owner"),
    );
  });
});

describe("image: names", () => {
  it("compares the name", () => {
    expect(judge({ names: "al2023-ami-2023.*-x86_64" })).toEqual(compliant);
    expect(withImage({ names: "golden-*" }, { name: "ubuntu" })).toEqual(
      violation(': its name is "ubuntu", not "golden-*"', "names"),
    );
    expect(withImage({ names: Array.from({ length: 20 }, (_, i) => `golden-${i}`) }, { name: "ubuntu" })).toEqual(
      violation(': its name is "ubuntu"', "names"),
    );
  });

  it("is not judged if EC2 does not report the name", () => {
    expect(withImage({ names: "*" }, { name: null })).toEqual(notJudged("EC2 does not report the image's name"));
  });
});

describe("image: maxAgeDays", () => {
  const creationDate = "2021-11-05T18:32:47.000Z";
  const created = Date.parse(creationDate);
  const DAY = 86_400_000;

  it("counts days from the creation, up to the last millisecond", () => {
    expect(judge({ maxAgeDays: 90 }, {}, created + 90 * DAY)).toEqual(compliant);
    expect(judge({ maxAgeDays: 90 }, {}, created + 90 * DAY + 1)).toEqual(
      violation(": it was created on 2021-11-05, more than 90 days ago", "maxAgeDays"),
    );
  });

  it.each([null, "", "soon"])("is not judged for the creation date %j", (wrong) => {
    expect(withImage({ maxAgeDays: 90 }, { creationDate: wrong })).toEqual(
      notJudged("EC2 does not report the image's creation date"),
    );
  });
});

describe("image: deprecated", () => {
  it("allows an image that is not deprecated, or will be later", () => {
    expect(judge({ deprecated: false })).toEqual(compliant);
    expect(withImage({ deprecated: false }, { deprecationTime: "2021-11-11T21:29:55.000Z" })).toEqual(compliant);
  });

  it("refuses an image from its deprecation time on", () => {
    expect(withImage({ deprecated: false }, { deprecationTime: "2021-11-11T21:29:54.000Z" })).toEqual(
      violation(": it has been deprecated since 2021-11-11", "deprecated"),
    );
  });

  it("is not judged for a deprecation time that cannot be read", () => {
    expect(withImage({ deprecated: false }, { deprecationTime: "?" })).toEqual(
      notJudged("EC2 does not report the image's deprecation time"),
    );
  });
});

describe("image: state, launch permissions and Allowed AMIs", () => {
  it.each<[object, Partial<Image>, string]>([
    [{ deregistered: false }, { state: "deregistered" }, "it is deregistered"],
    [{ public: false }, { isPublic: true }, "it is public"],
    [{ allowedAmis: true }, { isAllowed: false }, "it does not meet the account's criteria for Allowed AMIs"],
  ])("refuses with %j an image with %j", (settings, image, clause) => {
    expect(withImage(settings, image)).toEqual(violation(`: ${clause}`, ...Object.keys(settings)));
  });

  it.each<[object, Partial<Image>]>([
    [{ deregistered: false }, { state: "available" }],
    [{ deregistered: false }, { state: "disabled" }],
    [{ public: false }, { isPublic: false }],
    [{ allowedAmis: true }, { isAllowed: true }],
    [
      { deregistered: true, public: true, allowedAmis: false },
      { state: "deregistered", isAllowed: false },
    ],
  ])("accepts with %j an image with %j", (settings, image) => {
    expect(withImage(settings, image)).toEqual(compliant);
  });

  it.each<[object, Partial<Image>, string]>([
    [{ deregistered: false }, { state: null }, "EC2 does not report the image's state"],
    [{ public: false }, { isPublic: null }, "EC2 does not report the image's launch permissions"],
    [{ allowedAmis: true }, { isAllowed: null }, "EC2 does not report whether the image is allowed"],
  ])("is not judged with %j if EC2 does not report it", (settings, image, because) => {
    expect(withImage(settings, image)).toEqual(notJudged(because));
  });
});

describe("image: several demands", () => {
  it("names each that is not met", () => {
    expect(withImage({ public: false, owners: "self", maxAgeDays: 1 }, {})).toEqual(
      violation(
        ': its owner is "amazon", not "self"; it was created on 2021-11-05, more than 1 day ago; it is public',
        "maxAgeDays",
        "owners",
        "public",
      ),
    );
  });

  it("reports a certain violation, even if other facts are not known", () => {
    expect(judge({ ids: "ami-1", public: false }, { image: LATE })).toEqual(violation(': it is not "ami-1"', "ids"));
    expect(withImage({ public: false, allowedAmis: true }, { isAllowed: null })).toEqual(
      violation(": it is public", "public"),
    );
  });

  it("is never compliant while a fact is not known, and waits for one that is late", () => {
    expect(judge({ ids: "ami-*", public: false }, { image: LATE })).toEqual(
      notJudged("EC2 does not show the image", true),
    );
    const instance = instanceOf({ imageId: null });
    expect(judge({ ids: "ami-*", public: false }, { instance, image: LATE })).toEqual(
      notJudged("EC2 does not report the image's id", true),
    );
  });

  it("judges a deregistered image, of which EC2 reports little", () => {
    const image = readImage({
      InstanceId: "i-1234567890abcdef0",
      ImageMetadata: { ImageId: "ami-0abcdef1234567890", State: "deregistered", ImageAllowed: false },
    });
    if (image === null) throw new Error("the entry has an image");
    expect(judge({ owners: "amazon", deregistered: false }, { image: { value: image } })).toEqual(
      violation(": it is deregistered", "deregistered"),
    );
    expect(judge({ owners: "amazon" }, { image: { value: image } })).toEqual(
      notJudged("EC2 does not report the image's owner"),
    );
  });
});

describe("image: settings", () => {
  it.each([
    [
      {},
      'rules[0] must have at least one of "ids", "owners", "names", "maxAgeDays", "deprecated", "deregistered", "public", "allowedAmis"',
    ],
    [{ maxAgeDays: 0 }, "rules[0].maxAgeDays must be a whole number from 1 to 3650"],
    [{ maxAgeDays: 3651 }, "rules[0].maxAgeDays must be a whole number from 1 to 3650"],
    [{ deprecated: 0 }, "rules[0].deprecated must be true or false"],
    [{ owner: "self" }, 'rules[0] has an unknown key: did you mean "owners"?'],
  ])("refuses %j", (settings, problem) => {
    expect(problemsOf({ rule: "image", ...settings })).toContain(problem);
  });

  it("says what it demands", () => {
    const demands = (settings: object) => ruleOf({ rule: "image", ...settings }).demands();
    expect(demands({ ids: "ami-1", owners: ["self", "amazon"], names: "x-*", maxAgeDays: 90 })).toBe(
      'the image must be "ami-1"; the image\'s owner must be "self" or "amazon"; the image\'s name must be "x-*"; the image must be at most 90 days old',
    );
    expect(demands({ deprecated: false, deregistered: false, public: false, allowedAmis: true })).toBe(
      "the image must not be deprecated; the image must not be deregistered; the image must not be public; the image must meet the account's criteria for Allowed AMIs",
    );
    expect(demands({ ids: "*", deprecated: true, allowedAmis: false })).toBe('the image must be "*"');
  });

  it("has a remedy", () => {
    const judgement = judge({ ids: "ami-1" });
    expect(judgement.kind === "violation" && judgement.violation.remedy([], "us-east-1").join(" ")).toBe(
      "The image of an instance cannot be changed. Launch a new instance from an allowed image, then terminate the old one.",
    );
  });
});
