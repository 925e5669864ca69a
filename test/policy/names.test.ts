import { describe, expect, it } from "vitest";
import { namesOfProfile, ownersOf } from "../../src/policy/names.ts";

describe("ownersOf", () => {
  const image = {
    imageId: "ami-0abcdef1234567890",
    name: "al2023-ami-2023.2.20231113.0-kernel-6.1-x86_64",
    ownerId: "137112412989",
    ownerAlias: "amazon",
    state: "available",
    creationDate: "2023-11-13T20:48:12.000Z",
    deprecationTime: null,
    isAllowed: true,
    isPublic: true,
  };

  it("returns the account, its alias, and self for an image of the instance's own account", () => {
    expect(ownersOf(image, "123456789012")).toEqual(["137112412989", "amazon"]);
    expect(ownersOf({ ...image, ownerAlias: null }, "137112412989")).toEqual(["137112412989", "self"]);
    expect(ownersOf({ ...image, ownerId: null, ownerAlias: null }, "123456789012")).toEqual([]);
  });
});

describe("namesOfProfile", () => {
  it("returns the ARN, and the name without the path", () => {
    const arn = "arn:aws:iam::123456789012:instance-profile/team/web";
    expect(namesOfProfile(arn)).toEqual([arn, "web"]);
  });
});
