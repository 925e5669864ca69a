import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { promisify } from "node:util";
import { DescribeTagsCommand } from "@aws-sdk/client-ec2";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { startEmbeddedAws } from "../../../src/local/aws/index.ts";
import { createTags } from "../../../src/policy/remedies/tag-commands.ts";
import { AWS_CLI, operatorEnv } from "../../deploy/aws-cli.ts";
import { clients } from "../../local/targets.ts";
import { anyKey } from "./any-key.ts";

const REGION = "us-east-1";
const skipped = AWS_CLI === null ? "the AWS CLI is not on the PATH" : null;
if (skipped !== null) console.info(`The remedies with the AWS CLI are skipped: ${skipped}.`);

describe.skipIf(skipped !== null)("the AWS CLI", () => {
  const keys = fc.uniqueArray(anyKey, { minLength: 40, maxLength: 45 });

  it("sets exactly these tags once values are filled in", { timeout: 120_000 }, async () => {
    const aws = await startEmbeddedAws();
    try {
      const check = async (of: readonly string[]) => {
        const ids = aws.launch({ count: 2 });
        const script = createTags(of, ids, REGION).join("\n").replaceAll("<value>", "shop");
        await promisify(execFile)("sh", ["-c", script], { cwd: tmpdir(), env: operatorEnv(aws.endpoint) });
        const { ec2 } = clients(aws.endpoint, REGION);
        const { Tags = [] } = await ec2.send(
          new DescribeTagsCommand({ Filters: [{ Name: "resource-id", Values: ids }], MaxResults: 1000 }),
        );
        const found = ids.map((id) =>
          Tags.filter((tag) => tag.ResourceId === id).map(({ Key, Value }) => [Key, Value]),
        );
        for (const own of found) expect(own.sort()).toEqual(of.map((key) => [key, "shop"]).sort());
      };
      const safe = fc.uniqueArray(fc.stringMatching(/^[\w.:/@+-]{1,40}( [\w.:/@+-]{1,40}){0,2}$/), {
        minLength: 40,
        maxLength: 45,
      });
      await fc.assert(fc.asyncProperty(keys, check), { numRuns: 3, endOnFailure: true });
      await fc.assert(fc.asyncProperty(safe, check), { numRuns: 2, endOnFailure: true });
    } finally {
      await aws.close();
    }
  });
});
