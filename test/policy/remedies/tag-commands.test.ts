import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { createTags, deleteTags } from "../../../src/policy/remedies/tag-commands.ts";
import { instanceIds } from "../../support/events.ts";
import { anyKey } from "./any-key.ts";

const REGION = "us-east-1";
const anyKeys = fc.uniqueArray(anyKey, { minLength: 1, maxLength: 5 });

const folder = mkdtempSync(join(tmpdir(), "ec2-audit-remedy-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a script in a shell, in an empty folder. */
function run(shell: string, script: string, env: NodeJS.ProcessEnv = { PATH: process.env.PATH }) {
  return spawnSync(shell, ["-c", script], { cwd: folder, env, encoding: "utf8" });
}

/** Returns the arguments that a shell passes to `aws` for a remedy with values filled in. */
function argumentsIn(shell: string, remedy: readonly string[]): string[] {
  const script = remedy.join("\n").replaceAll("<value>", "shop");
  return run(shell, `aws() { printf '%s\\0' "$@"; }\n${script}`).stdout.split("\0").slice(0, -1);
}

/** Returns the words before the tags, and the tags. */
function partsOf(words: readonly string[]) {
  const start = words.indexOf("--tags") + 1;
  const [first = "", ...others] = words.slice(start);
  const tags: unknown[] = first.startsWith("[")
    ? JSON.parse(first)
    : [first, ...others].map((word) => {
        const [, Key, Value] = /^Key=(.*),Value=(.*)$/.exec(word) ?? [];
        return { Key, Value };
      });
  return [words.slice(0, start).join(" "), ...tags];
}

describe("the command that sets tags", () => {
  it("has one line for each option, unless it fits on one line", () => {
    expect(createTags(["a"], ["i-1"], REGION)).toEqual([
      "aws ec2 create-tags --region us-east-1 \\",
      "  --resources i-1 \\",
      "  --tags Key=a,Value=<value>",
    ]);
  });

  it("has at most 66 columns for any number of instances and keys", () => {
    const keys = Array.from({ length: 50 }, (_, index) => `key-${index}`);
    const lines = createTags(keys, instanceIds(150), REGION);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(66);
    expect(lines.slice(0, -1).every((line) => line.endsWith(" \\"))).toBe(true);
    expect(argumentsIn("sh", lines).filter((word) => word.startsWith("i-"))).toEqual(instanceIds(150));
  });

  it("uses JSON for a key that is syntax in the AWS CLI's shorthand", () => {
    expect(createTags(["owner", `it's "a, b"`], ["i-1"], REGION)).toEqual([
      "aws ec2 create-tags --region us-east-1 \\",
      "  --resources i-1 \\",
      `  --tags '[{"Key":"owner","Value":"'<value>'"},`,
      `    {"Key":"it'\\''s \\"a, b\\"","Value":"'<value>'"}]'`,
    ]);
  });

  it.each(["sh", "bash"])("is one command in %s, which passes every key unchanged", (shell) => {
    fc.assert(
      fc.property(fc.array(anyKeys, { minLength: 40, maxLength: 40 }), (commands) => {
        const script = commands.map((keys) => createTags(keys, ["i-1", "i-2"], REGION).join("\n"));
        const words = argumentsIn(shell, script);
        for (const keys of commands) {
          const end = words.indexOf("ec2", 1);
          const [given, ...tags] = partsOf(words.splice(0, end < 0 ? words.length : end));
          expect(given).toBe("ec2 create-tags --region us-east-1 --resources i-1 i-2 --tags");
          expect(tags).toEqual(keys.map((Key) => ({ Key, Value: "shop" })));
        }
        expect(words).toEqual([]);
      }),
      { numRuns: 5 },
    );
  });

  it.each(["sh", "bash"])("is refused by %s until values are filled in", (shell) => {
    fc.assert(
      fc.property(anyKeys, (keys) => {
        const { stdout, status } = run(
          shell,
          `aws() { echo called; }\n${createTags(keys, ["i-1"], REGION).join("\n")}`,
        );
        expect([stdout, status === 0]).toEqual(["", false]);
      }),
      { numRuns: 15 },
    );
  });

  it("sets no tag even when a file has the name of the placeholder", () => {
    const own = mkdtempSync(join(folder, "value-"));
    writeFileSync(join(own, "value"), "");
    for (const keys of [["owner"], ["a", "b"], ["a,b"], ["a,b", "c"]]) {
      const script = `cd ${own}\naws() { printf '%s\\0' "$@"; }\n${createTags(keys, ["i-1"], REGION).join("\n")}`;
      const words = run("bash", script).stdout.split("\0");
      expect(
        words.filter((word) => word.includes("Value=")),
        keys.join(),
      ).toEqual([]);
      for (const word of words.filter((each) => each.startsWith("["))) expect(() => JSON.parse(word)).toThrow();
    }
  });

  it("contains no character that could forge a line, and still sets the key", () => {
    const key = "a\u009b31m\u202e\u2028b\n\u0007,🛒";
    const remedy = createTags([key], ["i-1"], REGION);
    expect(remedy.join("")).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
    expect(JSON.parse(argumentsIn("bash", remedy).at(-1) ?? "")).toEqual([{ Key: key, Value: "shop" }]);
  });
});

describe("the command that deletes tags", () => {
  it("names the keys, without values", () => {
    expect(deleteTags(["owner", "cost center"], ["i-1", "i-2"], REGION)).toEqual([
      "aws ec2 delete-tags --region us-east-1 \\",
      "  --resources i-1 i-2 \\",
      "  --tags Key=owner 'Key=cost center'",
    ]);
  });

  it("passes any keys unchanged", () => {
    fc.assert(
      fc.property(anyKeys, (keys) => {
        const words = argumentsIn("sh", deleteTags(keys, ["i-1", "i-2"], REGION));
        const start = words.indexOf("--tags") + 1;
        const [first = "", ...others] = words.slice(start);
        const tags: unknown[] = first.startsWith("[")
          ? JSON.parse(first)
          : [first, ...others].map((word) => ({ Key: word.slice("Key=".length) }));
        expect(words.slice(0, start).join(" ")).toBe("ec2 delete-tags --region us-east-1 --resources i-1 i-2 --tags");
        expect(tags).toEqual(keys.map((Key) => ({ Key })));
      }),
      { numRuns: 20 },
    );
  });

  it("explains the keys of AWS instead", () => {
    expect(deleteTags(["a", "aws:ec2:fleet-id"], ["i-1"], REGION).slice(3)).toEqual([
      'Only AWS can delete the tag "aws:ec2:fleet-id". It comes from EC2',
      "Fleet.",
    ]);
    expect(deleteTags([], ["i-1"], REGION)).toEqual([]);
  });
});

describe("a key that begins with aws: in any case", () => {
  it.each([
    ["aws:cloudformation:stack-name", "AWS CloudFormation"],
    ["AWS:AutoScaling:groupName", "Amazon EC2 Auto Scaling"],
    ["aws:ec2launchtemplate:id", "a launch template"],
    ["aws:ec2:fleet-id", "EC2 Fleet"],
    ["aws:ec2spot:fleet-request-id", "a Spot Fleet"],
    ["aws:eks:cluster-name", "Amazon EKS"],
    ["aws:elasticmapreduce:job-flow-id", "Amazon EMR"],
    ["aws:servicecatalog:provisioningPrincipalArn", "AWS Service Catalog"],
    ["aws:something:new", "the service that owns the tag"],
  ])("is explained instead, because EC2 refuses it: %s comes from %s", (key, launcher) => {
    expect(createTags([key], ["i-1"], REGION).join(" ")).toBe(
      `Only AWS can set the tag "${key}". Instances from ${launcher} have it.`,
    );
  });

  it("does not remove the command for other keys", () => {
    const remedy = createTags(["owner", "aws:cloudformation:stack-name"], ["i-1"], REGION);
    expect(remedy.slice(2, 4)).toEqual([
      "  --tags Key=owner,Value=<value>",
      expect.stringMatching(/^Only AWS can set/),
    ]);
  });
});
