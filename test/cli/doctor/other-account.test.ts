import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import { describe, expect, it } from "vitest";
import { aws, run, startFunction, useEmptyAws } from "../installed.ts";
import { diagnosis, doctor, settings, setUp, useInstallation } from "./installed.ts";

/** A function whose keys belong to another account than its topics: it is called, and can audit nothing. */
const OTHER = "210987654321";

useEmptyAws();
useInstallation();

/** Keys of a session in the other account. */
async function keysOfOther(): Promise<Record<string, string>> {
  const credentials = { accessKeyId: "somebody", secretAccessKey: "else" };
  const sts = new STSClient({ region: "us-east-1", endpoint: aws.endpoint, credentials });
  const role = { RoleArn: `arn:aws:iam::${OTHER}:role/function`, RoleSessionName: "function" };
  const { Credentials: keys } = await sts.send(new AssumeRoleCommand(role));
  return {
    AWS_ACCESS_KEY_ID: keys?.AccessKeyId ?? "",
    AWS_SECRET_ACCESS_KEY: keys?.SecretAccessKey ?? "",
    AWS_SESSION_TOKEN: keys?.SessionToken ?? "",
  };
}

describe("the doctor on a function whose keys belong to another account than its topics", () => {
  const SELF = `arn:aws:sts::${OTHER}:assumed-role/function/function`;

  it("finds it by the keys in the settings, and by the function's own warning", async () => {
    setUp(Object.assign(settings, await keysOfOther()));
    const [code, ...found] = await diagnosis();
    expect(code).toBe(1);
    expect(found).toContain(
      `wrong: credentials: the function's: ${SELF} belongs to account ${OTHER}, and the launch topic to 123456789012: no launch there can be audited`,
    );
    expect(found).toContain(
      "wrong: function: able to audit: AUDIT_ROLE_NAME is missing, and the function's credentials belong to another account than LAUNCH_TOPIC_ARN: no launch in that account can be audited",
    );
    expect((await doctor()).out).toContain(`  ✓ account: its keys belong to ${OTHER}\n`);
  });

  it("reminds of the alert topic's policy where a role is assumed for the launches", async () => {
    setUp(Object.assign(settings, await keysOfOther(), { AUDIT_ROLE_NAME: "ec2-audit" }));
    const found = (await diagnosis()).map(String);
    expect(found).toContain(
      `warning: credentials: the function's: ${SELF} belongs to account ${OTHER}, and the alert topic to 123456789012`,
    );
    expect(found.filter((line) => line.includes("able to audit"))).toEqual([]);
  });
});

it("setup --url passes on the warning that the function can audit nothing", async () => {
  const { url, settings: own } = await startFunction();
  Object.assign(own, await keysOfOther());
  const { err } = await run(`setup --url ${url}`, { pause: async () => {} });
  expect(err).toContain(
    "warning: the function says: AUDIT_ROLE_NAME is missing, and the function's credentials belong to",
  );
});
