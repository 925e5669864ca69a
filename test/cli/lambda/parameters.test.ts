import { afterEach, describe, expect, it, vi } from "vitest";
import { zip } from "../../../src/cli/lambda/artefact.ts";
import { checkParameters, parseParameters, withRelease } from "../../../src/cli/lambda/parameters.ts";
import { readParameters } from "../../../src/cli/lambda/template.ts";

describe("zip", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it("returns the same bytes in every time zone, and a file that Lambda's user can read", () => {
    const archives = ["Pacific/Auckland", "America/Los_Angeles"].map((zone) => {
      vi.stubEnv("TZ", zone);
      return Buffer.from(zip({ code: Buffer.from("exports.handler = 1;") }));
    });
    const [one = Buffer.alloc(0), other] = archives;
    expect(one).toEqual(other);
    // https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.12: the external attributes of the only entry.
    const entry = one.indexOf("PK\u0001\u0002");
    expect(one.readUInt32LE(entry + 38) >>> 16).toBe(0o100644);
  });
});

const template = "Parameters:\n  LogLevel:\n    Type: String\n  Release:\n    Type: String\n\nResources:\n";

describe("withRelease", () => {
  const artefact = { template, code: Buffer.from(""), sha256: "aa" };
  type Given = Parameters<typeof withRelease>;
  const releaseOf = (given: Given[0], kept: Given[1], from: Given[2], versions: Given[3] = []) =>
    withRelease(given, kept, from, versions).Release;

  it("changes the release if the code, the template or a setting changes, and only then", () => {
    const release = releaseOf({}, { LogLevel: "info" }, artefact);
    expect(releaseOf({ LogLevel: "info" }, {}, artefact)).toBe(release);
    expect(releaseOf({}, { LogLevel: "info", Release: "old", AuditPolicy: "" }, artefact)).toBe(release);
    expect(releaseOf({ LogLevel: "warn" }, { LogLevel: "info" }, artefact)).not.toBe(release);
    expect(releaseOf({}, { LogLevel: "info" }, { ...artefact, sha256: "bb" })).not.toBe(release);
    expect(releaseOf({}, { LogLevel: "info" }, { ...artefact, template: "other" })).not.toBe(release);
  });

  it("returns another release after a failed deployment, because Lambda would not publish an equal version", () => {
    const first = releaseOf({}, {}, artefact);
    const second = releaseOf({}, { Release: "before" }, artefact, ["EC2 audit before", `EC2 audit ${first}`]);
    expect(second).not.toBe(first);
    const failed = [`EC2 audit ${first}`, `EC2 audit ${second}`];
    expect([first, second]).not.toContain(releaseOf({}, { Release: "before" }, artefact, failed));
    expect(releaseOf({}, { Release: second ?? "" }, artefact, failed)).toBe(second);
  });

  it("keeps the release in force, although its version exists", () => {
    const first = releaseOf({}, {}, artefact) ?? "";
    expect(releaseOf({}, { Release: first }, artefact, [`EC2 audit ${first}`])).toBe(first);
  });
});

describe("parameters from words", () => {
  it("take the last value, which may contain an equals sign, and are optional", () => {
    const declared = readParameters(template);
    expect(parseParameters(["LogLevel=info", "LogLevel=a=b"], declared)).toEqual({ LogLevel: "a=b" });
    expect(() => checkParameters({}, declared, "eu-west-1")).not.toThrow();
  });

  it("can have a policy with routes in the partition of the stack, whose alert topic is not known yet", () => {
    const routes = [{ topic: "arn:aws-cn:sns:cn-north-1:123456789012:oncall" }];
    const AuditPolicy = JSON.stringify({ rules: [{ rule: "required-tags", tags: ["name"] }], routes });
    const check = (region: string) => () => checkParameters({ AuditPolicy }, readParameters(template), region);
    expect(check("cn-northwest-1")).not.toThrow();
    expect(check("eu-west-1")).toThrow("routes[0].topic must be in the partition of ALERT_TOPIC_ARN");
  });
});
